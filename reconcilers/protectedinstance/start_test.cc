#include <gmock/gmock.h>

#include <functional>

#include "reconcilers/protectedinstance/testing.h"

namespace vmha::protectedinstance::testing {
namespace {

using api::InstancePhase;
using api::RecoveryStep;
using ::testing::HasSubstr;

TEST(StartTest, TheIntentIsStoredBeforeAnythingIsAsked) {
  Scene scene;
  scene.fenced();
  scene.migrations->value = {evacuation(9, "completed", kTo.value)};
  const InstanceDecision decision = scene.decided();
  ASSERT_TRUE(decision.status.recovery.has_value());
  EXPECT_EQ(decision.status.phase, InstancePhase::kRecovering);
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kIntended);
  EXPECT_EQ(decision.status.recovery->fence_id, kFence);
  EXPECT_EQ(decision.status.recovery->attempt, 1);
  EXPECT_EQ(decision.status.recovery->original_state, "active");
  EXPECT_EQ(decision.status.recovery->from, "compute-1");
  EXPECT_EQ(decision.status.recovery->migration_id.value, "migration-9") << "what there was before is not this attempt's";
  EXPECT_TRUE(decision.status.recovery->started_time.has_value());
  EXPECT_FALSE(acts(decision));
  EXPECT_TRUE(is_in_flight(decision.status));
}

TEST(StartTest, WithoutFreshReadingsItReadsAndDoesNotTouchStatus) {
  Scene scene;
  scene.fenced();
  scene.store(Scene().decided());
  scene.server->at = scene.migrations->at = scene.disks->at = scene.now - seconds(6);
  const InstanceDecision decision = scene.decided();
  EXPECT_NE(wished<ReadServer>(decision), nullptr);
  ASSERT_NE(wished<ReadMigrations>(decision), nullptr);
  EXPECT_EQ(wished<ReadMigrations>(decision)->host, kFrom);
  EXPECT_NE(wished<ReadDisks>(decision), nullptr);
  EXPECT_FALSE(acts(decision));
  EXPECT_FALSE(decision.status.recovery.has_value());
}

TEST(StartTest, SaysSoWhenNovaCannotBeRead) {
  Scene scene;
  scene.fenced();
  scene.server->at = scene.now - seconds(60);
  scene.rest.lanes["server"] = {.finished = scene.now - seconds(10), .failures_in_a_row = 2, .error = "500", .operation = "ReadServer"};
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kWaiting);
  EXPECT_EQ(decision.status.recovery->message, "nova cannot be read");
}

TEST(StartTest, DoesNotReadAgainBeforeThePauseAfterFailuresIsOver) {
  Scene scene;
  scene.fenced();
  scene.server->at = scene.now - seconds(60);
  scene.rest.lanes["server"] = {.finished = scene.now - seconds(1), .failures_in_a_row = 2, .error = "500", .operation = "ReadServer"};
  EXPECT_EQ(wished<ReadServer>(scene.decided()), nullptr);
}

struct End {
  std::string name;
  std::function<void(Scene&)> change;
  InstancePhase phase;
  std::string message;
};

void PrintTo(const End& end, std::ostream* out) { *out << end.name; }

class ReasonTest : public ::testing::TestWithParam<End> {};

TEST_P(ReasonTest, IsInStatusAndNothingIsDone) {
  Scene scene;
  scene.fenced();
  GetParam().change(scene);
  const InstanceDecision decision = scene.decided();
  EXPECT_FALSE(acts(decision));
  EXPECT_EQ(decision.status.phase, GetParam().phase);
  ASSERT_TRUE(decision.status.recovery.has_value());
  EXPECT_THAT(decision.status.recovery->message, HasSubstr(GetParam().message));
  EXPECT_FALSE(is_in_flight(decision.status));
  api::ProtectedInstance after = scene.object;
  after.status = decision.status;
  EXPECT_EQ(is_settled(after, kFence), GetParam().phase == InstancePhase::kUnprotected);
  EXPECT_EQ(scene.store(decision).decided().status, decision.status) << "the same view says the same";
  EXPECT_TRUE(scene.decided().announcements.empty()) << "told once";
}

INSTANTIATE_TEST_SUITE_P(
    Waits, ReasonTest,
    ::testing::Values(
        End{"for_budget", [](Scene& s) { s.rest.may_start = false; }, InstancePhase::kWaiting, "waits for its turn"},
        End{"for_the_proof", [](Scene& s) { s.rest.fence->requirement_met = false; }, InstancePhase::kWaiting, "not proven"},
        End{"for_nova", [](Scene& s) { s.rest.fence->service_forced_down = false; }, InstancePhase::kWaiting, "not forced down"},
        End{"for_the_end_of_a_pause", [](Scene& s) { s.rest.paused = true; }, InstancePhase::kWaiting, "Paused: would evacuate it from compute-1 to a host of nova's choice"},
        End{"under_maintenance", [](Scene& s) { s.rest.maintenance = true; }, InstancePhase::kWaiting, "Maintenance: would evacuate"},
        End{"for_its_policy", [](Scene& s) { s.has_policy = false; }, InstancePhase::kWaiting, "PolicyNotFound"},
        End{"for_a_host", [](Scene& s) { s.host_facts(2).healthy = s.host_facts(3).healthy = false; }, InstancePhase::kWaiting, "no valid host"},
        End{"for_a_task", [](Scene& s) { s.server->value.task_state = "resize_prep"; }, InstancePhase::kWaiting, "resize_prep"},
        End{"for_a_live_migration",
            [](Scene& s) {
              s.migrations->value = {evacuation(4, "running", kTo.value)};
              s.migrations->value[0].type = "live-migration";
              s.rest.fence->power_proven = false;
            },
            InstancePhase::kWaiting, "live-migration migration-4 to compute-2 is running"},
        End{"for_a_writer", [](Scene& s) { s.disks->value[0].watchers = {watcher("10.77.0.13")}; }, InstancePhase::kWaiting, "watched from 10.77.0.13:0/7 (compute-3)"},
        End{"for_the_power_proof",
            [](Scene& s) {
              s.server->value.volumes = {"vol-1"};
              s.rest.fence->power_proven = false;
            },
            InstancePhase::kWaiting, "volume vol-1"}),
    [](const auto& param) { return param.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Skips, ReasonTest,
    ::testing::Values(
        End{"leave", [](Scene& s) { s.object.spec.recovery.on_host_failure = api::HostFailureAction::kLeave; }, InstancePhase::kUnprotected, "onHostFailure is Leave"},
        End{"dry_run", [](Scene& s) { s.policy.spec.mode = api::PolicyMode::kDryRun; }, InstancePhase::kUnprotected, "DryRun: would evacuate it from compute-1"},
        End{"duplicate", [](Scene& s) { s.rest.duplicate = true; }, InstancePhase::kUnprotected, "Duplicate"},
        End{"stopped",
            [](Scene& s) {
              s.server->value.vm_state = "stopped";
              s.policy.spec.evacuation.include_stopped = false;
            },
            InstancePhase::kUnprotected, "includeStopped"},
        End{"shelved", [](Scene& s) { s.server->value.vm_state = "shelved"; }, InstancePhase::kUnprotected, "shelved"},
        End{"suspended", [](Scene& s) { s.server->value.vm_state = "suspended"; }, InstancePhase::kUnprotected, "suspended"},
        End{"resized", [](Scene& s) { s.server->value.vm_state = "resized"; }, InstancePhase::kUnprotected, "resized"},
        End{"rescued", [](Scene& s) { s.server->value.vm_state = "rescued"; }, InstancePhase::kUnprotected, "rescued"},
        End{"root_disk_on_the_host", [](Scene& s) { s.disks->value.clear(); }, InstancePhase::kUnprotected, "root disk"}),
    [](const auto& param) { return param.param.name; });

TEST(StartTest, DryRunIsToldAsAnEventOnce) {
  Scene scene;
  scene.fenced();
  scene.policy.spec.mode = api::PolicyMode::kDryRun;
  const InstanceDecision decision = scene.decided();
  ASSERT_EQ(announced(decision, "InstanceEvacuating"), 1);
  EXPECT_THAT(decision.announcements.back().note, HasSubstr("DryRun: would evacuate"));
}

TEST(StartTest, AServerThatCannotBeEvacuatedIsNamedToAPerson) {
  Scene scene;
  scene.fenced();
  scene.server->value.vm_state = "paused";
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(announced(decision, "NotRecoverable"), 1);
  EXPECT_TRUE(condition_is(decision, api::condition::kRecoverable, api::ConditionStatus::kFalse));
}

TEST(StartTest, ASkippedOneIsRecoveredAfterAllWhenTheReasonIsGone) {
  Scene scene;
  scene.fenced();
  scene.object.spec.recovery.on_host_failure = api::HostFailureAction::kLeave;
  scene.store(scene.decided());
  ASSERT_EQ(scene.object.status.recovery->phase, RecoveryStep::kSkipped);
  scene.object.spec.recovery.on_host_failure = api::HostFailureAction::kEvacuate;
  EXPECT_EQ(scene.decided().status.recovery->phase, RecoveryStep::kIntended);
}

TEST(StartTest, AWaitingOneThatSomebodyMovedIsSkippedWithTheReason) {
  Scene scene;
  scene.fenced();
  scene.rest.may_start = false;
  scene.store(scene.decided());
  scene.server->value.host = kTo;
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kSkipped);
  EXPECT_EQ(decision.status.recovery->message, "moved by someone else before it was evacuated");
  EXPECT_EQ(scene.store(decision).decided().status.phase, InstancePhase::kProtected);
}

TEST(StartTest, OfADeletedComputeNodeAServerIsNotTakenForMoved) {
  Scene scene;
  scene.fenced().at_step(RecoveryStep::kLocked);
  scene.rest.fence.reset();
  scene.hosts.erase(scene.hosts.begin());  // nobody says any more that compute-1 is compute-1.example
  EXPECT_EQ(scene.decided().status.recovery->phase, RecoveryStep::kLocked);
  scene.server->value.host = kTo;
  EXPECT_EQ(scene.decided().status.recovery->phase, RecoveryStep::kMoved);
}

TEST(StartTest, AWaitingOneIsSkippedWhenItsFenceEnds) {
  Scene scene;
  scene.fenced();
  scene.rest.may_start = false;
  scene.store(scene.decided());
  scene.rest.fence.reset();
  EXPECT_EQ(scene.decided().status.phase, InstancePhase::kWaiting) << "the fence stands, only its proof cannot be read";
  scene.rest.standing_fences.clear();
  EXPECT_EQ(scene.decided().status.recovery->phase, RecoveryStep::kSkipped);
}

TEST(StartTest, AnEvacuationThatRunsAlreadyIsFollowedNotAskedForAgain) {
  Scene scene;
  scene.fenced();
  scene.server->value.task_state = "rebuild_spawning";
  scene.migrations->value = {evacuation(12, "pre-migrating", kTo.value)};
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kRequested);
  EXPECT_EQ(decision.status.recovery->migration_id.value, "migration-12");
  EXPECT_EQ(announced(decision, "InstanceEvacuating"), 1);
}

class PauseTest : public ::testing::Test {
 protected:
  PauseTest() {
    scene_.fenced().at_step(RecoveryStep::kIntended, 2);
    scene_.object.status.phase = InstancePhase::kWaiting;
  }
  bool starts(Duration from_now) {
    scene_.object.status.recovery->next_attempt_time = kWall + from_now;
    return scene_.decided().status.phase == InstancePhase::kRecovering;
  }
  Scene scene_;
};

TEST_F(PauseTest, BetweenAttemptsIsKept) {
  EXPECT_FALSE(starts(seconds(8)));
  EXPECT_TRUE(starts(seconds(0)));
  EXPECT_EQ(scene_.decided().status.recovery->attempt, 3);
}

TEST_F(PauseTest, AClockThatWasSetBackDoesNotMakeItLast) { EXPECT_TRUE(starts(seconds(3600))); }

TEST_F(PauseTest, NoNewIntentWhileAnActIsStillOpen) {
  scene_.rest.nova_busy = true;
  EXPECT_FALSE(starts(seconds(0)));
}

TEST(StartTest, TheFenceOfItsNewHostTakesOverWithTheStateItFirstHad) {
  Scene scene;
  scene.fenced().at_step(RecoveryStep::kMoved);
  scene.object.status.recovery->original_state = "stopped";
  scene.object.status.recovery->locked = true;
  scene.moved();
  scene.host_facts(2).healthy = false;
  scene.host_facts(2).fence_standing = true;
  const InstanceDecision waits = scene.decided();
  EXPECT_FALSE(acts(waits));
  EXPECT_EQ(waits.status.recovery->phase, RecoveryStep::kMoved) << "its fence is not proven yet";
  scene.rest.fence = scene.host_facts(2).fence = fence_of(2, FenceId{"compute-2-ccccc"});
  scene.rest.standing_fences.insert(FenceId{"compute-2-ccccc"});
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.recovery->fence_id.value, "compute-2-ccccc");
  EXPECT_EQ(decision.status.recovery->from, "compute-2");
  EXPECT_EQ(decision.status.recovery->original_state, "stopped");
  EXPECT_EQ(decision.status.recovery->attempt, 1);
  EXPECT_TRUE(decision.status.recovery->locked);
}

TEST(StartTest, WhatWasSkippedDoesNotWaitForItsTurnAgain) {
  Scene scene;
  scene.fenced();
  scene.server->value.vm_state = "paused";
  scene.store(scene.decided());
  ASSERT_EQ(scene.object.status.recovery->phase, RecoveryStep::kSkipped);
  scene.rest.may_start = false;
  EXPECT_EQ(scene.decided().status.recovery->phase, RecoveryStep::kSkipped);
  EXPECT_TRUE(is_settled(scene.object, kFence)) << "else the host's recovery would end and begin again and again";
  scene.rest.may_start = true;
  scene.rest.fence->requirement_met = false;
  EXPECT_EQ(scene.decided().status.recovery->phase, RecoveryStep::kSkipped) << "a proof that cannot be read for a moment";
  scene.rest.fence->requirement_met = true;
  scene.host_facts(2).healthy = scene.host_facts(3).healthy = false;
  EXPECT_EQ(scene.decided().status.recovery->phase, RecoveryStep::kSkipped) << "hosts that are not known to be healthy for a moment";
  scene.host_facts(2).healthy = true;
  scene.server->value.vm_state = "active";
  EXPECT_TRUE(is_in_flight(scene.decided().status)) << "somebody let it go on";
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
