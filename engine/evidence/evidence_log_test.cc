#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/evidence/cloud_for_tests.h"

namespace vmha::evidence {
namespace {

using api::EvidenceSource;
using api::VerdictValue;
using ::testing::ElementsAre;
using ::testing::UnorderedElementsAre;

/// Seconds from `start` to the confirmed verdict.
long dead_after(const TestHost& host, Instant start) {
  return host.dead_at ? static_cast<long>(std::chrono::duration_cast<seconds>(*host.dead_at - start).count()) : -1;
}

TEST(EvidenceLogTest, AWellCloudStaysHealthyAndUnsuspected) {
  auto cloud = warm(4);
  cloud.run(300);
  for (const auto& host : cloud.hosts()) {
    EXPECT_THAT(host.seen, ElementsAre(VerdictValue::kHealthy)) << host.name;
    EXPECT_FALSE(host.judgement.suspect);
  }
}

TEST(EvidenceLogTest, OneDeadHostOfThreeIsDeadWithinHalfAMinuteAndTheOthersAreHealthy) {
  auto cloud = warm(3);
  cloud.kill(1);
  const Instant killed = cloud.now;
  cloud.run(120);
  const long after = dead_after(cloud[1], killed);
  EXPECT_GE(after, 20);
  EXPECT_LE(after, 38);  // 20 s stale, confirmed for the usual interval of 10 to 12 s, looked at every 2 s
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kDead);
  for (const int other : {0, 2}) EXPECT_THAT(cloud[other].seen, ElementsAre(VerdictValue::kHealthy));
}

TEST(EvidenceLogTest, ARestartedControllerCallsNobodyStaleBeforeAFullInterval) {
  auto cloud = warm(3);
  cloud.kill(1);
  cloud.run(60);
  ASSERT_TRUE(cloud[1].dead_at);
  cloud.restart_controller();
  cloud.clear_seen();
  cloud.run(20);
  EXPECT_THAT(cloud[1].seen, ElementsAre(VerdictValue::kUnknown));
  EXPECT_TRUE(cloud.run_until(1, VerdictValue::kDead, 120, true)) << "nova and Lease are silent, and no guest ever answered us";
  EXPECT_TRUE(cloud[1].judgement.without_storage);
}

TEST(EvidenceLogTest, ANewLeaderWatchesForAFullIntervalFirst) {
  auto cloud = warm(3);
  cloud.kill(1);
  ASSERT_TRUE(cloud.run_until(1, VerdictValue::kDead, 60, true));
  cloud.log.restart_watch(cloud.now);
  cloud.clear_seen();
  cloud.run(19);
  EXPECT_EQ(cloud[1].seen.count(VerdictValue::kDead), 0U);
  EXPECT_TRUE(cloud.run_until(1, VerdictValue::kDead, 60, true));
}

TEST(EvidenceLogTest, AnAdminsPutIsNoHeartbeat) {
  auto cloud = warm(3);
  cloud.kill(1);
  cloud.run(12);
  const auto before = cloud.evidence(1).nova;
  cloud[1].disabled = true;  // a PUT moves updated_at
  ++cloud[1].reports;
  cloud.run(4);
  EXPECT_EQ(cloud.evidence(1).nova.proven_alive, before.proven_alive);
  EXPECT_EQ(*cloud.evidence(1).nova.quiet, *before.quiet + seconds(4));
  ++cloud[1].reports;  // only the heartbeat moves it alone
  cloud.run(2);
  EXPECT_GT(cloud.evidence(1).nova.proven_alive, before.proven_alive);
}

TEST(EvidenceLogTest, LeasesThatArriveLateAndInABurstProveNoLaterLife) {
  auto cloud = warm(3, 3);
  cloud.leases_delivered = false;
  cloud.run(35);
  cloud.kill(1);
  cloud[1].device_reads = power::State::kOff;
  cloud.run(8);
  ASSERT_TRUE(cloud.evidence(1).power.first_off);
  cloud.leases_delivered = true;
  cloud.run(2);
  EXPECT_LT(cloud.evidence(1).lease.proven_alive, cloud.evidence(1).power.first_off);
  EXPECT_FALSE(cloud[1].judgement.wrong_device);
}

TEST(EvidenceLogTest, OnlyNovaComputeKilledIsAgentDownForEver) {
  auto cloud = warm(3);
  cloud[1].nova_compute = false;
  cloud.run(600);
  EXPECT_THAT(cloud[1].seen, UnorderedElementsAre(VerdictValue::kHealthy, VerdictValue::kAgentDown));
}

TEST(EvidenceLogTest, ACutControlNetworkIsIsolated) {
  auto cloud = warm(3);
  cloud[1].nova_compute = cloud[1].kubelet = false;
  cloud.run(300);
  EXPECT_FALSE(cloud.ever_dead());
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kIsolated);
}

TEST(EvidenceLogTest, ACutStorageNetworkIsStorageLostAndConfirmedOnlyAfterItsTime) {
  auto cloud = warm(3);
  cloud[1].storage = false;
  ASSERT_TRUE(cloud.run_until(1, VerdictValue::kStorageLost, 20));
  cloud.run(135);
  EXPECT_FALSE(cloud[1].judgement.confirmed);
  cloud.run(8);
  EXPECT_TRUE(cloud[1].judgement.confirmed);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kStorageLost);
}

TEST(EvidenceLogTest, AVerdictThatIsInterruptedStartsAnew) {
  auto cloud = warm(3);
  cloud[1].storage = false;
  cloud.run(120);
  cloud[1].storage = true;
  cloud.run(2);
  cloud[1].storage = false;
  cloud.run(120);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kStorageLost);
  EXPECT_FALSE(cloud[1].judgement.confirmed);
}

TEST(EvidenceLogTest, AHostThatLosesItsPowerWithAWorkingControllerIsDeadWithinSeconds) {
  auto cloud = warm(3);
  cloud.kill(1);
  cloud[1].device_reads = power::State::kOff;
  const Instant killed = cloud.now;
  cloud.run(12);
  EXPECT_GE(dead_after(cloud[1], killed), 3);
  EXPECT_LE(dead_after(cloud[1], killed), 10);
  EXPECT_TRUE(cloud[1].judgement.power_off);
}

TEST(EvidenceLogTest, ADeviceThatReadsOffWhileTheHostLivesIsTheWrongOne) {
  auto cloud = warm(3);
  cloud[1].device_reads = power::State::kOff;
  cloud.run(90);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kUnknown);
  EXPECT_TRUE(cloud[1].judgement.wrong_device);
  EXPECT_FALSE(cloud.ever_dead());
  cloud[1].device_reads = power::State::kOn;
  cloud.run(4);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kHealthy);
}

TEST(EvidenceLogTest, TheWrongDeviceDoesNotKeepAReallyDeadHostAlive) {
  auto cloud = warm(3);
  cloud[1].device_reads = power::State::kOff;
  cloud.run(90);
  ASSERT_TRUE(cloud[1].judgement.wrong_device);
  cloud[1].nova_compute = cloud[1].kubelet = cloud[1].storage = false;
  EXPECT_TRUE(cloud.run_until(1, VerdictValue::kDead, 60, true));
  EXPECT_FALSE(cloud[1].judgement.power_off);
}

TEST(EvidenceLogTest, AForeignForcedDownIsUnknownAndOurOwnIsJudged) {
  auto cloud = warm(3);
  cloud[1].forced_down = true;
  cloud.run(10);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kUnknown);
  cloud[1].own_fence = true;
  cloud.run(10);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kHealthy);
}

TEST(EvidenceLogTest, AServiceThatNovaNoLongerListsIsUnknown) {
  auto cloud = warm(3);
  cloud[1].listed = false;
  cloud.run(2);
  EXPECT_FALSE(cloud.evidence(1).nova.readable);
  cloud.run(60);
  EXPECT_FALSE(cloud.evidence(1).nova.quiet) << "forgotten after two looks";
  EXPECT_FALSE(cloud.ever_dead());
}

TEST(EvidenceLogTest, TheTimeOfAStateStaysWhileTheStateStays) {
  auto cloud = warm(3);
  const auto before = cloud[1].judgement.evidence;
  cloud.run(30);
  EXPECT_EQ(cloud[1].judgement.evidence, before);
  cloud[1].nova_compute = false;
  cloud.run(40);
  EXPECT_NE(cloud[1].judgement.evidence.at(0).since, before.at(0).since);
  EXPECT_EQ(cloud[1].judgement.evidence.at(1), before.at(1));
}

TEST(EvidenceLogTest, AfterARestartTheStoredTimeOfTheSameStateIsKept) {
  auto cloud = warm(3);
  api::Verdict stored;
  stored.evidence = {{.source = EvidenceSource::kNovaService, .state = api::EvidenceState::kAlive, .since = WallTime{seconds(77)}, .detail = "old text"}};
  EvidenceLog log;
  log.track({.node = {"compute-1"}, .nova_host = {"compute-1"}, .kubernetes_node = {}, .client_addresses = {}, .devices = {}, .own_fence = false});
  nova::Service service;
  service.host = {"compute-1"};
  for (const char* beat : {"1", "2"}) {
    service.updated_at = beat;
    cloud.now += seconds(2);
    log.observe_services(std::vector{service}, cloud.now, cloud.now);
  }
  const auto judgement = log.judged({"compute-1"}, {}, stored, cloud.now, WallTime{seconds(99)});
  EXPECT_EQ(judgement.evidence.at(0).since, WallTime{seconds(77)});
  EXPECT_EQ(judgement.evidence.at(1).since, WallTime{seconds(99)});
}

TEST(EvidenceLogTest, ALifeSignBetweenTwoJudgementsOfDeathMakesTheSecondHoldAnew) {
  TestCloud cloud(3, 1);
  cloud.policy.detection.storage_missed_pings = 1;
  cloud.run(kWarmUp);
  cloud.kill(1);
  ASSERT_TRUE(cloud.run_until(1, VerdictValue::kDead, 60, true));
  ceph::Ping ping{.image = {"vms", "compute-1-guest-0_disk"}, .acknowledged = {}, .silent = {}, .answered = true, .image_found = true};
  ping.acknowledged.push_back({.address = {cloud[1].address}, .nonce = 1, .client = 1});
  const Instant sent = cloud.now + milliseconds(1);
  cloud.log.observe_pings(ceph::PingRound{.sent = sent, .canary_acknowledged = true, .pings = {ping}}, sent);
  cloud.run(4);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kDead);
  EXPECT_FALSE(cloud[1].judgement.confirmed);
}

}  // namespace
}  // namespace vmha::evidence
