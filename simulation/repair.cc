// The end of a run: what failed is repaired, and people do what is left to them.
#include <algorithm>

#include <fmt/core.h>

#include "api/conditions.h"
#include "api/names.h"
#include "simulation/world.h"

namespace vmha::sim {
namespace {

/// A lease, a stale interval, confirmWithoutStorageSeconds, a crash just before, and room for slow answers.
constexpr seconds kJudgedWithin{130};

}  // namespace

/// L1: with no fault for long enough, a dead host has to be judged and its fence begun, whatever happened before.
void World::must_be_judged_by_now() {
  if (!must_be_judged_ || repair_after_ < kJudgedWithin || performer_.faults_per_mille > 0) return;
  for (const auto& [name, failure] : lost_) {
    const Host& host = machines_.host(name);
    const auto node = kubernetes_.nodes().find(name.value);
    const bool is_back = host.boots > 1 && host.runs();  // fenced, returned, and then status was lost
    const bool has_guests = std::any_of(machines_.guests().begin(), machines_.guests().end(), [&, at = name](const Guest& guest) {
      const auto server = nova_.all().find(guest.server);
      return guest.host == at && server != nova_.all().end() && server->second.host == at && server->second.vm_state == "active" && server->second.task_state.empty();
    });
    if (!host.kubernetes && !has_guests) continue;  // neither a Lease nor a guest to ask
    if (healed_early_.count(name) > 0 || node == kubernetes_.nodes().end() || node->second.status.fence || is_back) continue;
    checkers_.violated(fmt::format("L1: {} is dead, nothing disturbed for {} s, and no fence was begun", name.value, kJudgedWithin.count()));
  }
}

void World::repair() {
  must_be_judged_by_now();
  timeline_.say("operator", "repairs everything");
  performer_.faults_per_mille = 0;
  repaired_at_ = clock_.now();
  nova_.api = nova_.neutron = nova_.bus = nova_.conductor = true;
  nova_.cells_away.clear();
  ceph_.works = ceph_.quorum = ceph_.rights = ceph_.rights_to_remove = true;
  ceph_.inactive.reset();
  kubernetes_.works = true;
  kills_destination_ = false;
  for (auto& controller : controllers_) {
    controller->upset_no_more();
    controller->thaw();
    controller->cut_off(false);
  }
  for (auto& [name, host] : machines_.hosts()) {
    power_.set(name, Bmc::kHonest);
    host.mains = true;
    host.room = 1000;
    if (lost_.count(name) == 0) heal(name);
  }
  for (const auto& [name, failure] : lost_) {
    if (failure != Failure::kMainsLost && failure != Failure::kPowerLost) heal(name);
    if (failure == Failure::kMainsLost && machines_.host(name).kubernetes) machines_.power_on(name, "mains are back");
    if (!checkers_.was_fenced(name)) machines_.power_on(name, "by hand: it was never fenced");
  }
  clock_.after(clock_.between(seconds(20), seconds(60)), [this] { reboot_by_hand(); });
}

/// Everything that is not its power.
void World::heal(const NovaHost& name) {
  const Host& host = machines_.host(name);
  if (host.frozen) machines_.freeze(name, false);
  if (!host.control || !host.storage) machines_.cut(name, true, true);
  if (host.on && !host.agent && host.boots == 1) machines_.start_agent(name);
}

/// Somebody power-cycles a fenced host that runs on, or starts one that is left off.
void World::reboot_by_hand() {
  for (const auto& [name, failure] : lost_) {
    const Host& host = machines_.host(name);
    if (!host.on) {
      machines_.power_on(name, "by hand");
    } else if (host.boots == 1 && checkers_.was_fenced(name)) {
      machines_.power_off(name, "by hand");
      clock_.after(seconds(30), [this, at = name] { machines_.power_on(at, "by hand"); });
    }
  }
  clock_.after(seconds(120), [this] { help_on(); });
}

/// What is left to a person: nova-compute is started again where an evacuation ended after its start (nova completes such a record only then), and a
/// host whose power cycle nothing else shows is released by its fence's id.
void World::help_host(const NovaHost& name) {
  const auto node = kubernetes_.nodes().find(name.value);
  if (node == kubernetes_.nodes().end()) return;
  Host& host = machines_.host(name);
  if (!host.on) machines_.power_on(name, "by hand");
  const auto& fence = node->second.status.fence;
  const auto* held = api::find_condition(node->second.status.conditions, api::condition::kHeld);
  const std::string why = held == nullptr ? std::string() : held->reason;
  if (fence && !fence->adopted && why == "PowerCycleNotProven" && host.on && host.kubernetes) {
    machines_.power_off(name, "by hand: its power cycle is not proven");
    return clock_.after(seconds(20), [this, name] { machines_.power_on(name, "by hand"); });
  }
  if (fence && why == "WaitsForRelease") kubernetes_.annotate(name, api::kReleaseAnnotation, fence->id.value);
  if (fence && fence->state == api::FenceState::kHeld) {
    checkers_.budget.reset();
    kubernetes_.annotate(name, api::kApproveAnnotation, fence->id.value);
  }
  if (fence && fence->adopted && host.on) {
    if (why == "AdoptedNotProven") kubernetes_.annotate(name, api::kFenceAnnotation, to_rfc3339(std::chrono::floor<seconds>(clock_.wall())));
    if (why == "PowerCycleNotProven" && host.boots > 1) kubernetes_.annotate(name, api::kReleaseAnnotation, fence->id.value);
  }
  const bool waits = fence && fence->state == api::FenceState::kProven && host.on && host.boots > 1;
  if (!waits) return;
  nova_.compute_started(name);
  if (!host.kubernetes && fence->power.state != api::ProofState::kProven) kubernetes_.annotate(name, api::kReleaseAnnotation, fence->id.value);
}

/// Ends what nova left behind, once vmha has named it; and asks for another round where all attempts failed.
void World::help_servers() {
  std::vector<ServerId> stuck;
  for (const auto& [id, server] : nova_.all())
    if (nova_.is_stuck(id) && server.task_state != "deleting" && checkers_.is_named_to_a_person(id)) stuck.push_back(id);  // nova deletes once its host is back
  for (const ServerId& id : stuck) nova_.end_by_hand(id);
  std::vector<std::string> failed;
  for (const auto& [name, instance] : kubernetes_.instances())
    if (instance.status.recovery && instance.status.recovery->phase == api::RecoveryStep::kFailed) failed.push_back(name);
  for (const std::string& name : failed) kubernetes_.annotate_instance(name, api::kRetryAnnotation, to_rfc3339(std::chrono::floor<seconds>(clock_.wall())));
}

void World::help_on() {
  help_servers();
  for (const auto& [name, host] : machines_.hosts())
    if (lost_.count(name) > 0 || every_host_is_helped_) help_host(name);
  clock_.after(seconds(60), [this] { help_on(); });
}

}  // namespace vmha::sim
