#include "cli/explain.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "api/codec.h"
#include "cli/from_status.h"
#include "cli/testing.h"

namespace vmha::cli::testing {
namespace {

HostPage page_of(const Resources& all, const std::string& name) {
  HostPage page;
  page.resources = &all;
  page.node = all.node(name);
  page.now = kNow;
  return page;
}

/// As when nobody answers.
HostPage from_resources(const Resources& all, const std::string& name) {
  HostPage page = page_of(all, name);
  page.explanation = explain_from_status(*page.node, all.policy_of(*page.node), kNow);
  page.why_not_leader = "connection refused";
  return page;
}

/// A leader's answer about a host that is being fenced.
HostPage from_leader(const Resources& all) {
  HostPage page = page_of(all, "compute-1");
  page.explanation = explain_from_status(*page.node, all.policy_of(*page.node), kNow);
  page.explanation.answered_by = "vmha-0_1a2b3c4d/7";
  page.explanation.verdict.detail = "nova-compute, the node's Lease and all guests are silent";
  page.explanation.verdict.confirmed = true;
  page.explanation.verdict.held = seconds(122);
  page.explanation.verdict.held_needed = seconds(5);
  page.explanation.evidence[0].proven_alive_ago = seconds(131);
  page.explanation.evidence[0].looked_ago = seconds(1);
  page.explanation.evidence[2].gate = "our own canary is not acknowledged";
  page.explanation.calls = {"PowerOff power/bmc"};
  page.explanation.holds.push_back({"OtherMethodGrace", "the other method gets a moment to finish, too", seconds(3)});
  return page;
}

std::vector<std::string> reasons(const api::HostExplanation& explanation) {
  std::vector<std::string> found;
  for (const api::Hold& hold : explanation.holds) found.push_back(hold.reason);
  return found;
}

TEST(ExplainPageTest, AHealthyHost) {
  const Resources all = resources("healthy");
  expect_text("explain-healthy.txt", as_text(from_resources(all, "compute-1"), {}, 20));
}

TEST(ExplainPageTest, AHostThatIsBeingFencedAsTheLeaderSeesIt) {
  const Resources all = resources("fencing");
  expect_text("explain-fencing-leader.txt", as_text(from_leader(all), {}, 20));
  expect_text("explain-fencing-leader.json.txt", as_json(from_leader(all)).dump(2) + "\n");
}

TEST(ExplainPageTest, HowLongAVerdictHasHeldIsSaidOnlyWhereSomethingWaitsForIt) {
  const Resources all = resources("fencing");
  HostPage page = from_leader(all);
  EXPECT_NE(as_text(page, {}, 20).find("held for 2m2s"), std::string::npos);
  for (const auto value : {api::VerdictValue::kHealthy, api::VerdictValue::kUnknown}) {
    page.explanation.verdict.value = value;
    EXPECT_EQ(as_text(page, {}, 20).find("held for"), std::string::npos);
  }
}

TEST(ExplainPageTest, TheSameFromTheResourcesAlone) {
  const Resources all = resources("fencing");
  expect_text("explain-fencing-resources.txt", as_text(from_resources(all, "compute-1"), {}, 20));
}

TEST(ExplainPageTest, AHostThatIsHeld) {
  const Resources all = resources("storm");
  const HostPage page = from_resources(all, "compute-1");
  expect_text("explain-held.txt", as_text(page, {}, 20));
  EXPECT_EQ(reasons(page.explanation), (std::vector<std::string>{"Paused", "Maintenance", "Storm"}));
}

TEST(ExplainPageTest, WithoutAPolicyThatIsWhatHoldsItBack) {
  Resources all = resources("healthy");
  all.policies.clear();
  EXPECT_EQ(reasons(from_resources(all, "compute-1").explanation), (std::vector<std::string>{"PolicyNotFound"}));
}

TEST(ExplainPageTest, InstancesAreBoundedAndThoseInTroubleComeFirst) {
  Resources all = resources("fencing");
  for (int i = 0; i < 500; ++i) {
    api::ProtectedInstance more = all.instances.front();
    more.metadata.name = "a-" + std::to_string(i);
    all.instances.insert(all.instances.begin(), more);
  }
  const std::string text = as_text(from_resources(all, "compute-1"), {}, 5);
  EXPECT_NE(text.find("gpu-0"), std::string::npos);
  EXPECT_NE(text.find("web-0"), std::string::npos);
  EXPECT_NE(text.find("and 499 more"), std::string::npos) << text;
  EXPECT_LT(std::ranges::count(text, '\n'), 45);
  EXPECT_EQ(as_json(from_resources(all, "compute-1"))["instances"].size(), 504U);
}

TEST(ExplainPageTest, AnEscapeSequenceInAStatusIsNoEscapeSequenceOnATerminal) {
  Resources all = resources("fencing");
  for (api::ComputeNode& node : all.nodes)
    if (node.status.fence) {
      node.status.fence->reason = node.status.fence->power.message = "x\033[2Jy";
      node.status.verdict.evidence[0].detail = "x\033[2Jy";
    }
  const std::string text = as_text(from_resources(all, "compute-1"), {}, 20);
  EXPECT_EQ(text.find('\033'), std::string::npos) << text;
}

}  // namespace
}  // namespace vmha::cli::testing
