// What is enough: from Fencing to Proven, and what a recovery may rely on.
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

// ---- Fencing -> Proven

struct ConcludeCase {
  std::string name;
  std::function<void(Scene&)> make;
  bool data, host;
};

class ConcludeTest : public ::testing::TestWithParam<ConcludeCase> {};

TEST_P(ConcludeTest, IsProvenOnlyWithWhatThePolicyRequiresAndTheOtherMethodHadItsTime) {
  for (const bool host : {false, true}) {
    Scene scene;
    scene.fencing();
    scene.policy.spec.fencing.require = host ? api::RequiredProof::kHost : api::RequiredProof::kData;
    GetParam().make(scene);
    const NodeDecision decision = scene.decided();
    EXPECT_EQ(decision.status.fence->state == FenceState::kProven, host ? GetParam().host : GetParam().data) << (host ? "Host" : "Data");
    EXPECT_EQ(decision.status.fence->data_fenced_time.has_value(), host ? GetParam().host : GetParam().data);
    EXPECT_EQ(wished<SetForcedDown>(decision), nullptr) << "the proof is stored first";
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ConcludeTest,
    ::testing::Values(ConcludeCase{"neither", [](Scene&) {}, false, false}, ConcludeCase{"both", [](Scene& s) { s.reads_off().blocklist_proven(); }, true, true},
                      ConcludeCase{"storage_and_power_has_4_s_left", [](Scene& s) { s.blocklist_proven(seconds(1)); }, false, false},
                      ConcludeCase{"storage_and_power_had_5_s", [](Scene& s) { s.blocklist_proven(seconds(5)); }, true, false},
                      ConcludeCase{"storage_and_power_failed",
                                   [](Scene& s) {
                                     s.blocklist_proven();
                                     s.fence().power.state = ProofState::kFailed;
                                   },
                                   true, false},
                      ConcludeCase{"storage_and_power_skipped",
                                   [](Scene& s) {
                                     s.blocklist_proven();
                                     s.fence().power.state = ProofState::kSkipped;
                                   },
                                   true, false},
                      ConcludeCase{"power_and_storage_has_time_left", [](Scene& s) { s.reads_off("bmc", seconds(6)); }, false, false},
                      ConcludeCase{"power_and_storage_had_5_s", [](Scene& s) { s.reads_off("bmc", seconds(7)); }, true, true},
                      ConcludeCase{"power_and_storage_skipped",
                                   [](Scene& s) {
                                     s.reads_off();
                                     s.fence().storage.state = ProofState::kSkipped;
                                   },
                                   true, true},
                      ConcludeCase{"storage_remembered_but_not_readable",
                                   [](Scene& s) {
                                     s.fence().storage.state = ProofState::kProven;
                                     s.fence().power.state = ProofState::kFailed;
                                   },
                                   false, false},
                      ConcludeCase{"power_remembered_but_not_readable",
                                   [](Scene& s) {
                                     s.fence().power.state = ProofState::kProven;
                                     s.fence().storage.state = ProofState::kSkipped;
                                     s.rest.devices.clear();
                                   },
                                   false, false}),
    [](const auto& of) { return of.param.name; });

// ---- What a recovery may rely on

TEST(InForceTest, AProvenFenceMeetsTheRequirement) {
  Scene scene;
  scene.proven();
  const auto fence = scene.in_force();
  ASSERT_TRUE(fence);
  EXPECT_TRUE(fence->requirement_met);
  EXPECT_TRUE(fence->power_proven);
  EXPECT_TRUE(fence->storage_proven);
  EXPECT_FALSE(fence->service_forced_down);
  EXPECT_TRUE(scene.forced_down().in_force()->service_forced_down);
}

TEST(InForceTest, AfterARestartWhatStatusRemembersProvesNothing) {
  Scene scene;
  scene.recovering().restarted();
  const auto fence = scene.in_force();
  ASSERT_TRUE(fence);
  EXPECT_FALSE(fence->power_proven);
  EXPECT_FALSE(fence->storage_proven);
  EXPECT_FALSE(fence->requirement_met);
}

TEST(InForceTest, AfterARestartBothProofsAreMadeAgain) {
  Scene scene;
  scene.recovering().restarted();  // still listed, still marked in nova: it is in force
  const NodeDecision decision = scene.decided();
  EXPECT_NE(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_TRUE(wished<PowerOff>(decision) != nullptr || wished<ReadPower>(decision) != nullptr);
  EXPECT_EQ(decision.status.fence->state, FenceState::kProven);
}

TEST(InForceTest, AFenceThatOnlyStatusKnowsIsJudgedAgain) {
  Scene scene;
  scene.proven().unlisted().restarted();
  scene.judged(api::VerdictValue::kHealthy);
  scene.blocklist->at = scene.now - milliseconds(100);
  const NodeDecision withdrawn = scene.decided();
  EXPECT_THAT(acts(withdrawn), IsEmpty());
  EXPECT_EQ(withdrawn.status.fence->state, FenceState::kWithdrawn);
  scene.judged(api::VerdictValue::kUnknown);
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kProven) << "Unknown decides nothing";
  scene.dead();
  const NodeDecision anew = scene.decided();
  EXPECT_THAT(acts(anew), IsEmpty());
  EXPECT_EQ(anew.status.fence->state, FenceState::kFencing);
  EXPECT_EQ(anew.status.fence->power.state, ProofState::kPending);
  EXPECT_EQ(anew.status.fence->storage.state, ProofState::kPending);
}

struct StateCase {
  FenceState state;
  bool in_force;
};

TEST(InForceTest, NoFenceIsInForceThatIsHeldLiftingOrOver) {
  for (const auto& [state, in_force] : {StateCase{FenceState::kHeld, false}, StateCase{FenceState::kFencing, true}, StateCase{FenceState::kProven, true}, StateCase{FenceState::kLifting, false},
                                        StateCase{FenceState::kLifted, false}, StateCase{FenceState::kWithdrawn, false}}) {
    Scene scene;
    scene.proven().fence().state = state;
    EXPECT_EQ(scene.in_force().has_value(), in_force) << static_cast<int>(state);
    if (in_force) {
      EXPECT_EQ(scene.in_force()->requirement_met, state == FenceState::kProven) << "not before the proof is stored";
    }
  }
}

TEST(InForceTest, RequireHostIsNotMetByStorage) {
  Scene scene;
  scene.proven().policy.spec.fencing.require = api::RequiredProof::kHost;
  EXPECT_TRUE(scene.in_force()->requirement_met);
  scene.rest.devices.clear();
  EXPECT_FALSE(scene.in_force()->requirement_met);
}

TEST(InForceTest, AnotherFencesMarkInNovaIsNotOurs) {
  Scene scene;
  scene.proven().forced_down().service.disabled_reason = "vmha: compute-1-zzzzz";
  EXPECT_FALSE(scene.in_force()->service_forced_down);
}

}  // namespace
}  // namespace vmha::computenode::testing
