// A fence that the world shows and status does not: status was restored from a backup, or the object was made anew (protocol, Proof). It is taken up
// where it stands. What it did is read anew, nothing is done to the host before it is judged dead again, and nothing is lifted before a power cycle that
// was seen from here on.
#include <algorithm>

#include <fmt/core.h>

#include "base/address.h"
#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

using api::FenceState;
using api::ProofState;

std::vector<Address> client_addresses(const Pass& pass) {
  std::vector<Address> addresses;
  for (const std::string& address : pass.spec().storage.client_addresses) addresses.push_back(canonical(Address{address}));
  if (addresses.empty() && pass.stored().storage_clients) addresses = pass.stored().storage_clients->addresses;
  return addresses;
}

/// An entry of a whole address of this host alone, not to end soon, is a fence. An address that may be a mon's or another host's says nothing about it.
bool has_fence_entry(const Pass& pass) {
  const NodeView& view = pass.view;
  if (!view.blocklist || !view.cluster_addresses_known || !view.shared_address.empty()) return false;
  const auto addresses = client_addresses(pass);
  return std::ranges::any_of(view.blocklist->value, [&](const ceph::BlocklistEntry& entry) {
    return std::ranges::any_of(addresses, [&](const Address& address) { return is_fence_of(entry, address); });
  });
}

/// Asks for what is missing. What was not read is not empty.
bool blocklist_is_known(Pass& pass) {
  pass.keep_fresh(pass.view.blocklist, kProofReadableWithin / 2, "blocklist", ReadBlocklist{});
  if (!pass.view.cluster_addresses_known) pass.wish("addresses", kReadTimeout, ReadClusterAddresses{});
  return pass.view.cluster_addresses_known && is_fresh(pass.view.blocklist, kProofReadableWithin, pass.view.now);
}

bool may_have_entry(const Pass& pass) {
  const bool unknown = client_addresses(pass).empty() || !pass.view.shared_address.empty();
  return unknown ? has_whole_address(*pass.view.blocklist) : has_fence_entry(pass);
}

api::Fence as_it_stands(const Pass& pass, FenceId id, std::string reason) {
  const auto& before = pass.stored().fence;  // over, or an older one out of a backup
  api::Fence fence;
  fence.id = std::move(id);
  fence.adopted = true;
  // A Node out of the same backup may show an older boot; one whose Lease moves does not.
  if (pass.view.kubernetes_node && pass.view.evidence.lease.proven_alive) fence.boot_id = pass.view.kubernetes_node->boot_id;
  if (before && before->id == fence.id) fence.nova_before = before->nova_before;
  fence.reason = std::move(reason);
  fence.decided_time = pass.view.wall;
  fence.decided_by = pass.view.identity;
  fence.storage.addresses = client_addresses(pass);
  start_methods(pass, fence);
  // Entries stand, whatever methods the policy uses now: they are read, and have to be lifted.
  if (fence.storage.state == ProofState::kSkipped && has_fence_entry(pass)) fence.storage = api::StorageProof{ProofState::kRequested, fence.storage.addresses, {}, {}, {}};
  return fence;
}

void adopt(Pass& pass, api::Fence fence) {
  const auto& recovery = pass.stored().recovery;
  if (recovery && recovery->fence_id != fence.id) pass.out.status.recovery.reset();
  pass.announce(true, "FenceStarted", fmt::format("adopted fence {}: {}", fence.id.value, fence.reason));
  pass.out.status.fence = std::move(fence);
}

std::optional<FenceId> marked(const Pass& pass) {
  if (!pass.view.service) return std::nullopt;
  return fence_marked(pass.view.service->value, NodeName{pass.view.object->metadata.name});
}

/// The standing fence of status is another one than nova names: status is older than the world. (A fence that replaces one which was being lifted
/// finds the old mark, which is no news.)
bool is_of_an_older_time(const Pass& pass, const FenceId& mark) {
  const api::Fence& fence = *pass.stored().fence;
  return mark != fence.id && mark != fence.replaces && !pass.view.acted;
}

/// Nova does not name the fence that status says was called, and the host has booted since: whether that boot lies before or behind the fence in the
/// world (an older fence of the backup, whose mark is long gone) nobody can tell.
bool has_unclear_boot(const Pass& pass) {
  const auto& fence = pass.stored().fence;
  const auto& node = pass.view.kubernetes_node;
  if (!is_called(fence) || fence->adopted || pass.view.acted || fence->state == FenceState::kLifting) return false;
  return pass.view.service && pass.view.service->value.state_known && !marked(pass) && node && !fence->boot_id.empty() && !node->boot_id.empty() && node->boot_id != fence->boot_id;
}

void forget_what_was_proven(Pass& pass) {
  api::Fence& fence = *pass.out.status.fence;
  fence.adopted = true;
  fence.boot_id = pass.view.kubernetes_node->boot_id;
  if (fence.power.state == ProofState::kProven) fence.power.state = ProofState::kRequested;
  if (fence.storage.state == ProofState::kProven) fence.storage.state = ProofState::kRequested;
  fence.power.proven_time.reset();
  fence.host_fenced_time.reset();
  if (fence.state == FenceState::kProven) fence.state = FenceState::kFencing;
}

/// Nova took it out of service for this very fence, which happens only after its proof, and since then nothing was placed there; no source shows life.
/// What it left behind may wake up beside its successors, and no guests are left to judge it by: its entries have to stand.
bool was_proven_and_is_silent(const Pass& pass, const api::Fence& fence) {
  const auto& evidence = pass.view.judgement.evidence;
  const auto is = [&](const api::Evidence& e, api::EvidenceSource source, api::EvidenceState state) { return e.source == source && e.state == state; };
  const bool silent = std::ranges::any_of(evidence, [&](const auto& e) { return is(e, api::EvidenceSource::kNovaService, api::EvidenceState::kStale); });
  const bool lives = std::ranges::any_of(
      evidence, [](const api::Evidence& e) { return e.source != api::EvidenceSource::kPower && e.state == api::EvidenceState::kAlive; });
  return silent && !lives && marked(pass) == fence.id && pass.view.service->value.forced_down;
}

/// As a fence of our own would be begun: a confirmed verdict or a person's word, within the budget or approved.
bool is_asked_for(const Pass& pass, const api::Fence& fence) {
  return !reason_to_fence(pass).empty() && (is_approved(pass, fence) || pass.view.budget_allows);
}

}  // namespace

bool adopt_from_world(Pass& pass) {
  if (pass.view.duplicate || !pass.view.conflict.empty()) return false;  // it cannot be told whose it is
  const auto& fence = pass.stored().fence;
  const auto mark = marked(pass);
  if (is_standing(fence)) {
    if (mark && is_of_an_older_time(pass, *mark)) {
      adopt(pass, as_it_stands(pass, *mark, fmt::format("nova's service is marked with it, and status only knows {}", fence->id.value)));
      return true;
    }
    if (!has_unclear_boot(pass)) return false;
    forget_what_was_proven(pass);
    return true;
  }
  if (mark) {
    if (!pass.view.service->value.forced_down && !blocklist_is_known(pass)) return false;  // which end of the fence this is shows in the blocklist
    api::Fence adopted = as_it_stands(pass, *mark, "nova's service is marked with it, and status has lost it");
    // Un-forced is a service only after everything else was lifted; it remains to be enabled.
    if (!pass.view.service->value.forced_down && !may_have_entry(pass)) adopted.state = FenceState::kLifting;
    adopt(pass, std::move(adopted));
    return true;
  }
  if (!has_fence_entry(pass)) return false;
  adopt(pass, as_it_stands(pass, new_fence_id(pass), "Ceph's blocklist has a client address of the host, and status knows no fence"));
  return true;
}

bool learn_addresses(Pass& pass) {
  const auto& fence = pass.stored().fence;
  if (!is_standing(fence) || !fence->adopted || fence->state != FenceState::kFencing || !fence->storage.addresses.empty()) return false;
  auto addresses = client_addresses(pass);
  if (addresses.empty()) return false;
  pass.out.status.fence->storage.addresses = std::move(addresses);
  start_methods(pass, *pass.out.status.fence);
  return true;
}

bool may_power_off(const Pass& pass, const api::Fence& fence) {
  if (!fence.adopted || is_asked_for(pass, fence)) return true;
  return std::ranges::any_of(pass.view.requested, [](const auto& entry) { return entry.first.starts_with("power/"); });
}

bool may_blocklist(const Pass& pass, const api::Fence& fence) {
  if (!fence.adopted || is_asked_for(pass, fence)) return true;
  return fence.state == FenceState::kProven || pass.view.requested.count("storage") > 0 || was_proven_and_is_silent(pass, fence);
}

bool may_conclude(const Pass& pass, const api::Fence& fence) { return !fence.adopted || marked(pass) == fence.id || is_asked_for(pass, fence); }

}  // namespace vmha::computenode
