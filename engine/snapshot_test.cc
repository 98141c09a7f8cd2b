#include <gtest/gtest.h>

#include "api/conditions.h"
#include "engine/world_for_tests.h"

namespace vmha::testing {
namespace {

ceph::BlocklistEntry entry(const std::string& address, std::uint64_t nonce, const std::string& range = {}) {
  ceph::BlocklistEntry result;
  result.address = Address{address};
  result.nonce = nonce;
  result.range = range;
  return result;
}

TEST(SnapshotTest, EachBlocklistEntryHasAnOwnerOrIsForeign) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{fencing_node("compute-1")});
  world.pass(seconds(20));
  ASSERT_TRUE(world.answer<ReadBlocklist>(Answer(std::vector{entry("10.77.0.1", 0), entry("10.77.0.1", 4711), entry("10.77.0.9", 0), entry("", 0, "10.88.0.0/24"), entry("192.0.2.7", 0)})));
  const auto entries = world.engine.snapshot(world.now).blocklist_entries;
  EXPECT_EQ(entries, (std::map<std::string, int>{{"drill", 1}, {"fence", 1}, {"librbd", 1}, {"foreign", 2}}));
}

TEST(SnapshotTest, AFenceIsShownWhileItStands) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{fencing_node("compute-1")});
  world.post(NodeChanged{node("compute-2")});
  api::ComputeNode returned = fencing_node("compute-3");
  returned.status.fence->state = api::FenceState::kLifted;
  world.post(NodeChanged{returned});
  const auto fences = world.engine.snapshot(world.now).fences;
  EXPECT_EQ(fences.at("compute-1"), api::FenceState::kFencing);
  EXPECT_EQ(fences.at("compute-2"), std::nullopt);
  EXPECT_EQ(fences.at("compute-3"), std::nullopt) << "it is over";
}

TEST(SnapshotTest, OnlyAFalseRecoverableCountsAsNotRecoverable) {
  HandWorld world;
  int number = 0;
  for (const auto status : {api::ConditionStatus::kTrue, api::ConditionStatus::kFalse, api::ConditionStatus::kUnknown}) {
    ++number;
    api::ProtectedInstance object = instance("db-" + std::to_string(number), "server-" + std::to_string(number));
    api::set_condition(object.status.conditions, api::condition::kRecoverable, status, "Test", "", std::nullopt, kWall);
    world.post(InstanceChanged{object});
  }
  world.post(InstanceChanged{instance("db-4", "server-4")});
  EXPECT_EQ(world.engine.snapshot(world.now).not_recoverable, 1);
}

TEST(SnapshotTest, DecisionsAreCountedByController) {
  HandWorld world;
  world.post(NodeChanged{node("compute-1")});
  EXPECT_TRUE(world.engine.snapshot(world.now).passes.empty()) << "who does not lead decides nothing";
  world.lead();
  world.pass(seconds(3));
  const auto passes = world.engine.snapshot(world.now).passes;
  EXPECT_GT(passes.at("computenode"), 0U);
  EXPECT_GT(passes.at("hapolicy"), 0U);
}

TEST(SnapshotTest, AnEffectBelongsToTheControllerOfItsKey) {
  EXPECT_EQ(controller_of("cn/compute-1/status"), "computenode");
  EXPECT_EQ(controller_of("pi/db-0"), "protectedinstance");
  EXPECT_EQ(controller_of("hap/default"), "hapolicy");
  EXPECT_EQ(controller_of("nova/services"), "shared");
}

}  // namespace
}  // namespace vmha::testing
