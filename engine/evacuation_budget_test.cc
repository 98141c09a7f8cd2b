#include "engine/evacuation_budget.h"

#include <gtest/gtest.h>

namespace vmha {
namespace {

const NodeName kA{"a"}, kB{"b"}, kC{"c"}, kUntold{};

api::Evacuation limits(int total, int per_destination) {
  api::Evacuation result;
  result.max_concurrent = total;
  result.max_concurrent_per_destination = per_destination;
  result.timeout = seconds(900);
  return result;
}

TEST(EvacuationBudgetTest, StartsNoMoreIntoTheUnknownThanOneDestinationMayTake) {
  EXPECT_EQ(free_starts(limits(8, 2), {kA, kB, kC}, {}), 2);
  EXPECT_EQ(free_starts(limits(8, 2), {kA, kB, kC}, {{kUntold}}), 1);
  EXPECT_EQ(free_starts(limits(8, 2), {kA, kB, kC}, {{kUntold}, {kUntold}}), 0);
}

TEST(EvacuationBudgetTest, GoesOnOnceNovaHasToldTheDestination) {
  EXPECT_EQ(free_starts(limits(8, 2), {kA, kB}, {{kA}, {kA}}), 2);
  EXPECT_EQ(free_starts(limits(8, 2), {kA, kB}, {{kA}, {kA}, {kB}}), 1);
  EXPECT_EQ(free_starts(limits(8, 2), {kA, kB}, {{kA}, {kA}, {kUntold}}), 1);
}

TEST(EvacuationBudgetTest, NothingStartsWhileEveryHealthyHostHasItsFill) {
  EXPECT_EQ(free_starts(limits(8, 2), {kA, kB}, {{kA}, {kA}, {kB}, {kB}}), 0);
  EXPECT_EQ(free_starts(limits(8, 2), {kA, kB}, {{kA}, {kA}, {kA}, {kA}}), 2) << "nova put four on one host: the other one is free";
}

TEST(EvacuationBudgetTest, TheTotalIsNeverPassed) {
  EXPECT_EQ(free_starts(limits(3, 2), {kA, kB, kC}, {{kA}, {kB}}), 1);
  EXPECT_EQ(free_starts(limits(2, 2), {kA, kB, kC}, {{kA}, {kB}}), 0);
}

TEST(EvacuationBudgetTest, WithoutAHealthyHostNovaMayStillKnowOne) { EXPECT_EQ(free_starts(limits(8, 2), {}, {}), 2); }

TEST(EvacuationBudgetTest, WhatShouldHaveEndedLongAgoHoldsNobodyBack) {
  EXPECT_EQ(free_starts(limits(2, 2), {kA}, {{kA, seconds(900)}, {kUntold, seconds(1000)}}), 2);
  EXPECT_EQ(free_starts(limits(8, 2), {kA}, {{kUntold, kDestinationToldWithin}, {kUntold, kDestinationToldWithin}}), 2) << "of their destination nothing will be told";
}

}  // namespace
}  // namespace vmha
