#include "engine/evidence/heartbeat_series.h"

#include <gtest/gtest.h>

namespace vmha::evidence {
namespace {

using Move = HeartbeatSeries::Move;

Instant at(int second) { return Instant{seconds(second)}; }

/// Looks every 2 s at a value that moves at `moves`.
HeartbeatSeries polled(std::initializer_list<int> moves, int until) {
  HeartbeatSeries series;
  for (int t = 0; t <= until; t += 2) {
    int value = 0;
    for (const int move : moves) value += move <= t ? 1 : 0;
    series.look(std::to_string(value), at(t), Move::kPolled);
  }
  return series;
}

TEST(HeartbeatSeriesTest, IsQuietFromTheFirstLookUntilAMoveIsSeen) {
  const auto series = polled({}, 10);
  EXPECT_FALSE(series.moved());
  EXPECT_FALSE(series.proven_alive());
  EXPECT_EQ(series.quiet(at(15)), seconds(15));
}

TEST(HeartbeatSeriesTest, AMoveProvesLifeAtTheLastLookThatShowedTheOldValue) {
  const auto series = polled({7}, 20);
  EXPECT_EQ(series.proven_alive(), at(6));
  EXPECT_EQ(series.quiet(at(20)), seconds(12));
}

TEST(HeartbeatSeriesTest, TheUsualIntervalIsTheLongestOrdinaryOneWithoutTheSilenceOfNow) {
  EXPECT_EQ(polled({10}, 100).usual_interval(), seconds(0));
  EXPECT_EQ(polled({10, 20, 32, 42}, 200).usual_interval(), seconds(12));
  EXPECT_EQ(polled({10, 20, 30, 40, 95, 105}, 106).usual_interval(), seconds(10)) << "the 55 s before 95 were an outage";
}

TEST(HeartbeatSeriesTest, AnIntervalInWhichWeWereBlindIsNoMeasure) {
  HeartbeatSeries series;
  for (const int t : {0, 10, 20}) series.look(std::to_string(t), at(t), Move::kPolled);
  series.restart(at(38));
  series.look("38", at(38), Move::kPolled);
  EXPECT_EQ(series.usual_interval(), seconds(10));
  EXPECT_EQ(series.watched(at(40)), seconds(2));
}

TEST(HeartbeatSeriesTest, AForeignMoveIsRememberedButProvesNothing) {
  HeartbeatSeries series;
  series.look("a", at(0), Move::kPolled);
  series.look("b", at(2), Move::kForeign);
  series.look("b", at(4), Move::kPolled);
  EXPECT_FALSE(series.proven_alive());
  series.look("c", at(6), Move::kPolled);
  EXPECT_EQ(series.proven_alive(), at(4));
}

TEST(HeartbeatSeriesTest, ABurstOfLateDeliveriesDoesNotRaiseTheProofOfLife) {
  HeartbeatSeries series;
  for (const int t : {0, 10, 20, 30}) series.look(std::to_string(t), at(t), Move::kDelivered);
  for (const char* value : {"40", "50", "60"}) series.look(value, at(61), Move::kDelivered);
  EXPECT_EQ(series.proven_alive(), at(30));
}

TEST(HeartbeatSeriesTest, AnOvertakenAnswerIsIgnored) {
  HeartbeatSeries series;
  series.look("a", at(0), Move::kPolled);
  series.look("b", at(10), Move::kPolled);
  series.look("a", at(8), Move::kPolled);
  EXPECT_EQ(series.quiet(at(10)), seconds(0));
  EXPECT_EQ(series.proven_alive(), at(0));
}

}  // namespace
}  // namespace vmha::evidence
