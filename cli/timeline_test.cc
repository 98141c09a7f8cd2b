#include "cli/timeline.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/testing.h"

namespace vmha::cli::testing {
namespace {

using nlohmann::json;

json event(const std::string& kind, const std::string& name, const std::string& time, const std::string& reason, const std::string& note, const std::string& type = "Normal") {
  return {{"eventTime", time}, {"reason", reason}, {"note", note}, {"type", type}, {"regarding", {{"kind", kind}, {"name", name}}}};
}

/// A host that dies twice; the fence of interest is the second one. In no order, as a list comes.
json two_losses() {
  json events = {
      event("ComputeNode", "compute-1", "2026-11-23T11:59:02.200000Z", "FenceStarted", "fence compute-1-x7k2q: Dead: all are silent", "Warning"),
      event("ComputeNode", "compute-1", "2026-11-23T11:52:00.000000Z", "FenceLifted", "fence compute-1-older: the host is as it was before"),
      event("ComputeNode", "compute-1", "2026-11-23T11:51:00.000000Z", "HostReturned", "power cycle proven"),
      event("ComputeNode", "compute-1", "2026-11-23T11:58:55.000000Z", "HostSuspected", "silent", "Warning"),
      event("ComputeNode", "compute-2", "2026-11-23T11:59:03.000000Z", "HostSuspected", "another host", "Warning"),
      event("ComputeNode", "compute-1", "2026-11-23T11:59:05.900000Z", "StorageFenceProven", "osdmap epoch 412"),
      event("ProtectedInstance", "web-1", "2026-11-23T11:59:08.000000Z", "InstanceEvacuating", "from compute-1, attempt 1"),
      event("ProtectedInstance", "gone-0", "2026-11-23T11:59:08.500000Z", "InstanceEvacuating", "from compute-1, attempt 1"),
      event("ProtectedInstance", "db-1", "2026-11-23T11:59:09.000000Z", "InstanceEvacuating", "from compute-10, attempt 1"),
      event("Pod", "web-1", "2026-11-23T11:59:09.000000Z", "Started", "from compute-1, as if it were ours"),
  };
  events[5]["series"] = {{"count", 3}};
  return events;
}

std::vector<std::string> words(const Timeline& timeline) {
  std::vector<std::string> found;
  for (const Moment& moment : timeline.moments) found.push_back(moment.object + " " + moment.what);
  return found;
}

TEST(TimelineTest, EventsAndStatusInOrderEachOnce) {
  const auto timeline = timeline_of(resources("fencing"), two_losses(), "compute-1-x7k2q");
  ASSERT_TRUE(timeline) << timeline.error().message;
  expect_text("timeline.txt", timeline_text(*timeline, {}));
  expect_text("timeline.json.txt", timeline_json(*timeline).dump(2) + "\n");
  EXPECT_EQ(words(*timeline), (std::vector<std::string>{"cn/compute-1 HostSuspected", "cn/compute-1 FenceDecided", "cn/compute-1 FenceStarted", "cn/compute-1 StorageFenceProven",
                                                        "pi/web-1 InstanceEvacuating", "pi/gone-0 InstanceEvacuating"}))
      << "neither the fence before nor other hosts; what an event tells is not told by status again";
}

TEST(TimelineTest, WithoutEventsStatusTellsIt) {
  const auto timeline = timeline_of(resources("fencing"), json::array(), "compute-1-x7k2q");
  ASSERT_TRUE(timeline) << timeline.error().message;
  EXPECT_EQ(words(*timeline), (std::vector<std::string>{"cn/compute-1 FenceDecided", "cn/compute-1 StorageFenceProven"}));
  EXPECT_NE(timeline_text(*timeline, {}).find("events are gone"), std::string::npos);
}

TEST(TimelineTest, AFenceThatOnlyEventsRememberEndsWithItsLift) {
  const auto timeline = timeline_of(resources("fencing"), two_losses(), "compute-1-older");
  ASSERT_TRUE(timeline) << timeline.error().message;
  EXPECT_EQ(timeline->node, "compute-1");
  EXPECT_EQ(words(*timeline), (std::vector<std::string>{"cn/compute-1 HostReturned", "cn/compute-1 FenceLifted"}));
}

TEST(TimelineTest, AnUnknownFenceIsSaid) {
  EXPECT_EQ(timeline_of(resources("fencing"), two_losses(), "compute-1-x7k2").error().kind, ErrorKind::kNotFound) << "the beginning of an id is not the id";
  EXPECT_EQ(timeline_of(resources("fencing"), json::array(), "compute-1-older").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace vmha::cli::testing
