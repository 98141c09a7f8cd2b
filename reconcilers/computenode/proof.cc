// What counts as proven at this instant: only readings of this process, never what status remembers.
#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

/// Two Off readings kOffConfirm apart without an On between them, the last one young enough to act on.
std::optional<Instant> proven_off(const NodeView& view, const api::PowerDevice& device) {
  const auto found = view.devices.find(device.name);
  if (found == view.devices.end() || !is_usable(view, device, nullptr)) return std::nullopt;
  const DeviceReadings& r = found->second;
  if (!r.first_off || !r.last_off || *r.last_off - *r.first_off < kOffConfirm) return std::nullopt;
  if (view.now - *r.last_off > kProofReadableWithin + r.last_took) return std::nullopt;
  return *r.first_off + kOffConfirm;
}

/// The proof covers every address of the fence, was made in this process's life, and the addresses can still be read in the list.
std::optional<Instant> proven_blocklisted(const NodeView& view, const api::Fence& fence) {
  const auto& addresses = fence.storage.addresses;
  if (addresses.empty() || !view.blocklist_proven || !all_listed(view, addresses)) return std::nullopt;
  const std::set<Address> covered(view.blocklist_proven->addresses.begin(), view.blocklist_proven->addresses.end());
  const bool all = std::all_of(addresses.begin(), addresses.end(), [&](const Address& a) { return covered.count(a) > 0; });
  return all ? std::optional(view.blocklist_proven->proof.proven_at) : std::nullopt;
}

}  // namespace

bool is_readable_now(const NodeView& view, const DeviceReadings& readings) {
  return is_fresh(readings.last, kProofReadableWithin + readings.last_took, view.now);
}

std::optional<Instant> level_proven_off(const NodeView& view, int level) {
  std::optional<Instant> since;
  for (const api::PowerDevice& device : view.object->spec.fencing.devices) {
    if (device.level != level) continue;
    const auto off = proven_off(view, device);
    if (!off) return std::nullopt;
    since = since ? std::max(*since, *off) : *off;
  }
  return since;
}

bool is_entry_of(const ceph::BlocklistEntry& entry, const Address& address) {
  if (!entry.range.empty()) return entry.range == address.value;  // a CIDR of spec.storage.clientAddresses
  return entry.nonce == 0 && entry.address == address;
}

bool all_listed(const NodeView& view, const std::vector<Address>& addresses) {
  if (!is_fresh(view.blocklist, kProofReadableWithin, view.now)) return false;
  return std::all_of(addresses.begin(), addresses.end(), [&](const Address& address) {
    return std::any_of(view.blocklist->value.begin(), view.blocklist->value.end(), [&](const ceph::BlocklistEntry& entry) {
      return is_entry_of(entry, address) && seconds(entry.expires_in_seconds) >= kFarExpiry;
    });
  });
}

bool is_usable(const NodeView& view, const api::PowerDevice& device, std::string* why_not) {
  const auto say = [&](std::string text) {
    if (why_not != nullptr) *why_not = std::move(text);
    return false;
  };
  const auto& known = view.object->status.devices;
  const auto status = std::find_if(known.begin(), known.end(), [&](const api::DeviceStatus& d) { return d.name == device.name; });
  if (status == known.end() || !status->seen_on) return say(fmt::format("device {} never read On while the host was alive", device.name));
  const auto reading = view.devices.find(device.name);
  const std::string uuid = reading != view.devices.end() && reading->second.last && !reading->second.last->value.system_uuid.empty()
                               ? reading->second.last->value.system_uuid
                               : status->system_uuid;
  const bool node_says = view.kubernetes_node && !view.kubernetes_node->system_uuid.empty();
  const std::string& expected = node_says ? view.kubernetes_node->system_uuid : status->system_uuid;
  if (!uuid.empty() && !expected.empty() && !power::same_system(uuid, expected))
    return say(fmt::format("device {} controls system {}, but {} system {}", device.name, uuid, node_says ? "the Kubernetes node is" : "while the host lived it was", expected));
  return true;
}

std::string expected_uuid(const NodeView& view, const api::PowerDevice& device) {
  const auto& known = view.object->status.devices;
  const auto status = std::find_if(known.begin(), known.end(), [&](const api::DeviceStatus& d) { return d.name == device.name; });
  if (status == known.end() || status->system_uuid.empty()) return {};  // a device without a UUID cannot be compared
  const bool node_says = view.kubernetes_node && !view.kubernetes_node->system_uuid.empty();
  return node_says ? view.kubernetes_node->system_uuid : status->system_uuid;
}

std::vector<int> levels(const api::ComputeNodeSpec& spec) {
  std::set<int> found;
  for (const api::PowerDevice& device : spec.fencing.devices) found.insert(device.level);
  return {found.begin(), found.end()};
}

std::string devices_hash(const api::ComputeNodeSpec& spec) {
  std::uint64_t hash = 0xcbf29ce484222325U;  // FNV-1a: tells an edit, needs no secrecy
  const auto mix = [&hash](std::string_view text) {
    for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
    hash = (hash ^ 0xffU) * 0x100000001b3U;
  };
  for (const api::PowerDevice& device : spec.fencing.devices) {
    mix(device.name);
    mix(std::to_string(device.level));
    mix(api::identity(device));
  }
  return fmt::format("{:016x}", hash);
}

LiveProof live_proof(const NodeView& view) {
  LiveProof proof;
  const auto& fence = view.object->status.fence;
  if (!is_standing(fence)) return proof;
  for (const int level : levels(view.object->spec)) {
    proof.power_since = level_proven_off(view, level);
    if (proof.power_since) break;
  }
  proof.storage_since = proven_blocklisted(view, *fence);
  proof.power = proof.power_since.has_value();
  proof.storage = proof.storage_since.has_value();
  return proof;
}

namespace {

/// Nothing to wait for: proven is not among them, as a proof that cannot be read now may be on its way back.
bool is_over(api::ProofState state) { return state == api::ProofState::kFailed || state == api::ProofState::kSkipped; }

/// The requirement is met and the other method has finished, failed or had its grace.
bool requirement_met(const NodeView& view, const api::Fence& fence, bool power, bool storage, const LiveProof& proof) {
  if (power && storage) return true;
  const bool needs_host = view.policy->spec.fencing.require == api::RequiredProof::kHost;
  if (power) return is_over(fence.storage.state) || view.now - *proof.power_since >= kOtherMethodGrace;
  if (storage && !needs_host) return is_over(fence.power.state) || view.now - *proof.storage_since >= kOtherMethodGrace;
  return false;
}

}  // namespace

std::optional<FenceInForce> fence_in_force(const NodeView& view) {
  const auto& fence = view.object->status.fence;
  if (!is_standing(fence) || view.policy == nullptr || fence->state == api::FenceState::kHeld || fence->state == api::FenceState::kLifting) return std::nullopt;
  const LiveProof proof = live_proof(view);
  FenceInForce result;
  result.id = fence->id;
  result.node = NodeName{view.object->metadata.name};
  result.host = view.object->nova_host();
  result.addresses = {fence->storage.addresses.begin(), fence->storage.addresses.end()};
  result.power_proven = proof.power && fence->power.state == api::ProofState::kProven;
  result.storage_proven = proof.storage && fence->storage.state == api::ProofState::kProven;
  result.requirement_met = fence->state == api::FenceState::kProven &&
      requirement_met(view, *fence, result.power_proven, result.storage_proven, proof);
  result.service_forced_down = view.service && view.service->value.forced_down && view.service->value.disabled_reason == disabled_reason(fence->id);
  return result;
}

}  // namespace vmha::computenode
