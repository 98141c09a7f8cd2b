#include "simulation/checkers.h"

#include <algorithm>
#include <variant>

#include <fmt/core.h>

#include "engine/engine.h"

namespace vmha::sim {
namespace {

/// Protocol, Proof: a proof is a reading at most this old when an evacuation is requested.
constexpr Duration kProofAge = seconds(5);

bool is_evacuable(const std::string& vm_state) { return vm_state == "active" || vm_state == "stopped" || vm_state == "error"; }

bool stands(const std::optional<api::Fence>& fence) {
  return fence && (fence->state == api::FenceState::kFencing || fence->state == api::FenceState::kProven);
}

}  // namespace

Checkers::Checkers(World world) : w_(world) {
  w_.nova.evacuation_asked = [this](const nova::Server& server, const nova::Migration* running) { evacuation_asked(server, running); };
  w_.nova.lock_replaced = [this](const ServerId& id) {
    if (const auto known = expected.find(id); known != expected.end()) known->second.before.locked = false;
  };
  w_.kubernetes.complain = [this](const std::string& what) { violated(what); };
  w_.kubernetes.node_written = [this](const api::ComputeNode& before, const api::ComputeNode& after) { node_written(before, after); };
}

void Checkers::violated(const std::string& what) {
  const auto passed = std::chrono::duration_cast<milliseconds>(w_.clock.now() - Scheduler::kStart).count();
  violations.push_back(fmt::format("at {:.3f} s: {}", static_cast<double>(passed) / 1000.0, what));
}

void Checkers::wrote(const Guest& guest) {
  for (const Guest* other : w_.machines.guests_of(guest.server)) {
    if (other->incoming || other->started <= guest.started || other->host == guest.host) continue;
    violated(fmt::format("S1: {} wrote from {} after another guest of it had started on {}", guest.server.value, guest.host.value, other->host.value));
  }
}

void Checkers::evacuation_asked(const nova::Server& server, const nova::Migration* running) {
  // Where the destination is fenced its work is over, whatever a thawed nova-compute there would still do.
  const auto is_fenced = [&](const NovaHost& host, const ImageId& image) {
    return w_.nova.service_on(host).forced_down && w_.ceph.is_refused(w_.machines.host(host).address, image);
  };
  if (running != nullptr && (running->destination.empty() || !is_fenced(running->destination, ImageId{"vms", server.id.value + "_disk"})))
    violated(fmt::format("S5: {} ({}) was to be evacuated again while its first evacuation runs", server.name, server.id.value));
  for (const Guest* guest : w_.machines.guests_of(server.id)) {
    if (guest->ended || guest->refused || w_.ceph.is_refused(guest->address, guest->image)) continue;
    if (w_.ceph.was_cleared_within(guest->address, kProofAge)) continue;  // wrote() still sees what it does with that
    violated(fmt::format("S1: {} was to be evacuated while its guest on {} lives and is not fenced", server.name, guest->host.value));
  }
}

/// S7: what status calls proven is so when it is written.
void Checkers::node_written(const api::ComputeNode& before, const api::ComputeNode& after) {
  const auto& fence = after.status.fence;
  if (!fence || fence->state != api::FenceState::kProven || (before.status.fence && before.status.fence->state == api::FenceState::kProven)) return;
  const NovaHost name = after.nova_host();
  const Host& host = w_.machines.host(name);
  const bool lies = w_.power.behaviour(name) == Bmc::kStuckOff || w_.power.behaviour(name) == Bmc::kStale;
  const auto since = boots_at_fence_.find(name);
  const bool was_off = !host.on || (since != boots_at_fence_.end() && host.boots > since->second);
  const bool power = fence->power.state == api::ProofState::kProven;
  const bool storage = fence->storage.state == api::ProofState::kProven;
  const bool refused = std::all_of(fence->storage.addresses.begin(), fence->storage.addresses.end(), [&](const Address& a) { return w_.ceph.is_refused_everywhere(a); });
  if (power && !was_off && !lies) violated(fmt::format("S7: {} is proven off, and was never off since the fence began", name.value));
  const bool listed = std::all_of(fence->storage.addresses.begin(), fence->storage.addresses.end(), [&](const Address& a) { return w_.ceph.is_listed(a); });
  if (storage && listed && !refused) violated(fmt::format("S7: the storage fence of {} is proven, and a placement group still serves it", name.value));
  if (!power && !storage) violated(fmt::format("S7: the fence of {} is proven by nothing", name.value));
}

const Host* Checkers::host_of(const Address& address) const {
  for (const auto& [name, host] : w_.machines.hosts())
    if (host.address == address) return &host;
  return nullptr;
}

void Checkers::must_be_fenceable(const NovaHost& name, const char* act) {
  const Host& host = w_.machines.host(name);
  if (!host.failed_since) violated(fmt::format("S2: {} of {}, which never failed", act, name.value));
  if (hands_off.count(name) > 0) violated(fmt::format("S2: {} of {}, which is paused or under maintenance", act, name.value));
  fenced.insert(name);
  boots_at_fence_.emplace(name, host.boots);
  if (!budget) return;
  const auto standing = std::count_if(w_.kubernetes.nodes().begin(), w_.kubernetes.nodes().end(), [](const auto& entry) {
    const auto& status = entry.second.status;
    return stands(status.fence) && !(status.recovery && status.recovery->finished_time);
  });
  if (standing > *budget) violated(fmt::format("S2: {} fences at a time, the budget is {}", standing, *budget));
}

/// Of its fence: a person was not told, and nothing is asked of nova for it.
bool Checkers::is_still_to_be_recovered(const nova::Server& server) const {
  const auto known = expected.find(server.id);
  if (known == expected.end() || known->second.before.host != server.host || !known->second.excused.empty()) return false;
  return is_evacuable(server.vm_state) && server.vm_state != "error" && server.task_state != "deleting";
}

/// Proof of a power cycle, from the ground truth: no process that ran when the fence began is left.
void Checkers::must_be_cycled(const NovaHost& name, const char* act) {
  const auto fence = boots_at_fence_.find(name);
  const Host& host = w_.machines.host(name);
  const bool cycled = !host.on || fence == boots_at_fence_.end() || host.boots > fence->second;
  if (!cycled) violated(fmt::format("S4: {} for {}, which runs on without a power cycle", act, name.value));
  for (const auto& [id, server] : w_.nova.all())
    if (server.host == name && is_still_to_be_recovered(server)) violated(fmt::format("S4: {} for {} while {} is still to be recovered", act, name.value, server.name));
}

void Checkers::acts(const Operation& operation, std::size_t replica) {
  if (!is_irreversible(operation)) return;
  ++acts_done[name_of(operation)];
  if (nothing_may_happen) violated(fmt::format("S3: {} although nothing failed that may be fenced", name_of(operation)));
  const bool passed_on = w_.lease.holder != replica && w_.clock.now() - w_.lease.passed_on > kNewLeaderWait;
  if (passed_on) violated(fmt::format("S6: {} of a leader that lost its lease long ago", name_of(operation)));
  if (const auto* off = std::get_if<PowerOff>(&operation)) must_be_fenceable(NovaHost{off->node.value}, "power off");
  if (const auto* add = std::get_if<BlocklistAdd>(&operation))
    for (const Address& address : add->addresses) {
      const Host* host = host_of(address);
      if (host == nullptr) violated("S2: a fence of an address that is no host's: " + address.value);
      else must_be_fenceable(host->name, "storage fence");
    }
  if (const auto* rm = std::get_if<BlocklistRemove>(&operation))
    for (const Address& address : rm->addresses)
      if (const Host* host = host_of(address)) must_be_cycled(host->name, "blocklist rm");
  if (const auto* down = std::get_if<SetForcedDown>(&operation)) {
    const nova::Service* service = w_.nova.service(down->service);
    if (service != nullptr && !down->forced_down) must_be_cycled(service->host, "forced_down=false");
    if (service != nullptr && down->forced_down) must_be_fenceable(service->host, "forced_down=true");
  }
  // In service again, and well: from here on it may not be fenced any more.
  if (const auto* enable = std::get_if<EnableService>(&operation)) {
    const nova::Service* service = w_.nova.service(enable->service);
    if (service == nullptr) return;
    Host& host = w_.machines.host(service->host);
    if (!host.serves() || !host.storage) return;
    host.failed_since.reset();
    boots_at_fence_.erase(host.name);
  }
}

void Checkers::remember() {
  for (const auto& [id, server] : w_.nova.all()) expected[id] = Expected{server, false, is_evacuable(server.vm_state) ? "" : "nova cannot evacuate one that is " + server.vm_state};
}

bool Checkers::was_fenced(const NovaHost& host) const {
  const auto node = w_.kubernetes.nodes().find(host.value);
  const bool withdrawn = node != w_.kubernetes.nodes().end() && node->second.status.fence && node->second.status.fence->state == api::FenceState::kWithdrawn;
  return fenced.count(host) > 0 && !withdrawn;
}

}  // namespace vmha::sim
