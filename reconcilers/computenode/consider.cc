// From a judgement to the intent of a fence: the last moment at which it can still be given up.
#include <fmt/core.h>

#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

using api::FenceState;
using api::ProofState;
using api::VerdictValue;

constexpr Duration kFenceRequestHonoured = std::chrono::minutes(5);

/// A person asked for a fence within the last five minutes. The verdict is skipped, the proof is not.
bool asked_by_person(const Pass& pass) {
  const auto asked = parse_rfc3339(pass.annotation(api::kFenceAnnotation));
  return asked && pass.view.wall >= *asked && pass.view.wall - *asked <= kFenceRequestHonoured;
}

std::vector<Address> addresses_to_fence(const Pass& pass) {
  const auto& clients = pass.stored().storage_clients;
  return clients ? clients->addresses : std::vector<Address>{};
}

std::string current_boot_id(const Pass& pass) { return pass.view.kubernetes_node ? pass.view.kubernetes_node->boot_id : std::string(); }

api::Fence new_fence(const Pass& pass, const std::string& reason) {
  api::Fence fence;
  fence.id = new_fence_id(pass);
  if (is_standing(pass.stored().fence)) fence.replaces = pass.stored().fence->id;
  fence.boot_id = current_boot_id(pass);
  fence.nova_before = nova_before(pass);
  fence.reason = reason;
  fence.decided_time = pass.view.wall;
  fence.decided_by = pass.view.identity;
  fence.storage.addresses = addresses_to_fence(pass);
  return fence;
}

/// Judged again after a restart or a hold: Unknown waits, and so does a verdict that has not yet held long enough.
bool may_still_confirm(const Pass& pass) { return pass.view.judgement.value == VerdictValue::kUnknown || is_answered_with_fence(pass); }

/// Says once what would be done; the condition's text is what tells the first time from the next.
void say_what_would_be_done(Pass& pass, const std::string& why, const std::string& reason) {
  const std::string message = fmt::format("would fence this host and recover its instances: {}", reason);
  const api::Condition* held = api::find_condition(pass.stored().conditions, api::condition::kHeld);
  if (held == nullptr || held->reason != why || held->message != message) pass.announce(true, "HostDead", fmt::format("{}: {}", why, message));
  pass.condition(api::condition::kHeld, api::ConditionStatus::kTrue, why, message);
}

}  // namespace

FenceId new_fence_id(const Pass& pass) { return FenceId{pass.view.object->metadata.name + "-" + pass.view.fresh_suffix}; }

bool is_answered_with_fence(const Pass& pass) {
  const api::Response& response = pass.policy().response;
  switch (pass.view.judgement.value) {
    case VerdictValue::kDead: return true;
    case VerdictValue::kStorageLost: return response.on_storage_lost == api::ResponseAction::kFence;
    case VerdictValue::kIsolated: return response.on_isolated == api::ResponseAction::kFence;
    default: return false;
  }
}

std::optional<api::NovaBefore> nova_before(const Pass& pass) {
  const auto& previous = pass.stored().fence;
  // A host that dies again while it is being lifted still carries our own mark; what it had before us is in the old fence.
  if (is_standing(previous) && previous->nova_before) return previous->nova_before;
  if (!pass.view.service || !pass.view.service->value.state_known) return std::nullopt;
  const nova::Service& service = pass.view.service->value;
  if (fence_marked(service, NodeName{pass.view.object->metadata.name})) return std::nullopt;
  const bool by_others = service.forced_down && !(is_standing(previous) && previous->adopted);  // else most likely the first half of our own mark
  return api::NovaBefore{service.enabled ? "enabled" : "disabled", service.disabled_reason, by_others};
}

void start_methods(const Pass& pass, api::Fence& fence) {
  fence.power.state = ProofState::kRequested;
  fence.storage.state = ProofState::kRequested;
  if (!pass.uses(api::FenceMethod::kPower)) {
    fence.power.state = ProofState::kSkipped;
    fence.power.message = "the policy does not use power";
  } else if (pass.spec().fencing.devices.empty()) {
    fence.power.state = ProofState::kSkipped;
    fence.power.message = "no power controller is configured (spec.fencing.devices)";
  }
  if (!pass.uses(api::FenceMethod::kStorage)) {
    fence.storage.state = ProofState::kSkipped;
    fence.storage.message = "the policy does not use storage";
  } else if (fence.storage.addresses.empty()) {
    fence.storage.state = ProofState::kSkipped;
    fence.storage.message = "no client address of the host is known (spec.storage.clientAddresses)";
  } else if (pass.view.cluster_addresses_known && !pass.view.shared_address.empty()) {
    fence.storage.state = ProofState::kSkipped;
    fence.storage.message = "SharedAddress: " + pass.view.shared_address;
  }
  fence.power.device_hash = devices_hash(pass.spec());
}

std::string reason_to_fence(const Pass& pass) {
  const Judgement& j = pass.view.judgement;
  if (asked_by_person(pass)) return "a person asked for it";
  if (!j.confirmed || !is_answered_with_fence(pass)) return {};
  return fmt::format("{}: {}", api::to_string(j.value), j.detail);
}

bool is_approved(const Pass& pass, const api::Fence& fence) {
  const std::string word = pass.annotation(api::kApproveAnnotation);
  return !word.empty() && (word == fence.id.value || word == pass.view.storm_id);
}

void consider_fence(Pass& pass) {
  const std::string reason = reason_to_fence(pass);
  if (reason.empty()) return;
  if (const std::string why = pass.hands_off(); !why.empty()) return say_what_would_be_done(pass, why, reason);
  const auto& finalizers = pass.view.object->metadata.finalizers;
  if (std::find(finalizers.begin(), finalizers.end(), api::kFenceFinalizer) == finalizers.end()) {
    PatchNodeMetadata patch;
    patch.object = *pass.view.object;
    patch.finalizer = true;
    pass.out.metadata = patch;  // first, so that nobody can delete the object between the intent and its record
    return;
  }
  api::Fence fence = new_fence(pass, reason);
  fence.state = pass.view.budget_allows ? FenceState::kFencing : FenceState::kHeld;
  if (asked_by_person(pass)) start_methods(pass, fence);  // the word is used up with this intent; there is nothing left to judge again
  pass.out.status.fence = fence;
  pass.out.status.recovery.reset();
  pass.announce(true, "HostDead", reason);
  if (fence.state == FenceState::kHeld) pass.announce(true, "StormHeld", pass.view.budget_reason);
}

void continue_held(Pass& pass) {
  api::Fence& fence = *pass.out.status.fence;
  // Begun already means by a person's word, which is used up: there is nothing left to judge again.
  if (!is_called(pass.stored().fence) && reason_to_fence(pass).empty()) {
    if (may_still_confirm(pass)) return;
    fence.state = FenceState::kWithdrawn;
    return pass.announce(false, "StormReleased", "the evidence turned; nothing was fenced");
  }
  if (!pass.hands_off().empty()) return;
  const bool approved = is_approved(pass, fence);
  if (!approved && !pass.view.budget_allows) return;
  fence.state = FenceState::kFencing;
  pass.announce(false, "StormReleased", approved ? "approved by a person" : "the budget has room");
}

void continue_intended(Pass& pass) {
  api::Fence& fence = *pass.out.status.fence;
  if (!pass.hands_off().empty()) return;
  if (!reason_to_fence(pass).empty()) {
    start_methods(pass, fence);
    fence.boot_id = current_boot_id(pass);  // an intent out of a backup may be older than the host's last boot
    return pass.announce(true, "FenceStarted", fmt::format("fence {}: {}", fence.id.value, fence.reason));
  }
  if (may_still_confirm(pass)) return;
  fence.state = FenceState::kWithdrawn;
  pass.announce(false, "FenceLifted", "withdrawn before the first call: the evidence turned");
}

}  // namespace vmha::computenode
