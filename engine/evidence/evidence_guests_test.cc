#include <gtest/gtest.h>

#include "engine/evidence/cloud_for_tests.h"

namespace vmha::evidence {
namespace {

using api::VerdictValue;

TEST(EvidenceOfGuestsTest, ADrainedHostIsNeverDead) {
  for (const bool kubernetes : {true, false}) {
    auto cloud = TestCloud(3, 1);
    cloud.kubernetes = kubernetes;
    cloud.run(kWarmUp);
    cloud[1].guests[0] = {.id = cloud[1].guests[0].id, .status = "SHUTOFF", .task_state = {}, .power_state = 4, .process_alive = false};
    cloud.run(1);
    cloud[1].nova_compute = false;
    cloud.run(300);
    EXPECT_FALSE(cloud.ever_dead());
    EXPECT_EQ(cloud[1].judgement.value, kubernetes ? VerdictValue::kAgentDown : VerdictValue::kUnknown);
  }
}

TEST(EvidenceOfGuestsTest, ADrainedHostIsNotStorageLostEither) {
  auto cloud = warm(3, 1);
  cloud[1].guests[0] = {.id = cloud[1].guests[0].id, .status = "SHUTOFF", .task_state = {}, .power_state = 4, .process_alive = false};
  cloud.run(200);
  EXPECT_EQ(cloud[1].seen.count(VerdictValue::kStorageLost), 0U);
  EXPECT_FALSE(cloud[1].judgement.suspect);
}

TEST(EvidenceOfGuestsTest, AGuestThatShutsDownByItselfIsNoLostStorageOnceNovaKnows) {
  auto cloud = warm(3, 1);
  cloud[1].guests[0].process_alive = false;
  cloud.run(15);  // nova-compute waits so long before it believes libvirt
  cloud[1].guests[0].status = "SHUTOFF";
  cloud[1].guests[0].power_state = 4;
  cloud.run(30);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kHealthy);
  EXPECT_FALSE(cloud[1].judgement.suspect);
}

TEST(EvidenceOfGuestsTest, AGuestWhoseTaskRunsProvesNoDeath) {
  auto cloud = TestCloud(3, 1);
  cloud.kubernetes = false;
  cloud.run(kWarmUp);
  cloud[1].guests[0].task_state = "migrating";
  cloud[1].guests[0].process_alive = false;
  cloud[1].nova_compute = false;
  cloud.run(200);
  EXPECT_FALSE(cloud.ever_dead());
}

TEST(EvidenceOfGuestsTest, TheListOfGuestsMustBeNewerThanTheirSilence) {
  auto cloud = warm(3, 1);
  cloud.nova_api = false;  // the list cannot be read, and neither can nova
  cloud.kill(1);
  cloud.run(200);
  EXPECT_FALSE(cloud.evidence(1).storage.guests_known);
  EXPECT_FALSE(cloud.ever_dead());
}

TEST(EvidenceOfGuestsTest, RoundsAreMissedInARowOnlyWhileTheCanaryAnswers) {
  auto cloud = warm(3);
  cloud[1].storage = false;
  cloud.run(4);
  EXPECT_EQ(cloud.evidence(1).storage.missed_rounds, 2);
  cloud.canary = false;
  cloud.run(2);
  EXPECT_FALSE(cloud.evidence(1).storage.readable);
  cloud.canary = true;
  cloud.run(2);
  EXPECT_EQ(cloud.evidence(1).storage.missed_rounds, 1);
}

TEST(EvidenceOfGuestsTest, APausedGuestThatAcknowledgesProvesLife) {
  auto cloud = warm(3, 1);
  cloud[1].guests[0].status = "PAUSED";
  cloud[1].guests[0].power_state = 3;
  cloud[1].nova_compute = cloud[1].kubelet = false;
  cloud.run(90);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kIsolated);
  EXPECT_FALSE(cloud.ever_dead());
}

TEST(EvidenceOfGuestsTest, TheSilenceOfAPausedGuestProvesNoDeath) {
  auto cloud = TestCloud(3, 1);
  cloud.kubernetes = false;
  cloud.run(kWarmUp);
  cloud[1].guests[0].status = "PAUSED";
  cloud[1].guests[0].power_state = 3;
  cloud[1].nova_compute = cloud[1].storage = false;
  cloud.run(120);
  EXPECT_EQ(cloud.evidence(1).storage.missed_rounds, 0);
  EXPECT_FALSE(cloud.ever_dead());
}

TEST(EvidenceOfGuestsTest, GuestsThatAnswerFromAnotherHostsAddressProveNeitherLifeNorDeath) {
  auto cloud = warm(3);
  const auto before = cloud.evidence(1).storage.proven_alive;
  cloud[1].answer_from = cloud[2].address;
  cloud[1].nova_compute = cloud[1].kubelet = false;
  cloud.run(90);
  EXPECT_EQ(cloud.evidence(1).storage.proven_alive, before);
  EXPECT_EQ(cloud.evidence(1).storage.missed_rounds, 0);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kUnknown);
}

TEST(EvidenceOfGuestsTest, AHostWhoseAddressesAreNotKnownIsNotJudgedByItsGuests) {
  TestCloud cloud(3);
  cloud.addresses_known = false;
  cloud.run(kWarmUp);
  EXPECT_FALSE(cloud.evidence(1).storage.readable);
  cloud.kill(1);
  cloud.run(20);
  EXPECT_FALSE(cloud.ever_dead());
}

TEST(EvidenceOfGuestsTest, AWellHostIsAskedByAFewGuestsInTurnAndASuspectByAll) {
  auto cloud = warm(1, 10);
  std::set<ImageId> asked;
  for (int round = 0; round < 5; ++round) {
    const auto images = cloud.log.next_pings();
    EXPECT_LE(images.size(), kSampledGuests);
    asked.insert(images.begin(), images.end());
  }
  EXPECT_EQ(asked.size(), 10U);
  cloud[0].storage = false;
  cloud.run(2);
  EXPECT_EQ(cloud.log.next_pings().size(), 10U);
}

TEST(EvidenceOfGuestsTest, AListFromBeforeTheSilenceIsNotKnownHoweverYoung) {
  auto cloud = warm(3, 1);
  cloud[1].nova_compute = false;
  cloud.run(30);
  ASSERT_TRUE(cloud[1].judgement.suspect);
  ASSERT_TRUE(cloud.evidence(1).storage.guests_known);
  cloud.nova_api = false;
  cloud[1].storage = false;
  cloud.run(8);
  ASSERT_GE(cloud.evidence(1).storage.missed_rounds, 3);
  EXPECT_FALSE(cloud.evidence(1).storage.guests_known);
}

TEST(EvidenceOfGuestsTest, TheGuestsOfALostRackAreAskedInTurnUntilAllWereAsked) {
  auto cloud = warm(12, 100);
  for (int host = 0; host < 8; ++host) cloud.kill(host);
  cloud.run(4);
  const std::size_t sampled = 12 * kSampledGuests;
  EXPECT_LE(cloud.log.next_pings().size(), kMaxSuspectImages + sampled);
  cloud.run(40);
  for (int host = 0; host < 8; ++host) {
    EXPECT_TRUE(cloud[host].dead_at) << host;
    EXPECT_TRUE(cloud.evidence(host).storage.all_asked_since) << host;
  }
}

// ---- No mon quorum

TEST(EvidenceGuestsTest, WithoutAMonQuorumTheSilenceOfGuestsIsUnknown) {
  auto cloud = warm(4);
  for (auto& host : cloud.hosts()) host.has_device = false;
  cloud.log.observe_mons(false);
  cloud.kill(0);
  cloud.run(60);
  EXPECT_FALSE(cloud[0].dead_at);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kHealthy);
  cloud.log.observe_mons(true);
  cloud.run(20);
  EXPECT_TRUE(cloud[0].dead_at);
}

// ---- After a change of leader

TEST(EvidenceGuestsTest, WatchesThatStatusRemembersStandInForAnAcknowledgementThatANewProcessNeverHeard) {
  for (const bool recalled : {false, true}) {
    TestCloud cloud(4);
    cloud.kubernetes = false;
    for (auto& host : cloud.hosts()) host.has_device = false;
    cloud.run(kWarmUp);
    cloud.kill(0);
    cloud.restart_controller();
    if (recalled)
      for (const auto& guest : cloud[0].guests) cloud.log.recall_watchers({"vms", guest.id + "_disk"}, {Address{cloud[0].address}});
    cloud.run(120);
    EXPECT_EQ(cloud[0].dead_at.has_value(), recalled);
    for (int other = 1; other < 4; ++other) EXPECT_FALSE(cloud[other].dead_at);
  }
}

TEST(EvidenceGuestsTest, AWatchFromElsewhereIsNoneOfTheHosts) {
  TestCloud cloud(4);
  cloud.kubernetes = false;
  for (auto& host : cloud.hosts()) host.has_device = false;
  cloud.run(kWarmUp);
  cloud.kill(0);
  cloud.restart_controller();
  for (const auto& guest : cloud[0].guests) cloud.log.recall_watchers({"vms", guest.id + "_disk"}, {Address{"10.99.0.1"}});
  cloud.run(120);
  EXPECT_FALSE(cloud[0].dead_at);
}

TEST(EvidenceGuestsTest, ARememberedWatchProvesNoLife) {
  TestCloud cloud(4);
  for (const auto& guest : cloud[0].guests) cloud.log.recall_watchers({"vms", guest.id + "_disk"}, {Address{cloud[0].address}});
  cloud[0].storage = false;
  cloud.run(kWarmUp);
  EXPECT_FALSE(cloud.evidence(0).storage.proven_alive);
}

}  // namespace
}  // namespace vmha::evidence
