#include "reconcilers/protectedinstance/facts.h"

#include <algorithm>
#include <functional>
#include <string_view>

namespace vmha::protectedinstance {
namespace {

constexpr std::string_view kLockPrefix = "vmha: ";
constexpr std::string_view kEvacuation = "evacuation";

bool contains(const std::vector<NodeName>& names, const NodeName& name) { return std::ranges::find(names, name) != names.end(); }

}  // namespace

const HostFacts* find_host(const InstanceView& view, const NovaHost& host) {
  const auto found = std::ranges::find_if(view.hosts, [&](const HostFacts& facts) { return facts.host == host; });
  return found == view.hosts.end() ? nullptr : &*found;
}

std::string name_of(const InstanceView& view, const NovaHost& host) {
  if (view.fence && view.fence->host == host) return view.fence->node.value;
  const HostFacts* facts = find_host(view, host);
  return facts != nullptr ? facts->node.value : host.value;
}

NovaHost host_named(const InstanceView& view, const std::string& name) {
  if (view.fence && view.fence->node.value == name) return view.fence->host;
  const auto found = std::ranges::find_if(view.hosts, [&](const HostFacts& facts) { return facts.node.value == name; });
  return found == view.hosts.end() ? NovaHost{name} : found->host;
}

bool has_moved(const InstanceView& view, const api::InstanceRecovery& recovery) {
  const NovaHost& host = view.server->value.host;
  if (host.empty() || name_of(view, host) == recovery.from) return false;
  const bool from_is_known = (view.fence && view.fence->node.value == recovery.from) ||
                             std::ranges::any_of(view.hosts, [&](const HostFacts& facts) { return facts.node.value == recovery.from; });
  return from_is_known || find_host(view, host) != nullptr;
}

bool host_is_fenced(const InstanceView& view) {
  if (!view.server) return false;
  const HostFacts* host = find_host(view, view.server->value.host);
  return (view.fence && view.fence->host == view.server->value.host) || (host != nullptr && host->fence_standing);
}

bool is_unfinished(const api::InstanceRecovery& recovery) {
  using enum api::RecoveryStep;
  return recovery.phase == kIntended || recovery.phase == kLocked || recovery.phase == kRequested || recovery.phase == kMoved;
}

bool is_waiting(const api::ProtectedInstanceStatus& status) {
  return status.recovery && status.recovery->phase == api::RecoveryStep::kIntended && status.phase == api::InstancePhase::kWaiting;
}

std::string lock_reason(const FenceId& fence) { return std::string(kLockPrefix) + fence.value; }

bool is_locked_by_vmha(const nova::Server& server) { return server.locked && server.locked_reason.starts_with(kLockPrefix); }

namespace {

/// An intent is only stored once every record there is has ended, and remembers the newest of them; so does the end of an attempt. That stays true
/// when the destination whose fence ended one has returned meanwhile, while nova leaves such a record unfinished until its source returns.
bool was_judged_over(const InstanceView& view, const nova::Migration& record) {
  using enum api::RecoveryStep;
  const auto& recovery = view.object->status.recovery;
  if (!recovery || recovery->migration_id.empty() || name_of(view, record.source) != recovery->from) return false;
  const auto& records = view.migrations->value;
  const auto known = std::ranges::find_if(records, [&](const nova::Migration& other) { return other.uuid == recovery->migration_id; });
  if (known == records.end()) return false;
  const bool is_its_own = recovery->phase == kRequested || recovery->phase == kMoved || recovery->phase == kAttested;
  return is_its_own ? record.id < known->id : record.id <= known->id;
}

}  // namespace

bool is_over(const InstanceView& view, const nova::Migration& record) {
  if (nova::is_final(record) || was_judged_over(view, record)) return true;
  const HostFacts* destination = record.destination.empty() ? nullptr : find_host(view, record.destination);
  return destination != nullptr && destination->fence && destination->fence->requirement_met && destination->fence->service_forced_down;
}

Evacuations evacuations_from(const InstanceView& view, const NovaHost& from) {
  Evacuations found;
  if (!view.migrations) return found;
  const auto newer = [](const nova::Migration& record, const nova::Migration* than) { return than == nullptr || record.id > than->id; };
  for (const nova::Migration& record : view.migrations->value) {
    if (record.server != view.object->spec.server_id) continue;
    if (record.type != kEvacuation || record.source != from) continue;
    if (record.status == "error" || record.status == "failed") ++found.failed;
    if (newer(record, found.newest)) found.newest = &record;
    if (!is_over(view, record) && newer(record, found.running)) found.running = &record;
  }
  return found;
}

bool is_newer_than(const InstanceView& view, const nova::Migration& record, const MigrationUuid& baseline) {
  const auto& records = view.migrations->value;
  const auto known = std::ranges::find_if(records, [&](const nova::Migration& other) { return other.uuid == baseline; });
  return known == records.end() || record.id > known->id;
}

bool is_rebuild(const std::string& task_state) { return task_state.starts_with("rebuild"); }

bool has_live_task(const InstanceView& view, const NovaHost& from) {
  if (view.server->value.task_state.empty()) return false;
  const Evacuations records = evacuations_from(view, from);
  const bool left_behind = records.newest != nullptr && !nova::is_final(*records.newest) && is_over(view, *records.newest);
  return !(left_behind && is_rebuild(view.server->value.task_state));
}

std::vector<const HostFacts*> candidates(const InstanceView& view, const NovaHost& from) {
  const api::Placement& placement = view.object->spec.placement;
  std::vector<const HostFacts*> found;
  for (const HostFacts& host : view.hosts) {
    if (!host.healthy || host.fence_standing || host.host == from) continue;
    if (!placement.allowed_hosts.empty() && !contains(placement.allowed_hosts, host.node)) continue;
    if (contains(placement.avoid_hosts, host.node)) continue;
    found.push_back(&host);
  }
  const auto rank = [&](const HostFacts* host) { return std::ranges::find(placement.allowed_hosts, host->node) - placement.allowed_hosts.begin(); };
  std::ranges::stable_sort(found, {}, rank);
  return found;
}

std::optional<NovaHost> destination_for(const InstanceView& view, const NovaHost& from) {
  const api::Placement& placement = view.object->spec.placement;
  if (placement.allowed_hosts.empty() && placement.avoid_hosts.empty()) return std::nullopt;
  const auto usable = candidates(view, from);
  if (usable.empty()) return std::nullopt;
  // Without an order of the user's own, different servers begin at different hosts, so that one host does not get them all.
  const std::size_t first = placement.allowed_hosts.empty() ? std::hash<ServerId>{}(view.object->spec.server_id) : 0;
  return usable[(first + static_cast<std::size_t>(evacuations_from(view, from).failed)) % usable.size()]->host;
}

std::string endpoint_of(const Address& address) {
  const bool is_ipv6 = address.value.find(':') != std::string::npos;
  return is_ipv6 ? "[" + address.value + "]:0/" : address.value + ":0/";
}

std::string to_text(const ceph::Watcher& watcher) { return endpoint_of(watcher.address) + std::to_string(watcher.nonce); }

}  // namespace vmha::protectedinstance
