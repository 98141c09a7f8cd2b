// Nova is told, the recovery is followed, and the way back.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::FenceState;
using api::ProofState;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// ---- Nova is told

TEST(TellNovaTest, ForcedDownFirstThenDisabledWithOurMark) {
  Scene scene;
  scene.proven();
  NodeDecision decision = scene.decided();
  ASSERT_NE(wished<SetForcedDown>(decision), nullptr);
  EXPECT_TRUE(wished<SetForcedDown>(decision)->forced_down);
  EXPECT_EQ(wished<DisableService>(decision), nullptr) << "disabling a service that looks up is a call to the dead host";

  scene.service.forced_down = true;
  decision = scene.decided();
  EXPECT_EQ(wished<SetForcedDown>(decision), nullptr);
  ASSERT_NE(wished<DisableService>(decision), nullptr);
  EXPECT_EQ(wished<DisableService>(decision)->reason, kOurMark);

  scene.forced_down();
  decision = scene.decided();
  EXPECT_THAT(acts(decision), IsEmpty());
}

TEST(TellNovaTest, ADisabledServiceGetsOurMarkToo) {
  Scene scene;
  scene.proven().forced_down().service.disabled_reason = "new disks";
  EXPECT_NE(wished<DisableService>(scene.decided()), nullptr);
}

TEST(TellNovaTest, AfterAnActNovaIsReadBeforeTheNext) {
  Scene scene;
  scene.proven();
  scene.rest.lanes["nova"] = {.finished = scene.service_read + milliseconds(1), .failures_in_a_row = 0, .error = "", .operation = "SetForcedDown"};
  const NodeDecision decision = scene.decided();
  EXPECT_THAT(acts(decision), IsEmpty());
  EXPECT_NE(wished<ReadServices>(decision), nullptr);
}

struct NotYetCase {
  std::string name;
  std::function<void(Scene&)> make;
};

class NotProvenTest : public ::testing::TestWithParam<NotYetCase> {};

TEST_P(NotProvenTest, WithoutAReadableProofNovaIsNotToldAndNothingIsRecovered) {
  Scene scene;
  scene.proven();
  GetParam().make(scene);
  NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<SetForcedDown>(decision), nullptr);
  EXPECT_EQ(wished<DisableService>(decision), nullptr);
  scene.forced_down();
  decision = scene.decided();
  EXPECT_FALSE(decision.status.recovery);
}

INSTANTIATE_TEST_SUITE_P(All, NotProvenTest,
                         ::testing::Values(NotYetCase{"restarted", [](Scene& s) { s.restarted(); }},
                                           NotYetCase{"both_too_old",
                                                      [](Scene& s) {
                                                        s.reads_off("bmc", seconds(60), seconds(9));
                                                        s.blocklist->at = s.now - seconds(9);
                                                      }},
                                           NotYetCase{"entry_gone_and_power_on_again",
                                                      [](Scene& s) {
                                                        s.blocklist->value.clear();
                                                        s.rest.devices["bmc"] = s.on();
                                                      }},
                                           NotYetCase{"host_required_and_power_on_again",
                                                      [](Scene& s) {
                                                        s.policy.spec.fencing.require = api::RequiredProof::kHost;
                                                        s.rest.devices["bmc"] = s.on();
                                                      }},
                                           NotYetCase{"still_fencing", [](Scene& s) { s.fence().state = FenceState::kFencing; }},
                                           NotYetCase{"nova_not_read", [](Scene& s) { s.has_service = false; }}),
                         [](const auto& of) { return of.param.name; });

// ---- The recovery begins and ends

struct MarkCase {
  std::string name;
  std::function<void(nova::Service&)> make;
  bool begins;
};

class BeginTest : public ::testing::TestWithParam<MarkCase> {};

TEST_P(BeginTest, ARecoveryBeginsOnlyAfterNovaShowsBoth) {
  Scene scene;
  scene.proven().forced_down();
  GetParam().make(scene.service);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.recovery.has_value(), GetParam().begins);
  EXPECT_EQ(announced(decision, "RecoveryStarted"), GetParam().begins ? 1 : 0);
}

INSTANTIATE_TEST_SUITE_P(All, BeginTest,
                         ::testing::Values(MarkCase{"both", [](auto&) {}, true}, MarkCase{"not_forced_down", [](auto& s) { s.forced_down = false; }, false},
                                           MarkCase{"without_our_mark", [](auto& s) { s.disabled_reason = "new disks"; }, false}),
                         [](const auto& of) { return of.param.name; });

TEST(FollowInstancesTest, IsFinishedOnlyWhenEveryServerIsKnownAndNoneIsLeft) {
  struct Case {
    bool all_known, none_left, finished;
  };
  for (const Case& c : {Case{false, false, false}, Case{true, false, false}, Case{false, true, false}, Case{true, true, true}}) {
    Scene scene;
    scene.recovering();
    scene.rest.recovery = {.total = 3, .recovered = 2, .failed = 0, .skipped = 1, .in_progress = 0, .all_known = c.all_known, .none_left = c.none_left};
    const NodeDecision decision = scene.decided();
    EXPECT_EQ(decision.status.recovery->finished_time.has_value(), c.finished);
    EXPECT_EQ(announced(decision, "RecoveryFinished"), c.finished ? 1 : 0);
    EXPECT_EQ(decision.status.recovery->total, 3);
    EXPECT_EQ(decision.status.recovery->recovered, 2);
    EXPECT_EQ(decision.status.recovery->skipped, 1);
  }
}

TEST(FollowInstancesTest, ARetriedInstanceOpensTheRecoveryAgainAndKeepsTheProofReadable) {
  Scene scene;
  scene.recovered().rest.recovery.none_left = false;
  scene.blocklist->at = scene.now - seconds(3);
  const NodeDecision decision = scene.decided();
  EXPECT_FALSE(decision.status.recovery->finished_time);
  EXPECT_NE(wished<ReadBlocklist>(decision), nullptr);
  EXPECT_EQ(wished<PowerOn>(decision), nullptr);
}

// ---- The way back

struct ReturnCase {
  std::string name;
  std::function<void(Scene&)> make;
  bool lifts;
};

class PrepareLiftTest : public ::testing::TestWithParam<ReturnCase> {};

TEST_P(PrepareLiftTest, AFenceIsLiftedOnlyAfterAProvenPowerCycleASettledRecoveryAndNovasCleanUp) {
  Scene scene;
  scene.recovered().back();
  GetParam().make(scene);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->state, GetParam().lifts ? FenceState::kLifting : FenceState::kProven);
  EXPECT_EQ(wished<BlocklistRemove>(decision), nullptr) << "the intent is stored first";
  EXPECT_EQ(wished<SetForcedDown>(decision), nullptr);
}

ReturnCase left_over(const std::string& status, bool lifts) {
  std::string name = "evacuation_" + status;
  std::replace(name.begin(), name.end(), '-', '_');
  return {name, [status](Scene& s) { s.migrations->value = {evacuation(status)}; }, lifts};
}

INSTANTIATE_TEST_SUITE_P(
    All, PrepareLiftTest,
    ::testing::Values(
        ReturnCase{"as_it_should_be", [](Scene&) {}, true}, ReturnCase{"recovery_not_begun", [](Scene& s) { s.object.status.recovery.reset(); }, false},
        ReturnCase{"recovery_not_finished", [](Scene& s) { s.object.status.recovery->finished_time.reset(); }, false},
        ReturnCase{"recovery_of_another_fence", [](Scene& s) { s.object.status.recovery->fence_id = FenceId{"compute-1-zzzzz"}; }, false},
        ReturnCase{"instance_still_to_be_recovered", [](Scene& s) { s.rest.recovery.none_left = false; }, false},
        ReturnCase{"boot_id_unchanged", [](Scene& s) { s.rest.kubernetes_node->boot_id = "boot-1"; }, false},
        ReturnCase{"boot_id_unknown_then_and_power_proven",
                   [](Scene& s) {
                     s.fence().boot_id.clear();
                     s.rest.kubernetes_node.reset();
                   },
                   true},
        ReturnCase{"boot_id_unknown_then_and_power_not_proven",
                   [](Scene& s) {
                     s.fence().boot_id.clear();
                     s.fence().power.state = ProofState::kFailed;
                   },
                   false},
        ReturnCase{"new_boot_id_and_power_skipped", [](Scene& s) { s.fence().power.state = ProofState::kSkipped; }, true},
        ReturnCase{"nova_silent", [](Scene& s) { s.rest.evidence.nova.quiet = seconds(40); }, false},
        ReturnCase{"nova_unreadable", [](Scene& s) { s.rest.evidence.nova.readable = false; }, false},
        ReturnCase{"nova_never_moved", [](Scene& s) { s.rest.evidence.nova.proven_alive.reset(); }, false},
        ReturnCase{"an_order_to_switch_off_not_answered_yet",
                   [](Scene& s) {
                     s.rest.requested["power/bmc"] = s.now - seconds(20);
                     s.rest.lanes["power/bmc"] = LaneOutcome{s.now - seconds(40), 1, "no answer in time", "PowerOff"};
                   },
                   false},
        ReturnCase{"an_order_to_switch_off_that_has_ended",
                   [](Scene& s) {
                     s.rest.requested["power/bmc"] = s.now - seconds(20);
                     s.rest.lanes["power/bmc"] = LaneOutcome{s.now - seconds(2), 1, "no answer in time", "PowerOff"};
                   },
                   true},
        ReturnCase{"power_reads_off", [](Scene& s) { s.rest.evidence.power.first_off = s.now - seconds(5); }, false},
        ReturnCase{"heartbeat_before_the_last_off", [](Scene& s) { s.rest.evidence.power.last_off = s.now - seconds(1); }, false},
        ReturnCase{"migrations_not_read", [](Scene& s) { s.migrations.reset(); }, false}, ReturnCase{"migrations_too_old", [](Scene& s) { s.migrations->at = s.now - seconds(9); }, false},
        left_over("accepted", false), left_over("pre-migrating", false), left_over("done", false), left_over("completed", true), left_over("failed", true), left_over("error", true),
        ReturnCase{"live_migration_running",
                   [](Scene& s) {
                     s.migrations->value = {evacuation("running")};
                     s.migrations->value[0].type = "live-migration";
                   },
                   true},
        ReturnCase{"evacuation_to_this_host",
                   [](Scene& s) {
                     s.migrations->value = {evacuation("done")};
                     s.migrations->value[0].source = NovaHost{"compute-2.example"};
                   },
                   true},
        ReturnCase{"manual", [](Scene& s) { s.policy.spec.return_.mode = api::ReturnMode::kManual; }, false},
        ReturnCase{"manual_and_released",
                   [](Scene& s) {
                     s.policy.spec.return_.mode = api::ReturnMode::kManual;
                     s.annotate(api::kReleaseAnnotation, kFence.value);
                   },
                   true},
        ReturnCase{"manual_and_another_fence_released",
                   [](Scene& s) {
                     s.policy.spec.return_.mode = api::ReturnMode::kManual;
                     s.annotate(api::kReleaseAnnotation, "compute-1-zzzzz");
                   },
                   false},
        ReturnCase{"an_instance_failed", [](Scene& s) { s.object.status.recovery->failed = 1; }, false},
        ReturnCase{"an_instance_failed_and_released",
                   [](Scene& s) {
                     s.object.status.recovery->failed = 1;
                     s.annotate(api::kReleaseAnnotation, kFence.value);
                   },
                   true},
        ReturnCase{"released_with_an_unchanged_boot_id",
                   [](Scene& s) {
                     s.rest.kubernetes_node->boot_id = "boot-1";
                     s.annotate(api::kReleaseAnnotation, kFence.value);
                   },
                   false}),
    [](const auto& of) { return of.param.name; });

TEST(PowerOnTest, AHostThatReadsOffIsPoweredOnOnceItsInstancesAreSafe) {
  Scene scene;
  scene.recovered();
  EXPECT_NE(wished<PowerOn>(scene.decided()), nullptr);
  scene.rest.requested["on/bmc"] = scene.now - seconds(10);
  EXPECT_EQ(wished<PowerOn>(scene.decided()), nullptr) << "it takes a while";
  scene.rest.requested["on/bmc"] = scene.now - seconds(31);
  EXPECT_NE(wished<PowerOn>(scene.decided()), nullptr);
}

TEST(PowerOnTest, NeverBeforeThatAndNeverAgainstThePolicyOrAPerson) {
  const std::function<void(Scene&)> cases[] = {[](Scene& s) { s.recovering(); },
                                               [](Scene& s) { s.recovered().policy.spec.return_.power_on = false; },
                                               [](Scene& s) { s.recovered().policy.spec.return_.mode = api::ReturnMode::kManual; },
                                               [](Scene& s) { s.recovered().object.status.recovery->failed = 1; },
                                               [](Scene& s) { s.recovered().rest.recovery.none_left = false; },
                                               [](Scene& s) { s.recovered().object.status.devices[0].seen_on = false; }};
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    Scene scene;
    cases[i](scene);
    EXPECT_EQ(wished<PowerOn>(scene.decided()), nullptr) << "case " << i;
  }
}

// ---- Lifting

TEST(LiftTest, BlocklistThenUnforceThenHealthyThenEnable) {
  Scene scene;
  scene.lifting();
  NodeDecision decision = scene.decided();
  EXPECT_THAT(acts(decision), ElementsAre("BlocklistRemove"));
  ASSERT_THAT(wished<BlocklistRemove>(decision)->addresses, ElementsAre(kAddress));

  scene.unlisted();
  decision = scene.decided();
  ASSERT_THAT(acts(decision), ElementsAre("SetForcedDown"));
  EXPECT_FALSE(wished<SetForcedDown>(decision)->forced_down);

  scene.service.forced_down = false;
  EXPECT_THAT(acts(scene.decided()), IsEmpty()) << "it has to look healthy first";
  scene.rest.returned_healthy_since = scene.now - seconds(59);
  EXPECT_THAT(acts(scene.decided()), IsEmpty());
  scene.rest.returned_healthy_since = scene.now - seconds(60);
  EXPECT_THAT(acts(decision = scene.decided()), ElementsAre("EnableService"));
  EXPECT_EQ(decision.status.fence->state, FenceState::kLifting);

  scene.service.enabled = true;
  scene.service.disabled_reason.clear();
  decision = scene.decided();
  EXPECT_THAT(acts(decision), IsEmpty());
  EXPECT_EQ(decision.status.fence->state, FenceState::kLifted);
  EXPECT_TRUE(decision.status.fence->lifted_time);
  EXPECT_EQ(announced(decision, "FenceLifted"), 1);

  EXPECT_FALSE(decision.metadata) << "the finalizer stays until that is stored";
  decision = scene.store(decision).decided();
  ASSERT_TRUE(decision.metadata);
  EXPECT_EQ(decision.metadata->finalizer, false);
}

TEST(LiftTest, TheListIsReadAfterTheRemoval) {
  Scene scene;
  scene.lifting().unlisted();
  scene.rest.lanes["storage"] = {.finished = scene.now - milliseconds(500), .failures_in_a_row = 0, .error = "", .operation = "BlocklistRemove"};
  NodeDecision decision = scene.decided();
  EXPECT_THAT(acts(decision), IsEmpty());
  EXPECT_NE(wished<ReadBlocklist>(decision), nullptr);
  scene.blocklist->at = scene.now - seconds(9);
  scene.rest.lanes.clear();
  EXPECT_THAT(acts(scene.decided()), IsEmpty()) << "an old reading shows nothing";
}

TEST(LiftTest, AfterAnActNovaIsReadBeforeTheNext) {
  Scene scene;
  scene.lifting().unlisted();
  scene.rest.lanes["nova"] = {.finished = scene.service_read + milliseconds(1), .failures_in_a_row = 0, .error = "", .operation = "SetForcedDown"};
  const NodeDecision decision = scene.decided();
  EXPECT_THAT(acts(decision), IsEmpty());
  EXPECT_NE(wished<ReadServices>(decision), nullptr);
}

TEST(LiftTest, WithoutAStorageFenceThereIsNothingToRemove) {
  Scene scene;
  scene.lifting().fence().storage.state = ProofState::kSkipped;
  EXPECT_THAT(acts(scene.decided()), ElementsAre("SetForcedDown"));
}

TEST(LiftTest, AServiceThatWasDisabledBeforeIsDisabledAgainWithItsOwnReason) {
  Scene scene;
  scene.lifting().unlisted().fence().nova_before = api::NovaBefore{"disabled", "new disks", false};
  scene.service.forced_down = false;
  scene.rest.returned_healthy_since = scene.now - seconds(100);
  NodeDecision decision = scene.decided();
  ASSERT_THAT(acts(decision), ElementsAre("DisableService"));
  EXPECT_EQ(wished<DisableService>(decision)->reason, "new disks");
  scene.service.disabled_reason = "new disks";
  decision = scene.decided();
  EXPECT_THAT(acts(decision), IsEmpty());
  EXPECT_EQ(decision.status.fence->state, FenceState::kLifted);
}

TEST(LiftTest, AServiceThatAnAdminHadForcedDownStaysSo) {
  Scene scene;
  scene.lifting().unlisted().fence().nova_before = api::NovaBefore{"enabled", "", true};
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<SetForcedDown>(decision), nullptr);
  EXPECT_NE(wished<EnableService>(decision), nullptr);
}

TEST(LiftTest, AHostThatDiesAgainGetsANewFenceThatKnowsWhatNovaHadBefore) {
  Scene scene;
  scene.lifting().dead().fence().nova_before = api::NovaBefore{"disabled", "new disks", false};
  scene.rest.fresh_suffix = "bbbbb";
  const NodeDecision decision = scene.decided();
  ASSERT_TRUE(stands(decision));
  EXPECT_EQ(decision.status.fence->id.value, "compute-1-bbbbb");
  EXPECT_EQ(decision.status.fence->state, FenceState::kFencing);
  EXPECT_EQ(decision.status.fence->nova_before, (api::NovaBefore{"disabled", "new disks", false}));
  EXPECT_FALSE(decision.status.recovery);
  EXPECT_THAT(acts(decision), IsEmpty()) << "neither lifting nor fencing goes on in this pass";
}

// ---- The finalizer

TEST(FinalizerTest, StaysWhileAFenceStands) {
  const std::function<void(Scene&)> steps[] = {[](Scene& s) { s.intended(FenceState::kHeld); }, [](Scene& s) { s.intended(); },    [](Scene& s) { s.fencing(); },
                                               [](Scene& s) { s.recovering(); },                [](Scene& s) { s.recovered(); }, [](Scene& s) { s.lifting(); }};
  for (const auto& step : steps) {
    Scene scene;
    step(scene);
    scene.object.metadata.deletion_timestamp = "2026-11-23T00:00:00Z";
    EXPECT_FALSE(scene.decided().metadata);
  }
}

TEST(FinalizerTest, AbandoningTheVeryFenceLetsADeletedNodeGo) {
  struct Case {
    std::string word;
    bool deleted, goes;
  };
  for (const Case& c : {Case{kFence.value, true, true}, Case{kFence.value, false, false}, Case{"compute-1-zzzzz", true, false}, Case{"true", true, false}}) {
    Scene scene;
    scene.recovering().annotate(api::kAbandonFenceAnnotation, c.word);
    if (c.deleted) scene.object.metadata.deletion_timestamp = "2026-11-23T00:00:00Z";
    const NodeDecision decision = scene.decided();
    EXPECT_EQ(decision.metadata && decision.metadata->finalizer == false, c.goes) << c.word;
  }
}

}  // namespace
}  // namespace vmha::computenode::testing
