#include <gtest/gtest.h>

#include "engine/evidence/cloud_for_tests.h"
#include "engine/evidence/lease_log.h"

namespace vmha::evidence {
namespace {

using api::EvidenceSource;
using api::VerdictValue;

TEST(EvidenceGatesTest, OneDeadHostOfTwoIsNotGated) {
  auto cloud = warm(2);
  cloud.kill(0);
  EXPECT_TRUE(cloud.run_until(0, VerdictValue::kDead, 60, true));
}

TEST(EvidenceGatesTest, TwoHostsOfATenHostCellThatDieTogetherAreBothDead) {
  auto cloud = warm(10);
  cloud.kill(3);
  cloud.kill(7);
  cloud.run(60);
  EXPECT_TRUE(cloud[3].dead_at);
  EXPECT_TRUE(cloud[7].dead_at);
}

TEST(EvidenceGatesTest, ALostBusIsNobodysDeath) {
  for (const int guests : {3, 0}) {  // with and without guests that could prove life
    auto cloud = warm(6, guests);
    cloud.bus = false;
    cloud.run(600);
    EXPECT_FALSE(cloud.ever_dead());
    EXPECT_FALSE(cloud.log.gate(EvidenceSource::kNovaService, {cloud[0].name}, cloud.now).empty());
    cloud.bus = true;
    cloud.run(60);
    EXPECT_FALSE(cloud.ever_dead());
    for (const auto& host : cloud.hosts()) EXPECT_EQ(host.judgement.value, VerdictValue::kHealthy);
  }
}

TEST(EvidenceGatesTest, ALostBusShutsTheGateForAHostWhoseLeaseStoppedBefore) {
  auto cloud = warm(6, 0);
  cloud[2].kubelet = false;
  cloud.run(60);
  cloud.bus = false;  // without the gate: nova and Lease silent, no guests, so Dead after a minute
  cloud.run(600);
  EXPECT_FALSE(cloud.ever_dead());
}

TEST(EvidenceGatesTest, NothingIsStaleForAFullIntervalAfterTheBusReturns) {
  auto cloud = warm(6, 0);
  cloud[2].kubelet = false;
  cloud.bus = false;
  cloud.run(300);
  cloud.bus = true;
  cloud[2].nova_compute = false;  // comes back late
  cloud.clear_seen();
  cloud.run(20);
  EXPECT_EQ(cloud[2].seen.count(VerdictValue::kDead), 0U);
  EXPECT_TRUE(cloud.run_until(2, VerdictValue::kDead, 90, true)) << "but it is dead in the end";
}

TEST(EvidenceGatesTest, ARackOfMostHostsWhoseGuestsAreSilentTooIsNoLostBus) {
  auto cloud = warm(6);
  for (const int host : {0, 1, 2, 3}) cloud.kill(host);
  cloud.run(90);
  for (const int host : {0, 1, 2, 3}) EXPECT_TRUE(cloud[host].dead_at);  // the storm breaker decides what is done about it
}

TEST(EvidenceGatesTest, MostServicesOfAZoneThatGoSilentTogetherWhileTheirGuestsAnswerShutOnlyTheirZone) {
  auto cloud = warm(10);
  for (int i = 0; i < 4; ++i) cloud[i].zone = "small";
  cloud.run(10);
  for (int i = 0; i < 3; ++i) cloud[i].nova_compute = false;
  cloud.run(60);
  EXPECT_FALSE(cloud.log.gate(EvidenceSource::kNovaService, {cloud[0].name}, cloud.now).empty());
  EXPECT_TRUE(cloud.log.gate(EvidenceSource::kNovaService, {cloud[8].name}, cloud.now).empty());
}

TEST(EvidenceGatesTest, ALostCanaryKillsNobody) {
  auto cloud = warm(3);
  cloud.canary = false;
  cloud[1].nova_compute = cloud[1].kubelet = false;
  cloud.run(300);
  EXPECT_FALSE(cloud.ever_dead());
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kUnknown);
  cloud.canary = true;
  cloud.run(10);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kIsolated);
}

TEST(EvidenceGatesTest, AnApiServerThatRestartsFor90SecondsKillsNobody) {
  auto cloud = warm(6, 0);
  cloud[2].nova_compute = false;
  cloud.run(30);
  ASSERT_EQ(cloud[2].judgement.value, VerdictValue::kAgentDown);
  cloud.api_server = false;
  cloud.run(90);
  EXPECT_EQ(cloud[2].judgement.value, VerdictValue::kUnknown);
  cloud.api_server = true;
  cloud.run(30);
  EXPECT_FALSE(cloud.ever_dead());
  EXPECT_EQ(cloud[2].judgement.value, VerdictValue::kAgentDown);
}

TEST(EvidenceGatesTest, EveryLeaseSilentIsAWatchThatHangs) {
  auto cloud = warm(4, 0);
  cloud[2].nova_compute = false;
  cloud.run(30);
  cloud.leases_delivered = false;
  cloud.run(300);
  EXPECT_FALSE(cloud.ever_dead());
  cloud.leases_delivered = true;
  cloud.run(30);
  EXPECT_EQ(cloud[2].judgement.value, VerdictValue::kAgentDown);
}

TEST(EvidenceGatesTest, AFencedHostsLeaseIsExpectedToBeSilent) {
  constexpr Duration kEvery = seconds(10);
  Instant now{};
  LeaseLog leases;
  leases.configure(api::Detection{});
  const auto run = [&](const std::vector<std::string>& living, int rounds) {
    for (int round = 0; round < rounds; ++round, now += kEvery) {
      for (const std::string& node : living) leases.observe(node, std::to_string(now.time_since_epoch().count()), now);
      leases.api_server_alive(now);
    }
  };
  run({"one", "two"}, 12);
  run({"two"}, 12);
  run({}, 12);
  EXPECT_EQ(leases.gate(now), "every node's Lease is silent") << "nothing explains any of them";
  leases.set_fenced("one", true);
  now += seconds(1);
  leases.api_server_alive(now);
  EXPECT_EQ(leases.gate(now), "") << "one of them is fenced, and of the others there is just one";
  leases.set_fenced("one", false);
  now += seconds(1);
  leases.api_server_alive(now);
  EXPECT_NE(leases.gate(now), "");
}

TEST(EvidenceGatesTest, ACellWithoutStateShutsNova) {
  auto cloud = warm(3);
  cloud[2].state_known = false;
  cloud.run(2);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kUnknown);
  cloud[2].state_known = true;
  cloud.run(2);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kHealthy);
}

TEST(EvidenceGatesTest, ACellThatStaysAwayBlindsItsOwnHostsOnly) {
  auto cloud = warm(5);
  cloud[2].state_known = false;
  cloud.run(280);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kUnknown) << "what took one cell may be taking the next";
  cloud.run(40);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kHealthy);
  EXPECT_EQ(cloud[2].judgement.value, VerdictValue::kUnknown);
  cloud.kill(0);
  cloud.run(60);
  EXPECT_TRUE(cloud[0].dead_at);
  EXPECT_FALSE(cloud[2].dead_at);
}

TEST(EvidenceGatesTest, OneLostPollBlindsNobodyAndIsNoSilence) {
  auto cloud = warm(6);
  cloud.nova_api = false;
  cloud.run(12);  // a call that is waited for in vain, and the poll before and behind it
  cloud.nova_api = true;
  cloud.run(20);
  for (const auto& host : cloud.hosts()) EXPECT_EQ(host.seen, std::set{VerdictValue::kHealthy}) << host.name;
}

TEST(EvidenceGatesTest, TheLastHostThatGoesSilentIsUnknownForThenEveryServiceIs) {
  auto cloud = warm(3);
  cloud.kill(0);
  cloud.run(60);
  cloud.kill(1);
  cloud.run(60);
  ASSERT_TRUE(cloud[0].dead_at);
  ASSERT_TRUE(cloud[1].dead_at);
  cloud.kill(2);
  cloud.run(120);
  EXPECT_FALSE(cloud[2].dead_at);
  EXPECT_EQ(cloud.log.gate(EvidenceSource::kNovaService, {cloud[2].name}, cloud.now), "every compute service is silent");
}

TEST(EvidenceGatesTest, OneFailureOfTheApiServerShutsTheLeasesForAnInterval) {
  auto cloud = warm(3);
  EXPECT_TRUE(cloud.evidence(1).lease.readable);
  cloud.log.api_server_error(cloud.now);
  EXPECT_FALSE(cloud.evidence(1).lease.readable);
  cloud.run(8);
  EXPECT_FALSE(cloud.evidence(1).lease.readable);
  cloud.run(4);
  EXPECT_TRUE(cloud.evidence(1).lease.readable);
  EXPECT_LE(cloud.evidence(1).lease.watched, seconds(12));
}

TEST(EvidenceGatesTest, LeasesAreWatchedAnewWhenTheyMoveAgainAfterAllWereSilent) {
  auto cloud = warm(4);
  cloud.leases_delivered = false;
  cloud.run(60);
  ASSERT_FALSE(cloud.log.gate(EvidenceSource::kKubernetesNode, {cloud[2].name}, cloud.now).empty());
  cloud[2].kubelet = false;
  cloud.drop_undelivered(2);
  cloud.leases_delivered = true;
  cloud.run(4);
  EXPECT_TRUE(cloud.evidence(2).lease.readable);
  EXPECT_LE(cloud.evidence(2).lease.watched, seconds(4));
}

TEST(EvidenceGatesTest, NovaThatDoesNotAnswerIsUnknownForAllWithinThreePollsOrTenSeconds) {
  auto cloud = warm(3);
  cloud.nova_api = false;
  cloud.run(8);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kHealthy);
  cloud.run(6);
  EXPECT_EQ(cloud[1].judgement.value, VerdictValue::kUnknown);
  cloud.nova_api = true;
  cloud.run(4);
  EXPECT_LE(cloud.evidence(1).nova.watched, seconds(4));
}

}  // namespace
}  // namespace vmha::evidence
