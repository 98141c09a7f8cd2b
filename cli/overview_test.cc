#include "cli/overview.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "cli/testing.h"

namespace vmha::cli::testing {
namespace {

TEST(OverviewTest, AllIsWell) { expect_text("status-healthy.txt", overview_text(resources("healthy"), kNow, {}, 20)); }

TEST(OverviewTest, AFenceARecoveryAndWhatIsNotReady) {
  expect_text("status-fencing.txt", overview_text(resources("fencing"), kNow, {}, 20));
  expect_text("status-fencing.json.txt", overview_json(resources("fencing"), kNow).dump(2) + "\n");
}

TEST(OverviewTest, AStormThatHoldsAndAPausedPolicy) { expect_text("status-storm.txt", overview_text(resources("storm"), kNow, {}, 20)); }

TEST(OverviewTest, AnEmptyNamespaceSaysThatNothingIsDone) {
  Resources none;
  none.ns = "openstack";
  EXPECT_EQ(overview_text(none, kNow, {}, 20), "namespace openstack, nobody leads: nothing is watched\nno HAPolicy: nothing is done\n");
}

TEST(OverviewTest, AThousandHostsStayOneScreen) {
  Resources all = resources("fencing");
  const api::ComputeNode well = *all.node("compute-2");
  for (int i = 0; i < 1000; ++i) {
    all.nodes.push_back(well);
    all.nodes.back().metadata.name = "more-" + std::to_string(i);
  }
  const std::string text = overview_text(all, kNow, {}, 10);
  EXPECT_LT(std::ranges::count(text, '\n'), 45);
  EXPECT_NE(text.find("and 993 more"), std::string::npos);
  EXPECT_LT(text.find("compute-1 "), text.find("compute-2 ")) << "those that need somebody come first";
  EXPECT_LT(text.find("compute-3 "), text.find("compute-2 "));
  EXPECT_EQ(overview_json(all, kNow)["hosts"].size(), 1003U);
}

}  // namespace
}  // namespace vmha::cli::testing
