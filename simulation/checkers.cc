#include "simulation/checkers.h"

#include <algorithm>
#include <variant>

#include <fmt/core.h>

namespace vmha::sim {
namespace {

/// Protocol, Proof: a proof is a reading at most this old when an evacuation is requested.
constexpr Duration kProofAge = seconds(5);

}  // namespace

Checkers::Checkers(Scheduler& clock, Machines& machines, Ceph& ceph, Nova& nova, Kubernetes& kubernetes)
    : clock_(clock), machines_(machines), ceph_(ceph), nova_(nova), kubernetes_(kubernetes) {
  nova.evacuation_asked = [this](const nova::Server& server, bool running) { evacuation_asked(server, running); };
  kubernetes.complain = [this](const std::string& what) { violated(what); };
}

void Checkers::violated(const std::string& what) {
  const auto passed = std::chrono::duration_cast<milliseconds>(clock_.now() - Scheduler::kStart).count();
  violations.push_back(fmt::format("at {:.3f} s: {}", static_cast<double>(passed) / 1000.0, what));
}

void Checkers::wrote(const Guest& guest) {
  for (const Guest* other : machines_.guests_of(guest.server)) {
    if (other->started <= guest.started || other->host == guest.host) continue;
    violated(fmt::format("S1: {} wrote from {} after another guest of it had started on {}", guest.server.value, guest.host.value, other->host.value));
  }
}

void Checkers::evacuation_asked(const nova::Server& server, bool running) {
  if (running) violated(fmt::format("S5: {} ({}) was to be evacuated again while its first evacuation runs", server.name, server.id.value));
  for (const Guest* guest : machines_.guests_of(server.id)) {
    if (guest->ended || guest->refused || ceph_.is_refused(guest->address, guest->image)) continue;
    if (ceph_.was_cleared_within(guest->address, kProofAge)) continue;  // wrote() still sees what it does with that
    violated(fmt::format("S1: {} was to be evacuated while its guest on {} lives and is not fenced", server.name, guest->host.value));
  }
}

const Host* Checkers::host_of(const Address& address) const {
  for (const auto& [name, host] : machines_.hosts())
    if (host.address == address) return &host;
  return nullptr;
}

void Checkers::must_be_fenceable(const NovaHost& name, const char* act) {
  const Host& host = machines_.host(name);
  if (!host.failed_since) violated(fmt::format("S2: {} of {}, which never failed", act, name.value));
  fenced.insert(name);
  boots_at_fence_.emplace(name, host.boots);
  const auto standing = std::count_if(kubernetes_.nodes().begin(), kubernetes_.nodes().end(), [](const auto& entry) {
    const auto& fence = entry.second.status.fence;
    return fence && (fence->state == api::FenceState::kFencing || fence->state == api::FenceState::kProven);
  });
  if (standing > static_cast<long>(kubernetes_.nodes().size()) / 2) violated(fmt::format("S2: {} fences of {} hosts", standing, kubernetes_.nodes().size()));
}

/// Proof of a power cycle, from the ground truth: no process that ran when the fence began is left.
void Checkers::must_be_cycled(const NovaHost& name, const char* act) {
  const auto fence = boots_at_fence_.find(name);
  const Host& host = machines_.host(name);
  const bool cycled = !host.on || fence == boots_at_fence_.end() || host.boots > fence->second;
  if (!cycled) violated(fmt::format("S4: {} for {}, which runs on without a power cycle", act, name.value));
  for (const auto& [id, server] : nova_.all())
    if (server.host == name && server.vm_state != "error" && before_.count(id) > 0 && before_.at(id).host == name)
      violated(fmt::format("S4: {} for {} while {} is still to be recovered", act, name.value, server.name));
}

void Checkers::acts(const Operation& operation) {
  if (!is_irreversible(operation)) return;
  ++acts_done[name_of(operation)];
  if (nothing_may_happen) violated(fmt::format("S3: {} although nothing failed that may be fenced", name_of(operation)));
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
    const nova::Service* service = nova_.service(down->service);
    if (service != nullptr && !down->forced_down) must_be_cycled(service->host, "forced_down=false");
    if (service != nullptr && down->forced_down && !machines_.host(service->host).failed_since) violated("S2: forced down, but it never failed: " + service->host.value);
  }
}

void Checkers::remember() { before_ = nova_.all(); }

bool Checkers::was_fenced(const NovaHost& host) const {
  const auto node = kubernetes_.nodes().find(host.value);
  const bool withdrawn = node != kubernetes_.nodes().end() && node->second.status.fence && node->second.status.fence->state == api::FenceState::kWithdrawn;
  return fenced.count(host) > 0 && !withdrawn;
}

std::string Checkers::unfinished_server(const nova::Server& before) const {
  const auto found = nova_.server(before.id);
  if (!found) return before.name + " is gone";
  const Host& old_host = machines_.host(before.host);
  const bool moved = was_fenced(before.host);
  // It died and came back before it could be fenced: its guests are gone, and nobody asked for their recovery.
  if (!moved && old_host.boots > 1) return {};
  if (moved && found->host == before.host) return fmt::format("{} is still on {}", before.name, before.host.value);
  if (!moved && found->host != before.host) return fmt::format("{} was moved without need", before.name);
  if (found->vm_state != before.vm_state || !found->task_state.empty())
    return fmt::format("{} is {}/{}, and was {}", before.name, found->vm_state, found->task_state, before.vm_state);
  if (found->locked) return before.name + " is still locked";
  const int evacuated = nova_.finished_evacuations(before.id);
  if (evacuated != (moved ? 1 : 0)) return fmt::format("{} was evacuated {} times", before.name, evacuated);
  int running = 0;
  for (const Guest* guest : machines_.guests_of(before.id))
    if (!guest->ended && !guest->refused && guest->host == found->host) ++running;
  if (running != (before.vm_state == "active" ? 1 : 0)) return fmt::format("{} has {} running guests", before.name, running);
  return {};
}

std::string Checkers::unfinished() const {
  for (const auto& [id, server] : before_)
    if (std::string words = unfinished_server(server); !words.empty()) return words;
  for (const auto& [name, host] : machines_.hosts()) {
    const nova::Service& service = nova_.service_on(name);
    if (!host.on) return name.value + " is off";
    if (service.forced_down) return name.value + " is forced down";
    if (!service.enabled) return fmt::format("{} is disabled: {}", name.value, service.disabled_reason);
  }
  if (!ceph_.blocklist().empty()) return "the blocklist has " + ceph_.blocklist().front().address.value;
  for (const auto& [name, node] : kubernetes_.nodes()) {
    const auto& fence = node.status.fence;
    if (fence && fence->state != api::FenceState::kLifted && fence->state != api::FenceState::kWithdrawn)
      return fmt::format("fence {} is {}", fence->id.value, api::to_string(fence->state));
    if (node.status.phase != api::NodePhase::kHealthy) return fmt::format("{} is {}", name, api::to_string(node.status.phase));
  }
  for (const auto& [name, instance] : kubernetes_.instances())
    if (instance.status.recovery && !instance.status.recovery->finished_time) return "the recovery of " + name + " has not ended";
  return {};
}

}  // namespace vmha::sim
