#include <gmock/gmock.h>

#include "reconcilers/protectedinstance/testing.h"

namespace vmha::protectedinstance::testing {
namespace {

using api::InstancePhase;
using api::RecoveryStep;
using ::testing::HasSubstr;

class FollowTest : public ::testing::Test {
 protected:
  FollowTest() {
    scene_.fenced().at_step(RecoveryStep::kRequested);
    scene_.object.status.recovery->locked = true;
    scene_.object.status.recovery->migration_id = MigrationUuid{"migration-12"};
    scene_.migrations = {{evacuation(12, "pre-migrating", kTo.value)}, scene_.now - milliseconds(200)};
    scene_.server->value.task_state = "rebuild_spawning";
    scene_.server->at = scene_.now - milliseconds(100);
  }
  void ends(const std::string& status, const std::string& fault) {
    scene_.migrations->value[0].status = status;
    scene_.server->value.task_state.clear();
    scene_.server->value.vm_state = "error";
    scene_.server->value.fault = fault;
  }
  Scene scene_;
};

TEST_F(FollowTest, WhileNovaWorksNothingIsAsked) {
  const InstanceDecision decision = scene_.decided();
  EXPECT_FALSE(acts(decision));
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kRequested);
  EXPECT_EQ(decision.status.recovery->to, "compute-2");
  ASSERT_TRUE(decision.wake_at.has_value());
  EXPECT_LE(*decision.wake_at, scene_.now + seconds(1));
}

TEST_F(FollowTest, LooksAgainEverySecond) {
  scene_.now += milliseconds(1200);
  EXPECT_NE(wished<ReadServer>(scene_.decided()), nullptr);
  EXPECT_NE(wished<ReadMigrations>(scene_.decided()), nullptr);
}

TEST_F(FollowTest, ActiveOnTheOldHostInMidRebuildIsNotDone) {
  scene_.server->value.task_state.clear();
  scene_.server->value.vm_state = "active";
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kRequested);
  EXPECT_FALSE(acts(decision));
}

TEST_F(FollowTest, AFailureIsTriedAgainAfterAPauseFromTheOriginalState) {
  ends("error", "disk exploded");
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kWaiting);
  EXPECT_EQ(decision.status.recovery->message, "attempt 1 of 5 failed: disk exploded");
  EXPECT_EQ(decision.status.recovery->original_state, "active");
  EXPECT_EQ(decision.status.recovery->next_attempt_time, kWall + seconds(1));
  EXPECT_TRUE(decision.status.recovery->locked);
  EXPECT_EQ(announced(decision, "InstanceRecoveryFailed"), 1);
  EXPECT_FALSE(acts(decision));
}

TEST_F(FollowTest, PausesGrow) {
  scene_.object.status.recovery->attempt = 4;
  ends("failed", "disk exploded");
  EXPECT_EQ(scene_.decided().status.recovery->next_attempt_time, kWall + seconds(8));
}

TEST_F(FollowTest, TheLastFailureIsForGood) {
  scene_.object.status.recovery->attempt = 5;
  ends("error", "disk exploded");
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kFailed);
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kFailed);
  EXPECT_EQ(announced(decision, "InstanceRecoveryFailed"), 1);
  EXPECT_TRUE(is_settled({.metadata = {}, .spec = {}, .status = decision.status}, kFence));
  EXPECT_NE(wished<UnlockServer>(([&] {
              scene_.server->value.locked = true;
              scene_.server->value.locked_reason = "vmha: " + kFence.value;
              return scene_.store(decision).decided();
            })()),
            nullptr);
}

TEST_F(FollowTest, NoRoomIsNoAttemptEvenBeforeNovaHasWrittenTheFault) {
  scene_.object.status.recovery->attempt = 5;
  ends("error", "");
  EXPECT_EQ(scene_.decided().status.phase, InstancePhase::kFailed) << "a host was found, and something went wrong there";
  scene_.migrations->value[0].destination = {};
  EXPECT_EQ(scene_.decided().status.recovery->attempt, 4);
}

TEST_F(FollowTest, NoRoomIsNoAttempt) {
  scene_.object.status.recovery->attempt = 5;
  ends("error", "No valid host was found. There are not enough hosts available.");
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kWaiting);
  EXPECT_EQ(decision.status.recovery->attempt, 4);
  EXPECT_THAT(decision.status.recovery->message, HasSubstr("no valid host"));
}

TEST_F(FollowTest, AFailedRecordAndAServerReadBeforeItIsNotYetAnEnd) {
  ends("error", "disk exploded");
  scene_.server->at = scene_.migrations->at - milliseconds(1);
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kRequested);
  EXPECT_NE(wished<ReadServer>(decision), nullptr);
  EXPECT_EQ(wished<ReadMigrations>(decision), nullptr) << "else each would always be older than the other";
}

/// A source that started completed what nobody worked on any more, or nova let it drop without a word.
TEST_F(FollowTest, ARecordThatIsFinalWhileTheServerRestsWhereItWasIsAFailure) {
  for (const char* status : {"completed", "done"}) {
    ends(status, "");
    scene_.server->value.vm_state = "active";
    const InstanceDecision decision = scene_.decided();
    EXPECT_EQ(decision.status.phase, InstancePhase::kWaiting) << status;
    EXPECT_THAT(decision.status.recovery->message, HasSubstr("the server is where it was"));
  }
}

TEST_F(FollowTest, ARecordThatIsDoneAndAServerReadBeforeItIsNotYetAnEnd) {
  ends("done", "");
  scene_.server->at = scene_.migrations->at - milliseconds(1);
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kRequested);
  EXPECT_NE(wished<ReadServer>(decision), nullptr);
}

TEST_F(FollowTest, AFailedRecordWhileTheTaskStandsIsNotYetAnEnd) {
  ends("error", "disk exploded");
  scene_.server->value.task_state = "rebuild_spawning";
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kRequested);
}

TEST_F(FollowTest, ALaterEvacuationOfAPersonIsFollowedInstead) {
  ends("error", "disk exploded");
  scene_.migrations->value.push_back(evacuation(13, "accepted"));
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kRequested);
  EXPECT_EQ(decision.status.recovery->migration_id.value, "migration-13");
}

TEST_F(FollowTest, AProvenFenceOfItsDestinationEndsTheAttempt) {
  scene_.host_facts(2).healthy = false;
  scene_.host_facts(2).fence_standing = true;
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kRequested) << "not by the intent of a fence";
  scene_.host_facts(2).fence = fence_of(2, FenceId{"compute-2-ccccc"});
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kWaiting);
  EXPECT_THAT(decision.status.recovery->message, HasSubstr("its destination compute-2 was fenced"));
}

TEST_F(FollowTest, TakingTooLongIsToldOnceAndNeverAskedForAgain) {
  scene_.rest.intent_since = scene_.now - seconds(901);
  const InstanceDecision decision = scene_.decided();
  EXPECT_FALSE(acts(decision));
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kRequested);
  EXPECT_EQ(condition_reason(decision, api::condition::kRecovered), "Overdue");
  EXPECT_EQ(announced(decision, "InstanceRecoveryFailed"), 1);
  scene_.store(decision);
  EXPECT_TRUE(scene_.decided().announcements.empty());
  scene_.rest.intent_since = scene_.now;  // a new process
  EXPECT_EQ(condition_reason(scene_.decided(), api::condition::kRecovered), "Overdue");
  EXPECT_TRUE(scene_.decided().announcements.empty());
}

TEST_F(FollowTest, ADeletedServerEndsIt) {
  scene_.rest.server_gone = true;
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kGone);
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kSkipped);
  EXPECT_EQ(decision.status.recovery->message, "the server was deleted");
  EXPECT_FALSE(decision.status.recovery->locked);
  EXPECT_FALSE(acts(decision));
  EXPECT_TRUE(is_settled({.metadata = {}, .spec = {}, .status = decision.status}, kFence));
}

TEST_F(FollowTest, GoesOnWhilePausedWithoutAnAct) {
  scene_.rest.paused = true;
  scene_.server->value.task_state.clear();
  scene_.moved();
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kMoved);
  EXPECT_FALSE(acts(decision));
}

TEST_F(FollowTest, OnAnotherHostItHasMoved) {
  scene_.server->value.task_state.clear();
  scene_.moved();
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kMoved);
  EXPECT_EQ(decision.status.recovery->to, "compute-2");
  EXPECT_TRUE(is_in_flight(decision.status));
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
