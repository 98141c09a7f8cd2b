#include <gtest/gtest.h>

#include <string>

#include "api/conditions.h"
#include "api/names.h"
#include "reconcilers/policy/decide.h"
#include "reconcilers/policy/discovery.h"
#include "reconcilers/policy/selector.h"

namespace vmha::policy {
namespace {

// ---- The selector

nova::Server tagged_server() {
  nova::Server server;
  server.metadata = {{"HA_Enabled", "True"}};
  server.tags = {"gold"};
  server.flavor_extra_specs = {{"hw:ha", "yes"}};
  server.project_id = "project-1";
  return server;
}

struct MatchCase {
  std::string name;
  api::InstanceMatch match;
  bool matches;
};

api::InstanceMatch metadata(const std::string& key, std::optional<std::string> value) {
  api::InstanceMatch match;
  match.metadata_key = key;
  match.metadata_value = std::move(value);
  return match;
}
api::InstanceMatch tag(const std::string& name) {
  api::InstanceMatch match;
  match.server_tag = name;
  return match;
}
api::InstanceMatch extra_spec(const std::string& key, std::optional<std::string> value) {
  api::InstanceMatch match;
  match.flavor_extra_spec = api::ExtraSpec{key, std::move(value)};
  return match;
}
api::InstanceMatch project(const std::string& id) {
  api::InstanceMatch match;
  match.project_id = id;
  return match;
}

class SelectorTest : public ::testing::TestWithParam<MatchCase> {};

TEST_P(SelectorTest, MatchesExactlyWhatItNames) { EXPECT_EQ(matches({GetParam().match}, tagged_server()), GetParam().matches); }

INSTANTIATE_TEST_SUITE_P(All, SelectorTest,
                         ::testing::Values(MatchCase{"metadata", metadata("HA_Enabled", "True"), true}, MatchCase{"metadata_other_value", metadata("HA_Enabled", "False"), false},
                                           MatchCase{"metadata_other_case", metadata("HA_Enabled", "true"), false}, MatchCase{"metadata_any_value", metadata("HA_Enabled", {}), true},
                                           MatchCase{"metadata_absent", metadata("ha", {}), false}, MatchCase{"tag", tag("gold"), true}, MatchCase{"tag_part", tag("gol"), false},
                                           MatchCase{"extra_spec", extra_spec("hw:ha", "yes"), true}, MatchCase{"extra_spec_other_value", extra_spec("hw:ha", "no"), false},
                                           MatchCase{"extra_spec_any_value", extra_spec("hw:ha", {}), true}, MatchCase{"extra_spec_absent", extra_spec("hw", {}), false},
                                           MatchCase{"project", project("project-1"), true}, MatchCase{"another_project", project("project-2"), false}, MatchCase{"nothing", {}, false}),
                         [](const auto& of) { return of.param.name; });

TEST(SelectorTest, AnyOfSeveralIsEnoughAndNoneMeansEveryServer) {
  EXPECT_TRUE(matches({tag("silver"), project("project-1")}, tagged_server()));
  EXPECT_FALSE(matches({tag("silver"), project("project-2")}, tagged_server()));
  EXPECT_TRUE(matches({}, nova::Server{}));
}

// ---- Names of discovered objects

struct NameCase {
  std::string host, name;
  bool says_host;
};

class NodeNameTest : public ::testing::TestWithParam<NameCase> {};

TEST_P(NodeNameTest, IsTheHostsOwnWhereKubernetesAllowsIt) {
  nova::Service service;
  service.host = NovaHost{GetParam().host};
  const api::ComputeNode node = node_for(service, "openstack");
  EXPECT_EQ(node.metadata.name, GetParam().name);
  EXPECT_EQ(node.spec.nova_host.has_value(), GetParam().says_host);
  EXPECT_EQ(node.nova_host(), service.host) << "never a guess";
  EXPECT_EQ(node.metadata.namespace_, "openstack");
  EXPECT_TRUE(is_discovered(node.metadata));
}

INSTANTIATE_TEST_SUITE_P(All, NodeNameTest,
                         ::testing::Values(NameCase{"compute-1.example", "compute-1.example", false}, NameCase{"Compute_1.Example", "compute-1.example", true},
                                           NameCase{"10.0.0.1", "10.0.0.1", false}, NameCase{"..a..", "a", true}, NameCase{"-a-.-b", "a.b", true}, NameCase{"r\xc3\xa4um", "r-um", true},
                                           NameCase{".", "host", true}));

bool is_dns_subdomain(const std::string& name) {
  if (name.empty() || name.size() > 253) return false;
  std::size_t label = 0;
  for (std::size_t i = 0; i < name.size(); ++i) {
    const bool edge = i == 0 || i + 1 == name.size() || name[i - 1] == '.' || name[i + 1] == '.';
    const bool alnum = (name[i] >= 'a' && name[i] <= 'z') || (name[i] >= '0' && name[i] <= '9');
    if (name[i] == '.') {
      if (label == 0 || i + 1 == name.size()) return false;
      label = 0;
      continue;
    }
    if (!alnum && (edge || name[i] != '-')) return false;
    if (++label > 63) return false;
  }
  return true;
}

TEST(NameTest, WhateverNovaShowsTheNameIsOneThatKubernetesTakes) {
  const std::string long_label(70, 'a');
  std::string long_host;
  for (int i = 0; i < 6; ++i) long_host += long_label + ".";
  for (std::size_t cut = 0; cut < 20; ++cut) {
    nova::Service service;
    service.host = NovaHost{std::string(cut, 'x') + "-." + long_host};
    EXPECT_TRUE(is_dns_subdomain(node_for(service, "n").metadata.name)) << cut << ": " << node_for(service, "n").metadata.name;
  }
  for (const std::string& text : std::vector<std::string>{"", "___", "db 0", "-db-", "\xe6\x95\xb0\xe6\x8d\xae", "A/B\\C", "a..b", std::string(300, 'x')}) {
    nova::Server server;
    server.id = ServerId{"5b8e0000-0000-4000-8000-000000000001"};
    server.name = text;
    const api::ProtectedInstance instance = instance_for(server, "n");
    EXPECT_TRUE(is_dns_subdomain(instance.metadata.name)) << instance.metadata.name;
    EXPECT_TRUE(instance.metadata.name.ends_with("-5b8e0000"));
    EXPECT_EQ(instance.spec.server_id, server.id);
    EXPECT_TRUE(is_discovered(instance.metadata));
  }
}

TEST(NameTest, OnlyTheVeryLabelMakesAnObjectADiscoveredOne) {
  api::ObjectMeta metadata_of;
  EXPECT_FALSE(is_discovered(metadata_of));
  metadata_of.labels[std::string(api::kDiscoveredLabel)] = "false";
  EXPECT_FALSE(is_discovered(metadata_of));
  metadata_of.labels[std::string(api::kDiscoveredLabel)] = "true";
  EXPECT_TRUE(is_discovered(metadata_of));
}

// ---- The sums

api::ComputeNode host(api::VerdictValue verdict, std::optional<api::FenceState> fence = {}) {
  api::ComputeNode node;
  node.status.verdict.value = verdict;
  if (fence) {
    node.status.fence.emplace();
    node.status.fence->state = *fence;
  }
  return node;
}

struct Sums {
  api::HAPolicy object;
  std::vector<api::ComputeNode> nodes;
  std::vector<api::ProtectedInstance> instances;
  std::map<std::string, std::string> sources = {{"NovaService", ""}};
  const Storm* storm = nullptr;

  Sums() { object.spec.mode = api::PolicyMode::kEnforce; }
  Decision<api::HAPolicyStatus> decided() {
    PolicyView view;
    view.object = &object;
    for (const auto& node : nodes) view.nodes.push_back(&node);
    for (const auto& instance : instances) view.instances.push_back(&instance);
    view.storm = storm;
    view.fresh_suffix = "aaaaa";
    view.sources = sources;
    return decide(view);
  }
};

std::string reason(const api::HAPolicyStatus& status, std::string_view type) { return api::find_condition(status.conditions, type)->reason; }

TEST(PolicyTest, EveryHostIsCountedOnce) {
  using enum api::VerdictValue;
  using enum api::FenceState;
  Sums sums;
  sums.nodes = {host(kHealthy),       host(kHealthy, kLifted), host(kHealthy, kWithdrawn), host(kUnknown),        host(kDead),
                host(kAgentDown),     host(kDead, kHeld),      host(kDead, kFencing),      host(kHealthy, kProven), host(kHealthy, kLifting)};
  EXPECT_EQ(sums.decided().status.hosts, (api::HostCounts{10, 3, 3, 3, 1}));
}

TEST(PolicyTest, InstancesAreCountedByPhase) {
  using enum api::InstancePhase;
  Sums sums;
  for (const auto phase : {kProtected, kRecovered, kUnprotected, kWaiting, kRecovering, kAttesting, kFailed, kGone}) {
    sums.instances.emplace_back().status.phase = phase;
  }
  EXPECT_EQ(sums.decided().status.instances, (api::InstanceCounts{2, 1, 3, 1}));
}

TEST(PolicyTest, AHoldGetsAnIdThatStaysAndIsToldOnce) {
  Storm storm;
  std::map<NodeName, HostStanding> hosts;
  for (int i = 0; i < 4; ++i) hosts[NodeName{"compute-" + std::to_string(i)}] = {true, false, i < 2, ""};
  storm.update(hosts, {}, Instant(seconds(1)));
  Sums sums;
  sums.storm = &storm;
  auto decision = sums.decided();
  ASSERT_TRUE(decision.status.storm);
  EXPECT_EQ(decision.status.storm->id, "storm-aaaaa");
  EXPECT_EQ(decision.status.storm->hosts, (std::vector<std::string>{"compute-0", "compute-1"}));
  EXPECT_EQ(decision.announcements.size(), 1U);
  EXPECT_EQ(reason(decision.status, api::condition::kHeld), "Storm");
  sums.object.status = decision.status;
  sums.object.status.storm->id = "storm-before";
  decision = sums.decided();
  EXPECT_EQ(decision.status.storm->id, "storm-before") << "a person may be about to approve it";
  EXPECT_TRUE(decision.announcements.empty());
  for (auto& [name, standing] : hosts) standing = {};
  storm.update(hosts, {}, Instant(seconds(2)));
  decision = sums.decided();
  EXPECT_FALSE(decision.status.storm);
  EXPECT_EQ(reason(decision.status, api::condition::kHeld), "NothingHeld");
}

TEST(PolicyTest, ReadySaysWhetherItWouldAct) {
  Sums sums;
  EXPECT_EQ(reason(sums.decided().status, api::condition::kReady), "Ready");
  sums.sources["NovaService"] = "the API did not answer";
  EXPECT_EQ(reason(sums.decided().status, api::condition::kReady), "EvidenceIncomplete");
  EXPECT_EQ(api::find_condition(sums.decided().status.conditions, api::condition::kEvidenceComplete)->message, "NovaService: the API did not answer");
  sums.object.spec.mode = api::PolicyMode::kDryRun;
  EXPECT_EQ(reason(sums.decided().status, api::condition::kReady), "DryRun");
  sums.object.spec.paused = true;
  EXPECT_EQ(reason(sums.decided().status, api::condition::kReady), "Paused");
}

TEST(PolicyTest, WhatIsStoredIsNotWrittenAgain) {
  Sums sums;
  sums.nodes = {host(api::VerdictValue::kDead)};
  sums.object.status = sums.decided().status;
  const auto decision = sums.decided();
  EXPECT_EQ(decision.status, sums.object.status);
  EXPECT_TRUE(decision.wishes.empty());
}

}  // namespace
}  // namespace vmha::policy
