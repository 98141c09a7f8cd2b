#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "reconcilers/computenode/evidence.h"

namespace vmha::computenode {
namespace {

using api::VerdictValue;

const Instant kNow{seconds(1000)};

Instant ago(seconds age) { return kNow - age; }

// ---- Builders: one host with default detection (20 s stale, 3 missed pings), heartbeats every 10 s

Heartbeat heartbeat(seconds quiet) {
  return {.configured = true,
          .readable = true,
          .unreadable_reason = {},
          .quiet = quiet,
          .usual_interval = seconds(10),
          .watched = seconds(600),
          .proven_alive = ago(quiet + seconds(2))};
}
Heartbeat alive() { return heartbeat(seconds(4)); }
Heartbeat stale() { return heartbeat(seconds(40)); }
Heartbeat unreadable() {
  Heartbeat result = stale();
  result.readable = false;
  result.unreadable_reason = "every compute service is silent";
  return result;
}

StorageEvidence answering() {
  return {.configured = true,
          .readable = true,
          .unreadable_reason = {},
          .guests_known = true,
          .running_guests = 3,
          .missed_rounds = 0,
          .all_asked_since = std::nullopt,
          .proven_alive = ago(seconds(2))};
}
StorageEvidence silent() {
  StorageEvidence result = answering();
  result.missed_rounds = 5;
  result.proven_alive = ago(seconds(38));
  result.all_asked_since = ago(seconds(3));
  return result;
}
StorageEvidence storage_unreadable() {
  StorageEvidence result = silent();
  result.readable = false;
  result.unreadable_reason = "the canary did not acknowledge";
  return result;
}
StorageEvidence no_guests() {
  StorageEvidence result = answering();
  result.running_guests = 0;
  result.proven_alive = ago(seconds(500));
  return result;
}
StorageEvidence list_too_old() {
  StorageEvidence result = silent();
  result.guests_known = false;
  return result;
}
StorageEvidence not_all_asked() {
  StorageEvidence result = silent();
  result.all_asked_since.reset();
  return result;
}

PowerEvidence reads_on() {
  return {.configured = true, .readable = true, .first_off = std::nullopt, .last_off = std::nullopt, .off_confirmed = false, .detail = "On"};
}
PowerEvidence reads_off(seconds since) {
  return {.configured = true, .readable = true, .first_off = ago(since), .last_off = ago(seconds(0)), .off_confirmed = since >= kOffConfirm, .detail = "Off"};
}
PowerEvidence power_unreadable() { return {.configured = true, .readable = false, .first_off = {}, .last_off = {}, .off_confirmed = false, .detail = "timeout"}; }

HostEvidence host(Heartbeat nova, Heartbeat lease, StorageEvidence storage, PowerEvidence power = {}) {
  return {.nova = std::move(nova), .lease = std::move(lease), .storage = std::move(storage), .power = std::move(power), .foreign_forced_down = false};
}

Judgement judged(const HostEvidence& evidence, const api::Detection& detection = {}) { return judge(evidence, detection, kNow); }
VerdictValue verdict(const HostEvidence& evidence, const api::Detection& detection = {}) { return judged(evidence, detection).value; }

// ---- Rows of the table, power not Off

TEST(VerdictTest, AMovingHeartbeatIsHealthyWhateverTheLeaseSays) {
  for (const auto& lease : {alive(), stale(), unreadable(), Heartbeat{}}) {
    for (const auto& storage : {answering(), storage_unreadable(), no_guests(), list_too_old(), not_all_asked(), StorageEvidence{}}) {
      EXPECT_EQ(verdict(host(alive(), lease, storage)), VerdictValue::kHealthy);
    }
  }
  EXPECT_NE(judged(host(alive(), stale(), answering())).detail.find("AgentDown"), std::string::npos);
}

TEST(VerdictTest, SilentGuestsOfALivingHostAreStorageLost) {
  for (const auto& lease : {alive(), stale(), unreadable(), Heartbeat{}}) EXPECT_EQ(verdict(host(alive(), lease, silent())), VerdictValue::kStorageLost);
  EXPECT_EQ(verdict(host(stale(), alive(), silent())), VerdictValue::kStorageLost);
}

TEST(VerdictTest, ALivingLeaseMakesASilentNovaComputeAgentDown) {
  for (const auto& storage : {answering(), storage_unreadable(), no_guests(), list_too_old(), not_all_asked(), StorageEvidence{}}) {
    EXPECT_EQ(verdict(host(stale(), alive(), storage)), VerdictValue::kAgentDown);
  }
}

TEST(VerdictTest, AnsweringGuestsOfASilentHostAreIsolated) {
  EXPECT_EQ(verdict(host(stale(), stale(), answering())), VerdictValue::kIsolated);
  EXPECT_EQ(verdict(host(stale(), Heartbeat{}, answering())), VerdictValue::kIsolated);
  EXPECT_EQ(verdict(host(stale(), unreadable(), answering())), VerdictValue::kUnknown);
}

TEST(VerdictTest, AllSourcesSilentIsDead) {
  EXPECT_EQ(verdict(host(stale(), stale(), silent())), VerdictValue::kDead);
  EXPECT_EQ(verdict(host(stale(), Heartbeat{}, silent())), VerdictValue::kDead);
  EXPECT_FALSE(judged(host(stale(), stale(), silent())).without_storage);
}

TEST(VerdictTest, WithoutStorageEvidenceTheLeaseIsNeededAndThePolicyDecides) {
  const api::Detection required{.storage_evidence = api::StorageEvidence::kRequired};
  for (const auto& storage : {no_guests(), StorageEvidence{}}) {
    const auto preferred = judged(host(stale(), stale(), storage));
    EXPECT_EQ(preferred.value, VerdictValue::kDead);
    EXPECT_TRUE(preferred.without_storage);
    EXPECT_EQ(verdict(host(stale(), stale(), storage), required), VerdictValue::kUnknown);
    EXPECT_EQ(verdict(host(stale(), Heartbeat{}, storage)), VerdictValue::kUnknown);
  }
}

TEST(VerdictTest, AForeignForcedDownIsNotOursToJudge) {
  for (const auto& power : {PowerEvidence{}, reads_off(seconds(5))}) {
    auto evidence = host(stale(), stale(), silent(), power);
    evidence.foreign_forced_down = true;
    EXPECT_EQ(verdict(evidence), VerdictValue::kUnknown);
    EXPECT_FALSE(judged(evidence).suspect);
  }
}

// ---- Ages

TEST(VerdictTest, NothingIsStaleBeforeItWasWatchedForAFullInterval) {
  auto nova = stale();
  nova.watched = seconds(19);
  EXPECT_EQ(verdict(host(nova, stale(), silent())), VerdictValue::kUnknown);
  nova.watched = seconds(20);
  EXPECT_EQ(verdict(host(nova, stale(), silent())), VerdictValue::kDead);
}

TEST(VerdictTest, AHeartbeatThatNeverMovedIsNotAlive) {
  Heartbeat nova{.configured = true, .readable = true, .unreadable_reason = {}, .quiet = seconds(5), .usual_interval = {}, .watched = seconds(5), .proven_alive = {}};
  EXPECT_EQ(verdict(host(nova, alive(), answering())), VerdictValue::kUnknown);
}

TEST(VerdictTest, AStaleIntervalShorterThanTheHeartbeatIsStretched) {
  auto nova = heartbeat(seconds(50));
  nova.usual_interval = seconds(60);
  EXPECT_EQ(verdict(host(nova, Heartbeat{}, silent())), VerdictValue::kStorageLost);
  nova.quiet = seconds(90);
  EXPECT_EQ(verdict(host(nova, Heartbeat{}, silent())), VerdictValue::kDead);
}

TEST(VerdictTest, GuestsAreSilentOnlyAfterEnoughRounds) {
  auto storage = silent();
  storage.missed_rounds = 2;
  EXPECT_EQ(verdict(host(stale(), stale(), storage)), VerdictValue::kUnknown);
  storage.proven_alive = ago(seconds(6));
  EXPECT_EQ(verdict(host(stale(), stale(), storage)), VerdictValue::kIsolated);
}

TEST(VerdictTest, AnAcknowledgementAfterTheLastSilenceUndoesIt) {
  auto storage = silent();
  storage.proven_alive = ago(seconds(1));
  EXPECT_EQ(verdict(host(stale(), stale(), storage)), VerdictValue::kUnknown);
}

TEST(VerdictTest, APausedGuestThatAcknowledgesIsALifeSign) {
  auto storage = no_guests();
  storage.proven_alive = ago(seconds(2));
  EXPECT_EQ(verdict(host(stale(), stale(), storage)), VerdictValue::kIsolated);
}

// ---- Power

TEST(VerdictTest, PowerOffIsDeadAtOnceWhenEveryGuestWasAskedAfterIt) {
  auto storage = silent();
  storage.missed_rounds = 1;
  storage.proven_alive = ago(seconds(6));
  storage.all_asked_since = ago(seconds(3));
  const auto judgement = judged(host(heartbeat(seconds(6)), heartbeat(seconds(5)), storage, reads_off(seconds(4))));
  EXPECT_EQ(judgement.value, VerdictValue::kDead);
  EXPECT_TRUE(judgement.power_off);
  storage.all_asked_since = ago(seconds(5));  // asked before the first Off reading: says nothing
  EXPECT_EQ(verdict(host(heartbeat(seconds(6)), heartbeat(seconds(5)), storage, reads_off(seconds(4)))), VerdictValue::kUnknown);
}

TEST(VerdictTest, PowerOffWithoutGuestsWaitsForOneAndAHalfIntervalsOfSilence) {
  for (const auto& storage : {no_guests(), StorageEvidence{}}) {
    EXPECT_EQ(verdict(host(heartbeat(seconds(15)), heartbeat(seconds(15)), storage, reads_off(seconds(4)))), VerdictValue::kDead);
    EXPECT_EQ(verdict(host(heartbeat(seconds(14)), heartbeat(seconds(15)), storage, reads_off(seconds(4)))), VerdictValue::kUnknown);
    EXPECT_EQ(verdict(host(heartbeat(seconds(15)), heartbeat(seconds(14)), storage, reads_off(seconds(4)))), VerdictValue::kUnknown);
    EXPECT_EQ(verdict(host(heartbeat(seconds(15)), Heartbeat{}, storage, reads_off(seconds(4)))), VerdictValue::kDead);
  }
}

TEST(VerdictTest, PowerOffWithUnmeasuredIntervalsWaitsForTheStaleInterval) {
  auto nova = heartbeat(seconds(16));
  nova.usual_interval = {};
  EXPECT_EQ(verdict(host(nova, Heartbeat{}, no_guests(), reads_off(seconds(4)))), VerdictValue::kUnknown);
  nova.quiet = seconds(20);
  EXPECT_EQ(verdict(host(nova, Heartbeat{}, no_guests(), reads_off(seconds(4)))), VerdictValue::kDead);
}

TEST(VerdictTest, OneOffReadingIsNotOff) {
  EXPECT_EQ(verdict(host(heartbeat(seconds(16)), stale(), no_guests(), reads_off(seconds(1)))), VerdictValue::kHealthy);
  EXPECT_TRUE(judged(host(heartbeat(seconds(6)), alive(), answering(), reads_off(seconds(1)))).suspect);
}

TEST(VerdictTest, LifeAfterAnOffReadingIsTheWrongDevice) {
  const auto off = reads_off(seconds(30));
  auto acknowledged = silent();
  acknowledged.proven_alive = ago(seconds(20));
  for (const auto& evidence : {host(alive(), stale(), silent(), off), host(stale(), alive(), silent(), off), host(stale(), stale(), answering(), off),
                               host(heartbeat(seconds(15)), stale(), acknowledged, off)}) {
    const auto judgement = judged(evidence);
    EXPECT_EQ(judgement.value, VerdictValue::kUnknown);
    EXPECT_TRUE(judgement.wrong_device);
    EXPECT_TRUE(judgement.suspect);
  }
}

TEST(VerdictTest, TheContradictionClearsWhenAllSourcesAreSilentAgainAndTheDeviceIsNotBelieved) {
  const auto off = reads_off(seconds(300));
  const auto judgement = judged(host(stale(), stale(), silent(), off));
  EXPECT_EQ(judgement.value, VerdictValue::kDead);
  EXPECT_FALSE(judgement.wrong_device);
  EXPECT_FALSE(judgement.power_off);
  EXPECT_EQ(verdict(host(stale(), Heartbeat{}, no_guests(), off)), VerdictValue::kUnknown);
}

// ---- Every combination

struct Named {
  std::string name;
  HostEvidence evidence;
};

std::vector<Named> every_combination() {
  const std::vector<std::pair<std::string, Heartbeat>> beats = {
      {"alive", alive()}, {"quiet", heartbeat(seconds(16))}, {"stale", stale()}, {"unreadable", unreadable()}, {"none", Heartbeat{}}};
  const std::vector<std::pair<std::string, StorageEvidence>> storages = {
      {"answering", answering()}, {"silent", silent()},           {"unreadable", storage_unreadable()}, {"none", StorageEvidence{}},
      {"empty", no_guests()},     {"old list", list_too_old()}, {"not all asked", not_all_asked()}};
  const std::vector<std::pair<std::string, PowerEvidence>> powers = {{"none", PowerEvidence{}},        {"on", reads_on()},
                                                                     {"unreadable", power_unreadable()}, {"off 1 s", reads_off(seconds(1))},
                                                                     {"off 3 s", reads_off(seconds(3))}, {"off 12 s", reads_off(seconds(12))},
                                                                     {"off 99 s", reads_off(seconds(99))}};
  std::vector<Named> result;
  for (const auto& [nova, n] : beats)
    for (const auto& [lease, l] : beats)
      for (const auto& [storage, s] : storages)
        for (const auto& [power, p] : powers) {
          result.push_back({"nova " + nova + ", lease " + lease + ", storage " + storage + ", power " + power, host(n, l, s, p)});
        }
  return result;
}

bool unreadable_source(const HostEvidence& e) {
  return !e.nova.configured || !e.nova.readable || (e.lease.configured && !e.lease.readable) || (e.storage.configured && !e.storage.readable);
}

std::optional<Instant> latest_life(const HostEvidence& e) { return std::max({e.nova.proven_alive, e.lease.proven_alive, e.storage.proven_alive}); }

TEST(VerdictTest, NothingButDeadMeetsTheRulesOfDeadInAnyCombination) {
  int dead = 0;
  for (const auto& [name, e] : every_combination()) {
    SCOPED_TRACE(name);
    const auto judgement = judged(e);
    if (judgement.value != VerdictValue::kDead) continue;
    ++dead;
    EXPECT_FALSE(unreadable_source(e)) << "Unknown evidence of a configured source led to Dead";
    EXPECT_TRUE(judgement.suspect);
    if (judgement.power_off) {
      EXPECT_TRUE(e.power.off_confirmed);
      EXPECT_TRUE(!latest_life(e) || *latest_life(e) <= *e.power.first_off);
      continue;
    }
    EXPECT_GE(*e.nova.quiet, seconds(20));
    if (e.lease.configured) {
      EXPECT_GE(*e.lease.quiet, seconds(20)) << "a living Lease is AgentDown, never Dead";
    }
    const bool guests_silent = e.storage.running_guests > 0 && e.storage.guests_known && e.storage.all_asked_since && e.storage.missed_rounds >= 3;
    EXPECT_TRUE(guests_silent || (e.lease.configured && judgement.without_storage));
  }
  EXPECT_GT(dead, 10);
}

TEST(VerdictTest, AnUnreadableNovaIsUnknownInAnyCombination) {
  for (const auto& [name, e] : every_combination()) {
    if (e.nova.configured && e.nova.readable) continue;
    EXPECT_EQ(verdict(e), VerdictValue::kUnknown) << name;
  }
}

TEST(VerdictTest, LifeAfterOffIsUnknownInAnyCombinationButTheSilentOne) {
  for (const auto& [name, e] : every_combination()) {
    if (!e.power.first_off || !latest_life(e) || *latest_life(e) <= *e.power.first_off) continue;
    SCOPED_TRACE(name);
    const auto judgement = judged(e);
    EXPECT_FALSE(judgement.power_off);
    if (!judgement.wrong_device) {
      EXPECT_GE(*e.nova.quiet, seconds(20));
      EXPECT_TRUE(!e.lease.configured || *e.lease.quiet >= seconds(20));
      EXPECT_FALSE(unreadable_source(e));
    } else {
      EXPECT_EQ(judgement.value, VerdictValue::kUnknown);
    }
  }
}

TEST(VerdictTest, PowerThatDoesNotReadOffChangesNoVerdict) {
  for (const auto& [name, e] : every_combination()) {
    if (e.power.first_off) continue;
    auto without = e;
    without.power = {};
    EXPECT_EQ(verdict(e), verdict(without)) << name;  // a controller that lost its power with the host must not hold back its recovery
  }
}

TEST(VerdictTest, EvidenceNamesEachSourceOnceAndHoldsNoAge) {
  for (const auto& [name, e] : every_combination()) {
    SCOPED_TRACE(name);
    auto later = e;
    if (later.nova.quiet) *later.nova.quiet += milliseconds(700);
    const auto first = judged(e).evidence;
    EXPECT_EQ(first, judged(later).evidence);
    ASSERT_EQ(first.size(), 4U);
    for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(static_cast<std::size_t>(first[i].source), i);
  }
}

// ---- Suspicion

TEST(VerdictTest, AWellHostIsNotSuspect) { EXPECT_FALSE(judged(host(alive(), alive(), answering(), reads_on())).suspect); }

TEST(VerdictTest, AnySmellMakesAHostSuspect) {
  auto missed = answering();
  missed.missed_rounds = 1;
  EXPECT_TRUE(judged(host(alive(), alive(), missed)).suspect);
  EXPECT_TRUE(judged(host(heartbeat(seconds(16)), alive(), answering())).suspect);
  EXPECT_TRUE(judged(host(alive(), heartbeat(seconds(16)), answering())).suspect);
  EXPECT_TRUE(judged(host(alive(), alive(), answering(), reads_off(seconds(0)))).suspect);
  EXPECT_FALSE(judged(host(unreadable(), unreadable(), storage_unreadable())).suspect) << "a whole source that is gone makes no host suspect";
}

// ---- Confirmation

TEST(VerdictTest, ConfirmationIsNeverShorterThanTheLongestUsualInterval) {
  const api::HAPolicySpec policy;
  auto evidence = host(stale(), stale(), silent());
  EXPECT_EQ(confirmation_time(judged(evidence), evidence, policy), seconds(10));
  evidence.lease.usual_interval = seconds(12);
  EXPECT_EQ(confirmation_time(judged(evidence), evidence, policy), seconds(12));
  evidence.lease = {};
  evidence.nova.usual_interval = seconds(1);
  EXPECT_EQ(confirmation_time(judged(evidence), evidence, policy), seconds(5));
}

TEST(VerdictTest, ConfirmationDependsOnWhatItIsAbout) {
  const api::HAPolicySpec policy;
  const auto time = [&](const HostEvidence& e) { return confirmation_time(judged(e), e, policy); };
  EXPECT_EQ(time(host(stale(), stale(), no_guests())), seconds(60));
  EXPECT_EQ(time(host(alive(), alive(), silent())), seconds(140));
  EXPECT_EQ(time(host(stale(), stale(), answering())), seconds(10));
  EXPECT_EQ(time(host(heartbeat(seconds(15)), heartbeat(seconds(15)), no_guests(), reads_off(seconds(4)))), seconds(0));
}

}  // namespace
}  // namespace vmha::computenode
