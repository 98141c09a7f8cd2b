// Over random views: the guarantees of decide() (view.h) hold for every wish.
#include <gtest/gtest.h>

#include <algorithm>
#include <initializer_list>
#include <set>
#include <string>

#include "base/rng.h"
#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::FenceState;
using api::ProofState;
using api::VerdictValue;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : rng_(seed) {}
  bool rarely() { return rng_.chance(70); }
  Duration age() { return milliseconds(static_cast<std::int64_t>(rng_.chance(200) ? rng_.below(90'000) : rng_.below(3500))); }
  template <class T>
  T one_of(std::initializer_list<T> options) {
    return *(options.begin() + static_cast<std::ptrdiff_t>(rng_.below(options.size())));
  }
  std::uint64_t below(std::uint64_t bound) { return rng_.below(bound); }

 private:
  Rng rng_;
};

void roll_stage(Dice& dice, Scene& scene) {
  switch (dice.below(9)) {
    case 0: scene.dead(); break;
    case 1: scene.dead().with_finalizer(); break;
    case 2: scene.intended(dice.one_of({FenceState::kHeld, FenceState::kFencing})); break;
    case 3: scene.fencing(); break;
    case 4: scene.fencing().reads_off().blocklist_proven(dice.age()); break;
    case 5: scene.proven(); break;
    case 6: scene.recovering(); break;
    case 7: scene.recovered(); break;
    default:
      scene.lifting();
      if (dice.below(2) == 0) scene.unlisted();
      if (dice.below(2) == 0) scene.service.forced_down = false;
      if (dice.below(2) == 0) scene.rest.returned_healthy_since = scene.now - seconds(100);
      break;
  }
  if (dice.below(3) == 0) scene.back();
}

void roll_evidence(Dice& dice, Scene& scene) {
  using enum VerdictValue;
  if (dice.rarely()) scene.judged(dice.one_of({kHealthy, kAgentDown, kIsolated, kStorageLost, kDead, kUnknown}), dice.below(2) == 0);
  if (dice.rarely()) scene.person_asks(dice.one_of<Duration>({seconds(5), seconds(600), -seconds(5)}));
  if (dice.rarely()) scene.rest.evidence.nova.readable = false;
  if (dice.rarely()) scene.rest.evidence.power.first_off = scene.now - dice.age();
  if (dice.rarely()) scene.rest.kubernetes_node->boot_id = dice.one_of<const char*>({"boot-1", "boot-2", ""});
  if (dice.rarely()) scene.rest.kubernetes_node->system_uuid = dice.one_of<const char*>({"uuid-2", ""});
  if (dice.rarely()) scene.rest.kubernetes_node.reset();
  if (dice.rarely()) scene.rest.budget_allows = false;
}

void roll_hands_off(Dice& dice, Scene& scene) {
  if (dice.rarely()) scene.rest.paused = true;
  if (dice.rarely()) scene.object.spec.maintenance = true;
  if (dice.rarely()) scene.rest.duplicate = true;
  if (dice.rarely()) scene.rest.conflict = "shared";
  if (dice.rarely()) scene.policy.spec.mode = api::PolicyMode::kDryRun;
}

void roll_readings(Dice& dice, Scene& scene) {
  DeviceReadings& bmc = scene.rest.devices["bmc"];
  if (dice.rarely()) bmc = scene.on();
  if (dice.rarely()) scene.reads_off("bmc", dice.age(), dice.age());
  if (dice.rarely()) bmc.last->value.system_uuid = dice.one_of<const char*>({"uuid-2", ""});
  if (dice.rarely()) scene.rest.devices.clear();
  if (dice.rarely()) scene.object.status.devices[0].seen_on = false;
  if (dice.rarely()) scene.blocklist->value.clear();
  if (dice.rarely()) scene.blocklist->at = scene.now - dice.age();
  if (dice.rarely()) scene.blocklist.reset();
  if (dice.rarely()) scene.rest.blocklist_proven.reset();
  if (dice.rarely()) scene.disks->value = {disks_of(kServer, {"10.77.0.19"})};
  if (dice.rarely()) scene.disks->at = scene.now - dice.age();
  if (dice.rarely()) scene.disks.reset();
  if (dice.rarely()) scene.servers.reset();
  if (dice.rarely()) scene.migrations->value = {evacuation(dice.one_of<const char*>({"accepted", "pre-migrating", "done", "completed"}))};
  if (dice.rarely()) scene.migrations->at = scene.now - dice.age();
  if (dice.rarely()) scene.forced_down();
  if (dice.rarely()) scene.service.forced_down = false;
  if (dice.rarely()) scene.service.enabled = true;
  if (dice.rarely()) scene.has_service = false;
  if (dice.rarely()) scene.service_read = scene.now - dice.age();
}

void roll_rest(Dice& dice, Scene& scene) {
  if (dice.rarely()) scene.policy.spec.fencing.require = api::RequiredProof::kHost;
  if (dice.rarely()) scene.policy.spec.return_.mode = api::ReturnMode::kManual;
  if (dice.rarely()) scene.policy.spec.response.on_isolated = api::ResponseAction::kFence;
  if (dice.rarely()) scene.policy.spec.response.on_storage_lost = api::ResponseAction::kLeave;
  if (dice.rarely()) scene.annotate(api::kReleaseAnnotation, dice.one_of({kFence.value, std::string("x")}));
  if (dice.rarely()) scene.annotate(api::kApproveAnnotation, dice.one_of({kFence.value, std::string("x")}));
  if (dice.rarely()) scene.restarted();
  if (dice.rarely()) scene.rest.recovery.none_left = dice.below(2) == 0;
  if (dice.rarely()) scene.rest.shared_address = "10.77.0.11 is a mon's";
  if (dice.rarely()) scene.rest.returned_healthy_since = scene.now - dice.age();
  for (const std::string lane : {"nova", "storage", "power/bmc"})
    if (dice.rarely()) scene.rest.lanes[lane] = {.finished = scene.now - dice.age(), .failures_in_a_row = static_cast<int>(dice.below(3)), .error = "x", .operation = "x"};
  if (!scene.object.status.fence) return;
  if (dice.rarely()) scene.fence().power.state = dice.one_of({ProofState::kRequested, ProofState::kProven, ProofState::kFailed, ProofState::kSkipped});
  if (dice.rarely()) scene.fence().storage.state = dice.one_of({ProofState::kRequested, ProofState::kProven, ProofState::kFailed, ProofState::kSkipped});
  if (dice.rarely()) scene.object.status.recovery.reset();
  if (dice.rarely() && scene.object.status.recovery) scene.object.status.recovery->failed = 1;
}

bool is_hands_off(const NodeView& view) {
  return view.paused || view.duplicate || !view.conflict.empty() || view.object->spec.maintenance || view.policy->spec.mode == api::PolicyMode::kDryRun;
}

bool may_begin(const Scene& scene, const NodeView& view) {
  const auto word = scene.object.metadata.annotations.find(std::string(api::kFenceAnnotation));
  if (word != scene.object.metadata.annotations.end()) {
    const auto asked = parse_rfc3339(word->second);
    if (asked && view.wall >= *asked && view.wall - *asked <= std::chrono::minutes(5)) return true;
  }
  const auto& response = view.policy->spec.response;
  if (!view.judgement.confirmed) return false;
  return view.judgement.value == VerdictValue::kDead || (view.judgement.value == VerdictValue::kIsolated && response.on_isolated == api::ResponseAction::kFence) ||
         (view.judgement.value == VerdictValue::kStorageLost && response.on_storage_lost == api::ResponseAction::kFence);
}

/// The proof that the policy requires, worked out anew from the raw readings.
bool proof_is_readable(const NodeView& view) {
  const auto bmc = view.devices.find("bmc");
  const bool power = bmc != view.devices.end() && bmc->second.first_off && bmc->second.last_off && *bmc->second.last_off - *bmc->second.first_off >= seconds(2) &&
                     view.now - *bmc->second.last_off <= seconds(5) && view.object->status.devices[0].seen_on;
  const bool storage = view.blocklist_proven && view.blocklist && view.now - view.blocklist->at <= seconds(5) && !view.blocklist->value.empty() &&
                       view.blocklist->value[0].address == kAddress;
  return power || (storage && view.policy->spec.fencing.require == api::RequiredProof::kData);
}

void check_new_fence(const Scene& scene, const NodeView& view, const NodeDecision& decision) {
  const auto& before = scene.object.status.fence;
  const auto& after = decision.status.fence;
  if (!is_standing(after) || (is_standing(before) && before->id == after->id)) return;
  EXPECT_TRUE(acts(decision).empty()) << "no call leaves before its intent is stored";
  if (after->adopted) {  // the world shows it: nobody decides it
    EXPECT_FALSE(view.duplicate || !view.conflict.empty());
    return;
  }
  EXPECT_TRUE(may_begin(scene, view));
  EXPECT_FALSE(is_hands_off(view));
  EXPECT_FALSE(scene.object.metadata.finalizers.empty());
  EXPECT_TRUE(view.budget_allows || after->state == FenceState::kHeld);
}

void check_acts(const Scene& scene, const NodeView& view, const NodeDecision& decision) {
  if (acts(decision).empty()) return;
  EXPECT_FALSE(is_hands_off(view));
  ASSERT_TRUE(is_standing(scene.object.status.fence));
  const api::Fence& fence = *scene.object.status.fence;
  EXPECT_NE(fence.state, FenceState::kHeld);
  const bool called = fence.adopted || fence.power.state != ProofState::kPending || fence.storage.state != ProofState::kPending;
  EXPECT_TRUE(called) << "Requested is stored before the first call";
  EXPECT_TRUE(view.acted || fence.state == FenceState::kLifting || (view.blocklist && !view.blocklist->value.empty()) || view.service || !view.devices.empty());
  const bool settled = scene.object.status.recovery && scene.object.status.recovery->finished_time && view.recovery.none_left;
  const auto* down = wished<SetForcedDown>(decision);
  if (down != nullptr && down->forced_down) {
    EXPECT_TRUE(proof_is_readable(view));
    EXPECT_EQ(fence.state, FenceState::kProven);
  }
  if (wished<PowerOn>(decision) != nullptr) {
    EXPECT_TRUE(settled);
  }
  const bool lifts = wished<BlocklistRemove>(decision) != nullptr || wished<EnableService>(decision) != nullptr || (down != nullptr && !down->forced_down);
  if (lifts) {
    EXPECT_EQ(fence.state, FenceState::kLifting);
  }
  if (wished<EnableService>(decision) != nullptr) {
    EXPECT_FALSE(view.service->value.forced_down && !fence.nova_before->forced_down);
  }
  if (const auto* off = wished<PowerOff>(decision)) {
    EXPECT_TRUE(scene.object.status.devices[0].seen_on);
    EXPECT_NE(fence.state, FenceState::kLifting);
    if (view.kubernetes_node && !view.kubernetes_node->system_uuid.empty()) {
      EXPECT_EQ(off->expected_uuid, view.kubernetes_node->system_uuid);
    }
  }
}

void check_lift(const Scene& scene, const NodeView& view, const NodeDecision& decision) {
  const auto& before = scene.object.status.fence;
  const auto& after = decision.status.fence;
  if (!before || !after || before->state == FenceState::kLifting || after->state != FenceState::kLifting) return;
  EXPECT_TRUE(scene.object.status.recovery && scene.object.status.recovery->finished_time && view.recovery.none_left);
  const bool cycled = before->power.state == ProofState::kProven || (view.kubernetes_node && view.kubernetes_node->boot_id != "boot-1");
  const auto word = scene.object.metadata.annotations.find(std::string(api::kReleaseAnnotation));
  EXPECT_TRUE(cycled || (word != scene.object.metadata.annotations.end() && word->second == kFence.value));
  EXPECT_FALSE(view.kubernetes_node && view.kubernetes_node->boot_id == before->boot_id && !before->boot_id.empty()) << "an unchanged boot id vetoes";
}

TEST(PropertyTest, TheGuaranteesHoldForEveryWish) {
  constexpr std::uint64_t kRounds = 100'000;
  std::map<std::string, int> seen;
  for (std::uint64_t seed = 1; seed <= kRounds && !::testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    Scene scene;
    roll_stage(dice, scene);
    roll_evidence(dice, scene);
    roll_hands_off(dice, scene);
    roll_readings(dice, scene);
    roll_rest(dice, scene);
    const NodeView view = scene.view();
    const NodeDecision decision = decide(view);
    for (const std::string& name : acts(decision)) ++seen[name];
    check_new_fence(scene, view, decision);
    check_acts(scene, view, decision);
    check_lift(scene, view, decision);
  }
  for (const char* act : {"PowerOff", "PowerOn", "BlocklistAdd", "BlocklistRemove", "SetForcedDown", "DisableService", "EnableService"})
    EXPECT_GT(seen[act], 100) << act << ": else this test says nothing";
}

TEST(PropertyTest, EveryDecisionIsStableOnceItIsStored) {
  for (std::uint64_t seed = 1; seed <= 10'000 && !::testing::Test::HasFailure(); ++seed) {
    Dice dice(seed);
    Scene scene;
    roll_stage(dice, scene);
    roll_evidence(dice, scene);
    roll_hands_off(dice, scene);
    roll_readings(dice, scene);
    roll_rest(dice, scene);
    int changes = 0;
    for (int pass = 0; pass < 12; ++pass) {
      const NodeDecision decision = scene.decided();
      changes += decision.status == scene.object.status ? 0 : 1;
      scene.store(decision);
    }
    EXPECT_LE(changes, 8) << "seed " << seed << ": nothing moves, and the status does";
  }
}

}  // namespace
}  // namespace vmha::computenode::testing
