// What a person is told: each verdict, and each thing that holds the next step back, by the reason that scripts rely on.
#include "reconcilers/computenode/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>

#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::VerdictValue;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<std::string> reasons(const api::HostExplanation& explanation) {
  std::vector<std::string> found;
  for (const api::Hold& hold : explanation.holds) found.push_back(hold.reason);
  return found;
}

const api::Hold& hold(const api::HostExplanation& explanation, const std::string& reason) {
  static const api::Hold kNone;
  const auto found = std::ranges::find(explanation.holds, reason, &api::Hold::reason);
  EXPECT_NE(found, explanation.holds.end()) << reason;
  return found == explanation.holds.end() ? kNone : *found;
}

struct Case {
  std::string name;
  std::function<void(Scene&, Looks&)> arrange;
  std::string reason;   ///< empty: nothing is held back
  std::string message;  ///< a part of it
  std::string next;     ///< a part of it
};

class ExplainHoldTest : public ::testing::TestWithParam<Case> {};

TEST_P(ExplainHoldTest, IsNamedByItsReason) {
  Scene scene;
  Looks looks;
  GetParam().arrange(scene, looks);
  const api::HostExplanation explanation = explain(scene.view(), looks);
  EXPECT_THAT(explanation.next, HasSubstr(GetParam().next));
  if (GetParam().reason.empty()) {
    EXPECT_THAT(reasons(explanation), IsEmpty());
  } else {
    EXPECT_THAT(hold(explanation, GetParam().reason).message, HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Verdicts, ExplainHoldTest,
    ::testing::Values(
        Case{"Healthy", [](Scene&, Looks&) {}, "", "", "all is well"},
        Case{"Late", [](Scene& s, Looks&) { s.rest.judgement.suspect = true; }, "", "", "looked at more closely"},
        Case{"AgentDown", [](Scene& s, Looks&) { s.judged(VerdictValue::kAgentDown); }, "AgentDown", "never fenced", "nothing"},
        Case{"Unknown", [](Scene& s, Looks&) { s.judged(VerdictValue::kUnknown, false); }, "Unknown", "Unknown is never fenced", "nothing"},
        Case{"IsolatedLeft", [](Scene& s, Looks&) { s.judged(VerdictValue::kIsolated); }, "PolicyLeaves", "onIsolated", "nothing"},
        Case{"IsolatedFenced",
             [](Scene& s, Looks&) {
               s.policy.spec.response.on_isolated = api::ResponseAction::kFence;
               s.judged(VerdictValue::kIsolated);
             },
             "", "", "is fenced"},
        Case{"StorageLostLeft",
             [](Scene& s, Looks&) {
               s.policy.spec.response.on_storage_lost = api::ResponseAction::kLeave;
               s.judged(VerdictValue::kStorageLost);
             },
             "PolicyLeaves", "onStorageLost", "nothing"},
        Case{"DeadNotConfirmed", [](Scene& s, Looks& l) { s.judged(VerdictValue::kDead, false); l.held = seconds(2); }, "Confirming", "must hold for 5 s", "is fenced"},
        Case{"DeadConfirmed", [](Scene& s, Looks&) { s.dead(); }, "", "", "is fenced"},
        Case{"AskedByPerson", [](Scene& s, Looks&) { s.person_asks(seconds(10)); }, "", "", "is fenced"},
        Case{"NoPolicy", [](Scene& s, Looks&) { s.has_policy = false; }, "PolicyNotFound", "there is no HAPolicy default", "nothing"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    HandsOff, ExplainHoldTest,
    ::testing::Values(
        Case{"Paused", [](Scene& s, Looks&) { s.dead().rest.paused = true; }, "Paused", "paused", "is fenced"},
        Case{"Maintenance", [](Scene& s, Looks&) { s.dead().object.spec.maintenance = true; }, "Maintenance", "spec.maintenance", "is fenced"},
        Case{"DryRun", [](Scene& s, Looks&) { s.dead().policy.spec.mode = api::PolicyMode::kDryRun; }, "DryRun", "said, not done", "is fenced"},
        Case{"Duplicate", [](Scene& s, Looks&) { s.dead().rest.duplicate = true; }, "Duplicate", "spec.novaHost", "is fenced"},
        Case{"Conflict", [](Scene& s, Looks&) { s.dead().rest.conflict = "the power controller also belongs to compute-9"; }, "Conflict", "compute-9", "is fenced"},
        Case{"Storm",
             [](Scene& s, Looks&) {
               s.dead().rest.budget_allows = false;
               s.rest.budget_reason = "5 of 10 hosts are unhealthy, the budget is 4";
             },
             "Storm", "the budget is 4", "is fenced"},
        Case{"NewLeader", [](Scene& s, Looks& l) { s.dead(); l.acts_in = milliseconds(3200); }, "NewLeader", "on the wire", "is fenced"},
        Case{"SharedAddress", [](Scene& s, Looks&) { s.rest.shared_address = "10.77.0.11 holds 10.77.0.11, an address of the Ceph cluster"; }, "SharedAddress", "FencingReady", "all is well"},
        Case{"PowerNotReady", [](Scene& s, Looks&) { s.rest.devices["bmc"].read_error = "connection refused"; s.policy.spec.fencing.require = api::RequiredProof::kHost; },
             "PowerNotReady", "connection refused", "all is well"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Fences, ExplainHoldTest,
    ::testing::Values(
        Case{"Held",
             [](Scene& s, Looks&) {
               s.intended(api::FenceState::kHeld).rest.budget_allows = false;
               s.rest.storm_id = "storm-xyzzy";
             },
             "WaitsForApproval", "vmha.openstack.org/approve=storm-xyzzy", "budget has room"},
        Case{"IntendedAndJudgedAgain", [](Scene& s, Looks&) { s.intended().judged(VerdictValue::kUnknown, false); }, "Unknown", "never fenced", "withdrawn"},
        Case{"NothingProven", [](Scene& s, Looks&) { s.fencing(); }, "StorageNotProven", "storage: Requested", "once power or storage"},
        Case{"HostRequired",
             [](Scene& s, Looks&) {
               s.fencing().blocklist_proven();
               s.fence().storage.state = api::ProofState::kProven;
               s.fence().power.device = "bmc";
               s.fence().power.message = "connection refused";
               s.rest.requested["power/bmc"] = s.now - seconds(12);
               s.policy.spec.fencing.require = api::RequiredProof::kHost;
             },
             "PowerNotProven", "connection refused; bmc was last asked to switch off 12 s ago; fencing.require of the policy is Host", "once power is proven off"},
        Case{"OtherMethodGrace",
             [](Scene& s, Looks&) {
               s.fencing().blocklist_proven(seconds(2));
               s.fence().storage.state = api::ProofState::kProven;
             },
             "OtherMethodGrace", "a moment", "once power or storage"},
        Case{"NovaNotTold", [](Scene& s, Looks&) { s.proven(); }, "NovaNotTold", "forced down", "nova is told"},
        Case{"NovaServiceNotFound", [](Scene& s, Looks&) { s.proven().has_service = false; }, "NovaServiceNotFound", "no compute service", "nova is told"},
        Case{"InstancesLeft", [](Scene& s, Looks&) { s.recovering(); }, "InstancesLeft", "1 of 1", "evacuated and attested"},
        Case{"InstancesNotKnown", [](Scene& s, Looks&) { s.recovering().rest.recovery.all_known = false; }, "InstancesNotKnown", "list", "evacuated and attested"},
        Case{"CallFailed",
             [](Scene& s, Looks&) {
               s.proven();
               s.rest.lanes["nova"] = {.finished = s.now, .failures_in_a_row = 3, .error = "Unavailable: HTTP 503", .operation = "SetForcedDown"};
             },
             "CallFailed", "SetForcedDown (nova), 3 times in a row: Unavailable: HTTP 503", "nova is told"}),
    [](const auto& test) { return test.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Return, ExplainHoldTest,
    ::testing::Values(
        Case{"NotBack", [](Scene& s, Looks&) { s.recovered(); }, "HostNotBack", "nova-compute", "back from a proven power cycle"},
        Case{"SameBoot",
             [](Scene& s, Looks&) {
               s.recovered().back();
               s.rest.kubernetes_node->boot_id = "boot-1";
             },
             "PowerCycleNotProven", "boot id it had before", "back from a proven power cycle"},
        Case{"Manual", [](Scene& s, Looks&) { s.recovered().back().policy.spec.return_.mode = api::ReturnMode::kManual; }, "WaitsForRelease", "vmha.openstack.org/release=compute-1-aaaaa",
             "back from a proven power cycle"},
        Case{"EvacuationLeft", [](Scene& s, Looks&) { s.recovered().back().migrations = Reading<std::vector<nova::Migration>>{{evacuation("done")}, s.now}; }, "EvacuationLeft", "cleaned up",
             "back from a proven power cycle"},
        Case{"StillListed", [](Scene& s, Looks&) { s.lifting(); }, "BlocklistEntryLeft", "blocklist", "removed"},
        Case{"StillForcedDown", [](Scene& s, Looks&) { s.lifting().unlisted(); }, "ForcedDown", "forced down", "un-forced"},
        Case{"HealthySeconds", [](Scene& s, Looks&) { s.lifting().unlisted().rest.returned_healthy_since = s.now - seconds(20); }, "HealthySeconds", "60 s", "enabled"}),
    [](const auto& test) { return test.param.name; });

TEST(ExplainTest, SecondsLeftAreCountedDown) {
  Scene scene;
  scene.judged(VerdictValue::kDead, false);
  Looks looks;
  looks.held = milliseconds(1800);
  looks.acts_in = milliseconds(3200);
  const auto explanation = explain(scene.view(), looks);
  EXPECT_EQ(hold(explanation, "Confirming").left, seconds(4));
  EXPECT_EQ(hold(explanation, "NewLeader").left, seconds(4));
  EXPECT_EQ(explanation.verdict.held, seconds(1));
  EXPECT_EQ(explanation.verdict.held_needed, seconds(5));
  EXPECT_EQ(explanation.verdict.confirmed, false);
}

TEST(ExplainTest, EvidenceShowsAgesGatesAndTheRow) {
  Scene scene;
  scene.rest.evidence.nova.proven_alive = scene.now - milliseconds(21'700);
  scene.rest.judgement.evidence.push_back({api::EvidenceSource::kPower, api::EvidenceState::kAlive, std::nullopt, "On"});
  Looks looks;
  looks.age[api::EvidenceSource::kNovaService] = milliseconds(1900);
  looks.gates[api::EvidenceSource::kPower] = "a gate";
  const auto explanation = explain(scene.view(), looks);
  EXPECT_EQ(explanation.evidence.at(0).proven_alive_ago, seconds(21));
  EXPECT_EQ(explanation.evidence.at(0).looked_ago, seconds(1));
  EXPECT_EQ(explanation.evidence.at(1).gate, "a gate");
  EXPECT_FALSE(explanation.evidence.at(1).proven_alive_ago) << "On proves no life";
  EXPECT_EQ(explanation.verdict.row, "NovaService Alive, Power not Off: Healthy");
}

TEST(ExplainTest, TheCallsAreThoseThatDecideWouldMakeNow) {
  Scene scene;
  scene.fencing();
  const auto explanation = explain(scene.view(), {});
  EXPECT_EQ(explanation.calls, (std::vector<std::string>{"PowerOff power/bmc", "BlocklistAdd storage"}));
  EXPECT_EQ(acts(scene.decided()), (std::vector<std::string>{"PowerOff", "BlocklistAdd"}));
  scene.rest.paused = true;
  EXPECT_THAT(explain(scene.view(), {}).calls, IsEmpty());
}

TEST(ExplainTest, StepsFollowTheProtocol) {
  Scene scene;
  const auto step = [&] { return explain(scene.view(), {}).step; };
  EXPECT_EQ(step(), "no fence");
  scene.intended();
  EXPECT_EQ(step(), "1 the fence is intended, nothing was called");
  scene.fencing();
  EXPECT_EQ(step(), "2-3 power and storage are being proven");
  scene.proven();
  EXPECT_EQ(step(), "5 proven, nova is being told");
  scene.recovering();
  EXPECT_EQ(step(), "6-8 instances are being recovered");
  scene.recovered();
  EXPECT_EQ(step(), "9-10 recovered, waiting for the host's return");
  scene.lifting();
  EXPECT_EQ(step(), "10 the fence is being lifted");
}

TEST(ExplainTest, TheDocumentIsReadBackAsItWasWritten) {
  Scene scene;
  scene.fencing().rest.paused = true;
  Looks looks;
  looks.age[api::EvidenceSource::kNovaService] = seconds(1);
  looks.held = seconds(9);
  const auto explanation = explain(scene.view(), looks);
  const std::string text = api::encode(explanation).dump();
  const auto back = api::parse_explanation(text);
  ASSERT_TRUE(back.has_value()) << back.error().message;
  EXPECT_EQ(*back, explanation) << text;
  EXPECT_FALSE(api::parse_explanation("{}").has_value());
  EXPECT_FALSE(api::parse_explanation("[]").has_value());
  EXPECT_FALSE(api::parse_explanation("leader: x").has_value());
}

TEST(ExplainTest, AFailureThatIsOverHoldsNothingBack) {
  Scene scene;
  scene.rest.lanes["migrations"] = {.finished = scene.now - seconds(600), .failures_in_a_row = 1, .error = "lost", .operation = "ReadMigrations"};
  scene.store(scene.decided());
  scene.rest.lanes["status"] = {.finished = scene.now, .failures_in_a_row = 1, .error = "Conflict", .operation = "WriteNodeStatus"};
  EXPECT_THAT(reasons(explain(scene.view(), {})), IsEmpty());
  scene.judged(VerdictValue::kIsolated, false);
  EXPECT_THAT(reasons(explain(scene.view(), {})), ::testing::Contains("CallFailed")) << "now there is a status to write";
}

TEST(ExplainTest, HoldsAreBounded) {
  Scene scene;
  scene.fencing();
  for (int i = 0; i < 100; ++i)
    scene.rest.lanes["lane-" + std::to_string(i)] = {.finished = scene.now, .failures_in_a_row = 1, .error = std::string(5000, 'x'), .operation = "ReadPower"};
  const auto explanation = explain(scene.view(), {});
  EXPECT_EQ(explanation.holds.size(), api::kMaxHolds);
  EXPECT_LT(api::encode(explanation).dump().size(), 32'000U);
}

}  // namespace
}  // namespace vmha::computenode::testing
