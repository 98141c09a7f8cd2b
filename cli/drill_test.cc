#include "cli/drill.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/testing.h"

namespace vmha::cli::testing {
namespace {

using namespace std::chrono_literals;

/// Every host as the leader would explain it while nothing is wrong.
Drill drill_of(const Resources& resources) {
  Drill drill{&resources, {}};
  for (const api::ComputeNode& node : resources.nodes) {
    api::HostExplanation explanation;
    explanation.node = node.metadata.name;
    for (const auto source : {api::EvidenceSource::kNovaService, api::EvidenceSource::kKubernetesNode, api::EvidenceSource::kStoragePing, api::EvidenceSource::kPower})
      explanation.evidence.push_back({source, api::EvidenceState::kAlive, {}, "", 1s, 1s, ""});
    drill.hosts.push_back({&node, explanation, ""});
  }
  return drill;
}

TEST(DrillTest, PassesWhenEachHostAndEachInstanceIsReady) {
  const Resources all = resources("healthy");
  const Drill drill = drill_of(all);
  EXPECT_TRUE(drill.passed());
  expect_text("drill-passed.txt", drill_text(drill, {}, 20));
}

TEST(DrillTest, SaysWhatStandsInTheWay) {
  const Resources all = resources("fencing");
  const Drill drill = drill_of(all);
  EXPECT_FALSE(drill.passed());
  expect_text("drill-failed.txt", drill_text(drill, {}, 20));
  expect_text("drill-failed.json.txt", drill_json(drill).dump(2) + "\n");
}

TEST(DrillTest, WhatTheLeaderHoldsAgainstAFenceCounts) {
  const Resources all = resources("healthy");
  Drill drill = drill_of(all);
  drill.hosts[1].explanation->holds.push_back({"Confirming", "not about readiness", 3s});
  EXPECT_TRUE(drill.passed());
  drill.hosts[1].explanation->holds.push_back({"WrongDevice", "bmc reads Off while the host is alive", {}});
  EXPECT_FALSE(drill.passed());
  EXPECT_EQ(obstacles(all, drill.hosts[1]), std::vector<std::string>{"WrongDevice: bmc reads Off while the host is alive"});
}

TEST(DrillTest, FailsWhenTheLeaderCannotBeAsked) {
  const Resources all = resources("healthy");
  Drill drill = drill_of(all);
  drill.hosts[0].explanation.reset();
  drill.hosts[0].why_not_leader = "nobody leads";
  EXPECT_FALSE(drill.passed()) << "what is stored may be old";
  EXPECT_NE(drill_text(drill, {}, 20).find("could not be asked (nobody leads)"), std::string::npos);
}

TEST(DrillTest, FailsWithoutHosts) {
  Resources none;
  none.ns = "openstack";
  EXPECT_FALSE(drill_of(none).passed());
}

TEST(DrillTest, ThoseThatFailComeFirst) {
  const Resources all = resources("fencing");
  const std::string text = drill_text(drill_of(all), {}, 2);
  EXPECT_LT(text.find("compute-3"), text.find("and 1 more"));
  EXPECT_EQ(text.find("compute-2 "), std::string::npos);
}

}  // namespace
}  // namespace vmha::cli::testing
