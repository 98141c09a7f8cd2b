#include <gmock/gmock.h>

#include <functional>

#include "reconcilers/protectedinstance/testing.h"

namespace vmha::protectedinstance::testing {
namespace {

using api::ConditionStatus;
using api::InstancePhase;
using api::RecoveryStep;

TEST(RestTest, SaysWhatTheReadingsSay) {
  Scene scene;
  scene.server->value.server_groups = {"group-1"};
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kProtected);
  EXPECT_EQ(decision.status.host, "compute-1");
  EXPECT_EQ(decision.status.vm_state, "active");
  EXPECT_EQ(decision.status.power_state, "Running");
  EXPECT_EQ(decision.status.project_id, "project-1");
  EXPECT_EQ(decision.status.server_group, "group-1");
  EXPECT_EQ(decision.status.observed_generation, 3);
  ASSERT_EQ(decision.status.disks.size(), 1U);
  EXPECT_EQ(decision.status.disks[0].watchers, std::vector<std::string>{"10.77.0.11:0/7"});
  EXPECT_TRUE(condition_is(decision, api::condition::kReady, ConditionStatus::kTrue));
  EXPECT_TRUE(condition_is(decision, api::condition::kRecoverable, ConditionStatus::kTrue));
  EXPECT_TRUE(condition_is(decision, api::condition::kPlaced, ConditionStatus::kTrue));
  EXPECT_EQ(condition_reason(decision, api::condition::kAttested), "NoFence");
  EXPECT_EQ(condition_reason(decision, api::condition::kRecovered), "NoFence");
  EXPECT_TRUE(decision.wishes.empty());
  EXPECT_TRUE(decision.announcements.empty());
}

TEST(RestTest, RecordsAWatcherOfIPv6SoThatALaterRecoveryKnowsIt) {
  Scene scene;
  scene.disks->value[0].watchers = {watcher("10.77.0.11"), watcher("fd00::9")};
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.disks[0].watchers, (std::vector<std::string>{"10.77.0.11:0/7", "[fd00::9]:0/7"}));
  Scene later;
  later.ready_to_ask();
  later.disks->value[0].watchers = {watcher("fd00::9", 8)};
  EXPECT_EQ(wished<Evacuate>(later.decided()), nullptr);
  later.object.status.disks = decision.status.disks;
  EXPECT_NE(wished<Evacuate>(later.decided()), nullptr);
}

TEST(RestTest, ARecordWithoutTheHostsOwnClientExcusesNoForeignAddress) {
  Scene later;
  later.ready_to_ask();
  later.disks->value[0].watchers = {watcher("192.0.2.9", 8)};
  later.object.status.disks = {{.image = later.disks->value[0].image, .watchers = {"192.0.2.9:0/1"}, .lock_owner = {}}};
  EXPECT_EQ(wished<Evacuate>(later.decided()), nullptr);  // it may be the host itself, under an address the fence does not know
}

TEST(RestTest, WritesNothingWhenNothingChanged) {
  Scene scene;
  const InstanceDecision first = scene.decided();
  scene.store(first);
  scene.now += seconds(7);
  scene.server->at += seconds(7);
  scene.server->value.server_groups.clear();  // a list carries none
  EXPECT_EQ(scene.decided().status, first.status);
}

TEST(RestTest, KeepsTheLastKnownStateWhenNovaCannotBeRead) {
  Scene scene;
  scene.store(scene.decided());
  scene.server.reset();
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.host, "compute-1");
  EXPECT_EQ(decision.status.phase, InstancePhase::kProtected);
  EXPECT_NE(wished<ReadServer>(decision), nullptr);
}

struct Moment {
  std::string name;
  std::function<void(Scene&)> change;
};

void PrintTo(const Moment& moment, std::ostream* out) { *out << moment.name; }

class NoRecordTest : public ::testing::TestWithParam<Moment> {};

TEST_P(NoRecordTest, OfWatchersIsMadeThen) {
  Scene scene;
  scene.store(scene.decided());
  const auto before = scene.object.status.disks;
  scene.disks->value[0].watchers.push_back(watcher("192.0.2.9"));
  ASSERT_NE(scene.decided().status.disks, before);
  GetParam().change(scene);
  EXPECT_EQ(scene.decided().status.disks, before);
}

INSTANTIATE_TEST_SUITE_P(Moments, NoRecordTest,
                         ::testing::Values(Moment{"a_fence_is_intended", [](Scene& s) { s.host_facts(1).fence_standing = true; }},
                                           Moment{"a_fence_is_in_force", [](Scene& s) { s.rest.fence = fence_of(1, kFence); }},
                                           Moment{"it_has_a_task", [](Scene& s) { s.server->value.task_state = "migrating"; }},
                                           Moment{"it_migrates",
                                                  [](Scene& s) {
                                                    s.migrations->value = {evacuation(3, "running", kTo.value)};
                                                    s.migrations->value[0].type = "live-migration";
                                                  }},
                                           Moment{"a_watch_list_is_unknown", [](Scene& s) { s.disks->value[0].read = false; }}),
                         [](const auto& param) { return param.param.name; });

struct Preflight {
  std::string name;
  std::function<void(Scene&)> change;
  std::string reason;
  InstancePhase phase;
};

void PrintTo(const Preflight& preflight, std::ostream* out) { *out << preflight.name; }

class PreflightTest : public ::testing::TestWithParam<Preflight> {};

TEST_P(PreflightTest, SaysBeforehandWhatWouldStopARecovery) {
  Scene scene;
  scene.store(scene.decided());
  GetParam().change(scene);
  const InstanceDecision decision = scene.decided();
  EXPECT_TRUE(condition_is(decision, api::condition::kRecoverable, ConditionStatus::kFalse));
  EXPECT_EQ(condition_reason(decision, api::condition::kRecoverable), GetParam().reason);
  EXPECT_EQ(decision.status.phase, GetParam().phase);
  EXPECT_EQ(announced(decision, "NotRecoverable"), 1);
  EXPECT_EQ(announced(scene.store(decision).decided(), "NotRecoverable"), 0) << "once";
}

INSTANTIATE_TEST_SUITE_P(
    Reasons, PreflightTest,
    ::testing::Values(
        Preflight{"paused", [](Scene& s) { s.server->value.vm_state = "paused"; }, "ServerState", InstancePhase::kUnprotected},
        Preflight{"shelved_offloaded", [](Scene& s) { s.server->value.vm_state = "shelved_offloaded"; }, "ServerState", InstancePhase::kUnprotected},
        Preflight{"error", [](Scene& s) { s.server->value.vm_state = "error"; }, "ServerError", InstancePhase::kUnprotected},
        Preflight{"vtpm_by_flavor", [](Scene& s) { s.server->value.flavor_extra_specs["hw:tpm_version"] = "2.0"; }, "VirtualTPM", InstancePhase::kUnprotected},
        Preflight{"vtpm_by_image", [](Scene& s) { s.server->value.image_properties["hw_tpm_version"] = "2.0"; }, "VirtualTPM", InstancePhase::kUnprotected},
        Preflight{"pci", [](Scene& s) { s.server->value.flavor_extra_specs["pci_passthrough:alias"] = "gpu:1"; }, "PCIDevice", InstancePhase::kUnprotected},
        Preflight{"local_disk", [](Scene& s) { s.disks->value.clear(); }, "DiskNotInCeph", InstancePhase::kUnprotected},
        Preflight{"volume_elsewhere", [](Scene& s) { s.server->value.volumes = {"vol-1"}; }, "DiskNotInCeph", InstancePhase::kUnprotected},
        Preflight{"no_other_host", [](Scene& s) { s.host_facts(2).healthy = s.host_facts(3).healthy = false; }, "NoDestination", InstancePhase::kProtected},
        Preflight{"placement", [](Scene& s) { s.object.spec.placement.allowed_hosts = {NodeName{"compute-1"}}; }, "NoDestination", InstancePhase::kProtected}),
    [](const auto& param) { return param.param.name; });

TEST(RestTest, ABootVolumeInCephIsARootDisk) {
  Scene scene;
  scene.server->value.image_id.clear();
  scene.server->value.volumes = {"vol-1"};
  scene.disks->value = {image("volumes", "volume-vol-1", {watcher("10.77.0.11")})};
  EXPECT_TRUE(condition_is(scene.decided(), api::condition::kRecoverable, ConditionStatus::kTrue));
}

TEST(RestTest, BeforeHostsAreJudgedRecoverableIsUnknownAndNoNews) {
  Scene scene;
  for (HostFacts& facts : scene.hosts) facts.healthy = false;
  const InstanceDecision decision = scene.decided();
  EXPECT_TRUE(condition_is(decision, api::condition::kRecoverable, ConditionStatus::kUnknown));
  EXPECT_TRUE(decision.announcements.empty());
}

TEST(RestTest, DuringARecoveryThePreflightKeepsWhatItSaid) {
  Scene scene;
  scene.store(scene.decided());
  scene.fenced().at_step(RecoveryStep::kRequested);
  scene.server->value.vm_state = "error";
  EXPECT_TRUE(condition_is(scene.decided(), api::condition::kRecoverable, ConditionStatus::kTrue));
}

TEST(RestTest, PlacedSaysWhetherTheHostIsAsWanted) {
  Scene scene;
  scene.object.spec.placement.avoid_hosts = {NodeName{"compute-1"}};
  EXPECT_EQ(condition_reason(scene.decided(), api::condition::kPlaced), "Avoided");
  scene.object.spec.placement = {.allowed_hosts = {NodeName{"compute-2"}}, .avoid_hosts = {}};
  EXPECT_EQ(condition_reason(scene.decided(), api::condition::kPlaced), "NotAllowed");
}

struct Readiness {
  std::string name;
  std::function<void(Scene&)> change;
  ConditionStatus status;
};

void PrintTo(const Readiness& readiness, std::ostream* out) { *out << readiness.name; }

class ReadyTest : public ::testing::TestWithParam<Readiness> {};

TEST_P(ReadyTest, GivesTheReason) {
  Scene scene;
  GetParam().change(scene);
  const InstanceDecision decision = scene.decided();
  EXPECT_TRUE(condition_is(decision, api::condition::kReady, GetParam().status));
  EXPECT_EQ(condition_reason(decision, api::condition::kReady), GetParam().name);
  EXPECT_FALSE(acts(decision));
}

INSTANTIATE_TEST_SUITE_P(Reasons, ReadyTest,
                         ::testing::Values(Readiness{"PolicyNotFound", [](Scene& s) { s.has_policy = false; }, ConditionStatus::kFalse},
                                           Readiness{"Duplicate", [](Scene& s) { s.rest.duplicate = true; }, ConditionStatus::kFalse},
                                           Readiness{"Paused", [](Scene& s) { s.rest.paused = true; }, ConditionStatus::kFalse},
                                           Readiness{"Maintenance", [](Scene& s) { s.rest.maintenance = true; }, ConditionStatus::kFalse},
                                           Readiness{"DryRun", [](Scene& s) { s.policy.spec.mode = api::PolicyMode::kDryRun; }, ConditionStatus::kTrue},
                                           Readiness{"NotRead", [](Scene& s) { s.server.reset(); }, ConditionStatus::kUnknown},
                                           Readiness{"ServerGone", [](Scene& s) { s.rest.server_gone = true; }, ConditionStatus::kFalse}),
                         [](const auto& param) { return param.param.name; });

TEST(RestTest, AfterTheFenceIsLiftedARecoveredOneIsProtectedAgain) {
  Scene scene;
  scene.fenced().at_step(RecoveryStep::kAttested).moved();
  scene.rest.fence.reset();
  scene.object.status.recovery->finished_time = kWall;
  const InstanceDecision standing = scene.decided();
  EXPECT_EQ(standing.status.phase, InstancePhase::kRecovered);
  EXPECT_TRUE(condition_is(standing, api::condition::kRecovered, ConditionStatus::kTrue));
  scene.rest.standing_fences.clear();
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kProtected);
  EXPECT_EQ(condition_reason(decision, api::condition::kRecovered), "NoFence");
  EXPECT_TRUE(decision.status.recovery.has_value()) << "its last recovery stays to be read";
  EXPECT_EQ(decision.status.disks[0].watchers, std::vector<std::string>{"10.77.0.12:0/7"}) << "recorded anew on its new host";
}

TEST(RestTest, AForgottenLockOfOursIsTakenOff) {
  Scene scene;
  scene.store(scene.decided());
  scene.server->value.locked = true;
  scene.server->value.locked_reason = "vmha: compute-1-zzzzz";
  EXPECT_NE(wished<UnlockServer>(scene.decided()), nullptr);
  scene.server->value.locked_reason = "mine";
  EXPECT_FALSE(acts(scene.decided()));
}

TEST(RestTest, SettledMeansForThatFence) {
  Scene scene;
  scene.at_step(RecoveryStep::kFailed);
  EXPECT_TRUE(is_settled(scene.object, kFence));
  EXPECT_FALSE(is_settled(scene.object, FenceId{"compute-1-bbbbb"}));
  for (const RecoveryStep step : {RecoveryStep::kIntended, RecoveryStep::kLocked, RecoveryStep::kRequested, RecoveryStep::kMoved}) {
    EXPECT_FALSE(is_settled(scene.at_step(step).object, kFence));
    EXPECT_TRUE(is_in_flight(scene.object.status));
  }
}

TEST(RestTest, ALockOfOursWithoutARecoveryIsTakenOffOnceNovaIsDone) {
  Scene scene;
  scene.server->value.locked = true;
  scene.server->value.locked_reason = "vmha: " + kFence.value;
  scene.server->value.task_state = "rebuild_spawning";
  EXPECT_EQ(wished<UnlockServer>(scene.decided()), nullptr);
  scene.server->value.task_state.clear();
  EXPECT_NE(wished<UnlockServer>(scene.decided()), nullptr);
}

TEST(RestTest, WhatWasAttestedStaysSoAfterTheFence) {
  Scene scene;
  scene.at_step(api::RecoveryStep::kAttested).moved();
  scene.object.status.recovery->finished_time = kWall;
  const InstanceDecision decision = scene.decided();
  EXPECT_TRUE(condition_is(decision, api::condition::kAttested, api::ConditionStatus::kTrue));
  EXPECT_EQ(condition_reason(decision, api::condition::kRecovered), "NoFence");
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
