#include "cli/table.h"

#include <gtest/gtest.h>

namespace vmha::cli {
namespace {

TEST(TableTest, ColumnsAreAsWideAsTheirWidestCell) {
  EXPECT_EQ(table({{{"A"}, {"LONGER"}, {"C"}}, {{"wide cell"}, {"b"}, {""}}, {{"ä"}, {""}, {"x"}}}, {}),
            "A          LONGER  C\n"
            "wide cell  b\n"
            "ä                  x\n");
  EXPECT_EQ(table({{{"a"}, {"b"}}}, {}, "  "), "  a  b\n");
}

TEST(TableTest, ColoursDoNotMoveColumnsAndAreLeftOutWhenNotWanted) {
  const std::vector<std::vector<Cell>> rows = {{{"bad", Colour::kBad}, {"x"}}, {{"longer"}, {"y"}}};
  EXPECT_EQ(table(rows, Paint{true}), "\033[31mbad\033[0m     x\nlonger  y\n");
  EXPECT_EQ(table(rows, Paint{false}), "bad     x\nlonger  y\n");
}

TEST(TableTest, WhatComesFromAClusterCannotMoveTheCursor) {
  EXPECT_EQ(table({{{"a\033[2Jb\nc"}}}, Paint{true}), "a [2Jb c\n");
  EXPECT_EQ(clean("one\ttwo\x7f"), "one two ");
}

TEST(TableTest, AgesAreShort) {
  EXPECT_EQ(age(seconds(-5)), "0s");
  EXPECT_EQ(age(seconds(119)), "119s");
  EXPECT_EQ(age(seconds(120)), "2m");
  EXPECT_EQ(age(seconds(190)), "3m10s");
  EXPECT_EQ(age(seconds(7500)), "2h5m");
  EXPECT_EQ(age(seconds(4 * 86'400 + 3 * 3600)), "4d3h");
}

}  // namespace
}  // namespace vmha::cli
