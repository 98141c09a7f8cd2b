// L1: how everything has to be once faults have stopped and people have done their part.
#include <algorithm>

#include <fmt/core.h>

#include "api/conditions.h"
#include "api/names.h"
#include "simulation/checkers.h"

namespace vmha::sim {
namespace {

/// Nova ends what was in ERROR as ACTIVE.
std::string wanted_state(const nova::Server& before) { return before.vm_state == "error" ? "active" : before.vm_state; }

const api::ProtectedInstance* instance_of(const Kubernetes& kubernetes, const ServerId& server) {
  for (const auto& [name, instance] : kubernetes.instances())
    if (instance.spec.server_id == server) return &instance;
  return nullptr;
}

}  // namespace

bool Checkers::is_named_to_a_person(const ServerId& server) const {
  const api::ProtectedInstance* instance = instance_of(w_.kubernetes, server);
  if (instance == nullptr) return false;
  const auto says = [&](std::string_view type) {
    const api::Condition* found = api::find_condition(instance->status.conditions, type);
    return found != nullptr && found->status == api::ConditionStatus::kFalse && !found->message.empty();
  };
  return says(api::condition::kRecoverable) || says(api::condition::kRecovered) || says(api::condition::kReady) ||
         (instance->status.recovery && !instance->status.recovery->message.empty());
}

/// Fences of hosts that it may have had to leave.
int Checkers::fences_of(const nova::Server& before) const {
  int count = was_fenced(before.host) ? 1 : 0;
  for (const nova::Migration& m : w_.nova.records())
    if (m.server == before.id && m.destination != before.host && was_fenced(m.destination)) ++count;
  return count;
}

std::string Checkers::unfinished_server(const Expected& server) const {
  const nova::Server& before = server.before;
  const auto found = w_.nova.server(before.id);
  if (!found) return server.gone ? std::string() : before.name + " is gone";
  int running = 0;
  for (const Guest* guest : w_.machines.guests_of(before.id))
    if (!guest->ended && !guest->refused) ++running;
  if (running > 1) return fmt::format("{} has {} running guests", before.name, running);
  if (found->locked && !found->locked_reason.empty()) return before.name + " is still locked";
  const int evacuated = w_.nova.finished_evacuations(before.id);
  if (evacuated > fences_of(before)) return fmt::format("{} was evacuated {} times for {} fences", before.name, evacuated, fences_of(before));
  if (server.gone) return before.name + " was deleted, and is still there";
  if (!server.excused.empty()) {
    const bool ours = found->host.empty() || was_fenced(found->host);  // what nova left on a host that was never fenced is not vmha's to name
    const bool rests = found->task_state.empty() || !ours || is_named_to_a_person(before.id);
    return rests ? std::string() : fmt::format("{} is at {} and nobody is told ({})", before.name, found->task_state, server.excused);
  }
  const bool moved = was_fenced(before.host);
  // It died and came back before it could be fenced: its guests are gone, and nobody asked for their recovery.
  if (!moved && w_.machines.host(before.host).boots > 1) return {};
  if (moved && found->host == before.host && evacuated == 0) return fmt::format("{} is still on {}", before.name, before.host.value);
  if (!moved && found->host != before.host) return fmt::format("{} was moved without need", before.name);
  const std::string wanted = moved ? wanted_state(before) : before.vm_state;
  if (found->vm_state != wanted || !found->task_state.empty()) return fmt::format("{} is {}/{}, and was {}", before.name, found->vm_state, found->task_state, before.vm_state);
  if (found->locked != before.locked) return fmt::format("{} is {}", before.name, found->locked ? "locked" : "not locked any more");
  if (moved && evacuated == 0) return before.name + " moved, and was never evacuated";
  const bool runs = wanted == "active" || wanted == "error";
  const Guest* guest = w_.machines.guest_on(before.id, found->host);
  if (runs && (guest == nullptr || guest->refused)) return before.name + " has no running guest";
  if (!runs && running > 0) return before.name + " has a running guest";
  return {};
}

std::string Checkers::unfinished_host(const NovaHost& name, const Host& host) const {
  const nova::Service& service = w_.nova.service_on(name);
  if (!host.on) return name.value + " is off";
  if (service.forced_down) return name.value + " is forced down";
  if (!service.enabled) return fmt::format("{} is disabled: {}", name.value, service.disabled_reason);
  return {};
}

std::string Checkers::unfinished() const {
  for (const auto& [id, server] : expected)
    if (std::string words = unfinished_server(server); !words.empty()) return words;
  for (const auto& [name, host] : w_.machines.hosts())
    if (std::string words = unfinished_host(name, host); !words.empty()) return words;
  if (!w_.ceph.blocklist().empty()) return "the blocklist has " + w_.ceph.blocklist().front().address.value;
  for (const auto& [name, node] : w_.kubernetes.nodes()) {
    const auto& fence = node.status.fence;
    if (fence && fence->state != api::FenceState::kLifted && fence->state != api::FenceState::kWithdrawn)
      return fmt::format("fence {} is {}", fence->id.value, api::to_string(fence->state));
    const bool hands = hands_off.count(node.nova_host()) > 0;
    if (node.status.phase != api::NodePhase::kHealthy && !hands) return fmt::format("{} is {}", name, api::to_string(node.status.phase));
  }
  for (const auto& [name, instance] : w_.kubernetes.instances())
    if (instance.status.recovery && !instance.status.recovery->finished_time) return "the recovery of " + name + " has not ended";
  return {};
}

}  // namespace vmha::sim
