// The way back: a proven power cycle, nova's clean-up, the blocklist lifted, the service un-forced, healthy for a while, enabled.
#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/core.h>

#include "base/address.h"
#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

using api::FenceState;

constexpr Duration kPowerOnAgain = seconds(30);
constexpr Duration kReturnReadEvery = seconds(2);

/// Nova destroys the left-over guests of an evacuation when its source restarts; a record that is not `completed` or failed is work it
/// still has to do there, and blocks un-forcing (nova-facts.md, trap 4).
bool has_evacuation_left(const NodeView& view) {
  static constexpr std::array<std::string_view, 7> kUnfinished = {"accepted", "queued", "preparing", "pre-migrating", "running", "post-migrating", "done"};
  return std::any_of(view.migrations->value.begin(), view.migrations->value.end(), [&](const nova::Migration& m) {
    return m.type == "evacuation" && m.source == view.object->nova_host() && std::find(kUnfinished.begin(), kUnfinished.end(), m.status) != kUnfinished.end();
  });
}

std::string boot_id(const NodeView& view) { return view.kubernetes_node ? view.kubernetes_node->boot_id : std::string(); }

/// An unchanged boot id vetoes; else a changed one proves, and so does Off read after the fence was decided (fence.power.state is the record of
/// that reading, kept with a fence id that is never used again), or a person's word (the annotation release).
bool power_cycle_proven(const NodeView& view, const api::Fence& fence, bool by_word) {
  const std::string now = boot_id(view);
  // The boot id of an adopted fence is that of its adoption: the host may have been off before, which a person may know.
  if (!fence.boot_id.empty() && now == fence.boot_id) return fence.adopted && by_word;
  if (!fence.boot_id.empty() && !now.empty()) return true;
  return fence.power.state == api::ProofState::kProven || by_word;
}

/// The heartbeat moves again by our own measure, and moved later than any Off we read.
bool is_back(const NodeView& view) {
  const Heartbeat& nova = view.evidence.nova;
  if (!nova.readable || !nova.quiet || *nova.quiet > view.policy->spec.detection.nova_stale || !nova.proven_alive) return false;
  return !view.evidence.power.first_off && (!view.evidence.power.last_off || *nova.proven_alive > *view.evidence.power.last_off);
}

void power_on(Pass& pass, const api::Fence& fence) {
  const NodeView& view = pass.view;
  if (!pass.policy().return_.power_on || fence.power.state != api::ProofState::kProven) return;
  for (const api::PowerDevice& device : pass.spec().fencing.devices) {
    const std::string lane = "power/" + device.name;
    const auto readings = view.devices.find(device.name);
    if (!is_usable(view, device, nullptr)) continue;
    if (readings == view.devices.end() || !is_readable_now(view, readings->second)) {
      if (pass.may_try(lane)) pass.wish(lane, kPowerReadTimeout, ReadPower{NodeName{view.object->metadata.name}, device});
      continue;
    }
    if (readings->second.last->value.state != power::State::kOff) continue;
    const auto asked = view.requested.find("on/" + device.name);
    if (asked == view.requested.end() || view.now - asked->second > kPowerOnAgain)
      pass.wish(lane, kPowerActTimeout, PowerOn{NodeName{view.object->metadata.name}, device, expected_uuid(view, device)});
  }
  pass.out.wake(view.now + kReturnReadEvery);
}

bool released(const Pass& pass, const api::Fence& fence) {
  return pass.annotation(api::kReleaseAnnotation) == fence.id.value;
}

/// A person has to say so when the policy wants that, or while an instance has failed: bringing the host back decides what becomes of it.
bool waits_for_person(const Pass& pass, const api::Fence& fence) {
  const bool failed = pass.stored().recovery && pass.stored().recovery->failed > 0;
  return (pass.policy().return_.mode == api::ReturnMode::kManual || failed) && !released(pass, fence);
}

/// An order to switch off that a controller has not answered yet may still reach it, and must not meet the host in service.
bool power_off_is_open(const NodeView& view) {
  return std::any_of(view.requested.begin(), view.requested.end(), [&](const auto& asked) {
    if (!asked.first.starts_with("power/")) return false;
    const auto outcome = view.lanes.find(asked.first);
    return outcome == view.lanes.end() || outcome->second.finished < asked.second;
  });
}

void prepare_lift(Pass& pass, const api::Fence& fence) {
  power_on(pass, fence);
  pass.out.wake(pass.view.now + kReturnReadEvery);
  if (!power_cycle_proven(pass.view, fence, released(pass, fence)) || !is_back(pass.view) || power_off_is_open(pass.view)) return;
  pass.keep_fresh(pass.view.migrations, kReturnReadEvery, "migrations", ReadMigrations{pass.view.object->nova_host()});
  if (!is_fresh(pass.view.migrations, kProofReadableWithin, pass.view.now) || has_evacuation_left(pass.view)) return;
  pass.out.status.fence->state = FenceState::kLifting;
  pass.announce(false, "HostReturned", "power cycle proven, nova's clean-up is done: lifting the fence");
}

/// A network entry around the address, as one that stood in while a short entry was replaced.
bool still_covers(const ceph::BlocklistEntry& entry, const Address& address) {
  return !entry.range.empty() && covers({Address{entry.range}}, address);
}

bool any_listed(const NodeView& view, const std::vector<Address>& addresses) {
  return std::any_of(view.blocklist->value.begin(), view.blocklist->value.end(), [&](const ceph::BlocklistEntry& entry) {
    return std::any_of(addresses.begin(), addresses.end(), [&](const Address& address) { return is_entry_of(entry, address) || still_covers(entry, address); });
  });
}

bool has_unknown_addresses(const api::Fence& fence) { return fence.adopted && fence.storage.addresses.empty(); }

/// True once nothing of ours is left in the blocklist, by a reading taken after the last removal.
bool lift_blocklist(Pass& pass, const api::Fence& fence) {
  const auto& addresses = fence.storage.addresses;
  const NodeView& view = pass.view;
  const bool unknown = has_unknown_addresses(fence);
  if (!unknown && (addresses.empty() || fence.storage.state == api::ProofState::kSkipped)) return true;  // an adopted fence skips none that it found
  const auto last = view.lanes.find("storage");
  const bool read_since = is_fresh(view.blocklist, kProofReadableWithin, view.now) &&
                          (last == view.lanes.end() || view.blocklist->is_since(last->second.finished));
  if (!read_since) {
    pass.wish("blocklist", kReadTimeout, ReadBlocklist{});
    return false;
  }
  if (unknown) return !has_whole_address(*view.blocklist);  // whose such an entry is cannot be told: condition Held says so
  if (!any_listed(view, addresses)) return true;
  if (pass.may_try("storage")) pass.wish("storage", kActTimeout, BlocklistRemove{addresses});
  return false;
}

/// Nova's status as it was before us. True once a reading shows it.
bool restore_service(Pass& pass, const api::Fence& fence) {
  const nova::Service& service = pass.view.service->value;
  const api::NovaBefore before = fence.nova_before.value_or(api::NovaBefore{"enabled", "", false});
  if (before.status == "disabled") {
    if (!service.enabled && service.disabled_reason == before.disabled_reason) return true;
    if (pass.may_try("nova")) pass.wish("nova", kActTimeout, DisableService{service.id, before.disabled_reason});
    return false;
  }
  if (service.enabled) return true;
  if (pass.may_try("nova")) pass.wish("nova", kActTimeout, EnableService{service.id});
  return false;
}

void finish(Pass& pass) {
  api::Fence& fence = *pass.out.status.fence;
  fence.state = FenceState::kLifted;
  fence.lifted_time = pass.view.wall;
  pass.announce(false, "FenceLifted", fmt::format("fence {}: the host is as it was before", fence.id.value));
}

void lift(Pass& pass) {
  const api::Fence& fence = *pass.stored().fence;
  const NodeView& view = pass.view;
  pass.out.wake(view.now + kReturnReadEvery);
  if (!lift_blocklist(pass, fence)) {
    if (has_unknown_addresses(fence)) say_what_is_missing(pass);
    return;
  }
  if (!view.service) return;
  const auto last = view.lanes.find("nova");
  if (last != view.lanes.end() && !view.service->is_since(last->second.finished)) return pass.wish("services", kReadTimeout, ReadServices{});
  const bool wanted_down = fence.nova_before && fence.nova_before->forced_down;
  if (view.service->value.forced_down && !wanted_down) {
    if (pass.may_try("nova")) pass.wish("nova", kActTimeout, SetForcedDown{view.service->value.id, false});
    return;
  }
  const Duration healthy = pass.policy().return_.healthy;
  const bool was_healthy = view.returned_healthy_since && view.now - *view.returned_healthy_since >= healthy;
  if (!wanted_down && !was_healthy) return;
  if (restore_service(pass, fence)) finish(pass);
}

void say_what_lifting_waits_for(const Pass& pass, const api::Fence& fence, std::vector<api::Hold>& missing) {
  const NodeView& view = pass.view;
  if (has_unknown_addresses(fence) && view.blocklist && has_whole_address(*view.blocklist))
    missing.push_back({"AddressesUnknown", "Ceph's blocklist has whole addresses, and which are this host's is not known: set spec.storage.clientAddresses", {}});
  if (view.blocklist && any_listed(view, fence.storage.addresses)) missing.push_back({"BlocklistEntryLeft", "its addresses are still in Ceph's blocklist", {}});
  if (!view.service) return missing.push_back({"NovaServiceNotFound", "nova has no compute service of that name", {}});
  if (view.service->value.forced_down) missing.push_back({"ForcedDown", "nova's service is still forced down", {}});
  const Duration needed = pass.policy().return_.healthy;
  const Duration healthy = view.returned_healthy_since ? view.now - *view.returned_healthy_since : Duration(0);
  if (healthy < needed)
    missing.push_back({"HealthySeconds", fmt::format("it has to look healthy for {} s before it is enabled", pass.policy().return_.healthy.count()),
                       view.returned_healthy_since ? std::optional(std::chrono::ceil<seconds>(needed - healthy)) : std::nullopt});
}

}  // namespace

std::vector<api::Hold> missing_for_return(const Pass& pass) {
  std::vector<api::Hold> missing;
  const NodeView& view = pass.view;
  const api::Fence& fence = *pass.stored().fence;
  if (fence.state == FenceState::kLifting) {
    say_what_lifting_waits_for(pass, fence, missing);
    return missing;
  }
  if (!view.recovery.none_left) missing.push_back({"InstancesLeft", "an instance, or an evacuation to this host, is not settled", {}});
  if (waits_for_person(pass, fence))
    missing.push_back({"WaitsForRelease", fmt::format("a person has to let it return: annotation {}={}", api::kReleaseAnnotation, fence.id.value), {}});
  if (!power_cycle_proven(view, fence, released(pass, fence))) {
    const bool same_boot = !fence.boot_id.empty() && boot_id(view) == fence.boot_id;
    std::string why = same_boot ? "the host shows the boot id it had before the fence: it was not switched off" : "neither a new boot id nor a reading of Off proves that the host was switched off";
    if (!same_boot || fence.adopted) why += fmt::format("; a person who knows that it was says so: annotation {}={}", api::kReleaseAnnotation, fence.id.value);
    missing.push_back({"PowerCycleNotProven", std::move(why), {}});
  }
  if (power_off_is_open(view)) missing.push_back({"PowerOrderOpen", "an order to switch it off was not answered yet", {}});
  if (!is_back(view)) missing.push_back({"HostNotBack", "nova-compute on it does not report yet", {}});
  if (view.migrations && has_evacuation_left(view)) missing.push_back({"EvacuationLeft", "nova-compute has not cleaned up after all evacuations yet", {}});
  return missing;
}

void say_what_is_missing(Pass& pass) {
  const std::vector<api::Hold> missing = missing_for_return(pass);
  if (missing.empty()) return;
  pass.waits = true;
  pass.condition(api::condition::kHeld, api::ConditionStatus::kTrue, missing.front().reason, missing.front().message);
}

void return_adopted(Pass& pass) {
  if (!pass.hands_off().empty()) return;
  const api::Fence& fence = *pass.stored().fence;
  const bool nothing_left = pass.view.recovery.all_known && pass.view.recovery.none_left;
  if (nothing_left || released(pass, fence)) {
    say_what_is_missing(pass);
    if (!waits_for_person(pass, fence)) prepare_lift(pass, fence);
    return;
  }
  pass.waits = true;
  pass.condition(api::condition::kHeld, api::ConditionStatus::kTrue, "AdoptedNotProven",
                 fmt::format("fence {} was found in the world and is not proven yet; a person may return the host: annotation {}={}", fence.id.value,
                             api::kReleaseAnnotation, fence.id.value));
}

void return_host(Pass& pass) {
  if (!pass.hands_off().empty()) return;
  const api::Fence& fence = *pass.stored().fence;
  if (fence.state == FenceState::kLifting) return lift(pass);
  const auto& recovery = pass.stored().recovery;
  const bool recovered = recovery && recovery->fence_id == fence.id && recovery->finished_time.has_value() && pass.view.recovery.none_left;
  if (!recovered) return;
  say_what_is_missing(pass);
  if (!waits_for_person(pass, fence)) prepare_lift(pass, fence);
}

}  // namespace vmha::computenode
