// From a judgement to the intent of a fence, and what can still take it back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::FenceState;
using api::ProofState;
using api::ResponseAction;
using api::VerdictValue;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// ---- Which judgement begins a fence

struct Answer {
  std::string name;
  VerdictValue verdict;
  bool confirmed;
  ResponseAction isolated;
  ResponseAction storage_lost;
  bool fences;
};

class JudgementTest : public ::testing::TestWithParam<Answer> {};

TEST_P(JudgementTest, OnlyAConfirmedOneThatThePolicyAnswersBeginsAFence) {
  Scene scene;
  scene.with_finalizer().judged(GetParam().verdict, GetParam().confirmed);
  scene.policy.spec.response.on_isolated = GetParam().isolated;
  scene.policy.spec.response.on_storage_lost = GetParam().storage_lost;
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(stands(decision), GetParam().fences);
  EXPECT_EQ(announced(decision, "HostDead"), GetParam().fences ? 1 : 0);
  EXPECT_THAT(acts(decision), IsEmpty()) << "the intent comes first";
}

constexpr auto kLeave = ResponseAction::kLeave;
constexpr auto kFenceIt = ResponseAction::kFence;
INSTANTIATE_TEST_SUITE_P(All, JudgementTest,
                         ::testing::Values(Answer{"dead", VerdictValue::kDead, true, kLeave, kLeave, true}, Answer{"dead_not_confirmed", VerdictValue::kDead, false, kFenceIt, kFenceIt, false},
                                           Answer{"isolated_leave", VerdictValue::kIsolated, true, kLeave, kFenceIt, false},
                                           Answer{"isolated_fence", VerdictValue::kIsolated, true, kFenceIt, kLeave, true},
                                           Answer{"isolated_fence_not_confirmed", VerdictValue::kIsolated, false, kFenceIt, kLeave, false},
                                           Answer{"storage_lost_leave", VerdictValue::kStorageLost, true, kFenceIt, kLeave, false},
                                           Answer{"storage_lost_fence", VerdictValue::kStorageLost, true, kLeave, kFenceIt, true},
                                           Answer{"agent_down", VerdictValue::kAgentDown, true, kFenceIt, kFenceIt, false},
                                           Answer{"unknown", VerdictValue::kUnknown, true, kFenceIt, kFenceIt, false},
                                           Answer{"healthy", VerdictValue::kHealthy, true, kFenceIt, kFenceIt, false}),
                         [](const auto& of) { return of.param.name; });

// ---- Hands off

struct HandsOff {
  std::string reason;
  std::function<void(Scene&)> make;
};

class HandsOffTest : public ::testing::TestWithParam<HandsOff> {};

const HandsOff kHandsOff[] = {{"Paused", [](Scene& s) { s.rest.paused = true; }},
                              {"Maintenance", [](Scene& s) { s.object.spec.maintenance = true; }},
                              {"Duplicate", [](Scene& s) { s.rest.duplicate = true; }},
                              {"Conflict", [](Scene& s) { s.rest.conflict = "the client address 10.77.0.11 also belongs to compute-2"; }},
                              {"DryRun", [](Scene& s) { s.policy.spec.mode = api::PolicyMode::kDryRun; }}};

TEST_P(HandsOffTest, ADeadHostIsNotTouchedAndItIsSaidOnce) {
  Scene scene;
  scene.dead().with_finalizer();
  GetParam().make(scene);
  const NodeDecision first = scene.decided();
  EXPECT_FALSE(stands(first));
  EXPECT_THAT(acts(first), IsEmpty());
  EXPECT_FALSE(first.metadata) << "no finalizer is set or taken off for a fence that is not made";
  EXPECT_EQ(condition_reason(first, api::condition::kHeld), GetParam().reason);
  EXPECT_EQ(announced(first, "HostDead"), 1);
  scene.store(first).now += seconds(30);
  const NodeDecision second = scene.decided();
  EXPECT_EQ(announced(second, "HostDead"), 0) << "once";
  EXPECT_EQ(second.status, scene.object.status) << "nothing new to store";
}

TEST_P(HandsOffTest, APersonsWordDoesNotOverrideIt) {
  Scene scene;
  scene.with_finalizer().person_asks(seconds(10));
  GetParam().make(scene);
  EXPECT_FALSE(stands(scene.decided()));
}

TEST_P(HandsOffTest, NoStepOfAStandingFenceActs) {
  const std::function<void(Scene&)> steps[] = {[](Scene& s) { s.intended(); },
                                               [](Scene& s) { s.intended(FenceState::kHeld); },
                                               [](Scene& s) { s.fencing(); },
                                               [](Scene& s) { s.proven(); },
                                               [](Scene& s) { s.recovering(); },
                                               [](Scene& s) { s.recovered(); },
                                               [](Scene& s) { s.recovered().back(); },
                                               [](Scene& s) { s.lifting(); },
                                               [](Scene& s) { s.lifting().unlisted(); }};
  for (std::size_t i = 0; i < std::size(steps); ++i) {
    SCOPED_TRACE("step " + std::to_string(i));
    Scene scene;
    steps[i](scene);
    const FenceState before = scene.fence().state;
    GetParam().make(scene);
    const NodeDecision decision = scene.decided();
    EXPECT_THAT(acts(decision), IsEmpty());
    EXPECT_EQ(decision.status.fence->state, before);
  }
}

TEST_P(HandsOffTest, AStandingFenceSaysThatItWaits) {
  Scene scene;
  scene.fencing();
  GetParam().make(scene);
  EXPECT_EQ(condition_reason(scene.decided(), api::condition::kHeld), GetParam().reason);
}

INSTANTIATE_TEST_SUITE_P(All, HandsOffTest, ::testing::ValuesIn(kHandsOff), [](const auto& of) { return of.param.reason; });

TEST(ConsiderTest, WithoutAPolicyNothingIsDone) {
  Scene scene;
  scene.dead().with_finalizer();
  scene.has_policy = false;
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(condition_reason(decision, api::condition::kReady), "PolicyNotFound");
  EXPECT_FALSE(stands(decision));
  EXPECT_THAT(decision.wishes, IsEmpty());
}

// ---- The intent

TEST(ConsiderTest, TheFinalizerIsSetBeforeTheIntent) {
  Scene scene;
  scene.dead();
  const NodeDecision first = scene.decided();
  ASSERT_TRUE(first.metadata);
  EXPECT_EQ(first.metadata->finalizer, true);
  EXPECT_FALSE(stands(first));
  scene.store(first);
  const NodeDecision second = scene.decided();
  EXPECT_TRUE(stands(second));
  EXPECT_FALSE(second.metadata);
}

TEST(ConsiderTest, TheIntentHoldsAllThatTheFenceNeedsLater) {
  Scene scene;
  scene.dead().with_finalizer();
  scene.service.enabled = false;
  scene.service.disabled_reason = "new disks";
  const NodeDecision decision = scene.decided();
  ASSERT_TRUE(stands(decision));
  const api::Fence& fence = *decision.status.fence;
  EXPECT_EQ(fence.id, kFence);
  EXPECT_EQ(fence.state, FenceState::kFencing);
  EXPECT_EQ(fence.boot_id, "boot-1");
  EXPECT_EQ(fence.nova_before, (api::NovaBefore{"disabled", "new disks", false}));
  EXPECT_EQ(fence.decided_by, "vmha-0/7");
  EXPECT_THAT(fence.storage.addresses, ElementsAre(kAddress));
  EXPECT_EQ(fence.power.state, ProofState::kPending);
  EXPECT_EQ(fence.storage.state, ProofState::kPending);
}

TEST(ConsiderTest, TheIntentOfANewFenceForgetsTheOldRecovery) {
  Scene scene;
  scene.recovered();
  scene.fence().state = FenceState::kLifted;
  scene.unlisted().service = Scene().service;
  scene.rest.fresh_suffix = "bbbbb";
  const NodeDecision decision = scene.decided();
  ASSERT_TRUE(stands(decision));
  EXPECT_EQ(decision.status.fence->id.value, "compute-1-bbbbb");
  EXPECT_FALSE(decision.status.recovery);
}

TEST(ConsiderTest, PendingBecomesRequestedBeforeAnythingIsCalled) {
  Scene scene;
  scene.intended();
  const NodeDecision first = scene.decided();
  EXPECT_EQ(first.status.fence->power.state, ProofState::kRequested);
  EXPECT_EQ(first.status.fence->storage.state, ProofState::kRequested);
  EXPECT_EQ(announced(first, "FenceStarted"), 1);
  EXPECT_THAT(acts(first), IsEmpty());
  scene.store(first);
  EXPECT_THAT(acts(scene.decided()), ElementsAre("PowerOff", "BlocklistAdd"));
}

struct SkippedCase {
  std::string name;
  std::function<void(Scene&)> make;
  ProofState power;
  ProofState storage;
};

class SkippedTest : public ::testing::TestWithParam<SkippedCase> {};

TEST_P(SkippedTest, AMethodThatCannotBeUsedIsSkippedWithAReason) {
  Scene scene;
  scene.intended();
  GetParam().make(scene);
  const NodeDecision decision = scene.decided();
  const api::Fence& fence = *decision.status.fence;
  EXPECT_EQ(fence.power.state, GetParam().power);
  EXPECT_EQ(fence.storage.state, GetParam().storage);
  EXPECT_EQ(fence.power.message.empty(), GetParam().power != ProofState::kSkipped);
  EXPECT_EQ(fence.storage.message.empty(), GetParam().storage != ProofState::kSkipped);
  scene.store(decision);
  const NodeDecision next = scene.decided();
  EXPECT_EQ(wished<PowerOff>(next) != nullptr, GetParam().power != ProofState::kSkipped);
  EXPECT_EQ(wished<BlocklistAdd>(next) != nullptr, GetParam().storage != ProofState::kSkipped);
}

INSTANTIATE_TEST_SUITE_P(
    All, SkippedTest,
    ::testing::Values(SkippedCase{"no_device", [](Scene& s) { s.object.spec.fencing.devices.clear(); }, ProofState::kSkipped, ProofState::kRequested},
                      SkippedCase{"policy_without_power", [](Scene& s) { s.policy.spec.fencing.methods = {api::FenceMethod::kStorage}; }, ProofState::kSkipped, ProofState::kRequested},
                      SkippedCase{"policy_without_storage", [](Scene& s) { s.policy.spec.fencing.methods = {api::FenceMethod::kPower}; }, ProofState::kRequested, ProofState::kSkipped},
                      SkippedCase{"no_address", [](Scene& s) { s.fence().storage.addresses.clear(); }, ProofState::kRequested, ProofState::kSkipped},
                      SkippedCase{"shared_address", [](Scene& s) { s.rest.shared_address = "10.77.0.11 is a mon's"; }, ProofState::kRequested, ProofState::kSkipped},
                      SkippedCase{"nothing_at_all",
                                  [](Scene& s) {
                                    s.object.spec.fencing.devices.clear();
                                    s.fence().storage.addresses.clear();
                                  },
                                  ProofState::kSkipped, ProofState::kSkipped}),
    [](const auto& of) { return of.param.name; });

TEST(ConsiderTest, AFenceWithoutAnyMethodStaysFencing) {
  Scene scene;
  scene.intended();
  scene.object.spec.fencing.devices.clear();
  scene.fence().storage.addresses.clear();
  for (int pass = 0; pass < 5; ++pass) {
    scene.store(scene.decided()).begun(seconds(60 * pass)).now += seconds(60);
    EXPECT_EQ(scene.fence().state, FenceState::kFencing);
    EXPECT_FALSE(scene.in_force() && scene.in_force()->requirement_met);
  }
}

// ---- Taking it back

struct TurnCase {
  std::string name;
  VerdictValue verdict;
  bool confirmed;
  ResponseAction storage_lost;
  FenceState from_intended;
  FenceState from_held;  ///< without room in the budget
};

class EvidenceTurnsTest : public ::testing::TestWithParam<TurnCase> {};

TEST_P(EvidenceTurnsTest, AnIntentIsWithdrawnOnlyByDefiniteCounterEvidence) {
  Scene scene;
  scene.intended().judged(GetParam().verdict, GetParam().confirmed);
  scene.policy.spec.response.on_storage_lost = GetParam().storage_lost;
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->state, GetParam().from_intended);
  EXPECT_THAT(acts(decision), IsEmpty());
}

TEST_P(EvidenceTurnsTest, AHeldFenceIsWithdrawnOnlyByDefiniteCounterEvidence) {
  Scene scene;
  scene.intended(FenceState::kHeld).judged(GetParam().verdict, GetParam().confirmed);
  scene.rest.budget_allows = false;
  scene.policy.spec.response.on_storage_lost = GetParam().storage_lost;
  EXPECT_EQ(scene.decided().status.fence->state, GetParam().from_held);
}

TEST_P(EvidenceTurnsTest, AfterTheFirstCallAFenceIsNotGivenUp) {
  Scene scene;
  scene.fencing().judged(GetParam().verdict, GetParam().confirmed);
  scene.policy.spec.response.on_storage_lost = GetParam().storage_lost;
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->state, FenceState::kFencing);
  EXPECT_THAT(acts(decision), ElementsAre("PowerOff", "BlocklistAdd"));
}

constexpr auto kWithdrawn = FenceState::kWithdrawn;
constexpr auto kGoesOn = FenceState::kFencing;
constexpr auto kHolds = FenceState::kHeld;
INSTANTIATE_TEST_SUITE_P(All, EvidenceTurnsTest,
                         ::testing::Values(TurnCase{"healthy", VerdictValue::kHealthy, false, kFenceIt, kWithdrawn, kWithdrawn},
                                           TurnCase{"agent_down", VerdictValue::kAgentDown, false, kFenceIt, kWithdrawn, kWithdrawn},
                                           TurnCase{"isolated_that_the_policy_leaves", VerdictValue::kIsolated, true, kFenceIt, kWithdrawn, kWithdrawn},
                                           TurnCase{"storage_lost_that_the_policy_leaves", VerdictValue::kStorageLost, true, kLeave, kWithdrawn, kWithdrawn},
                                           TurnCase{"storage_lost_not_yet_for_long", VerdictValue::kStorageLost, false, kFenceIt, kGoesOn, kHolds},
                                           TurnCase{"unknown", VerdictValue::kUnknown, false, kFenceIt, kGoesOn, kHolds},
                                           TurnCase{"dead_not_yet_for_long", VerdictValue::kDead, false, kFenceIt, kGoesOn, kHolds}),
                         [](const auto& of) { return of.param.name; });

TEST(ConsiderTest, AnIntentThatWaitsCallsNothing) {
  for (const VerdictValue value : {VerdictValue::kUnknown, VerdictValue::kDead, VerdictValue::kStorageLost}) {
    Scene scene;
    scene.intended().judged(value, false);
    const NodeDecision decision = scene.decided();
    EXPECT_THAT(acts(decision), IsEmpty());
    EXPECT_EQ(decision.status.fence->power.state, ProofState::kPending);
  }
}

TEST(ConsiderTest, AWithdrawnFenceLetsTheFinalizerGo) {
  Scene scene;
  scene.intended(FenceState::kWithdrawn).judged(VerdictValue::kHealthy);
  const NodeDecision decision = scene.decided();
  ASSERT_TRUE(decision.metadata);
  EXPECT_EQ(decision.metadata->finalizer, false);
}

}  // namespace
}  // namespace vmha::computenode::testing
