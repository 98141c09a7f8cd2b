#include <algorithm>

#include "base/address.h"
#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

using api::FenceState;

void record_verdict(Pass& pass) {
  api::Verdict& verdict = pass.out.status.verdict;
  const Judgement& judgement = pass.view.judgement;
  if (verdict.value != judgement.value || !verdict.since) {
    verdict.since = pass.view.wall;
    if (judgement.value == api::VerdictValue::kIsolated) pass.announce(true, "HostIsolated", judgement.detail);
  }
  verdict.value = judgement.value;
  verdict.evidence = judgement.evidence;
}

/// What a fence would use is taken while the host is healthy, never after it has failed (a watcher list then may show the new host).
void record_storage_clients(Pass& pass) {
  if (pass.view.judgement.value != api::VerdictValue::kHealthy || is_standing(pass.stored().fence)) return;
  api::StorageClients clients = pass.stored().storage_clients.value_or(api::StorageClients{});
  if (!pass.spec().storage.client_addresses.empty()) {
    clients.addresses.clear();
    for (const std::string& address : pass.spec().storage.client_addresses) clients.addresses.push_back(canonical(Address{address}));
  } else if (pass.view.inventory && !pass.view.inventory->empty()) {
    clients.addresses = *pass.view.inventory;
  }
  if (pass.view.servers) clients.instances = static_cast<int>(pass.view.servers->value.size());
  if (!clients.addresses.empty() || pass.stored().storage_clients) pass.out.status.storage_clients = clients;
}

/// A host that dies again while it is being lifted gets a new fence: the old one's proof says nothing about this death.
bool died_again(const Pass& pass) { return pass.stored().fence->state == FenceState::kLifting && !reason_to_fence(pass).empty(); }

/// What keeps the old guests out until the host returns: power that was read Off, or a boot behind the fence. Else the proof is kept up.
bool proof_is_needed(const Pass& pass, const api::Fence& fence) {
  const bool finished = pass.stored().recovery && pass.stored().recovery->finished_time.has_value();
  if (!finished || !pass.view.recovery.none_left) return true;
  return fence.power.state != api::ProofState::kProven && !(fence.power.state == api::ProofState::kSkipped && has_new_boot_id(pass.view, fence));
}

void work_on_fence(Pass& pass) {
  if (adopt_from_world(pass) || learn_addresses(pass)) return;
  if (!is_standing(pass.stored().fence) || died_again(pass)) return consider_fence(pass);
  const api::Fence& fence = *pass.stored().fence;
  const bool called = is_called(pass.stored().fence);
  if (fence.state == FenceState::kHeld) return continue_held(pass);
  if (!called) return continue_intended(pass);
  if (fence.state == FenceState::kLifting) return return_host(pass);
  if (!pass.view.acted && !shows_in_the_world(pass)) return continue_unseen(pass);
  const bool finished = pass.stored().recovery && pass.stored().recovery->finished_time.has_value();
  const bool settled = finished && pass.view.recovery.none_left;
  if (proof_is_needed(pass, fence)) make_proof(pass);
  if (fence.state == FenceState::kFencing) {
    conclude_fencing(pass);
    if (fence.adopted && pass.out.status.fence->state == FenceState::kFencing) return_adopted(pass);
    return;
  }
  if (!settled) return recover(pass);
  return_host(pass);
}

/// This process has done to the host of an adopted fence what a person's word asks for.
bool has_acted_on(const Pass& pass, const api::Fence& fence) {
  const auto& requested = pass.view.requested;
  if (fence.power.state == api::ProofState::kSkipped) return requested.count("storage") > 0;
  return std::ranges::any_of(requested, [](const auto& entry) { return entry.first.starts_with("power/"); });
}

void keep_finalizer(Pass& pass) {
  const auto& meta = pass.view.object->metadata;
  const bool has = std::find(meta.finalizers.begin(), meta.finalizers.end(), api::kFenceFinalizer) != meta.finalizers.end();
  const auto& fence = pass.stored().fence;
  const bool abandoned = fence && pass.annotation(api::kAbandonFenceAnnotation) == fence->id.value && meta.deletion_timestamp.has_value();
  const bool done = !is_standing(fence) && reason_to_fence(pass).empty();
  PatchNodeMetadata patch;
  patch.object = *pass.view.object;
  if (has && (done || abandoned)) patch.finalizer = false;
  const bool word_used = is_standing(fence) && (!fence->adopted || has_acted_on(pass, *fence)) && !pass.annotation(api::kFenceAnnotation).empty();
  // One that was adopted, or whose finalizer somebody took off.
  if (!has && is_called(fence) && !meta.deletion_timestamp && pass.hands_off().empty()) patch.finalizer = true;
  if (word_used) patch.remove_annotations.emplace_back(api::kFenceAnnotation);
  if (!pass.out.metadata && (patch.finalizer || word_used)) pass.out.metadata = patch;
}

NodeDecision without_policy(Pass& pass) {
  pass.out.status.observed_generation = pass.view.object->metadata.generation;
  pass.condition(api::condition::kReady, api::ConditionStatus::kFalse, "PolicyNotFound",
                 "there is no HAPolicy \"" + pass.spec().policy + "\" in this namespace: create it, or name another in spec.policy");
  return std::move(pass.out);
}

}  // namespace

NodeDecision decide(const NodeView& view) {
  Pass pass(view);
  if (view.policy == nullptr) return without_policy(pass);
  record_verdict(pass);
  record_storage_clients(pass);
  watch_devices(pass);
  work_on_fence(pass);
  summarize(pass);
  keep_finalizer(pass);
  return std::move(pass.out);
}

}  // namespace vmha::computenode
