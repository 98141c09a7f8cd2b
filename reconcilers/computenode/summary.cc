// Phase and conditions: what a person sees first.
#include <algorithm>

#include <fmt/core.h>

#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

namespace condition = api::condition;
using api::ConditionStatus;
using api::FenceState;
using api::NodePhase;

ConditionStatus status_of(bool value) { return value ? ConditionStatus::kTrue : ConditionStatus::kFalse; }

NodePhase phase_without_fence(const Pass& pass) {
  if (pass.spec().maintenance) return NodePhase::kMaintenance;
  switch (pass.view.judgement.value) {
    case api::VerdictValue::kHealthy: return NodePhase::kHealthy;
    case api::VerdictValue::kUnknown: return NodePhase::kUnknown;
    default: return NodePhase::kSuspect;
  }
}

NodePhase phase(const Pass& pass) {
  const auto& fence = pass.out.status.fence;
  if (!is_standing(fence)) return phase_without_fence(pass);
  const auto& recovery = pass.out.status.recovery;
  switch (fence->state) {
    case FenceState::kHeld: return NodePhase::kHeld;
    case FenceState::kFencing: return NodePhase::kFencing;
    case FenceState::kLifting: return NodePhase::kReturning;
    default: break;
  }
  if (!recovery) return NodePhase::kFenced;
  return recovery->finished_time ? NodePhase::kRecovered : NodePhase::kRecovering;
}

void fence_conditions(Pass& pass) {
  const auto& fence = pass.out.status.fence;
  if (!is_standing(fence)) {
    for (const auto type : {condition::kHostFenced, condition::kDataFenced, condition::kRecovered})
      pass.condition(type, ConditionStatus::kFalse, "NoFence", "");
    return;
  }
  const bool proven = fence->power.state == api::ProofState::kProven;
  const bool host = proven && (live_proof(pass.view).power || !reads_on_again(pass.view));
  const bool data = proven || fence->storage.state == api::ProofState::kProven;
  pass.condition(condition::kHostFenced, status_of(host), host ? "PowerProven" : proven ? "PowerOnAgain" : "PowerNotProven",
                 host ? "" : proven ? "a power controller reads On again" : fence->power.message);
  pass.condition(condition::kDataFenced, status_of(data), data ? (proven ? "PowerProven" : "StorageProven") : "NotProven", data ? "" : fence->storage.message);
  const auto& recovery = pass.out.status.recovery;
  if (!recovery) return pass.condition(condition::kRecovered, ConditionStatus::kFalse, "NotStarted", "");
  const bool all = recovery->finished_time && recovery->failed == 0;
  pass.condition(condition::kRecovered, status_of(all), all ? "AllRecovered" : recovery->failed > 0 ? "InstancesFailed" : "InProgress",
                 recovery->failed > 0 ? fmt::format("{} instances need a person", recovery->failed) : "");
}

/// Why storage fencing would not work now; empty: it would.
std::string storage_not_ready(const Pass& pass) {
  if (!pass.view.shared_address.empty()) return "SharedAddress: " + pass.view.shared_address;
  if (!pass.view.ceph_drill) return "the Ceph key was not tried yet";
  if (!pass.view.ceph_drill->value.empty()) return pass.view.ceph_drill->value;
  const auto& clients = pass.out.status.storage_clients;
  if (!clients || clients->addresses.empty()) return "no client address of this host is known yet";
  return {};
}

std::string power_not_ready(const Pass& pass) {
  if (pass.spec().fencing.devices.empty()) return "no power controller is configured";
  for (const api::DeviceStatus& device : pass.out.status.devices)
    if (!device.ready) return fmt::format("{}: {}", device.name, device.message.empty() ? "not looked at yet" : device.message);
  return {};
}

/// True when every method that is meant to be used would work. A host without a power controller is ready with storage alone, unless the
/// policy requires the host to be fenced; a host without guests has no client address yet and is ready with power alone.
void fencing_ready(Pass& pass) {
  const std::string power = pass.uses(api::FenceMethod::kPower) ? power_not_ready(pass) : "the policy does not use power";
  const std::string storage = pass.uses(api::FenceMethod::kStorage) ? storage_not_ready(pass) : "the policy does not use storage";
  const bool has_devices = pass.uses(api::FenceMethod::kPower) && !pass.spec().fencing.devices.empty();
  const bool needs_host = pass.policy().fencing.require == api::RequiredProof::kHost;
  const auto& clients = pass.out.status.storage_clients;
  const bool no_guests_yet = (!clients || clients->addresses.empty()) && pass.view.shared_address.empty();
  const bool power_ok = has_devices ? power.empty() : !needs_host;
  const bool storage_ok = storage.empty() || !pass.uses(api::FenceMethod::kStorage) || (no_guests_yet && has_devices && power.empty());
  const bool any = (has_devices && power.empty()) || storage.empty();
  const bool ready = power_ok && storage_ok && any;
  const bool wrong = pass.view.judgement.wrong_device || power.find("WrongDevice") != std::string::npos;
  const std::string reason = ready ? "Ready" : wrong ? "WrongDevice" : !pass.view.shared_address.empty() ? "SharedAddress" : !power_ok ? "PowerNotReady" : "StorageNotReady";
  const api::Condition* before = api::find_condition(pass.stored().conditions, condition::kFencingReady);
  // After a start or a change of leader what was found before stays until the key was tried again: not to know is no news.
  if (before != nullptr && pass.uses(api::FenceMethod::kStorage) && !pass.view.ceph_drill) return;
  if (before != nullptr && before->status == ConditionStatus::kTrue && !ready) pass.announce(true, "FencingNotReady", power_ok ? storage : power);
  pass.condition(condition::kFencingReady, status_of(ready), reason, ready ? "" : power_ok ? storage : power);
}

void held_condition(Pass& pass) {
  const auto& fence = pass.out.status.fence;
  if (is_standing(fence) && fence->state == FenceState::kHeld)
    return pass.condition(condition::kHeld, ConditionStatus::kTrue, "Storm", pass.view.budget_reason);
  if (is_standing(fence) && !pass.hands_off().empty())
    return pass.condition(condition::kHeld, ConditionStatus::kTrue, pass.hands_off(), fmt::format("fence {} waits", fence->id.value));
  if (pass.waits) return;
  const bool would = !is_standing(fence) && !reason_to_fence(pass).empty() && !pass.hands_off().empty();
  if (!would) pass.condition(condition::kHeld, ConditionStatus::kFalse, "NothingHeld", "");
}

}  // namespace

void summarize(Pass& pass) {
  pass.out.status.observed_generation = pass.view.object->metadata.generation;
  pass.out.status.phase = phase(pass);
  fence_conditions(pass);
  fencing_ready(pass);
  held_condition(pass);
  pass.condition(condition::kConflict, status_of(!pass.view.conflict.empty()), pass.view.conflict.empty() ? "NoConflict" : "Conflict", pass.view.conflict);
  if (pass.view.duplicate)
    return pass.condition(condition::kReady, ConditionStatus::kFalse, "Duplicate", "another ComputeNode has the same spec.novaHost: remove one");
  if (pass.view.service_missing)
    return pass.condition(condition::kReady, ConditionStatus::kFalse, "NovaServiceNotFound",
                          "nova has no compute service of that name: spec.novaHost must equal its `host` exactly");
  const api::Condition* fencing = api::find_condition(pass.out.status.conditions, condition::kFencingReady);
  const bool ready = fencing->status == ConditionStatus::kTrue && pass.view.conflict.empty();
  pass.condition(condition::kReady, status_of(ready), ready ? "Ready" : "FencingNotReady", ready ? "" : fencing->message);
}

}  // namespace vmha::computenode
