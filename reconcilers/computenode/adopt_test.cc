// Status has lost a fence that the world shows: etcd was restored, or the ComputeNode was made anew.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::FenceState;
using api::ProofState;
using ::testing::IsEmpty;

/// The world of a fence that stands, and a status that knows nothing of it.
struct Lost : Scene {
  Lost() {
    with_finalizer();
    judged(api::VerdictValue::kUnknown);
    rest.fresh_suffix = "zzzzz";
    rest.evidence.lease.proven_alive = now - seconds(60);
  }
  Lost& listed_in_ceph() {
    blocklist = {{entry(kAddress)}, now - milliseconds(200)};
    return *this;
  }
  Lost& marked() {
    forced_down();
    return *this;
  }
  /// Stored; nothing of this process did it.
  Lost& adopted() {
    const NodeDecision decision = decided();
    object.status = decision.status;
    rest.requested["fence"] = now;
    return *this;
  }
};

TEST(AdoptTest, AFenceThatNovaNamesIsTakenUpUnderItsId) {
  Lost scene;
  const NodeDecision decision = scene.marked().listed_in_ceph().decided();
  ASSERT_TRUE(stands(decision));
  EXPECT_EQ(decision.status.fence->id, kFence);
  EXPECT_EQ(decision.status.fence->state, FenceState::kFencing) << "its proof is read anew";
  EXPECT_TRUE(decision.status.fence->adopted);
  EXPECT_EQ(decision.status.fence->boot_id, "boot-1");
  EXPECT_EQ(decision.status.fence->storage.addresses, std::vector{kAddress});
  EXPECT_THAT(acts(decision), IsEmpty());
  EXPECT_EQ(announced(decision, "FenceStarted"), 1);
}

TEST(AdoptTest, ABootIdIsTakenOnlyFromANodeWhoseLeaseMoves) {
  Lost scene;
  scene.rest.evidence.lease.proven_alive.reset();  // the Node may come out of the same backup
  EXPECT_EQ(scene.marked().listed_in_ceph().decided().status.fence->boot_id, "");
}

TEST(AdoptTest, WithoutAnyUsableMethodItStandsUntilAPersonReturnsTheHost) {
  Lost scene;
  scene.object.spec.fencing.devices.clear();
  scene.object.spec.storage.client_addresses.clear();
  scene.object.status.storage_clients.reset();
  scene.marked().adopted().judged(api::VerdictValue::kHealthy);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->state, FenceState::kFencing) << "neither withdrawn nor adopted again";
  EXPECT_EQ(condition_reason(decision, api::condition::kHeld), "AdoptedNotProven");
  scene.object.spec.storage.client_addresses = {kAddress.value};
  EXPECT_EQ(scene.decided().status.fence->storage.addresses, std::vector{kAddress}) << "learned as soon as spec says them";
}

TEST(AdoptTest, AnUnforcedServicesMarkWaitsForTheBlocklistToBeRead) {
  Lost scene;
  scene.marked().service.forced_down = false;
  scene.blocklist.reset();
  const NodeDecision decision = scene.decided();
  EXPECT_FALSE(stands(decision)) << "what was not read is not empty";
  EXPECT_NE(wished<ReadBlocklist>(decision), nullptr);
  scene.listed_in_ceph();
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kFencing);
  scene.blocklist = {{}, scene.now};
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kLifting);
}

TEST(AdoptTest, AnEntryAloneIsNoReasonToRecoverFromAHost) {
  for (const bool dead : {false, true}) {
    for (const bool budget : {false, true}) {
      Lost scene;
      scene.listed_in_ceph().adopted().proven();
      scene.fence().state = FenceState::kFencing;
      scene.fence().adopted = true;
      scene.fence().id = FenceId{"compute-1-zzzzz"};
      scene.judged(dead ? api::VerdictValue::kDead : api::VerdictValue::kUnknown);
      scene.rest.budget_allows = budget;
      EXPECT_EQ(scene.decided().status.fence->state, dead && budget ? FenceState::kProven : FenceState::kFencing) << dead << budget;
    }
  }
}

TEST(AdoptTest, OneThatNothingShowsAnyMoreIsBegunAnewAsOurOwn) {
  Lost scene;
  scene.listed_in_ceph().adopted();
  scene.rest.requested.clear();
  scene.blocklist = {{}, scene.now};
  scene.dead();
  const NodeDecision decision = scene.decided();
  EXPECT_FALSE(decision.status.fence->adopted) << "else it would be begun anew for ever";
  EXPECT_EQ(decision.status.fence->power.state, ProofState::kPending);
}

TEST(AdoptTest, AnEntryOfAKnownHostWithoutAFenceIsTakenUpUnderANewId) {
  Lost scene;
  const NodeDecision decision = scene.listed_in_ceph().decided();
  ASSERT_TRUE(stands(decision));
  EXPECT_EQ(decision.status.fence->id, FenceId{"compute-1-zzzzz"});
  EXPECT_TRUE(decision.status.fence->adopted);
}

struct NotOursCase {
  std::string name;
  std::function<void(Lost&)> make;
};

class NotOursTest : public ::testing::TestWithParam<NotOursCase> {};

TEST_P(NotOursTest, WhatIsNoFenceOfThisHostIsNotAdopted) {
  Lost scene;
  GetParam().make(scene);
  EXPECT_FALSE(stands(scene.decided()));
}

INSTANTIATE_TEST_SUITE_P(
    All, NotOursTest,
    ::testing::Values(
        NotOursCase{"another_nodes_mark", [](Lost& s) { s.marked().service.disabled_reason = "vmha: compute-2-aaaaa"; }},
        NotOursCase{"the_mark_of_a_longer_name", [](Lost& s) { s.marked().service.disabled_reason = "vmha: compute-1-x-aaaaa"; }},
        NotOursCase{"a_persons_words", [](Lost& s) { s.marked().service.disabled_reason = "new disks"; }},
        NotOursCase{"one_client_only", [](Lost& s) { s.listed_in_ceph().blocklist->value[0].nonce = 7; }},
        NotOursCase{"an_entry_that_ends_soon", [](Lost& s) { s.listed_in_ceph().blocklist->value[0].expires_in_seconds = 3600; }},
        NotOursCase{"another_hosts_address", [](Lost& s) { s.listed_in_ceph().blocklist->value[0].address = Address{"10.77.0.12"}; }},
        NotOursCase{"an_address_of_two_hosts", [](Lost& s) { s.listed_in_ceph().rest.shared_address = "10.77.0.11 is also a client address of compute-2"; }},
        NotOursCase{"the_addresses_of_the_cluster_are_not_known", [](Lost& s) { s.listed_in_ceph().rest.cluster_addresses_known = false; }},
        NotOursCase{"two_objects_of_one_host", [](Lost& s) { s.marked().rest.duplicate = true; }}),
    [](const auto& of) { return of.param.name; });

TEST(AdoptTest, PausedItIsSaidAndNothingIsDone) {
  Lost scene;
  scene.marked().listed_in_ceph().rest.paused = true;
  scene.object.metadata.finalizers.clear();
  NodeDecision decision = scene.decided();
  EXPECT_TRUE(stands(decision));
  scene.adopted();
  decision = scene.decided();
  EXPECT_THAT(acts(decision), IsEmpty());
  EXPECT_FALSE(decision.metadata);
  EXPECT_EQ(condition_reason(decision, api::condition::kHeld), "Paused");
}

TEST(AdoptTest, AHostThatLivesIsNeitherSwitchedOffNorListedAnew) {
  Lost scene;
  scene.marked().adopted().judged(api::VerdictValue::kHealthy);
  scene.blocklist = {{}, scene.now};
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<PowerOff>(decision), nullptr);
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_EQ(decision.status.fence->state, FenceState::kFencing);
  EXPECT_EQ(condition_reason(decision, api::condition::kHeld), "AdoptedNotProven");
  EXPECT_THAT(decision.status.fence->power.message, ::testing::HasSubstr("reads On"));
}

TEST(AdoptTest, AHostThatIsJudgedDeadAgainIsFencedToTheEnd) {
  Lost scene;
  scene.marked().adopted().dead();
  scene.blocklist = {{}, scene.now};
  const NodeDecision decision = scene.decided();
  EXPECT_NE(wished<PowerOff>(decision), nullptr);
  EXPECT_NE(wished<BlocklistAdd>(decision), nullptr);
}

TEST(AdoptTest, AHostThatNovaKeepsOutOfServiceForItAndThatIsSilentIsListedAgain) {
  Lost scene;
  scene.marked().adopted().judged(api::VerdictValue::kUnknown);  // its guests are elsewhere: nothing is left to judge it by
  scene.blocklist = {{}, scene.now};
  const NodeDecision decision = scene.decided();
  EXPECT_NE(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_EQ(wished<PowerOff>(decision), nullptr);
}

struct NotListedCase {
  std::string name;
  std::function<void(Lost&)> make;
};

class NotListedTest : public ::testing::TestWithParam<NotListedCase> {};

TEST_P(NotListedTest, WithoutThatNothingIsListedAnew) {
  Lost scene;
  scene.marked().adopted().judged(api::VerdictValue::kUnknown);
  scene.blocklist = {{}, scene.now};
  GetParam().make(scene);
  EXPECT_EQ(wished<BlocklistAdd>(scene.decided()), nullptr);
}

INSTANTIATE_TEST_SUITE_P(
    All, NotListedTest,
    ::testing::Values(
        NotListedCase{"its_lease_moves", [](Lost& s) {
          s.rest.judgement.evidence.push_back({api::EvidenceSource::kKubernetesNode, api::EvidenceState::kAlive, std::nullopt, ""});
        }},
        NotListedCase{"nova_is_unknown", [](Lost& s) { s.rest.judgement.evidence[0].state = api::EvidenceState::kUnknown; }},
        NotListedCase{"its_service_is_not_forced_down", [](Lost& s) { s.service.forced_down = false; }},
        NotListedCase{"the_mark_is_another_fences", [](Lost& s) { s.service.disabled_reason = "vmha: compute-1-other"; }}),
    [](const auto& tested) { return tested.param.name; });

TEST(AdoptTest, APersonMayAskForTheRestAndTheWordStaysUntilItIsUsed) {
  Lost scene;
  scene.marked().adopted().judged(api::VerdictValue::kHealthy).person_asks(seconds(5));
  const NodeDecision decision = scene.decided();
  EXPECT_NE(wished<PowerOff>(decision), nullptr);
  EXPECT_FALSE(decision.metadata) << "no call has left yet";
  scene.rest.requested["power/bmc"] = scene.now;
  const NodeDecision after = scene.decided();
  ASSERT_TRUE(after.metadata);
  EXPECT_FALSE(after.metadata->remove_annotations.empty());
}

TEST(AdoptTest, EntriesThatStandAreProvenByReadingAlone) {
  Lost scene;
  scene.listed_in_ceph().adopted();
  scene.disks->at = scene.now;
  NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_NE(wished<ProveBlocklist>(decision), nullptr);
  scene.rest.blocklist_proven = BlocklistProven{{kAddress}, {{"vms", kServer.value + "_disk"}}, {412, 32, scene.now - milliseconds(100)}};
  decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kProven);
}

TEST(AdoptTest, ItGetsItsFinalizer) {
  Lost scene;
  scene.marked().listed_in_ceph().adopted();
  scene.object.metadata.finalizers.clear();
  const NodeDecision decision = scene.decided();
  ASSERT_TRUE(decision.metadata);
  EXPECT_EQ(decision.metadata->finalizer, true);
}

// ---- Older statuses

TEST(AdoptTest, ALiftedFenceInStatusDoesNotHideANewerOneInTheWorld) {
  Lost scene;
  scene.intended(FenceState::kLifted).fence().id = FenceId{"compute-1-older"};
  scene.judged(api::VerdictValue::kUnknown);
  const NodeDecision decision = scene.marked().decided();
  EXPECT_EQ(decision.status.fence->id, kFence);
  EXPECT_TRUE(stands(decision));
}

TEST(AdoptTest, AnOlderStandingFenceGivesWayToTheOneThatNovaNames) {
  Lost scene;
  scene.recovered().restarted();
  scene.fence().id = FenceId{"compute-1-older"};
  scene.object.status.recovery->fence_id = scene.fence().id;
  scene.rest.kubernetes_node->boot_id = "boot-9";
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->id, kFence);
  EXPECT_EQ(decision.status.fence->boot_id, "boot-9") << "that boot lies before the newer fence";
  EXPECT_EQ(decision.status.fence->power.state, ProofState::kRequested);
  EXPECT_FALSE(decision.status.recovery);
}

TEST(AdoptTest, TheMarkOfTheFenceThatWasBeingLiftedIsNoNews) {
  Lost scene;
  scene.proven().forced_down().restarted();
  scene.fence().id = FenceId{"compute-1-newer"};
  scene.fence().replaces = kFence;
  EXPECT_EQ(scene.decided().status.fence->id, FenceId{"compute-1-newer"});
}

TEST(AdoptTest, ABootThatMayLieBeforeTheFenceProvesNoPowerCycle) {
  Lost scene;
  scene.recovered().restarted().service = Scene().service;  // nova shows no mark of it: the world may be at a later fence
  scene.rest.kubernetes_node->boot_id = "boot-9";
  const NodeDecision decision = scene.decided();
  EXPECT_TRUE(decision.status.fence->adopted);
  EXPECT_EQ(decision.status.fence->boot_id, "boot-9");
  EXPECT_EQ(decision.status.fence->power.state, ProofState::kRequested);
  EXPECT_EQ(decision.status.fence->state, FenceState::kFencing);
}

// ---- The way back

TEST(AdoptTest, AnAdoptedFenceIsLiftedAfterABootThatWasSeenSince) {
  Lost scene;
  scene.marked().adopted().back();
  scene.rest.recovery = {.total = 0, .recovered = 0, .failed = 0, .skipped = 0, .in_progress = 0, .all_known = true, .none_left = true};
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kLifting);
  scene.rest.kubernetes_node->boot_id = "boot-1";
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kFencing);
  EXPECT_EQ(condition_reason(scene.decided(), api::condition::kHeld), "PowerCycleNotProven");
}

TEST(AdoptTest, ByAPersonsWordItIsLiftedWithoutOne) {
  Lost scene;
  scene.marked().adopted().back().rest.kubernetes_node->boot_id = "boot-1";
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kFencing);
  scene.annotate(api::kReleaseAnnotation, kFence.value);
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kLifting);
}

TEST(AdoptTest, AMarkThatIsLeftOnAnUnforcedServiceIsLifted) {
  Lost scene;
  scene.marked().service.forced_down = false;
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->state, FenceState::kLifting);
  EXPECT_EQ(decision.status.fence->id, kFence);
}

}  // namespace
}  // namespace vmha::computenode::testing
