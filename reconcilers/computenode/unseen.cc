// A fence that only status knows: restored from a backup, or stored by a leader that died before its first call. Status alone never acts.
#include <algorithm>

#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

constexpr Duration kLookEvery = seconds(2);

bool any_listed(const NodeView& view, const api::Fence& fence) {
  if (!view.blocklist) return false;
  const auto& entries = view.blocklist->value;
  return std::any_of(entries.begin(), entries.end(), [&](const ceph::BlocklistEntry& entry) {
    return std::ranges::any_of(fence.storage.addresses, [&](const Address& address) { return is_fence_of(entry, address); });
  });
}

/// As a proof of Off is: one dead feed of two, or a controller that is stuck, says nothing about a fence.
bool any_level_off(const NodeView& view) {
  return std::ranges::any_of(levels(view.object->spec), [&](int level) { return level_proven_off(view, level).has_value(); });
}

bool is_marked(const NodeView& view, const api::Fence& fence) {
  return view.service && view.service->value.forced_down && view.service->value.disabled_reason == disabled_reason(fence.id);
}

}  // namespace

bool shows_in_the_world(Pass& pass) {
  const NodeView& view = pass.view;
  const api::Fence& fence = *pass.stored().fence;
  pass.keep_fresh(view.blocklist, kLookEvery, "blocklist", ReadBlocklist{});
  for (const api::PowerDevice& device : pass.spec().fencing.devices) {
    const auto found = view.devices.find(device.name);
    const bool read = found != view.devices.end() && is_fresh(found->second.last, kLookEvery + found->second.last_took, view.now);
    if (!read && pass.may_try("power/" + device.name))
      pass.wish("power/" + device.name, kPowerReadTimeout, ReadPower{NodeName{view.object->metadata.name}, device});
  }
  return any_listed(view, fence) || any_level_off(view) || is_marked(view, fence);
}

void continue_unseen(Pass& pass) {
  api::Fence& fence = *pass.out.status.fence;
  pass.out.wake(pass.view.now + kLookEvery);
  if (!pass.hands_off().empty()) return;
  if (!reason_to_fence(pass).empty()) {
    // The evidence asks for it again: done anew, from the intent on, and as our own.
    fence.adopted = false;
    fence.state = api::FenceState::kFencing;
    fence.power = api::PowerProof{};
    fence.storage.state = api::ProofState::kPending;
    fence.storage.proven_time.reset();
    pass.out.status.recovery.reset();
    return;
  }
  const api::VerdictValue now = pass.view.judgement.value;
  if (now == api::VerdictValue::kUnknown || now == api::VerdictValue::kDead) return;
  if (!is_fresh(pass.view.blocklist, kLookEvery * 2, pass.view.now) || !pass.view.service) return;
  fence.state = api::FenceState::kWithdrawn;
  pass.announce(false, "FenceLifted", "withdrawn: nothing of it is in force, and the host is not dead");
}

}  // namespace vmha::computenode
