#include "base/log.h"

#include <gtest/gtest.h>

namespace vmha::log {
namespace {

TEST(LogTest, TextQuotesOnlyWhatNeedsIt) {
  EXPECT_EQ(render(Format::kText, Level::kInfo, "Host fenced", {{"node", "compute-1"}, {"attempt", 2}, {"reason", "no answer"}}),
            "info  Host fenced node=compute-1 attempt=2 reason=\"no answer\"");
}

TEST(LogTest, JsonStaysOneLineWhateverTheValueHolds) {
  EXPECT_EQ(render(Format::kJson, Level::kError, "x", {{"m", "a\"b\\c\nd\x01"}}), R"("level":"error","msg":"x","m":"a\"b\\c\nd\u0001")");
}

}  // namespace
}  // namespace vmha::log
