// The blocklist: its steps, when it counts as proven, and the watches that are left.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::FenceState;
using api::ProofState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// ---- The blocklist

TEST(StorageTest, StepsAreAddReadProveLookAtTheDisks) {
  Scene scene;
  scene.fencing();
  NodeDecision decision = scene.decided();
  ASSERT_NE(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_THAT(wished<BlocklistAdd>(decision)->addresses, ElementsAre(kAddress));
  EXPECT_EQ(wished<ProveBlocklist>(decision), nullptr);

  scene.rest.requested["storage"] = scene.now - seconds(1);
  scene.rest.lanes["storage"] = {.finished = scene.now - milliseconds(500), .failures_in_a_row = 0, .error = "", .operation = "BlocklistAdd"};
  decision = scene.decided();
  EXPECT_NE(wished<ReadBlocklist>(decision), nullptr) << "ok is no proof: the list must show it";
  EXPECT_EQ(wished<ProveBlocklist>(decision), nullptr);

  scene.listed();
  decision = scene.decided();
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
  ASSERT_NE(wished<ProveBlocklist>(decision), nullptr);
  EXPECT_THAT(wished<ProveBlocklist>(decision)->images, ElementsAre(ImageId{"vms", kServer.value + "_disk"}));

  scene.blocklist_proven().disks->at = scene.now - seconds(2);
  decision = scene.decided();
  EXPECT_NE(wished<ReadDisks>(decision), nullptr) << "watches are looked at after the proof";
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kRequested);

  scene.blocklist_proven();
  decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kProven);
  EXPECT_EQ(decision.status.fence->storage.osdmap_epoch, 412);
  EXPECT_EQ(announced(decision, "StorageFenceProven"), 1);
}

struct ListCase {
  std::string name;
  std::function<void(Scene&)> make;
  bool proven;
};

class ListTest : public ::testing::TestWithParam<ListCase> {};

TEST_P(ListTest, TheProofCountsOnlyWhileEveryAddressCanBeRead) {
  Scene scene;
  scene.proven();
  GetParam().make(scene);
  EXPECT_EQ(live_proof(scene.view()).storage, GetParam().proven);
  EXPECT_EQ(scene.in_force()->storage_proven, GetParam().proven);
}

const Address kOther{"10.77.0.12"};
INSTANTIATE_TEST_SUITE_P(
    All, ListTest,
    ::testing::Values(ListCase{"listed", [](Scene&) {}, true}, ListCase{"entry_gone", [](Scene& s) { s.blocklist->value.clear(); }, false},
                      ListCase{"entry_of_one_client_only", [](Scene& s) { s.blocklist->value[0].nonce = 4100; }, false},
                      ListCase{"entry_ends_soon", [](Scene& s) { s.blocklist->value = {entry(kAddress, 3600)}; }, false},
                      ListCase{"entry_of_another", [](Scene& s) { s.blocklist->value = {entry(kOther)}; }, false},
                      ListCase{"list_never_read", [](Scene& s) { s.blocklist.reset(); }, false},
                      ListCase{"list_too_old", [](Scene& s) { s.blocklist->at = s.now - kProofReadableWithin - milliseconds(1); }, false},
                      ListCase{"proof_of_another_process", [](Scene& s) { s.rest.blocklist_proven.reset(); }, false},
                      ListCase{"proof_of_fewer_addresses", [](Scene& s) { s.rest.blocklist_proven->addresses.clear(); }, false},
                      ListCase{"one_of_two_addresses_listed", [](Scene& s) { s.fence().storage.addresses.push_back(kOther); }, false}),
    [](const auto& of) { return of.param.name; });

TEST(StorageTest, ARangeEntryOfTheVeryRangeCounts) {
  Scene scene;
  scene.object.spec.storage.client_addresses = {"10.77.0.8/29"};
  scene.fencing().fence().storage.addresses = {Address{"10.77.0.8/29"}};
  scene.blocklist_proven().blocklist->value = {{.address = Address{"10.77.0.8"}, .nonce = 0, .range = "10.77.0.8/29", .until = "", .expires_in_seconds = 100'000'000}};
  EXPECT_TRUE(live_proof(scene.view()).storage);
}

TEST(StorageTest, AnEntryThatAnAdminRemovedIsAddedAgainAndTold) {
  Scene scene;
  scene.proven().blocklist->value.clear();
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kRequested);
  EXPECT_EQ(announced(decision, "FenceFailed"), 1);
  EXPECT_NE(wished<BlocklistAdd>(decision), nullptr);
  scene.store(decision);
  EXPECT_EQ(announced(scene.decided(), "FenceFailed"), 0) << "once";
}

TEST(StorageTest, AListThatCouldNotBeReadLatelyTakesNothingBack) {
  Scene scene;
  scene.proven().blocklist->at = scene.now - seconds(30);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kProven);
  EXPECT_EQ(announced(decision, "FenceFailed"), 0);
  EXPECT_NE(wished<ReadBlocklist>(decision), nullptr);
}

TEST(StorageTest, AFailedCallIsTriedAgainAfterAPause) {
  Scene scene;
  scene.fencing();
  scene.rest.requested["storage"] = scene.now - seconds(2);
  scene.rest.lanes["storage"] = {.finished = scene.now - milliseconds(500), .failures_in_a_row = 2, .error = "Forbidden: no rm", .operation = "BlocklistAdd"};
  scene.blocklist->at = scene.now - milliseconds(100);
  NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_THAT(decision.status.fence->storage.message, HasSubstr("Forbidden"));
  scene.rest.lanes["storage"].finished = scene.now - seconds(3);
  EXPECT_NE(wished<BlocklistAdd>(decision = scene.decided()), nullptr);
}

TEST(StorageTest, NothingIsListedBeforeTheClustersOwnAddressesAreKnown) {
  Scene scene;
  scene.fencing().rest.cluster_addresses_known = false;
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_NE(wished<ReadClusterAddresses>(decision), nullptr);
}

TEST(StorageTest, ASharedAddressThatShowsLaterSkipsStorageInsteadOfListingIt) {
  Scene scene;
  scene.fencing().rest.shared_address = "10.77.0.11 is a mon's";
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kSkipped);
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
}

// ---- Watches that are left

struct WatchCase {
  std::string name;
  std::function<void(Scene&)> make;
  bool proven;
};

class WatchTest : public ::testing::TestWithParam<WatchCase> {};

TEST_P(WatchTest, AnUnfencedWatchOfTheHostsImagesKeepsStorageUnproven) {
  Scene scene;
  scene.fencing().blocklist_proven();
  GetParam().make(scene);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, GetParam().proven ? ProofState::kProven : ProofState::kRequested);
  if (!GetParam().proven) {
    EXPECT_THAT(decision.status.fence->storage.message, HasSubstr("not proven"));
  }
}

void watched_from(Scene& scene, const std::vector<std::string>& addresses) { scene.disks->value = {disks_of(kServer, addresses)}; }

INSTANTIATE_TEST_SUITE_P(
    All, WatchTest,
    ::testing::Values(WatchCase{"none_left", [](Scene&) {}, true}, WatchCase{"the_fenced_one", [](Scene& s) { watched_from(s, {"10.77.0.11"}); }, true},
                      WatchCase{"another", [](Scene& s) { watched_from(s, {"10.77.0.11", "10.77.0.19"}); }, false},
                      WatchCase{"recorded_beside_the_hosts_own",
                                [](Scene& s) {
                                  watched_from(s, {"10.77.0.19"});
                                  s.rest.recorded_watchers["vms/" + kServer.value + "_disk"] = {kAddress, Address{"10.77.0.19"}};
                                },
                                true},
                      WatchCase{"recorded_alone_it_may_be_the_host_itself",
                                [](Scene& s) {
                                  watched_from(s, {"10.77.0.19"});
                                  s.rest.recorded_watchers["vms/" + kServer.value + "_disk"] = {Address{"10.77.0.19"}};
                                },
                                false},
                      WatchCase{"list_unread", [](Scene& s) { s.disks->value[0].images[0].read = false; }, false},
                      WatchCase{"servers_not_known", [](Scene& s) { s.servers.reset(); }, false},
                      WatchCase{"server_that_moves",
                                [](Scene& s) {
                                  watched_from(s, {"10.77.0.19"});
                                  s.servers->value[0].task_state = "migrating";
                                },
                                true},
                      WatchCase{"disks_of_a_server_not_read", [](Scene& s) { s.servers->value.push_back(server(ServerId{"5b8e0000-0000-4000-8000-000000000002"})); }, false}),
    [](const auto& of) { return of.param.name; });

}  // namespace
}  // namespace vmha::computenode::testing
