#include <gmock/gmock.h>

#include <functional>

#include "reconcilers/protectedinstance/testing.h"

namespace vmha::protectedinstance::testing {
namespace {

using api::RecoveryStep;

TEST(RequestTest, AsksNovaOnceIntentLockProofAndFreshReadingsAreThere) {
  const InstanceDecision decision = Scene().ready_to_ask().decided();
  const Evacuate* request = wished<Evacuate>(decision);
  ASSERT_NE(request, nullptr);
  EXPECT_EQ(request->server, kServer);
  EXPECT_FALSE(request->destination.has_value()) << "nova's scheduler chooses";
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kLocked) << "the step changes only when nova shows the evacuation";
}

struct Missing {
  std::string name;
  std::function<void(Scene&)> change;
};

void PrintTo(const Missing& missing, std::ostream* out) { *out << missing.name; }

class EveryGuaranteeTest : public ::testing::TestWithParam<Missing> {};

TEST_P(EveryGuaranteeTest, WithoutItNovaIsNotAsked) {
  Scene scene;
  scene.ready_to_ask();
  ASSERT_NE(wished<Evacuate>(scene.decided()), nullptr);
  GetParam().change(scene);
  EXPECT_EQ(wished<Evacuate>(scene.decided()), nullptr);
}

Scene& on_another_backend(Scene& s) {
  s.server->value.volumes = {"vol-1"};
  s.rest.fence->power_proven = false;
  return s;
}

INSTANTIATE_TEST_SUITE_P(
    Intent, EveryGuaranteeTest,
    ::testing::Values(Missing{"no_intent_stored", [](Scene& s) { s.object.status.recovery.reset(); }},
                      Missing{"intent_of_another_fence", [](Scene& s) { s.object.status.recovery->fence_id = FenceId{"compute-1-bbbbb"}; }},
                      Missing{"intent_only_waits", [](Scene& s) { s.object.status.recovery->phase = RecoveryStep::kIntended; s.object.status.phase = api::InstancePhase::kWaiting; }},
                      Missing{"already_requested", [](Scene& s) { s.object.status.recovery->phase = RecoveryStep::kRequested; }},
                      Missing{"already_moved", [](Scene& s) { s.object.status.recovery->phase = RecoveryStep::kMoved; }},
                      Missing{"failed_for_good", [](Scene& s) { s.object.status.recovery->phase = RecoveryStep::kFailed; }},
                      Missing{"not_known_since_when", [](Scene& s) { s.rest.intent_since.reset(); }},
                      Missing{"an_act_in_flight", [](Scene& s) { s.rest.nova_busy = true; }},
                      Missing{"stored_by_an_earlier_leader_and_seen_late", [](Scene& s) { s.rest.intent_is_ours = false; }},
                      Missing{"stored_by_an_earlier_leader", [](Scene& s) { s.rest.leading_since = s.now - seconds(2); }}),
    [](const auto& param) { return param.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Fence, EveryGuaranteeTest,
    ::testing::Values(Missing{"none_in_force", [](Scene& s) { s.rest.fence.reset(); }},
                      Missing{"requirement_not_met", [](Scene& s) { s.rest.fence->requirement_met = false; }},
                      Missing{"service_not_forced_down", [](Scene& s) { s.rest.fence->service_forced_down = false; }},
                      Missing{"nothing_proven_now", [](Scene& s) { s.rest.fence->power_proven = s.rest.fence->storage_proven = false; }},
                      Missing{"a_disk_elsewhere_without_power_proof", [](Scene& s) { on_another_backend(s); }},
                      Missing{"a_volume_read_as_missing_without_power_proof",
                              [](Scene& s) {
                                on_another_backend(s).disks->value.push_back(image("volumes", "volume-vol-1"));
                                s.disks->value.back().found = false;
                              }}),
    [](const auto& param) { return param.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Readings, EveryGuaranteeTest,
    ::testing::Values(Missing{"server_not_read", [](Scene& s) { s.server.reset(); }},
                      Missing{"server_read_before_the_intent", [](Scene& s) { s.server->at = *s.rest.intent_since - milliseconds(1); }},
                      Missing{"server_read_too_long_ago", [](Scene& s) { s.rest.intent_since = s.now - seconds(60); s.server->at = s.now - milliseconds(5001); }},
                      Missing{"migrations_not_read", [](Scene& s) { s.migrations.reset(); }},
                      Missing{"migrations_read_before_the_intent", [](Scene& s) { s.migrations->at = *s.rest.intent_since - milliseconds(1); }},
                      Missing{"migrations_read_too_long_ago", [](Scene& s) { s.rest.intent_since = s.now - seconds(60); s.migrations->at = s.now - milliseconds(5001); }},
                      Missing{"disks_not_read", [](Scene& s) { s.disks.reset(); }},
                      Missing{"disks_read_before_the_intent", [](Scene& s) { s.disks->at = *s.rest.intent_since - milliseconds(1); }},
                      Missing{"disks_read_too_long_ago", [](Scene& s) { s.rest.intent_since = s.now - seconds(60); s.disks->at = s.now - milliseconds(5001); }},
                      Missing{"a_watch_list_unknown", [](Scene& s) { s.disks->value[0].read = false; }}),
    [](const auto& param) { return param.param.name; });

INSTANTIATE_TEST_SUITE_P(
    World, EveryGuaranteeTest,
    ::testing::Values(
        Missing{"it_moved", [](Scene& s) { s.server->value.host = kTo; }},
        Missing{"it_has_a_task", [](Scene& s) { s.server->value.task_state = "resize_prep"; }},
        Missing{"it_is_being_deleted", [](Scene& s) { s.server->value.task_state = "deleting"; }},
        Missing{"it_is_being_rebuilt", [](Scene& s) { s.server->value.task_state = "rebuilding"; }},
        Missing{"an_evacuation_runs", [](Scene& s) { s.migrations->value = {evacuation(12, "pre-migrating", kTo.value)}; }},
        Missing{"an_evacuation_is_accepted", [](Scene& s) { s.migrations->value = {evacuation(12, "accepted")}; }},
        Missing{"this_attempts_evacuation_ended", [](Scene& s) { s.migrations->value = {evacuation(12, "error")}; }},
        Missing{"a_live_migration_runs", [](Scene& s) { s.rest.fence->power_proven = false; live_migration(s); }},
        Missing{"a_resize_runs", [](Scene& s) { live_migration(s).type = "resize"; }},
        Missing{"another_host_watches", [](Scene& s) { s.disks->value[0].watchers = {watcher("10.77.0.12")}; }},
        Missing{"an_unknown_address_watches", [](Scene& s) { s.disks->value[0].watchers = {watcher("192.0.2.9")}; }},
        Missing{"another_host_watches_its_own_disk_though_recorded",
                [](Scene& s) {
                  s.disks->value[0].watchers = {watcher("10.77.0.12")};
                  s.object.status.disks = {{.image = s.disks->value[0].image, .watchers = {"10.77.0.12:0/7"}, .lock_owner = {}}};
                }},
        Missing{"a_shared_volume_is_watched_from_where_its_other_server_is_not",
                [](Scene& s) {
                  s.server->value.volumes = {"vol-1"};
                  s.disks->value.push_back(image("volumes", "volume-vol-1", {watcher("10.77.0.12")}));
                  s.rest.sharers = {{"vol-1", {NovaHost{"compute-3.example"}}}};
                }},
        Missing{"its_only_disk_is_shared_and_watched",
                [](Scene& s) {
                  s.server->value.image_id.clear();
                  s.server->value.volumes = {"vol-1"};
                  s.disks->value = {image("volumes", "volume-vol-1", {watcher("10.77.0.12")})};
                  s.rest.sharers = {{"vol-1", {kTo}}};
                }},
        Missing{"another_server_shares_a_volume_and_the_root_disk_is_watched",
                [](Scene& s) {
                  s.server->value.volumes = {"vol-1"};
                  s.disks->value.front().watchers = {watcher("10.77.0.12")};
                  s.disks->value.push_back(image("volumes", "volume-vol-1", {watcher("10.77.0.12")}));
                  s.rest.sharers = {{"vol-1", {kTo}}};
                }},
        Missing{"it_is_gone", [](Scene& s) { s.rest.server_gone = true; }}),
    [](const auto& param) { return param.param.name; });

INSTANTIATE_TEST_SUITE_P(
    Wanted, EveryGuaranteeTest,
    ::testing::Values(Missing{"no_policy", [](Scene& s) { s.has_policy = false; }},
                      Missing{"duplicate", [](Scene& s) { s.rest.duplicate = true; }},
                      Missing{"paused", [](Scene& s) { s.rest.paused = true; }},
                      Missing{"maintenance", [](Scene& s) { s.rest.maintenance = true; }},
                      Missing{"dry_run", [](Scene& s) { s.policy.spec.mode = api::PolicyMode::kDryRun; }},
                      Missing{"leave", [](Scene& s) { s.object.spec.recovery.on_host_failure = api::HostFailureAction::kLeave; }},
                      Missing{"stopped_ones_stay", [](Scene& s) { s.policy.spec.evacuation.include_stopped = false; s.object.status.recovery->original_state = "stopped"; }},
                      Missing{"it_is_paused_in_nova", [](Scene& s) { s.server->value.vm_state = "paused"; }},
                      Missing{"vtpm", [](Scene& s) { s.server->value.flavor_extra_specs["hw:tpm_version"] = "2.0"; }},
                      Missing{"root_disk_on_the_host", [](Scene& s) { s.disks->value.clear(); }},
                      Missing{"no_healthy_host", [](Scene& s) { s.host_facts(2).healthy = s.host_facts(3).healthy = false; }},
                      Missing{"no_allowed_host", [](Scene& s) { s.object.spec.placement.allowed_hosts = {NodeName{"compute-1"}}; }}),
    [](const auto& param) { return param.param.name; });

struct Allowed {
  std::string name;
  std::function<void(Scene&)> change;
};

void PrintTo(const Allowed& allowed, std::ostream* out) { *out << allowed.name; }

class NotInTheWayTest : public ::testing::TestWithParam<Allowed> {};

TEST_P(NotInTheWayTest, NovaIsAskedAllTheSame) {
  Scene scene;
  scene.ready_to_ask();
  GetParam().change(scene);
  EXPECT_NE(wished<Evacuate>(scene.decided()), nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    Request, NotInTheWayTest,
    ::testing::Values(
        Allowed{"a_watch_of_the_fenced_host", [](Scene& s) { s.disks->value[0].watchers = {watcher("10.77.0.11")}; }},
        Allowed{"a_recorded_backup_client",
                [](Scene& s) {
                  s.disks->value[0].watchers = {watcher("192.0.2.9", 8)};
                  s.object.status.disks = {{.image = s.disks->value[0].image, .watchers = {"10.77.0.11:0/3", "192.0.2.9:0/1"}, .lock_owner = {}}};
                }},
        Allowed{"a_recorded_co_attachment_of_a_volume",
                [](Scene& s) {
                  s.server->value.volumes = {"vol-1"};
                  s.disks->value.push_back(image("volumes", "volume-vol-1", {watcher("10.77.0.12")}));
                  s.object.status.disks = {{.image = {"volumes", "volume-vol-1"}, .watchers = {"10.77.0.11:0/3", "10.77.0.12:0/7"}, .lock_owner = {}}};
                }},
        Allowed{"another_server_with_the_same_volume",
                [](Scene& s) {
                  s.server->value.volumes = {"vol-1"};
                  s.disks->value.push_back(image("volumes", "volume-vol-1", {watcher("10.77.0.12")}));
                  s.rest.sharers = {{"vol-1", {kTo}}};
                }},
        Allowed{"an_older_failed_evacuation",
                [](Scene& s) {
                  s.migrations->value = {evacuation(12, "error")};
                  s.object.status.recovery->migration_id = MigrationUuid{"migration-12"};
                }},
        Allowed{"an_evacuation_long_ago_from_elsewhere",
                [](Scene& s) {
                  s.migrations->value = {evacuation(12, "completed")};
                  s.migrations->value[0].source = kTo;
                }},
        Allowed{"a_volume_elsewhere_with_the_power_proof", [](Scene& s) { s.server->value.volumes = {"vol-1"}; }},
        Allowed{"only_the_storage_proof", [](Scene& s) { s.rest.fence->power_proven = false; }},
        Allowed{"it_is_in_error", [](Scene& s) { s.server->value.vm_state = "error"; }},
        Allowed{"locked_by_its_tenant", [](Scene& s) { s.server->value.locked_reason = "mine"; s.object.status.recovery->locked = false; }},
        Allowed{"the_budget_that_it_is_part_of", [](Scene& s) { s.rest.may_start = false; }}),
    [](const auto& param) { return param.param.name; });

TEST(RequestTest, GoesToAnAllowedHostInTheirOrderAndNeverToAnAvoidedOne) {
  Scene scene;
  scene.ready_to_ask();
  scene.object.spec.placement.allowed_hosts = {NodeName{"compute-3"}, NodeName{"compute-2"}};
  EXPECT_EQ(wished<Evacuate>(scene.decided())->destination, NovaHost{"compute-3.example"});
  scene.host_facts(3).healthy = false;
  EXPECT_EQ(wished<Evacuate>(scene.decided())->destination, kTo);
  scene.host_facts(3).healthy = true;
  scene.object.spec.placement = {.allowed_hosts = {}, .avoid_hosts = {NodeName{"compute-2"}}};
  EXPECT_EQ(wished<Evacuate>(scene.decided())->destination, NovaHost{"compute-3.example"});
}

TEST(RequestTest, TriesTheNextAllowedHostAfterAFailure) {
  Scene scene;
  scene.ready_to_ask();
  scene.object.spec.placement.allowed_hosts = {NodeName{"compute-3"}, NodeName{"compute-2"}};
  scene.migrations->value = {evacuation(12, "error", "compute-3.example")};
  scene.object.status.recovery->migration_id = MigrationUuid{"migration-12"};
  EXPECT_EQ(wished<Evacuate>(scene.decided())->destination, kTo);
}

TEST(RequestTest, LocksFirstAndSaysForWhat) {
  Scene scene;
  scene.fenced().at_step(RecoveryStep::kIntended);
  const InstanceDecision decision = scene.decided();
  ASSERT_NE(wished<LockServer>(decision), nullptr);
  EXPECT_EQ(wished<LockServer>(decision)->reason, "vmha: compute-1-aaaaa");
  EXPECT_EQ(wished<Evacuate>(decision), nullptr);
}

TEST(RequestTest, LocksWhileTheReadingsAreStillUnderWay) {
  Scene scene;
  scene.fenced().at_step(RecoveryStep::kIntended);
  scene.disks->at = scene.now - seconds(3);
  EXPECT_NE(wished<LockServer>(scene.decided()), nullptr);
  EXPECT_NE(wished<ReadDisks>(scene.decided()), nullptr);
  scene.rest.paused = true;
  EXPECT_FALSE(acts(scene.decided()));
}

TEST(RequestTest, StoresTheLockBeforeItAsks) {
  Scene scene;
  scene.fenced().at_step(RecoveryStep::kIntended);
  scene.rest.lanes["nova"] = {.finished = scene.now, .failures_in_a_row = 0, .error = {}, .operation = "LockServer"};
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kLocked);
  EXPECT_TRUE(decision.status.recovery->locked);
  EXPECT_FALSE(acts(decision));
}

TEST(RequestTest, LeavesATenantsLockAlone) {
  Scene scene;
  scene.fenced().at_step(RecoveryStep::kIntended);
  scene.server->value.locked = true;
  scene.server->value.locked_reason = "mine";
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kLocked);
  EXPECT_FALSE(decision.status.recovery->locked);
}

TEST(RequestTest, GoesOnWithoutALockThatNovaDoesNotSet) {
  Scene scene;
  scene.fenced().at_step(RecoveryStep::kIntended);
  scene.rest.lanes["nova"] = {.finished = scene.now, .failures_in_a_row = 3, .error = "500", .operation = "LockServer"};
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kLocked);
  EXPECT_FALSE(decision.status.recovery->locked);
}

class LostAnswerTest : public ::testing::Test {
 protected:
  LostAnswerTest() {
    scene_.ready_to_ask();
    scene_.rest.intent_since = scene_.now - seconds(60);
    scene_.rest.lanes["nova"] = {.finished = scene_.now, .failures_in_a_row = 1, .error = "answer lost", .operation = "Evacuate"};
  }
  void read_after(Duration wait) {
    scene_.now = kStart + wait;
    scene_.server->at = scene_.migrations->at = scene_.disks->at = scene_.now - milliseconds(100);
  }
  Scene scene_;
};

TEST_F(LostAnswerTest, IsObservedAndNotRepeatedAtOnce) {
  read_after(seconds(9));
  const InstanceDecision decision = scene_.decided();
  EXPECT_FALSE(acts(decision));
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kLocked);
  EXPECT_EQ(decision.status.recovery->attempt, 1);
}

TEST_F(LostAnswerTest, CountsAsFailedWhenNovaShowsNothingForLong) {
  read_after(seconds(21));
  const InstanceDecision decision = scene_.decided();
  EXPECT_FALSE(acts(decision)) << "the next attempt has an intent of its own";
  EXPECT_EQ(decision.status.phase, api::InstancePhase::kWaiting);
  EXPECT_TRUE(decision.status.recovery->next_attempt_time.has_value());
  EXPECT_THAT(decision.status.recovery->message, ::testing::HasSubstr("answer lost"));
}

TEST_F(LostAnswerTest, OldReadingsProveNothingHoweverLateItIs) {
  read_after(seconds(21));
  scene_.migrations->at = kStart + seconds(19);
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.phase, api::InstancePhase::kRecovering);
  EXPECT_NE(wished<ReadMigrations>(decision), nullptr);
}

TEST_F(LostAnswerTest, IsFollowedOnceNovaShowsItsRecord) {
  read_after(seconds(3));
  scene_.migrations->value = {evacuation(12, "accepted")};
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kRequested);
  EXPECT_EQ(decision.status.recovery->migration_id.value, "migration-12");
  EXPECT_EQ(announced(decision, "InstanceEvacuating"), 1);
}

TEST_F(LostAnswerTest, ATaskWithoutARecordIsWaitedFor) {
  read_after(seconds(100));
  scene_.server->value.task_state = "rebuilding";
  const InstanceDecision decision = scene_.decided();
  EXPECT_EQ(decision.status.recovery->phase, RecoveryStep::kLocked);
  EXPECT_EQ(decision.status.phase, api::InstancePhase::kRecovering);
}

TEST(RequestTest, AnEarlierLeadersIntentIsActedOnOnceItsRequestWouldShow) {
  Scene scene;
  scene.ready_to_ask();
  scene.rest.intent_since = scene.now - seconds(60);
  scene.rest.leading_since = scene.now - seconds(30);
  EXPECT_NE(wished<Evacuate>(scene.decided()), nullptr);
  scene.rest.leading_since = scene.now - seconds(15);
  EXPECT_EQ(wished<Evacuate>(scene.decided()), nullptr);
}

TEST(RequestTest, ARequestWhoseOutcomeIsOpenIsNotGivenUp) {
  Scene scene;
  scene.ready_to_ask();
  scene.object.spec.recovery.on_host_failure = api::HostFailureAction::kLeave;
  scene.rest.nova_busy = true;
  EXPECT_EQ(scene.decided().status.recovery->phase, RecoveryStep::kLocked);
  scene.rest.nova_busy = false;
  EXPECT_EQ(scene.decided().status.recovery->phase, RecoveryStep::kSkipped);
}

TEST(RequestTest, TakesTheIntentBackWhenSomethingLastingIsInTheWay) {
  Scene scene;
  scene.ready_to_ask();
  scene.disks->value[0].watchers = {watcher("10.77.0.12")};
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.phase, api::InstancePhase::kWaiting);
  EXPECT_EQ(decision.status.recovery->attempt, 0) << "nothing was asked, so nothing counts";
  EXPECT_TRUE(decision.status.recovery->locked) << "still to be unlocked in the end";
  EXPECT_THAT(decision.status.recovery->message, ::testing::HasSubstr("10.77.0.12:0/7 (compute-2)"));
  EXPECT_FALSE(is_in_flight(decision.status));
}

TEST(RequestTest, AfterItsDestinationWasFencedTheStuckRebuildIsNoTaskAnyMore) {
  Scene scene;
  scene.fenced();
  scene.migrations->value = {evacuation(12, "pre-migrating", kTo.value)};
  scene.server->value.task_state = "rebuild_spawning";
  scene.disks->value[0].watchers = {watcher("10.77.0.12")};
  const auto intends = [&] { return scene.decided().status.recovery->phase == RecoveryStep::kIntended && is_in_flight(scene.decided().status); };
  EXPECT_FALSE(intends());
  scene.host_facts(2).healthy = false;
  scene.host_facts(2).fence_standing = true;
  EXPECT_FALSE(intends()) << "a fence that is only intended ends nothing";
  scene.host_facts(2).fence = fence_of(2, FenceId{"compute-2-ccccc"});
  EXPECT_TRUE(intends());
  EXPECT_EQ(scene.decided().status.recovery->migration_id.value, "migration-12");
  scene.host_facts(2).fence->requirement_met = false;
  EXPECT_FALSE(intends());
}

TEST(RequestTest, TheRecordThatAFenceEndedStaysEndedAfterThatHostReturned) {
  Scene scene;
  scene.ready_to_ask();
  scene.object.status.recovery->migration_id = MigrationUuid{"migration-12"};
  scene.migrations->value = {evacuation(12, "pre-migrating", kTo.value)};
  scene.server->value.task_state = "rebuild_spawning";
  EXPECT_NE(wished<Evacuate>(scene.decided()), nullptr);
  scene.disks->value[0].watchers = {watcher("10.77.0.12")};
  EXPECT_EQ(wished<Evacuate>(scene.decided()), nullptr) << "but something of it lives there again";
  scene.disks->value[0].watchers.clear();
  scene.migrations->value.push_back(evacuation(13, "accepted"));
  EXPECT_EQ(wished<Evacuate>(scene.decided()), nullptr);
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
