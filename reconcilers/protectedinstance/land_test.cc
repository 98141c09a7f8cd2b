#include <gmock/gmock.h>

#include "reconcilers/protectedinstance/testing.h"

namespace vmha::protectedinstance::testing {
namespace {

using api::InstancePhase;
using api::RecoveryStep;
using ::testing::HasSubstr;

class LandTest : public ::testing::Test {
 protected:
  LandTest() {
    scene_.fenced().at_step(RecoveryStep::kMoved).moved();
    scene_.object.status.recovery->locked = true;
    scene_.object.status.recovery->to = "compute-2";
    scene_.server->value.locked = true;
    scene_.server->value.locked_reason = "vmha: " + kFence.value;
  }
  Scene scene_;
};

TEST_F(LandTest, WithoutAnOldWatchItIsAttested) {
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kAttested);
  EXPECT_TRUE(condition_is(decision, api::condition::kAttested, api::ConditionStatus::kTrue));
  EXPECT_FALSE(condition_is(decision, api::condition::kRecovered, api::ConditionStatus::kTrue)) << "still locked";
  EXPECT_FALSE(acts(decision)) << "stored first";
}

TEST_F(LandTest, IsUnlockedThenRecovered) {
  scene_.store(scene_.decided());
  const InstanceDecision decision = scene_.decided();
  ASSERT_NE(wished<UnlockServer>(decision), nullptr);
  EXPECT_EQ(decision.status.phase, InstancePhase::kAttesting);
  scene_.server->value.locked = false;
  scene_.server->value.locked_reason.clear();
  const InstanceDecision recovered = scene_.store(decision).decided();
  EXPECT_EQ(recovered.status.phase, InstancePhase::kRecovered);
  EXPECT_TRUE(recovered.status.recovery->finished_time.has_value());
  EXPECT_EQ(announced(recovered, "InstanceRecovered"), 1);
  EXPECT_TRUE(scene_.store(recovered).decided().announcements.empty());
}

TEST_F(LandTest, AfterAnUnlockTheServerIsReadAndNotUnlockedAgain) {
  scene_.store(scene_.decided());
  scene_.rest.lanes["nova"] = {.finished = scene_.now, .failures_in_a_row = 0, .error = {}, .operation = "UnlockServer"};
  const InstanceDecision decision = scene_.decided();
  EXPECT_FALSE(acts(decision));
  EXPECT_NE(wished<ReadServer>(decision), nullptr);
}

TEST_F(LandTest, AReadingFromBeforeOurLockDoesNotSayThatThereIsNone) {
  scene_.server->value.locked = false;
  scene_.server->value.locked_reason.clear();
  scene_.rest.lanes["nova"] = {.finished = scene_.now, .failures_in_a_row = 0, .error = {}, .operation = "LockServer"};
  const InstanceDecision decision = scene_.decided();
  EXPECT_TRUE(decision.status.recovery->locked);
  EXPECT_NE(wished<ReadServer>(decision), nullptr);
}

TEST_F(LandTest, ATenantsLockStays) {
  scene_.server->value.locked_reason = "mine";
  scene_.object.status.recovery->locked = false;
  scene_.store(scene_.decided());
  const InstanceDecision decision = scene_.decided();
  EXPECT_FALSE(acts(decision));
  EXPECT_EQ(decision.status.phase, InstancePhase::kRecovered);
}

struct Watch {
  const char* name;
  const char* address;
  bool attested;
};

class AttestTest : public LandTest, public ::testing::WithParamInterface<Watch> {};

TEST_P(AttestTest, DecidesByWhoWatches) {
  scene_.rest.vmha_addresses = {Address{"10.77.0.200"}};
  scene_.object.status.disks = {{.image = scene_.disks->value[0].image, .watchers = {"10.77.0.11:0/7", "10.77.0.13:0/7"}, .lock_owner = {}}};
  scene_.disks->value[0].watchers = {watcher("10.77.0.12"), watcher(GetParam().address, 9)};
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase == RecoveryStep::kAttested, GetParam().attested);
  if (GetParam().attested) return;
  EXPECT_EQ(decision.status.phase, InstancePhase::kAttesting);
  EXPECT_THAT(decision.status.recovery->message, HasSubstr(GetParam().address));
  EXPECT_EQ(condition_reason(decision, api::condition::kAttested), "UnexpectedWatch");
}

INSTANTIATE_TEST_SUITE_P(Watches, AttestTest,
                         ::testing::Values(Watch{"the_fenced_host", "10.77.0.11", false}, Watch{"a_third_compute_host", "10.77.0.13", false},
                                           Watch{"the_destination", "10.77.0.12", true}, Watch{"a_backup_client", "192.0.2.9", true},
                                           Watch{"vmha_itself", "10.77.0.200", true}),
                         [](const auto& param) { return param.param.name; });

TEST_F(LandTest, AnAddressOfTheFenceThatNoHostHasAnyMoreStillCounts) {
  scene_.host_facts(1).addresses.clear();
  scene_.disks->value[0].watchers.push_back(watcher("10.77.0.11"));
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kMoved);
}

TEST_F(LandTest, WithoutAStorageFenceTheHostsOwnAddressesCount) {
  scene_.rest.fence->addresses.clear();
  scene_.disks->value[0].watchers.push_back(watcher("10.77.0.11"));
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kMoved);
}

TEST_F(LandTest, TheOldHostIsNoCoAttachmentThoughItIsRecorded) {
  scene_.rest.fence->addresses.clear();
  scene_.server->value.volumes = {"vol-1"};
  scene_.object.status.disks = {{.image = {"volumes", "volume-vol-1"}, .watchers = {"10.77.0.11:0/7"}, .lock_owner = {}}};
  scene_.disks->value.push_back(image("volumes", "volume-vol-1", {watcher("10.77.0.11")}));
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kMoved);
}

TEST_F(LandTest, ARecordedCoAttachmentOfAVolumeMayWatch) {
  scene_.server->value.volumes = {"vol-1"};
  scene_.disks->value.push_back(image("volumes", "volume-vol-1", {watcher("10.77.0.12"), watcher("10.77.0.13")}));
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kMoved);
  scene_.object.status.disks = {{.image = {"volumes", "volume-vol-1"}, .watchers = {"10.77.0.11:0/3", "10.77.0.13:0/7"}, .lock_owner = {}}};
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kAttested);
}

TEST_F(LandTest, AServerThatSharesAVolumeMayWatchItFromWhereNovaShowsIt) {
  scene_.server->value.volumes = {"vol-1"};
  scene_.disks->value.push_back(image("volumes", "volume-vol-1", {watcher("10.77.0.12"), watcher("10.77.0.13")}));
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kMoved);
  scene_.rest.sharers = {{"vol-1", {NovaHost{"compute-3.example"}}}};
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kAttested);
  scene_.rest.sharers = {{"vol-1", {kFrom}}};
  scene_.disks->value.back().watchers = {watcher("10.77.0.11")};
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kMoved) << "the fenced host's watch is never a sharer's";
}

TEST_F(LandTest, DisksReadBeforeTheServerWasSeenThereProveNothing) {
  scene_.disks->at = scene_.server->at - milliseconds(1);
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kMoved);
  EXPECT_NE(wished<ReadDisks>(decision), nullptr);
}

TEST_F(LandTest, AWatchListThatCannotBeReadProvesNothing) {
  scene_.disks->value[0].read = false;
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kMoved);
}

TEST_F(LandTest, IsNotAttestedWhileTheFenceCannotBeRead) {
  scene_.rest.fence.reset();
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kMoved);
  scene_.rest.standing_fences.clear();
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kAttested) << "an abandoned fence holds nothing up";
}

TEST_F(LandTest, ATaskIsWaitedFor) {
  scene_.server->value.task_state = "powering-off";
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kMoved);
  EXPECT_FALSE(acts(decision));
}

TEST_F(LandTest, WhatWasShutOffIsStopped) {
  scene_.object.status.recovery->original_state = "stopped";
  const InstanceDecision decision = scene_.decided();
  EXPECT_NE(wished<StopServer>(decision), nullptr);
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kMoved);
  scene_.rest.nova_busy = true;
  EXPECT_FALSE(acts(scene_.decided()));
}

TEST_F(LandTest, IsUnlockedThoughItsNewHostIsUnderMaintenance) {
  scene_.store(scene_.decided());
  scene_.rest.maintenance = true;
  EXPECT_NE(wished<UnlockServer>(scene_.decided()), nullptr);
  EXPECT_EQ(condition_reason(scene_.decided(), api::condition::kReady), "Maintenance");
}

TEST_F(LandTest, IsNotUnlockedWhilePausedOrInDryRun) {
  scene_.store(scene_.decided());
  scene_.rest.paused = true;
  EXPECT_FALSE(acts(scene_.decided()));
  scene_.rest.paused = false;
  scene_.policy.spec.mode = api::PolicyMode::kDryRun;
  EXPECT_FALSE(acts(scene_.decided()));
}

TEST_F(LandTest, AFailedActIsRepeatedAfterAPause) {
  scene_.store(scene_.decided());
  scene_.rest.lanes["nova"] = {.finished = scene_.now - seconds(3), .failures_in_a_row = 3, .error = "500", .operation = "UnlockServer"};
  EXPECT_FALSE(acts(scene_.decided()));
  scene_.rest.lanes["nova"].finished = scene_.now - seconds(4);
  EXPECT_NE(wished<UnlockServer>(scene_.decided()), nullptr);
}

TEST_F(LandTest, AfterAnActTheServerIsReadBeforeTheNext) {
  scene_.object.status.recovery->original_state = "stopped";
  scene_.rest.lanes["nova"] = {.finished = scene_.now, .failures_in_a_row = 0, .error = {}, .operation = "StopServer"};
  EXPECT_FALSE(acts(scene_.decided()));
  EXPECT_NE(wished<ReadServer>(scene_.decided()), nullptr);
}

TEST_F(LandTest, WhatWasRunningIsStarted) {
  scene_.server->value.vm_state = "stopped";
  EXPECT_NE(wished<StartServer>(scene_.decided()), nullptr);
}

TEST_F(LandTest, WhatWasInErrorEndsActive) {
  scene_.object.status.recovery->original_state = "error";
  EXPECT_EQ(scene_.decided().status.recovery->phase, RecoveryStep::kAttested);
}

TEST_F(LandTest, WhatSomebodyPausedSinceIsLeftSo) {
  scene_.server->value.vm_state = "paused";
  const InstanceDecision decision = scene_.decided();
  EXPECT_FALSE(acts(decision));
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kAttested);
}

TEST_F(LandTest, InErrorOnItsNewHostAPersonIsAsked) {
  scene_.server->value.vm_state = "error";
  scene_.server->value.fault = "already exists";
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kFailed);
  EXPECT_EQ(decision.status.recovery->message, "it is in ERROR on compute-2: already exists");
  EXPECT_EQ(scene_.store(decision).decided().status.phase, InstancePhase::kFailed);
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
