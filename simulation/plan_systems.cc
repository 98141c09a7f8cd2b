// What goes wrong in the controller's own house and in the other systems it needs; and whole racks and sites.
#include <array>

#include <fmt/core.h>

#include "api/conditions.h"
#include "api/names.h"
#include "simulation/world.h"

namespace vmha::sim {

void World::plan_leaders() {
  for (auto left = 2 + plan_rng_.below(4); left > 0; --left) {
    const Duration at = between(-10, 90);
    const auto effects = plan_rng_.below(50);
    const Duration lasts = between(2, 45);
    const auto kind = plan_rng_.below(5);
    static constexpr std::array<const char*, 5> kWords = {"is stopped and goes on", "does not reach the API server", "has its clock set back", "has its clock set forward", "crashes"};
    plan_.add(at, lasts, fmt::format("{} effects later the leader {} ({} s)", effects, kWords[kind], std::chrono::duration_cast<seconds>(lasts).count()), [=, this] {
      const auto upset = [=, this](Controller& leader) {
        leader.upset_after_effects(effects, [=, this, one = &leader] {
          switch (kind) {
            case 0:
              one->pause();
              return clock_.after(lasts, [one] { one->thaw(); });
            case 1:
              one->cut_off(true);
              return clock_.after(lasts, [one] { one->cut_off(false); });
            case 2: return one->set_clock(-std::chrono::hours(1) - lasts);
            case 3: return one->set_clock(std::chrono::hours(30) + lasts);
            default: return one->crash();
          }
        });
      };
      for (auto& controller : controllers_)
        if (controller->leads()) upset(*controller);
    });
  }
}

void World::plan_api_trouble() {
  for (auto left = 1 + plan_rng_.below(3); left > 0; --left) {
    const Duration at = between(-15, 70);
    switch (plan_rng_.below(5)) {
      case 0: plan_window(at, 2, 40, "the API server is away", [this] { kubernetes_.works = false; }, [this] { kubernetes_.works = true; }); break;
      case 1: plan_window(at, 2, 60, "nova answers 500", [this] { nova_.api = false; }, [this] { nova_.api = true; }); break;
      case 2: plan_window(at, 2, 60, "neutron is away", [this] { nova_.neutron = false; }, [this] { nova_.neutron = true; }); break;
      case 3: plan_window(at, 2, 40, "bus lost", [this] { nova_.bus = false; }, [this] { nova_.bus = true; }); break;
      default:
        plan_window(at, 2, 9, "the watches have a gap", [this] { controllers_.front()->cut_off(true); }, [this] { controllers_.front()->cut_off(false); });
        break;
    }
  }
}

void World::plan_storage_trouble() {
  const NovaHost victim = victims_.front();
  plan_host_loss(victim, seconds(60), {Bmc::kHonest, Bmc::kSlow, Bmc::kDead, Bmc::kLies});
  const auto group = plan_rng_.below(Ceph::kPlacementGroups);
  switch (plan_rng_.below(4)) {
    case 0:
      plan_window(between(50, 80), 10, 80, fmt::format("placement group {} is inactive", group), [this, group] { ceph_.inactive = group; }, [this] { ceph_.inactive.reset(); });
      break;
    case 1: plan_window(between(50, 90), 10, 60, "no mon quorum", [this] { ceph_.quorum = false; }, [this] { ceph_.quorum = true; }); break;
    case 2: plan_.add(between(50, 90), "our Ceph key may add to the blocklist and not remove", [this] { ceph_.rights_to_remove = false; }); break;
    default: {
      const NovaHost other = any_other();
      plan_.add(seconds(-38), fmt::format("{} and {} swap their addresses", victim.value, other.value), [this, victim, other] {
        machines_.swap_addresses(victim, other);
        for (const NovaHost& name : {victim, other})
          if (!kubernetes_.nodes().at(name.value).spec.storage.client_addresses.empty())
            kubernetes_.edit(name, [&](api::ComputeNodeSpec& spec) { spec.storage.client_addresses = {machines_.host(name).address.value}; });
      });
      break;
    }
  }
}

void World::plan_power_trouble() {
  std::vector<Bmc> all;
  for (std::size_t i = 0; i < kBmcKinds; ++i) all.push_back(static_cast<Bmc>(i));
  const NovaHost victim = victims_.front();
  const NovaHost other = any_other();
  const Bmc of_other = all[plan_rng_.below(all.size())];
  plan_.add(seconds(-30), fmt::format("the power controller of {} is {}", other.value, to_string(of_other)), [=, this] { power_.set(other, of_other); });
  if (plan_rng_.chance(300)) {
    const Bmc before = all[plan_rng_.below(all.size())];
    plan_.add(seconds(-20), fmt::format("the power controller of {} is {}", victim.value, to_string(before)), [=, this] { power_.set(victim, before); });
  }
  plan_host_loss(victim, seconds(0), all);
  if (plan_rng_.chance(300))
    plan_.add(between(5, 60), fmt::format("somebody presses the power button of {}", victim.value), [=, this] { machines_.power_on(victim, "by hand"); });
}

void World::plan_hands_off() {
  const NovaHost victim = victims_.front();
  const Duration at = between(5, 40);
  switch (plan_rng_.below(5)) {
    case 0:
    case 1: {
      const bool pauses = plan_rng_.chance(500);
      must_be_judged_ = false;
      plan_.add(seconds(-10), fmt::format("{} is {}", victim.value, pauses ? "paused" : "under maintenance"), [=, this] {
        if (pauses) kubernetes_.annotate(victim, api::kPausedAnnotation, "true");
        else kubernetes_.edit(victim, [](api::ComputeNodeSpec& spec) { spec.maintenance = true; });
        checkers_.hands_off.insert(victim);
      });
      break;
    }
    case 2:
      plan_.add(at, fmt::format("the power controller of {} gets another address", victim.value), [=, this] {
        kubernetes_.edit(victim, [](api::ComputeNodeSpec& spec) { spec.fencing.devices.front().redfish->endpoint = "https://192.0.2.250"; });
      });
      break;
    case 3: plan_.add(at, fmt::format("ComputeNode {} is deleted", victim.value), [=, this] { kubernetes_.remove_node(victim); }); break;
    default:
      plan_window(at, 5, 60, fmt::format("{} is paused in mid-fence", victim.value), [=, this] { kubernetes_.annotate(victim, api::kPausedAnnotation, "true"); },
                  [=, this] { kubernetes_.annotate(victim, api::kPausedAnnotation, "false"); });
      break;
  }
  plan_host_loss(victim, seconds(0), {Bmc::kHonest, Bmc::kSlow, Bmc::kDead, Bmc::kLies});
}

/// Two of everything that fits into one cloud.
void World::plan_anything() {
  const NovaHost second = any_other();
  plan_host_loss(victims_.front(), seconds(0), {Bmc::kHonest, Bmc::kSlow, Bmc::kDead, Bmc::kLies, Bmc::kPretends, Bmc::kStale});
  if (plan_rng_.chance(300)) plan_host_loss(second, between(0, 90), {Bmc::kHonest, Bmc::kSlow, Bmc::kDead, Bmc::kLies});
  const auto either = [&](unsigned per_mille, void (World::*what)()) {
    if (plan_rng_.chance(per_mille)) (this->*what)();
  };
  either(500, &World::plan_leaders);
  either(400, &World::plan_tenants);
  either(400, &World::plan_api_trouble);
  either(200, &World::plan_conductor);
  if (plan_rng_.chance(300)) plan_window(between(0, 60), 10, 60, "no mon quorum", [this] { ceph_.quorum = false; }, [this] { ceph_.quorum = true; });
  every_host_is_helped_ = true;
  repair_after_ = between(140, 180);
}

/// That many hosts of a rack at one instant. Over the budget they are held, with an alert, until a person approves or they come back.
void World::plan_rack(std::size_t lost) {
  victims_.clear();
  for (std::size_t i = 0; i < lost; ++i) victims_.push_back(name_of(i));
  const bool over = checkers_.budget && static_cast<int>(lost) > *checkers_.budget;
  const bool turns = over && plan_rng_.chance(500);
  const Failure failure = turns || plan_rng_.chance(500) ? Failure::kFrozen : Failure::kPowerLost;
  plan_.add(seconds(0), fmt::format("{} hosts of {} are lost at once", lost, hosts_), [=, this] {
    for (const NovaHost& host : victims_) lose(host, failure, Bmc::kHonest);
    checkers_.nothing_may_happen = over;
  });
  repair_after_ = seconds(240);
  if (!over) return;
  const Duration decided = between(60, 90);
  plan_.add(decided - seconds(1), "the hold is looked at", [this] {
    for (const NovaHost& host : victims_) {
      const auto& status = kubernetes_.nodes().at(host.value).status;
      const bool held = status.fence && status.fence->state == api::FenceState::kHeld && api::is_true(status.conditions, api::condition::kHeld);
      if (!held) checkers_.violated(fmt::format("S2: {} is not held, or nobody is told", host.value));
    }
  });
  if (turns) {
    plan_.add(decided, "the rack is back", [this] {
      for (const NovaHost& host : victims_) {
        healed_early_.insert(host);
        heal(host);
      }
    });
    repair_after_ = seconds(30);
    return;
  }
  plan_.add(decided, "a person approves", [this] {
    checkers_.nothing_may_happen = false;
    checkers_.budget.reset();
    for (const NovaHost& host : victims_) {
      const auto& fence = kubernetes_.nodes().at(host.value).status.fence;
      if (fence) kubernetes_.annotate(host, api::kApproveAnnotation, fence->id.value);
    }
  });
}

/// No mains anywhere, bus and database included; hosts come back one by one, some of them late.
void World::plan_site() {
  must_be_judged_ = false;
  every_host_is_helped_ = true;
  plan_.add(seconds(0), "the whole site loses its power", [this] {
    nova_.bus = nova_.api = false;
    for (const auto& [name, host] : machines_.hosts()) lose(name, Failure::kMainsLost, Bmc::kDead);
    checkers_.nothing_may_happen = true;
  });
  plan_.add(seconds(20), "power and control plane are back", [this] {
    nova_.bus = nova_.api = true;
    checkers_.nothing_may_happen = false;
    for (auto& [name, host] : machines_.hosts()) {
      host.mains = true;
      power_.set(name, Bmc::kHonest);
    }
  });
  for (std::size_t i = 0; i < hosts_; ++i) {
    const NovaHost host = name_of(i);
    plan_.add(between(22, 150), fmt::format("{} boots", host.value), [this, host] { machines_.power_on(host, "the site has power again"); });
  }
}

}  // namespace vmha::sim
