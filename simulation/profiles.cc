// What goes wrong in each profile, and who repairs it when.
#include <array>

#include <fmt/core.h>

#include "api/conditions.h"
#include "api/names.h"
#include "simulation/world.h"

namespace vmha::sim {
namespace {

/// A lease, a stale interval, confirmWithoutStorageSeconds, a crash just before, and room for slow answers.
constexpr seconds kJudgedWithin{130};

}  // namespace

std::optional<Profile> profile_named(const std::string& name) {
  for (const Profile profile : {Profile::kHostLoss, Profile::kHostLossCrash, Profile::kQuiet, Profile::kHard})
    if (name == to_string(profile)) return profile;
  return std::nullopt;
}

const char* to_string(Profile profile) {
  static constexpr std::array<const char*, 4> kNames = {"host-loss", "host-loss-crash", "quiet", "hard"};
  return kNames[static_cast<std::size_t>(profile)];
}

void World::fail_host() {
  Rng& rng = clock_.rng();
  checkers_.nothing_may_happen = false;
  failed_at_ = clock_.now();
  victim().failed_since = clock_.now();
  const auto failure = static_cast<Failure>(rng.below(4));
  switch (failure) {
    case Failure::kPowerLost:
      story_ = "power lost";
      if (power_.behaviour(victim_) != Bmc::kHonest) power_.set(victim_, Bmc::kHonest);
      machines_.power_off(victim_, "its power supply failed");
      if (rng.chance(300)) power_.set(victim_, Bmc::kSlow);
      break;
    case Failure::kMainsLost:
      story_ = "power and power controller lost";
      machines_.power_off(victim_, "no mains");
      power_.set(victim_, Bmc::kDead);
      break;
    case Failure::kFrozen:
    case Failure::kCut: {
      static constexpr std::array<const char*, 7> kBmc = {"honest", "slow", "dead", "lying", "pretends to switch off", "stuck at Off", "another host's"};
      const bool stuck = power_.behaviour(victim_) == Bmc::kStuckOff;  // since before the failure: from then on nobody could tell
      const bool hard = options_.profile == Profile::kHard;
      auto bmc = stuck ? static_cast<std::uint64_t>(Bmc::kStuckOff) : rng.below(hard ? kBmc.size() : 4);
      if (!stuck && bmc == static_cast<std::uint64_t>(Bmc::kStuckOff)) bmc = static_cast<std::uint64_t>(Bmc::kPretends);
      story_ = fmt::format("{}, its power controller {}", failure == Failure::kFrozen ? "frozen" : "cut from both networks", kBmc[bmc]);
      power_.set(victim_, static_cast<Bmc>(bmc));
      if (failure == Failure::kFrozen) machines_.freeze(victim_, true);
      else machines_.cut(victim_, false, false);
      if (rng.chance(350) && !by_hand_) clock_.after(clock_.between(seconds(8), seconds(60)), [this, failure] {
        healed_early_ = true;
        if (failure == Failure::kFrozen) machines_.freeze(victim_, false);
        else machines_.cut(victim_, true, true);
      });
      break;
    }
  }
  timeline_.say("failure", "{}: {}", victim_.value, story_);
  if (options_.profile == Profile::kHard) return make_it_hard(failure);
  if (options_.profile == Profile::kHostLossCrash) return arm_crashes(1 + static_cast<int>(rng.below(5)), failure);
  clock_.after(clock_.between(seconds(150), seconds(200)), [this, failure] { repair_host(failure); });
}

/// What else goes wrong after a host was lost.
void World::make_it_hard(Failure failure) {
  Rng& rng = clock_.rng();
  Duration until = clock_.between(seconds(150), seconds(200));
  if (rng.chance(300)) {
    story_ += ", no mon quorum";
    ceph_.quorum = false;
    timeline_.say("failure", "no mon quorum");
    clock_.after(clock_.between(seconds(10), seconds(60)), [this] {
      ceph_.quorum = true;
      timeline_.say("operator", "the mons have a quorum again");
    });
  }
  if (rng.chance(100)) {
    story_ += ", a key without rights";
    ceph_.rights = false;
  }
  if (by_hand_) {
    story_ += ", its entries taken off the blocklist by hand";
    clock_.after(clock_.between(seconds(10), seconds(60)), [this] { ceph_.blocklist_remove({victim().address}); });
  }
  if (rng.chance(450)) {
    story_ += ", etcd restored from a backup";
    kubernetes_.back_up();
    const Duration restored = clock_.between(seconds(3), seconds(110));
    until = std::max<Duration>(until, restored + kJudgedWithin + seconds(20));
    clock_.after(restored, [this] {
      kubernetes_.restore();
      controller_.crash();
    });
  }
  clock_.after(until, [this, failure] { repair_host(failure); });
}

/// A lie that has to be found out while the host lives.
void World::prepare_hard() {
  by_hand_ = clock_.rng().chance(300);
  if (clock_.rng().chance(200)) power_.set(victim_, Bmc::kStuckOff);
  clock_.after(seconds(45), [this] { fail_host(); });
}

/// L1: with no fault for long enough, a dead host has to be judged and its fence begun, whatever happened before.
void World::must_be_judged_by_now() {
  const auto& fence = kubernetes_.nodes().at(victim_.value).status.fence;
  const bool is_back = victim().boots > 1 && victim().runs();  // fenced, returned, and then status was lost
  if (healed_early_ || performer_.faults_per_mille > 0 || fence || is_back) return;
  checkers_.violated(fmt::format("L1: {} is dead, nothing disturbed for {} s, and no fence was begun", victim_.value, kJudgedWithin.count()));
}

void World::repair_host(Failure failure) {
  must_be_judged_by_now();
  performer_.faults_per_mille = 0;
  repaired_at_ = clock_.now();
  power_.set(victim_, Bmc::kHonest);
  ceph_.rights = true;
  timeline_.say("operator", "repairs {}", victim_.value);
  switch (failure) {
    case Failure::kPowerLost: break;
    case Failure::kMainsLost:
      if (victim().kubernetes) machines_.power_on(victim_, "mains are back");
      break;
    case Failure::kFrozen: machines_.freeze(victim_, false); break;
    case Failure::kCut: machines_.cut(victim_, true, true); break;
  }
  clock_.after(clock_.between(seconds(20), seconds(60)), [this] { reboot_by_hand(); });
}

/// Somebody power-cycles a fenced host that runs on, or starts one that is left off.
void World::reboot_by_hand() {
  const bool runs_again = victim().on && victim().boots > 1;
  if (!victim().on) {
    machines_.power_on(victim_, "by hand");
  } else if (checkers_.was_fenced(victim_) && !runs_again) {
    machines_.power_off(victim_, "by hand");
    clock_.after(seconds(30), [this] { machines_.power_on(victim_, "by hand"); });
  }
  clock_.after(seconds(120), [this] { help_on(); });
}

/// What is left to a person: nova-compute is started again where an evacuation ended after its start (nova completes such a record only then), and a
/// host whose power cycle nothing else shows is released by its fence's id.
void World::help_on() {
  const auto& fence = kubernetes_.nodes().at(victim_.value).status.fence;
  if (fence && fence->adopted && victim().on) {
    const auto* held = api::find_condition(kubernetes_.nodes().at(victim_.value).status.conditions, api::condition::kHeld);
    const std::string why = held == nullptr ? std::string() : held->reason;
    if (why == "AdoptedNotProven") kubernetes_.annotate(victim_, api::kFenceAnnotation, to_rfc3339(std::chrono::floor<seconds>(clock_.wall())));
    if (why == "PowerCycleNotProven" && victim().boots > 1) kubernetes_.annotate(victim_, api::kReleaseAnnotation, fence->id.value);
  }
  const bool waits = fence && fence->state == api::FenceState::kProven && victim().on && victim().boots > 1;
  if (waits) {
    nova_.compute_started(victim_);
    if (!victim().kubernetes && fence->power.state != api::ProofState::kProven) kubernetes_.annotate(victim_, api::kReleaseAnnotation, fence->id.value);
  }
  clock_.after(seconds(60), [this] { help_on(); });
}

void World::arm_crashes(int left, Failure failure) {
  Rng& rng = clock_.rng();
  if (left == 0) {
    if (rng.chance(500)) performer_.faults_per_mille = 0;
    return clock_.after(kJudgedWithin + clock_.between(seconds(0), seconds(40)), [this, failure] { repair_host(failure); });
  }
  if (rng.chance(600)) controller_.crash_after_effects(rng.below(60));
  else clock_.after(clock_.between(milliseconds(0), seconds(20)), [this] { controller_.crash(); });
  // The next one only when this one's successor leads, or while it is about to.
  clock_.after(clock_.between(seconds(20), seconds(60)), [this, left, failure] {
    controller_.crash_never();
    arm_crashes(left - 1, failure);
  });
}

void World::disturb_quietly() {
  Rng& rng = clock_.rng();
  failed_at_ = clock_.now();
  std::function<void()> heal;
  switch (rng.below(5)) {
    case 0:
      story_ = "nova-compute killed";
      victim().agent = false;
      heal = [this] { victim().agent = true; };
      break;
    case 1:
      story_ = "control network cut";
      machines_.cut(victim_, false, true);
      heal = [this] { machines_.cut(victim_, true, true); };
      break;
    case 2:
      story_ = "bus lost";
      nova_.bus = false;
      heal = [this] { nova_.bus = true; };
      break;
    case 3:
      story_ = "storage away, then nova-compute killed";
      ceph_.works = false;
      clock_.after(seconds(10), [this] { victim().agent = false; });
      heal = [this] {
        ceph_.works = true;
        victim().agent = true;
      };
      break;
    default:
      story_ = "bus lost, then a control network cut";
      nova_.bus = false;
      clock_.after(seconds(10), [this] { machines_.cut(victim_, false, true); });
      heal = [this] {
        nova_.bus = true;
        machines_.cut(victim_, true, true);
      };
      break;
  }
  timeline_.say("failure", "{}: {}", victim_.value, story_);
  repaired_at_ = clock_.now() + seconds(100);
  clock_.at(*repaired_at_ - seconds(10), [this, heal] {
    timeline_.say("operator", "repairs {}", victim_.value);
    heal();
  });
  if (rng.chance(500)) clock_.after(clock_.between(seconds(0), seconds(40)), [this] { controller_.crash(); });
}

}  // namespace vmha::sim
