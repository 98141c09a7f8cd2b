#include <gmock/gmock.h>

#include "reconcilers/protectedinstance/testing.h"

/// What nova had under way when the host died.
namespace vmha::protectedinstance::testing {
namespace {

using api::InstancePhase;
using api::RecoveryStep;
using ::testing::HasSubstr;

class LiveMigrationTest : public ::testing::Test {
 protected:
  LiveMigrationTest() {
    scene_.ready_to_ask();
    live_migration(scene_);
  }
  [[nodiscard]] bool evacuates() { return wished<Evacuate>(scene_.decided()) != nullptr; }
  [[nodiscard]] std::string message() { return scene_.decided().status.recovery->message; }
  Scene scene_;
};

TEST_F(LiveMigrationTest, ThatDiedWithItsSourceDoesNotKeepTheServer) {
  EXPECT_TRUE(evacuates());
  scene_.migrations->value[0].destination = {};
  EXPECT_TRUE(evacuates()) << "no destination was chosen yet";
}

TEST_F(LiveMigrationTest, MayGoOnWhileItsSourceIsFencedByStorageAlone) {
  scene_.rest.fence->power_proven = false;
  EXPECT_FALSE(evacuates());
  EXPECT_THAT(message(), HasSubstr("compute-1 is not proven off: it may go on"));
}

TEST_F(LiveMigrationTest, LeavesAGuestThatCannotBeSeenIfItsDestinationIsSilent) {
  scene_.host_facts(2).healthy = false;
  EXPECT_FALSE(evacuates());
  EXPECT_THAT(message(), HasSubstr("compute-2 is neither healthy nor fenced"));
}

TEST_F(LiveMigrationTest, MayHaveHandedTheGuestOver) {
  scene_.disks->value[0].watchers = {watcher("10.77.0.12")};
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(wished<Evacuate>(decision), nullptr);
  EXPECT_EQ(decision.status.phase, InstancePhase::kWaiting);
  EXPECT_THAT(decision.status.recovery->message, HasSubstr("was migrating it to compute-2"));
  EXPECT_THAT(decision.status.recovery->message, HasSubstr("virsh destroy"));
}

TEST_F(LiveMigrationTest, EndsWithItsDestinationsFenceToo) {
  scene_.host_facts(2).healthy = false;
  scene_.host_facts(2).fence_standing = true;
  EXPECT_FALSE(evacuates());
  scene_.host_facts(2).fence = fence_of(2, FenceId{"compute-2-ccccc"});
  scene_.disks->value[0].watchers = {watcher("10.77.0.12")};
  EXPECT_TRUE(evacuates()) << "what it had open is fenced as well";
}

TEST_F(LiveMigrationTest, OfALivingSourceToTheDeadHostIsWaitedFor) {
  scene_.migrations->value[0].source = kTo;
  scene_.migrations->value[0].destination = kFrom;
  EXPECT_FALSE(evacuates());
  EXPECT_THAT(message(), HasSubstr("must end first"));
}

TEST_F(LiveMigrationTest, WithoutARecordIsWaitedFor) {
  scene_.migrations->value.clear();
  EXPECT_FALSE(evacuates());
}

TEST_F(LiveMigrationTest, ThatDiedLongAgoIsHistoryOnceALaterMoveWentWell) {
  scene_.server->value.task_state.clear();
  scene_.rest.fence->power_proven = false;
  scene_.object.status.recovery->migration_id = MigrationUuid{"migration-9"};
  scene_.migrations->value.push_back(evacuation(9, "completed", kTo.value));
  EXPECT_TRUE(evacuates()) << "nova never ends such a record";
  scene_.migrations->value[1].status = "error";
  EXPECT_FALSE(evacuates());
}

// ---- Tasks

TEST(TaskTest, OnlyTheDeadHostCouldGoOnWithEndsWithItsPower) {
  Scene scene;
  scene.ready_to_ask();
  for (const char* task : {"powering-off", "rebooting_hard", "image_uploading", "suspending"}) {
    scene.server->value.task_state = task;
    scene.rest.fence->power_proven = true;
    EXPECT_NE(wished<Evacuate>(scene.decided()), nullptr) << task;
    scene.rest.fence->power_proven = false;
    EXPECT_EQ(wished<Evacuate>(scene.decided()), nullptr) << task;
  }
}

TEST(TaskTest, OthersAreWaitedForWithAWordToAPerson) {
  Scene scene;
  scene.ready_to_ask();
  for (const char* task : {"resize_migrating", "spawning", "shelving", "unheard-of"}) {
    scene.server->value.task_state = task;
    const InstanceDecision decision = scene.decided();
    EXPECT_EQ(wished<Evacuate>(decision), nullptr) << task;
    EXPECT_EQ(decision.status.phase, InstancePhase::kWaiting) << task;
    EXPECT_THAT(decision.status.recovery->message, HasSubstr("a person may have to end it")) << task;
  }
}

TEST(TaskTest, AServerThatIsBeingDeletedIsNotRecovered) {
  Scene scene;
  scene.fenced();
  scene.server->value.task_state = "deleting";
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kSkipped);
  EXPECT_THAT(decision.status.recovery->message, HasSubstr("being deleted"));
}

// ---- A wait that lasts is said

TEST(OverdueTest, AWaitThatLastsIsToldOnce) {
  Scene scene;
  scene.fenced();
  live_migration(scene).status = "preparing";
  scene.rest.fence->power_proven = false;
  scene.store(scene.decided());
  scene.rest.unsettled_since = scene.now - seconds(899);
  EXPECT_NE(condition_reason(scene.decided(), api::condition::kRecovered), "Overdue");
  scene.rest.unsettled_since = scene.now - seconds(901);
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(condition_reason(decision, api::condition::kRecovered), "Overdue");
  EXPECT_THAT(api::find_condition(decision.status.conditions, api::condition::kRecovered)->message, HasSubstr("it may go on"));
  EXPECT_EQ(announced(decision, "InstanceRecoveryFailed"), 1);
  scene.store(decision);
  scene.rest.unsettled_since = scene.now;  // another leader
  EXPECT_EQ(condition_reason(scene.decided(), api::condition::kRecovered), "Overdue") << "what was said stays said";
  EXPECT_EQ(announced(scene.decided(), "InstanceRecoveryFailed"), 0);
}

TEST(OverdueTest, APausedWaitIsAPersonsOwn) {
  Scene scene;
  scene.fenced();
  scene.rest.paused = true;
  scene.store(scene.decided());
  scene.rest.unsettled_since = scene.now - seconds(2000);
  EXPECT_NE(condition_reason(scene.decided(), api::condition::kRecovered), "Overdue");
}

// ---- The destination of a move died

TEST(UnfinishedMoveTest, OfAServerElsewhereIsSaidAndBounded) {
  Scene scene;
  scene.host_facts(2).healthy = false;
  scene.host_facts(2).fence_standing = true;
  scene.host_facts(2).fence = fence_of(2, FenceId{"compute-2-ccccc"});
  live_migration(scene);
  scene.rest.into_fenced = scene.migrations->value[0];
  EXPECT_EQ(open_fence(scene.view()), FenceId{"compute-2-ccccc"});
  const InstanceDecision decision = scene.decided();
  EXPECT_FALSE(acts(decision));
  EXPECT_EQ(condition_reason(decision, api::condition::kRecovered), "MoveUnfinished");
  scene.store(decision);
  scene.rest.unsettled_since = scene.now - seconds(901);
  const InstanceDecision late = scene.decided();
  EXPECT_EQ(condition_reason(late, api::condition::kRecovered), "Overdue");
  EXPECT_EQ(announced(late, "InstanceRecoveryFailed"), 1);
}

// ---- A server that nova cannot show

TEST(UnreadableTest, IsUnknownForItselfAndSaysSo) {
  Scene scene;
  scene.fenced();
  scene.server.reset();
  scene.rest.server_unreadable = "locked is not a boolean";
  const InstanceDecision decision = scene.decided();
  EXPECT_FALSE(acts(decision));
  EXPECT_FALSE(decision.status.recovery.has_value());
  EXPECT_EQ(condition_reason(decision, api::condition::kReady), "Unreadable");
  EXPECT_EQ(condition_reason(decision, api::condition::kRecoverable), "Unreadable");
  EXPECT_EQ(announced(decision, "NotRecoverable"), 1);
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
