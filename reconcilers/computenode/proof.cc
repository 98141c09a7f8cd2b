// What counts as proven at this instant: only readings of this process, never what status remembers.
#include <algorithm>
#include <array>
#include <set>

#include <fmt/core.h>

#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

/// FNV-1a: tells an edit, needs no secrecy.
std::string hash_of(const std::string& text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return fmt::format("{:016x}", hash);
}

/// How long Off has to be read: kOffConfirm where the device read Off by itself, longer where it may only say what it was asked to say.
Duration off_needed(const NodeView& view, const api::PowerDevice& device) {
  const bool asked = view.requested.count("power/" + device.name) > 0;
  const bool begun_elsewhere = view.requested.count("begun") == 0;  // what another process asked of it is not known
  return asked || begun_elsewhere ? kOffHolds : kOffConfirm;
}

/// Off readings over that time without an On between them, the last one young enough to act on.
std::optional<Instant> proven_off(const NodeView& view, const api::PowerDevice& device) {
  const auto found = view.devices.find(device.name);
  if (found == view.devices.end() || !is_usable(view, device, nullptr)) return std::nullopt;
  const DeviceReadings& r = found->second;
  if (!r.first_off || !r.first_off_answered || !r.last_off || *r.last_off - *r.first_off_answered < off_needed(view, device)) return std::nullopt;
  if (view.now - *r.last_off > kProofReadableWithin + r.last_took) return std::nullopt;
  return *r.first_off + kOffConfirm;
}

/// Something proves that the host lived after that moment.
bool lived_after(const NodeView& view, Instant moment) {
  const HostEvidence& e = view.evidence;
  return std::ranges::any_of(std::array{e.nova.proven_alive, e.lease.proven_alive, e.storage.proven_alive},
                             [&](const std::optional<Instant>& alive) { return alive && *alive > moment; });
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
  std::optional<Instant> all_off;  // every device of the level had said Off by then
  for (const api::PowerDevice& device : view.object->spec.fencing.devices) {
    if (device.level != level) continue;
    const auto off = proven_off(view, device);
    if (!off) return std::nullopt;
    since = since ? std::max(*since, *off) : *off;
    all_off = std::max(all_off, view.devices.at(device.name).second_off);
  }
  // Off, and alive behind it: the devices are another machine's, or lie. They are not believed again before they were read On.
  if (all_off && lived_after(view, *all_off)) return std::nullopt;
  return since;
}

bool off_is_contradicted(const NodeView& view) {
  return std::ranges::any_of(view.devices, [&](const auto& device) { return device.second.second_off && lived_after(view, *device.second.second_off); });
}

bool reads_on_again(const NodeView& view) {
  return std::ranges::any_of(view.devices, [&](const auto& device) {
    return is_readable_now(view, device.second) && device.second.last->value.state == power::State::kOn;
  });
}

bool has_new_boot_id(const NodeView& view, const api::Fence& fence) {
  const auto& node = view.kubernetes_node;
  return node && !fence.boot_id.empty() && !node->boot_id.empty() && node->boot_id != fence.boot_id;
}

bool is_entry_of(const ceph::BlocklistEntry& entry, const Address& address) {
  if (!entry.range.empty()) return entry.range == address.value;  // a CIDR of spec.storage.clientAddresses
  return entry.nonce == 0 && entry.address == address;
}

bool is_fence_of(const ceph::BlocklistEntry& entry, const Address& address) {
  return is_entry_of(entry, address) && seconds(entry.expires_in_seconds) >= kFarExpiry;
}

bool has_whole_address(const Reading<std::vector<ceph::BlocklistEntry>>& blocklist) {
  return std::ranges::any_of(blocklist.value, [](const ceph::BlocklistEntry& entry) {
    return (entry.nonce == 0 || !entry.range.empty()) && seconds(entry.expires_in_seconds) >= kFarExpiry;
  });
}

bool all_listed(const NodeView& view, const std::vector<Address>& addresses) {
  if (!is_fresh(view.blocklist, kProofReadableWithin, view.now)) return false;
  return std::all_of(addresses.begin(), addresses.end(), [&](const Address& address) {
    return std::any_of(view.blocklist->value.begin(), view.blocklist->value.end(), [&](const ceph::BlocklistEntry& entry) {
      return is_fence_of(entry, address);
    });
  });
}

bool is_right_system(const NodeView& view, const api::PowerDevice& device, const api::DeviceStatus& status, std::string* why_not) {
  const auto reading = view.devices.find(device.name);
  const std::string uuid = reading != view.devices.end() && reading->second.last && !reading->second.last->value.system_uuid.empty()
                               ? reading->second.last->value.system_uuid
                               : status.system_uuid;
  if (uuid.empty()) return true;
  const bool node_says = view.kubernetes_node && !view.kubernetes_node->system_uuid.empty();
  const std::string& expected = node_says ? view.kubernetes_node->system_uuid : status.system_uuid;
  const auto others = view.shared_systems.find(uuid);
  std::string wrong;
  if (!expected.empty() && !power::same_system(uuid, expected))
    wrong = fmt::format("WrongDevice: {} controls system {}, but {} {}", device.name, uuid, node_says ? "the Kubernetes node is" : "it was first seen to control", expected);
  else if (others != view.shared_systems.end() && !node_says)
    wrong = fmt::format("WrongDevice: {} controls system {}, as does a device of {}", device.name, uuid, others->second);
  if (why_not != nullptr) *why_not = wrong;
  return wrong.empty();
}

bool is_usable(const NodeView& view, const api::PowerDevice& device, std::string* why_not) {
  const auto say = [&](std::string text) {
    if (why_not != nullptr) *why_not = std::move(text);
    return false;
  };
  const auto& known = view.object->status.devices;
  const auto status = std::find_if(known.begin(), known.end(), [&](const api::DeviceStatus& d) { return d.name == device.name; });
  if (status == known.end() || !status->seen_on) return say(fmt::format("device {} never read On while the host was alive", device.name));
  if (!status->hash.empty() && status->hash != device_hash(device)) return say(fmt::format("device {} was edited, and was not read On since", device.name));
  return is_right_system(view, device, *status, why_not);
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

std::string device_hash(const api::PowerDevice& device) { return hash_of(fmt::format("{} {} {}", device.name, device.level, api::identity(device))); }

std::string devices_hash(const api::ComputeNodeSpec& spec) {
  std::string all;
  for (const api::PowerDevice& device : spec.fencing.devices) all += device_hash(device);
  return hash_of(all);
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

}  // namespace

bool requirement_met(const NodeView& view, const api::Fence& fence, const LiveProof& live) {
  const bool power = live.power && fence.power.state == api::ProofState::kProven;
  const bool storage = live.storage && fence.storage.state == api::ProofState::kProven;
  if (power && storage) return true;
  const bool needs_host = view.policy->spec.fencing.require == api::RequiredProof::kHost;
  if (power) return is_over(fence.storage.state) || view.now - *live.power_since >= kOtherMethodGrace;
  if (storage && !needs_host) return is_over(fence.power.state) || view.now - *live.storage_since >= kOtherMethodGrace;
  return false;
}

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
  // A host that a person takes in hand in mid-fence is not recovered from at once, not only when the proof has grown old.
  result.requirement_met = fence->state == api::FenceState::kProven && requirement_met(view, *fence, proof) && hands_off(view).empty();
  result.service_forced_down = is_fresh(view.service, kProofReadableWithin, view.now) && view.service->value.forced_down &&
                               view.service->value.disabled_reason == disabled_reason(fence->id);
  return result;
}

}  // namespace vmha::computenode
