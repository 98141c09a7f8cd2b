#include "engine/evidence/guest_log.h"

#include <gtest/gtest.h>

namespace vmha::evidence {
namespace {

const NovaHost kHost{"compute-1"};
const NovaHost kOther{"compute-2"};
const std::string kOwn = "10.0.0.1";
const std::string kTheirs = "10.0.0.2";

Instant at(int second) { return Instant{seconds(second)}; }
ImageId image(const std::string& name) { return {"vms", name}; }

nova::Server running(const std::string& id, const NovaHost& host = kHost) {
  nova::Server server;
  server.id = {id};
  server.host = host;
  server.status = "ACTIVE";
  server.power_state = 1;
  return server;
}

ceph::Ping ping(const std::string& name, std::vector<std::string> acknowledged) {
  ceph::Ping result{.image = image(name), .acknowledged = {}, .silent = {}, .answered = true, .image_found = true};
  for (const auto& address : acknowledged) result.acknowledged.push_back({.address = {address}, .nonce = 1, .client = 1});
  return result;
}

class GuestLogTest : public ::testing::Test {
 protected:
  GuestLogTest() {
    log.track(kHost, {kOwn});
    log.track(kOther, {kTheirs});
  }
  void servers(const NovaHost& host, const std::vector<nova::Server>& list, int second) {
    std::vector<const nova::Server*> pointers;
    for (const auto& server : list) pointers.push_back(&server);
    log.observe_host(host, pointers, at(second));
  }
  void disks(const std::string& server, const std::vector<std::string>& images) {
    ServerImages result{.server = {server}, .images = {}};
    for (const auto& name : images) result.images.push_back({.image = image(name), .found = true, .read = true, .watchers = {}, .lock_owner = {}});
    log.observe_disks({result});
  }
  void round(int second, std::vector<ceph::Ping> pings) {
    log.observe_pings(ceph::PingRound{.sent = at(second), .canary_acknowledged = true, .pings = std::move(pings)}, at(second));
  }
  computenode::StorageEvidence evidence(int second) { return log.evidence(kHost, at(second)); }
  GuestLog log;
};

TEST_F(GuestLogTest, AllAskedSinceIsTheOldestOfTheNewestUnansweredPingsOfEveryGuest) {
  servers(kHost, {running("a"), running("b")}, 0);
  disks("a", {"a"});
  disks("b", {"b"});
  round(2, {ping("a", {kOwn}), ping("b", {kOwn})});
  round(4, {ping("a", {})});
  EXPECT_FALSE(evidence(4).all_asked_since) << "b was not asked since";
  round(6, {ping("b", {})});
  EXPECT_EQ(evidence(6).all_asked_since, at(4));
  round(8, {ping("a", {}), ping("b", {})});
  EXPECT_EQ(evidence(8).all_asked_since, at(8));
  EXPECT_EQ(evidence(8).missed_rounds, 3);
  round(10, {ping("a", {kOwn}), ping("b", {})});
  EXPECT_FALSE(evidence(10).all_asked_since);
  EXPECT_EQ(evidence(10).missed_rounds, 0);
  EXPECT_EQ(evidence(10).proven_alive, at(10));
}

TEST_F(GuestLogTest, APingThatTheStorageDidNotAnswerIsNoSilence) {
  servers(kHost, {running("a")}, 0);
  disks("a", {"a"});
  round(2, {ping("a", {kOwn})});
  auto lost = ping("a", {});
  lost.answered = false;  // an inactive placement group
  for (int second = 4; second < 12; second += 2) round(second, {lost});
  EXPECT_EQ(evidence(12).missed_rounds, 0);
  EXPECT_FALSE(evidence(12).all_asked_since);
}

TEST_F(GuestLogTest, ASharedVolumeThatAnotherHostAcknowledgesDoesNotHideASilentGuest) {
  servers(kHost, {running("a")}, 0);
  servers(kOther, {running("b", kOther)}, 0);
  disks("a", {"a", "shared"});
  disks("b", {"b", "shared"});
  round(2, {ping("a", {kOwn}), ping("b", {kTheirs}), ping("shared", {kOwn, kTheirs})});
  for (int second = 4; second < 10; second += 2) round(second, {ping("a", {}), ping("b", {kTheirs}), ping("shared", {kTheirs})});
  EXPECT_EQ(evidence(10).missed_rounds, 3);
  EXPECT_EQ(evidence(10).all_asked_since, at(8));
  EXPECT_EQ(log.evidence(kOther, at(10)).proven_alive, at(8));
}

TEST_F(GuestLogTest, ASecondClientOfAGuestsOnlyDiskDoesNotSpeakForItsHost) {
  const std::string second = "10.0.0.9";
  servers(kHost, {running("a"), running("b")}, 0);
  disks("a", {"a"});
  disks("b", {"b"});
  round(2, {ping("a", {kOwn, second}), ping("b", {kOwn})});
  for (int at_second = 4; at_second < 10; at_second += 2) round(at_second, {ping("a", {second}), ping("b", {})});
  EXPECT_EQ(evidence(10).missed_rounds, 3);
  EXPECT_EQ(evidence(10).all_asked_since, at(8));
}

TEST_F(GuestLogTest, AnAddressThatNeverAnsweredBesideTheHostMayBeTheHostsOwn) {
  servers(kHost, {running("a"), running("b")}, 0);
  disks("a", {"a"});
  disks("b", {"b"});
  round(2, {ping("a", {kOwn}), ping("b", {kOwn})});
  for (int at_second = 4; at_second < 10; at_second += 2) round(at_second, {ping("a", {"10.0.0.9"}), ping("b", {})});
  EXPECT_FALSE(evidence(10).all_asked_since);
}

TEST_F(GuestLogTest, AGuestThatWasNeverAskedHoldsTheSourceBack) {
  servers(kHost, {running("a")}, 0);
  round(2, {});
  EXPECT_TRUE(evidence(2).configured);
  EXPECT_FALSE(evidence(2).readable) << "its disks are not known";
  EXPECT_EQ(log.without_disks(kHost, 10), std::vector{ServerId{"a"}});
  disks("a", {"a"});
  EXPECT_FALSE(evidence(2).readable);
  round(4, {ping("a", {})});
  EXPECT_FALSE(evidence(4).configured) << "asked, and it never answered: silence means nothing";
}

TEST_F(GuestLogTest, AGuestWithoutDisksInTheProtectedCephIsNoStorageEvidence) {
  servers(kHost, {running("a")}, 0);
  disks("a", {});
  round(2, {});
  EXPECT_FALSE(evidence(2).configured);
}

TEST_F(GuestLogTest, AGuestThatMovedCountsForItsNewHostFromTheNewerListOnwards) {
  servers(kHost, {running("a")}, 0);
  disks("a", {"a"});
  round(2, {ping("a", {kOwn})});
  servers(kOther, {running("a", kOther)}, 4);
  servers(kHost, {running("a")}, 3);  // started earlier, arrived later
  round(6, {ping("a", {kTheirs})});
  EXPECT_EQ(log.evidence(kOther, at(6)).running_guests, 1);
  EXPECT_EQ(evidence(6).running_guests, 0);
}

TEST_F(GuestLogTest, AGuestInAnUnfinishedMigrationIsNotCounted) {
  servers(kHost, {running("a")}, 0);
  disks("a", {"a"});
  round(2, {ping("a", {kOwn})});
  round(4, {ping("a", {})});
  nova::Migration migration;
  migration.server = {"a"};
  migration.status = "running";
  log.observe_migrations(kHost, {migration}, at(5));
  EXPECT_EQ(evidence(5).running_guests, 0);
  EXPECT_EQ(evidence(5).missed_rounds, 0);
}

TEST_F(GuestLogTest, ADeletedImageIsNoRunningGuest) {
  servers(kHost, {running("a")}, 0);
  disks("a", {"a"});
  round(2, {ping("a", {kOwn})});
  auto deleted = ping("a", {});
  deleted.image_found = false;
  round(4, {deleted});
  EXPECT_EQ(evidence(4).running_guests, 0);
  EXPECT_EQ(evidence(4).missed_rounds, 0);
}

TEST_F(GuestLogTest, ARoundThatWasOvertakenOrToldTwiceIsIgnored) {
  servers(kHost, {running("a")}, 0);
  disks("a", {"a"});
  round(2, {ping("a", {kOwn})});
  round(4, {ping("a", {})});
  round(4, {ping("a", {})});
  round(3, {ping("a", {})});
  EXPECT_EQ(evidence(4).missed_rounds, 1);
}

TEST_F(GuestLogTest, GuestsThatAreGoneAreForgotten) {
  servers(kHost, {running("a")}, 0);
  disks("a", {"a"});
  servers(kHost, {}, 2);
  EXPECT_TRUE(log.next_pings().empty());
  log.forget(kHost);
  EXPECT_FALSE(evidence(4).guests_known);
}

TEST_F(GuestLogTest, TheSilenceOfAPausedGuestBesideARunningOneIsNoMissedRound) {
  servers(kHost, {running("a"), running("b")}, 0);
  disks("a", {"a"});
  disks("b", {"b"});
  round(2, {ping("a", {kOwn}), ping("b", {kOwn})});
  auto paused = running("a");
  paused.status = "PAUSED";
  servers(kHost, {paused, running("b")}, 3);
  round(4, {ping("a", {})});
  EXPECT_EQ(evidence(4).missed_rounds, 0);
}

TEST_F(GuestLogTest, WhatWasAskedBeforeTheCanaryFailedIsAskedAgain) {
  servers(kHost, {running("a"), running("b")}, 0);
  disks("a", {"a"});
  disks("b", {"b"});
  round(2, {ping("a", {kOwn}), ping("b", {kOwn})});
  round(4, {ping("a", {}), ping("b", {})});
  log.observe_pings(ceph::PingRound{.sent = at(6), .canary_acknowledged = false, .pings = {}}, at(6));
  round(8, {ping("b", {})});
  EXPECT_FALSE(evidence(8).all_asked_since);
  round(10, {ping("a", {})});
  EXPECT_EQ(evidence(10).all_asked_since, at(8));
}

}  // namespace
}  // namespace vmha::evidence
