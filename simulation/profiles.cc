// What goes wrong in each profile.
#include <array>

#include <fmt/core.h>

#include "simulation/world.h"

namespace vmha::sim {
namespace {

constexpr std::array<const char*, kProfiles> kNames = {"host-loss",   "host-loss-crash", "quiet",     "hard",  "two-hosts",       "destination",   "moving",
                                                       "tenants",     "no-room",         "leaders",   "api-trouble", "cells",    "storage-trouble",
                                                       "power-trouble", "hands-off",     "anything",  "rack-at-budget", "rack-over-budget", "site"};

}  // namespace

std::optional<Profile> profile_named(const std::string& name) {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (name == kNames[i]) return static_cast<Profile>(i);
  return std::nullopt;
}

const char* to_string(Profile profile) { return kNames[static_cast<std::size_t>(profile)]; }

void World::plan_window(Duration after, int low, int high, const std::string& words, std::function<void()> begin, std::function<void()> end) {
  const Duration lasts = between(low, high);
  const auto text = fmt::format("{} for {} s", words, std::chrono::duration_cast<seconds>(lasts).count());
  plan_.add(after, lasts, text, [this, lasts, begin = std::move(begin), end = std::move(end)] {
    begin();
    clock_.after(lasts, end);
  });
}

void World::plan_it() {
  const NovaHost& victim = victims_.front();
  repair_after_ = between(150, 200);
  if (const unsigned most = static_cast<unsigned>(plan_rng_.below(3)) * 15; most > 0 && options_.profile != Profile::kQuiet)
    plan_.add(seconds(-30), fmt::format("{} of 1,000 answers are late, lost or errors", most), [this, most] { performer_.faults_per_mille = most; });
  const std::vector<Bmc> ordinary = {Bmc::kHonest, Bmc::kSlow, Bmc::kDead, Bmc::kLies};
  switch (options_.profile) {
    case Profile::kHostLoss: return plan_host_loss(victim, seconds(0), ordinary);
    case Profile::kHostLossCrash:
      plan_host_loss(victim, seconds(0), ordinary);
      return plan_crashes();
    case Profile::kQuiet: return plan_quiet();
    case Profile::kHard: return plan_hard();
    case Profile::kTwoHosts:
      for (const NovaHost& host : victims_) plan_host_loss(host, host == victim || plan_rng_.chance(300) ? Duration{0} : between(0, 100), ordinary);
      if (plan_rng_.chance(400)) plan_crashes();
      return;
    case Profile::kDestination: return plan_destination();
    case Profile::kMoving: return plan_moves();
    case Profile::kTenants:
      plan_host_loss(victim, seconds(0), ordinary);
      return plan_tenants();
    case Profile::kNoRoom: return plan_no_room();
    case Profile::kLeaders:
      plan_host_loss(victim, seconds(0), ordinary);
      return plan_leaders();
    case Profile::kApiTrouble:
      plan_host_loss(victim, seconds(0), ordinary);
      return plan_api_trouble();
    case Profile::kCells: return plan_cells();
    case Profile::kStorageTrouble: return plan_storage_trouble();
    case Profile::kPowerTrouble: return plan_power_trouble();
    case Profile::kHandsOff: return plan_hands_off();
    case Profile::kAnything: return plan_anything();
    case Profile::kRackAtBudget: return plan_rack(40);
    case Profile::kRackOverBudget: return plan_rack(41);
    case Profile::kSite: return plan_site();
  }
}

void World::plan_host_loss(const NovaHost& host, Duration after, std::vector<Bmc> controllers) {
  const auto failure = static_cast<Failure>(plan_rng_.below(kFailures));
  plan_host_loss(host, after, failure, controllers[plan_rng_.below(controllers.size())]);
  const bool heals = failure == Failure::kFrozen || failure == Failure::kCut;
  if (!heals || !plan_rng_.chance(350)) return;
  plan_.add(after + between(8, 60), fmt::format("{} comes back by itself", host.value), [this, host] {
    healed_early_.insert(host);
    heal(host);
  });
}

void World::plan_host_loss(const NovaHost& host, Duration after, Failure failure, Bmc controller) {
  std::string words;
  switch (failure) {
    case Failure::kPowerLost: words = "loses its power"; break;
    case Failure::kMainsLost: words = "loses its power and its power controller"; break;
    case Failure::kFrozen: words = fmt::format("freezes, its power controller {}", to_string(controller)); break;
    case Failure::kCut: words = fmt::format("is cut from both networks, its power controller {}", to_string(controller)); break;
  }
  plan_.add(after, fmt::format("{} {}", host.value, words), [=, this] { lose(host, failure, controller); });
}

void World::lose(const NovaHost& name, Failure failure, Bmc controller) {
  Host& host = machines_.host(name);
  checkers_.nothing_may_happen = false;
  lost_[name] = failure;
  if (!host.failed_since) host.failed_since = clock_.now();
  excuse_moving(name);
  const bool stuck = power_.behaviour(name) == Bmc::kStuckOff;  // since before the failure: from then on nobody could tell
  switch (failure) {
    case Failure::kPowerLost:
      power_.set(name, controller == Bmc::kSlow ? Bmc::kSlow : Bmc::kHonest);
      return machines_.power_off(name, "its power supply failed");
    case Failure::kMainsLost:
      host.mains = false;
      machines_.power_off(name, "no mains");
      return power_.set(name, Bmc::kDead);
    case Failure::kFrozen:
    case Failure::kCut:
      if (!stuck) power_.set(name, controller == Bmc::kStuckOff ? Bmc::kPretends : controller);
      if (failure == Failure::kFrozen) machines_.freeze(name, true);
      else machines_.cut(name, false, false);
  }
}

void World::excuse(const ServerId& server, const std::string& why) {
  const auto known = checkers_.expected.find(server);
  if (known != checkers_.expected.end() && known->second.excused.empty()) known->second.excused = why;
}

/// What nova was at when a host of it died is left to a person, or ends in a way nobody can foresee.
void World::excuse_moving(const NovaHost& host) {
  for (const auto& [id, server] : nova_.all())
    if (server.host == host && !server.task_state.empty()) excuse(id, "it was at " + server.task_state + " when its host died");
  for (const nova::Migration& m : nova_.records())
    if (m.type != "evacuation" && !nova::is_final(m) && (m.source == host || m.destination == host)) excuse(m.server, "it was moving when a host of it died");
}

void World::plan_crashes() {
  Duration at{0};
  for (auto left = 1 + plan_rng_.below(5); left > 0; --left) {
    const auto effects = plan_rng_.below(60);
    if (plan_rng_.chance(600))
      plan_.add(at, fmt::format("the controller crashes after {} more effects", effects), [this, effects] {
        controllers_.front()->upset_after_effects(effects, [this] { controllers_.front()->crash(); });
      });
    else plan_.add(at + between(0, 20), "the controller crashes", [this] { controllers_.front()->crash(); });
    at += between(20, 60);
  }
  plan_.add(at, "no more crashes", [this] { controllers_.front()->upset_no_more(); });
  if (plan_rng_.chance(500)) plan_.add(at, "no more lost answers", [this] { performer_.faults_per_mille = 0; });
  repair_after_ = between(130, 170);
}

void World::plan_quiet() {
  const NovaHost victim = victims_.front();
  repair_after_ = seconds(10);
  plan_.add(seconds(-30), "5 of 1,000 answers are late, lost or errors", [this] { performer_.faults_per_mille = 5; });
  const auto kill = [this, victim] { machines_.kill_agent(victim); };
  const auto start = [this, victim] { machines_.start_agent(victim); };
  const auto cut = [this, victim] { machines_.cut(victim, false, true); };
  const auto mend = [this, victim] { machines_.cut(victim, true, true); };
  switch (plan_rng_.below(6)) {
    case 0: plan_window(seconds(0), 90, 90, "nova-compute is killed", kill, start); break;
    case 1: plan_window(seconds(0), 90, 90, "control network cut", cut, mend); break;
    case 2: plan_window(seconds(0), 90, 90, "bus lost", [this] { nova_.bus = false; }, [this] { nova_.bus = true; }); break;
    case 3:
      plan_window(seconds(0), 90, 90, "storage away", [this] { ceph_.works = false; }, [this] { ceph_.works = true; });
      plan_window(seconds(10), 80, 80, "nova-compute is killed", kill, start);
      break;
    case 4:
      plan_window(seconds(0), 90, 90, "bus lost", [this] { nova_.bus = false; }, [this] { nova_.bus = true; });
      plan_window(seconds(10), 80, 80, "control network cut", cut, mend);
      break;
    default: plan_flapping_switch(); break;
  }
  if (plan_rng_.chance(500)) plan_.add(between(0, 40), "the controller crashes", [this] { controllers_.front()->crash(); });
}

/// The control network of half of the hosts comes and goes.
void World::plan_flapping_switch() {
  for (int flap = 0; flap < 8; ++flap)
    plan_window(seconds(10 * flap), 2, 8, "the control network of half of the hosts is away",
                [this] {
                  for (std::size_t i = 0; i < hosts_; i += 2) machines_.cut(name_of(i), false, true);
                },
                [this] {
                  for (std::size_t i = 0; i < hosts_; i += 2) machines_.cut(name_of(i), true, true);
                });
}

void World::plan_hard() {
  const NovaHost victim = victims_.front();
  const bool by_hand = plan_rng_.chance(300);
  if (plan_rng_.chance(200)) plan_.add(seconds(-45), fmt::format("the power controller of {} is stuck at Off", victim.value), [this, victim] { power_.set(victim, Bmc::kStuckOff); });
  const auto failure = static_cast<Failure>(plan_rng_.below(kFailures));
  plan_host_loss(victim, seconds(0), failure, static_cast<Bmc>(plan_rng_.below(kBmcKinds)));
  const bool heals = failure == Failure::kFrozen || failure == Failure::kCut;
  if (heals && !by_hand && plan_rng_.chance(350))
    plan_.add(between(8, 60), fmt::format("{} comes back by itself", victim.value), [this, victim] {
      healed_early_.insert(victim);
      heal(victim);
    });
  if (plan_rng_.chance(300)) plan_window(seconds(0), 10, 60, "no mon quorum", [this] { ceph_.quorum = false; }, [this] { ceph_.quorum = true; });
  if (plan_rng_.chance(100)) plan_.add(seconds(0), "our Ceph key has no rights", [this] { ceph_.rights = false; });
  if (by_hand)
    plan_.add(between(10, 60), "an admin clears the blocklist", [this, victim] { ceph_.blocklist_remove({machines_.host(victim).address}); });
  if (plan_rng_.chance(450)) {
    plan_.add(seconds(0), "a backup of etcd is made", [this] { kubernetes_.back_up(); });
    plan_.add(between(3, 110), "etcd is restored from the backup", [this] {
      kubernetes_.restore();
      controllers_.front()->crash();
    });
  }
}

}  // namespace vmha::sim
