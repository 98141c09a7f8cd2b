// Hosts that die in the same moment: the budgets count those that were decided in the same call, too.
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "engine/world_for_tests.h"

namespace vmha::testing {
namespace {

/// Six hosts asked to be fenced by a person at once; each has its finalizer.
std::set<std::string> begun_at_once(const api::HAPolicy& rules) {
  HandWorld world;
  world.post(PolicyChanged{rules});
  for (int i = 1; i <= 6; ++i) {
    api::ComputeNode object = node("compute-" + std::to_string(i));
    object.metadata.finalizers = {std::string(api::kFenceFinalizer)};
    object.metadata.annotations[std::string(api::kFenceAnnotation)] = to_rfc3339(kWall);
    world.post(NodeChanged{object});
  }
  world.post(CachesSynced{});
  world.post(LeadershipGained{"vmha-0/7", false});
  std::set<std::string> begun;
  for (const Effect& effect : world.started) {
    const auto* write = std::get_if<WriteNodeStatus>(&effect.operation);
    if (write != nullptr && write->object.status.fence && write->object.status.fence->state == api::FenceState::kFencing) begun.insert(write->object.metadata.name);
  }
  EXPECT_EQ(world.acts(), 0U);
  return begun;
}

TEST(StormWaveTest, NotMoreFencesBeginInOneCallThanMayBeMadeAtOnce) {
  api::HAPolicy rules = policy();
  rules.spec.storm.max_unhealthy = {100, true};
  rules.spec.storm.max_concurrent_fences = 2;
  EXPECT_EQ(begun_at_once(rules).size(), 2U);
  rules.spec.storm.max_concurrent_fences = 8;
  EXPECT_EQ(begun_at_once(rules).size(), 6U);
}

TEST(StormWaveTest, NotMoreFencesBeginInOneCallThanTheBudgetAllows) {
  api::HAPolicy rules = policy();
  rules.spec.storm.max_unhealthy = {3, false};
  EXPECT_LE(begun_at_once(rules).size(), 3U);
  EXPECT_GT(begun_at_once(rules).size(), 0U);
}

}  // namespace
}  // namespace vmha::testing
