// Power controllers that lie, an admin who takes entries off the blocklist, and a person who takes a host in hand in mid-fence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::FenceState;
using api::ProofState;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ---- Off for a moment

TEST(LyingControllerTest, OffAfterARequestOfOursProvesNothingBeforeItHasHeld) {
  for (const auto& [held, proven] : {std::pair{milliseconds(3000), false}, {milliseconds(4900), false}, {milliseconds(5500), true}}) {
    Scene scene;
    scene.fencing().reads_off("bmc", held + milliseconds(400)).rest.requested["power/bmc"] = scene.now - seconds(8);
    EXPECT_EQ(scene.decided().status.fence->power.state == ProofState::kProven, proven) << held.count();
  }
}

TEST(LyingControllerTest, OffThatNobodyAskedForProvesAfterTwoReadings) {
  Scene scene;
  scene.fencing().reads_off("bmc", seconds(3));
  EXPECT_EQ(scene.decided().status.fence->power.state, ProofState::kProven);
  scene.rest.requested.erase("begun");
  EXPECT_EQ(scene.decided().status.fence->power.state, ProofState::kRequested) << "begun by another leader, which may have asked";
}

TEST(LyingControllerTest, OnAgainTakesTheProofAndTheConditionWithIt) {
  Scene scene;
  scene.recovering().policy.spec.fencing.methods = {api::FenceMethod::kPower};
  scene.fence().storage.state = ProofState::kSkipped;
  ASSERT_TRUE(scene.in_force()->requirement_met);
  scene.rest.devices["bmc"] = scene.on();
  EXPECT_FALSE(scene.in_force()->requirement_met) << "requests wait from the first reading on";
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->power.state, ProofState::kRequested);
  EXPECT_FALSE(api::is_true(decision.status.conditions, api::condition::kHostFenced));
  EXPECT_FALSE(api::is_true(decision.status.conditions, api::condition::kDataFenced));
}

TEST(LyingControllerTest, AHostThatIsBackIsNotShownAsFenced) {
  Scene scene;
  const NodeDecision decision = scene.recovered().back().decided();
  EXPECT_FALSE(api::is_true(decision.status.conditions, api::condition::kHostFenced));
  EXPECT_EQ(condition_reason(decision, api::condition::kHostFenced), "PowerOnAgain");
}

// ---- Off, and alive

TEST(LyingControllerTest, OffOfAHostThatLivesIsNoProof) {
  Scene scene;
  scene.fencing().reads_off();
  scene.rest.evidence.nova.proven_alive = scene.now - seconds(1);
  NodeDecision decision = scene.decided();
  EXPECT_NE(decision.status.fence->power.state, ProofState::kProven);
  EXPECT_THAT(decision.status.fence->power.message, HasSubstr("WrongDevice"));
  scene.rest.evidence.nova.proven_alive = scene.now - seconds(20);
  EXPECT_EQ(scene.decided().status.fence->power.state, ProofState::kProven) << "alive before Off was read";
}

TEST(LyingControllerTest, AProofThatLifeContradictsLaterIsTakenBack) {
  Scene scene;
  scene.recovering().rest.evidence.nova.proven_alive = scene.now - milliseconds(500);
  EXPECT_FALSE(scene.in_force()->power_proven);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->power.state, ProofState::kRequested);
  EXPECT_FALSE(api::is_true(decision.status.conditions, api::condition::kHostFenced));
}

TEST(LyingControllerTest, AnAliveHostInTheMiddleOfTheFirstReadingIsNoContradiction) {
  Scene scene;
  scene.fencing().reads_off();
  scene.rest.evidence.storage.proven_alive = *scene.rest.devices["bmc"].first_off + milliseconds(100);
  EXPECT_EQ(scene.decided().status.fence->power.state, ProofState::kProven);
}

// ---- Says yes, does nothing

TEST(LyingControllerTest, WhatWasAskedAndStillReadsOnIsSaid) {
  Scene scene;
  scene.fencing().reads("bmc", power::State::kOn).rest.requested["power/bmc"] = scene.now - seconds(2);
  scene.fence().power.device = "bmc";
  const NodeDecision decision = scene.decided();
  EXPECT_THAT(decision.status.fence->power.message, HasSubstr("still reads On"));
}

// ---- Another machine

TEST(WrongDeviceTest, AnotherSystemBehindTheAddressIsNeverTakenForThisHost) {
  Scene scene;
  scene.rest.kubernetes_node.reset();  // nobody else says which system this host is
  scene.rest.devices["bmc"].last->value.system_uuid = "uuid-2";
  NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.devices.at(0).system_uuid, "uuid-1");
  EXPECT_EQ(condition_reason(decision, api::condition::kFencingReady), "WrongDevice");
  scene.fencing();
  decision = scene.decided();
  EXPECT_EQ(wished<PowerOff>(decision), nullptr);
}

TEST(WrongDeviceTest, OneSystemBehindTheControllersOfTwoHostsIsNobodys) {
  Scene scene;
  scene.rest.kubernetes_node.reset();
  scene.rest.shared_systems["uuid-1"] = "compute-2";
  EXPECT_EQ(condition_reason(scene.decided(), api::condition::kFencingReady), "WrongDevice");
  EXPECT_EQ(wished<PowerOff>(scene.fencing().decided()), nullptr);
}

TEST(WrongDeviceTest, AnEditedDeviceIsANewOne) {
  Scene scene;
  scene.object.status = scene.decided().status;
  ASSERT_TRUE(scene.object.status.devices.at(0).seen_on);
  scene.object.spec.fencing.devices[0].redfish->endpoint = "https://10.0.0.2";
  scene.rest.devices.clear();
  scene.fencing();
  const NodeDecision decision = scene.decided();
  EXPECT_FALSE(decision.status.devices.at(0).seen_on);
  EXPECT_EQ(wished<PowerOff>(decision), nullptr);
}

// ---- Entries that somebody takes away

TEST(ClearedEntriesTest, TheStorageFenceIsKeptUpUntilTheReturnWhereNothingElseKeepsTheGuestsOut) {
  Scene scene;
  scene.recovered().policy.spec.fencing.methods = {api::FenceMethod::kStorage};
  scene.fence().power.state = ProofState::kSkipped;
  scene.rest.devices.clear();
  scene.unlisted().rest.blocklist_proven.reset();
  NodeDecision decision = scene.decided();
  EXPECT_NE(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kRequested);
  EXPECT_EQ(announced(decision, "FenceFailed"), 1);
  scene.rest.kubernetes_node->boot_id = "boot-2";
  EXPECT_EQ(wished<BlocklistAdd>(scene.decided()), nullptr) << "its guests ended with that boot";
}

TEST(ClearedEntriesTest, RecoveriesHoldFromTheFirstReadingWithoutTheEntry) {
  Scene scene;
  scene.recovering().policy.spec.fencing.methods = {api::FenceMethod::kStorage};
  scene.fence().power.state = ProofState::kSkipped;
  ASSERT_TRUE(scene.in_force()->requirement_met);
  scene.unlisted();
  EXPECT_FALSE(scene.in_force()->requirement_met);
}

// ---- Taken in hand in mid-fence

TEST(HandsOffTest, ARecoveryHoldsAtOnce) {
  Scene scene;
  scene.recovering();
  ASSERT_TRUE(scene.in_force()->requirement_met);
  scene.policy.spec.mode = api::PolicyMode::kDryRun;
  EXPECT_FALSE(scene.in_force()->requirement_met);
  scene.policy.spec.mode = api::PolicyMode::kEnforce;
  scene.rest.conflict = "the client address 10.77.0.11 also belongs to compute-2";
  EXPECT_FALSE(scene.in_force()->requirement_met);
  scene.rest.conflict.clear();
  scene.rest.duplicate = true;
  EXPECT_FALSE(scene.in_force()->requirement_met);
}

TEST(TellNovaTest, ForcedDownCountsOnlyWhileItWasReadLately) {
  Scene scene;
  scene.recovering();
  ASSERT_TRUE(scene.in_force()->service_forced_down);
  scene.service_read = scene.now - seconds(5);
  EXPECT_FALSE(scene.in_force()->service_forced_down);
  EXPECT_NE(wished<ReadServices>(scene.decided()), nullptr);
}

TEST(TellNovaTest, WhatNovaShowedBeforeIsStoredFirstWhereItWasNotKnown) {
  Scene scene;
  scene.proven().fence().nova_before.reset();
  scene.service.enabled = false;
  scene.service.disabled_reason = "new disks";
  const NodeDecision decision = scene.decided();
  ASSERT_TRUE(decision.status.fence->nova_before);
  EXPECT_EQ(decision.status.fence->nova_before->disabled_reason, "new disks");
  EXPECT_THAT(acts(decision), IsEmpty());
  scene.store(decision);
  EXPECT_NE(wished<SetForcedDown>(scene.decided()), nullptr);
}

TEST(ReturnTest, WhatTheReturnWaitsForIsSaid) {
  Scene scene;
  scene.recovered().back();
  scene.migrations = {{evacuation("done")}, scene.now - seconds(1)};
  EXPECT_EQ(condition_reason(scene.decided(), api::condition::kHeld), "EvacuationLeft");
  scene.migrations = {{evacuation("completed")}, scene.now - seconds(1)};
  EXPECT_EQ(condition_reason(scene.decided(), api::condition::kHeld), "NothingHeld");
}

}  // namespace
}  // namespace vmha::computenode::testing
