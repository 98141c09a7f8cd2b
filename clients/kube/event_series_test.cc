#include "clients/kube/event_series.h"

#include <gtest/gtest.h>

namespace vmha::kube {
namespace {

const WallTime kWall = WallTime(std::chrono::hours(24 * 365 * 50));
Instant at(int second) { return Instant(seconds(second)); }

EventNote note(const std::string& text, const std::string& name = "compute-1") {
  return {{"vmha.openstack.org/v1alpha1", "ComputeNode", "openstack", name, "uid-1"}, EventType::kWarning, "HostDead", "Fence", text};
}

TEST(EventSeriesTest, TheFirstNoteMakesAnEvent) {
  EventSeries series(1);
  const auto writes = series.record(note("gone"), at(0), kWall);
  ASSERT_EQ(writes.size(), 1U);
  EXPECT_EQ(std::get<EventSeries::Create>(writes[0]).note, note("gone"));
}

TEST(EventSeriesTest, TheFirstRepetitionIsCountedAtOnceInTheSameEvent) {
  EventSeries series(1);
  const auto made = std::get<EventSeries::Create>(series.record(note("gone"), at(0), kWall)[0]);
  const auto writes = series.record(note("gone"), at(1), kWall + seconds(1));
  ASSERT_EQ(writes.size(), 1U);
  const auto& patch = std::get<EventSeries::Patch>(writes[0]);
  EXPECT_EQ(patch.name, made.name);
  EXPECT_EQ(patch.ns, "openstack");
  EXPECT_EQ(patch.count, 2);
  EXPECT_EQ(patch.last, kWall + seconds(1));
}

TEST(EventSeriesTest, AStreamOfRepetitionsIsWrittenEveryTenSecondsAndLosesNoCount) {
  EventSeries series(1);
  int writes = 0;
  int count = 0;
  const auto take = [&](const std::vector<EventSeries::Write>& some) {
    for (const auto& one : some) {
      ++writes;
      if (const auto* patch = std::get_if<EventSeries::Patch>(&one)) count = patch->count;
    }
  };
  for (int second = 0; second < 60; ++second) take(series.record(note("gone"), at(second), kWall));
  EXPECT_LE(writes, 8);
  take(series.due(at(75)));
  EXPECT_EQ(count, 60);
  take(series.due(at(90)));
  EXPECT_LE(writes, 9) << "nothing is due when nothing came";
}

TEST(EventSeriesTest, AnotherObjectOrTextIsAnotherEvent) {
  EventSeries series(1);
  const auto a = std::get<EventSeries::Create>(series.record(note("gone"), at(0), kWall)[0]);
  const auto b = std::get<EventSeries::Create>(series.record(note("back"), at(0), kWall)[0]);
  const auto c = std::get<EventSeries::Create>(series.record(note("gone", "compute-2"), at(0), kWall)[0]);
  EXPECT_NE(a.name, b.name);
  EXPECT_NE(a.name, c.name);
}

TEST(EventSeriesTest, ASeriesEndsAfterItsWindowAndItsLastCountIsWritten) {
  EventSeries series(1);
  for (int second = 0; second < 3; ++second) (void)series.record(note("gone"), at(second), kWall);
  const auto writes = series.record(note("gone"), at(2 + 6 * 60 + 1), kWall);
  ASSERT_EQ(writes.size(), 2U);
  EXPECT_EQ(std::get<EventSeries::Patch>(writes[0]).count, 3);
  EXPECT_TRUE(std::holds_alternative<EventSeries::Create>(writes[1]));
}

TEST(EventSeriesTest, AForgottenNoteMakesANewEvent) {
  EventSeries series(1);
  (void)series.record(note("gone"), at(0), kWall);
  series.forget(note("gone"));
  EXPECT_TRUE(std::holds_alternative<EventSeries::Create>(series.record(note("gone"), at(1), kWall)[0]));
}

TEST(EventSeriesTest, MemoryIsBoundedByForgettingTheOldest) {
  EventSeries series(1);
  for (std::size_t i = 0; i <= EventSeries::kMaxOpen; ++i)
    (void)series.record(note("n" + std::to_string(i)), at(static_cast<int>(i / 100)), kWall);
  EXPECT_TRUE(std::holds_alternative<EventSeries::Create>(series.record(note("n0"), at(41), kWall)[0]));
  EXPECT_TRUE(std::holds_alternative<EventSeries::Patch>(series.record(note("n4096"), at(41), kWall)[0]));
}

TEST(EventSeriesTest, EventsOfClusterScopedObjectsBelongInDefault) {
  EXPECT_EQ(EventSeries::namespace_of({"v1", "Node", "", "n1"}), "default");
  EXPECT_EQ(EventSeries::namespace_of({"v1", "Pod", "x", "p1"}), "x");
}

}  // namespace
}  // namespace vmha::kube
