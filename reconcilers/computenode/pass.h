#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/conditions.h"
#include "api/explanation.h"
#include "api/names.h"
#include "reconcilers/computenode/view.h"

/// One pass over one ComputeNode: the view, and the decision as it grows. Internal to this room.
namespace vmha::computenode {

inline constexpr Duration kReadTimeout = seconds(10);
inline constexpr Duration kActTimeout = seconds(5);           ///< also the longest an act may outlive a passing lease
/// A power controller may need 8 s for an answer, and an order comes after a reading or two; the order itself ends with the leader's term.
inline constexpr Duration kPowerReadTimeout = seconds(20);
inline constexpr Duration kPowerActTimeout = seconds(25);
inline constexpr Duration kProveTimeout = seconds(10);
inline constexpr Duration kDisableTimeout = seconds(10);      ///< nova casts to the host unless it is forced down (nova-facts.md, trap 2)
inline constexpr Duration kOffHolds = seconds(5);             ///< Off after a request of ours: some controllers say so for a moment and switch nothing
inline constexpr Duration kOtherMethodGrace = seconds(5);     ///< protocol, Proof: recovery waits this long for the other method
inline constexpr Duration kRequestAgain = seconds(5);         ///< a power request that had no effect is repeated after this
inline constexpr Duration kRetryAtMost = seconds(5);          ///< longest pause between attempts while a fence stands
inline constexpr Duration kFencingReadEvery = milliseconds(500);
inline constexpr Duration kBlocklistReadEvery = seconds(1);   ///< leaves a margin to kProofReadableWithin
inline constexpr Duration kFarExpiry = std::chrono::hours(24 * 30);  ///< an entry that ends sooner is no fence

/// Empty when acts are allowed; else "Paused", "DryRun", "Maintenance", "Duplicate" or "Conflict". Needs a policy.
[[nodiscard]] std::string hands_off(const NodeView& view);

struct Pass {
  const NodeView& view;
  NodeDecision out;
  bool waits = false;  ///< the condition Held says what the return waits for

  explicit Pass(const NodeView& v);

  [[nodiscard]] const api::ComputeNodeSpec& spec() const { return view.object->spec; }
  [[nodiscard]] const api::ComputeNodeStatus& stored() const { return view.object->status; }
  [[nodiscard]] const api::HAPolicySpec& policy() const { return view.policy->spec; }
  [[nodiscard]] bool uses(api::FenceMethod method) const;
  [[nodiscard]] std::string hands_off() const { return computenode::hands_off(view); }
  [[nodiscard]] std::string annotation(std::string_view name) const;

  void wish(std::string lane, Duration timeout, Operation operation);
  /// Wishes a read when the newest one is older than `age`; wakes up when it will be.
  template <class R>
  void keep_fresh(const R& reading, Duration age, const std::string& lane, Operation operation) {
    if (!is_fresh(reading, age, view.now)) wish(lane, kReadTimeout, std::move(operation));
    out.wake(view.now + age / 2);
  }
  void announce(bool warning, std::string reason, std::string note);
  void condition(std::string_view type, api::ConditionStatus status, std::string_view reason, std::string_view message);
  /// False while the lane's last failures ask for a longer pause.
  [[nodiscard]] bool may_try(const std::string& lane);
};

// The steps of a fence, one file each. All read the stored fence and change out.status.
void consider_fence(Pass& pass);       // consider.cc: none stands yet
void continue_held(Pass& pass);        // consider.cc
void continue_intended(Pass& pass);    // consider.cc: Fencing, nothing called yet
[[nodiscard]] bool learn_addresses(Pass& pass);   // adopt.cc: true when an adopted fence learned which addresses are the host's
[[nodiscard]] bool adopt_from_world(Pass& pass);  // adopt.cc: true when the world shows a fence that status does not, and status says so now
void continue_unseen(Pass& pass);      // unseen.cc: status says that calls were made, and nothing in the world shows one
void make_proof(Pass& pass);           // prove.cc: power and storage side by side, and keeping the proof readable
void conclude_fencing(Pass& pass);     // prove.cc: Fencing -> Proven
void recover(Pass& pass);              // recover.cc: force down, disable, follow the instances
void return_host(Pass& pass);          // return.cc: power on, lift, un-force, enable
void watch_devices(Pass& pass);        // devices.cc: readings, drills, status.devices
void summarize(Pass& pass);            // summary.cc: phase and conditions

/// Is anything of the stored fence in force: an address listed, a device that reads Off, our mark in nova? Asks for what is not known yet; false
/// until then.
[[nodiscard]] bool shows_in_the_world(Pass& pass);
/// Begins the methods the policy uses, or says why one is skipped.
void start_methods(const Pass& pass, api::Fence& fence);

/// Does the judgement (or a person) ask for a fence, and why? Empty: no.
[[nodiscard]] std::string reason_to_fence(const Pass& pass);
/// A person approved this fence over the budget, by its id or by the storm's.
[[nodiscard]] bool is_approved(const Pass& pass, const api::Fence& fence);
[[nodiscard]] std::string disabled_reason(const FenceId& fence);
/// The verdict alone, however long it has held: does the policy answer it with a fence?
[[nodiscard]] bool is_answered_with_fence(const Pass& pass);
/// Says in condition Held what missing_for_return() names first.
void say_what_is_missing(Pass& pass);
/// What a host that is recovered, or being lifted, still lacks before it is in service again.
[[nodiscard]] std::vector<api::Hold> missing_for_return(const Pass& pass);
/// The fence of this node whose mark nova's service carries ("<node>-" and five letters); nullopt: none.
[[nodiscard]] std::optional<FenceId> fence_marked(const nova::Service& service, const NodeName& node);
[[nodiscard]] FenceId new_fence_id(const Pass& pass);
/// An adopted fence does nothing new to its host before the evidence (or a person) asks for it; what it did from here on is completed.
[[nodiscard]] bool may_power_off(const Pass& pass, const api::Fence& fence);
[[nodiscard]] bool may_blocklist(const Pass& pass, const api::Fence& fence);
/// An adopted fence is concluded where nova names it, which happens only after a proof; else the evidence, and the budget, have to ask for it as for any.
[[nodiscard]] bool may_conclude(const Pass& pass, const api::Fence& fence);
/// An adopted fence whose proof cannot be read (its host runs again): returned when nothing is left to recover, or by a person's word.
void return_adopted(Pass& pass);       // return.cc
/// The host's boot id is another one than the fence has.
[[nodiscard]] bool has_new_boot_id(const NodeView& view, const api::Fence& fence);
/// A fresh reading says On: what was Off is not any more.
[[nodiscard]] bool reads_on_again(const NodeView& view);
/// A device reads Off, and something proves that the host lived after that.
[[nodiscard]] bool off_is_contradicted(const NodeView& view);
/// Nova's service as it is without any fence of ours; nullopt: not known (not read, or it carries our mark).
[[nodiscard]] std::optional<api::NovaBefore> nova_before(const Pass& pass);

// What is proven by readings of this process, right now.
struct LiveProof {
  bool power = false;
  bool storage = false;
  std::optional<Instant> power_since;
  std::optional<Instant> storage_since;
};
[[nodiscard]] LiveProof live_proof(const NodeView& view);
/// What the policy requires is stored as proven and can be read now, and the other method has finished, failed or had kOtherMethodGrace.
[[nodiscard]] bool requirement_met(const NodeView& view, const api::Fence& fence, const LiveProof& live);
/// Since when all devices of the level are proven off by readings that are still young enough.
[[nodiscard]] std::optional<Instant> level_proven_off(const NodeView& view, int level);
/// False: what it controls now is not the system that the Kubernetes node is, or that it controlled when it was first seen, or another node's.
[[nodiscard]] bool is_right_system(const NodeView& view, const api::PowerDevice& device, const api::DeviceStatus& status, std::string* why_not);
[[nodiscard]] bool is_usable(const NodeView& view, const api::PowerDevice& device, std::string* why_not);
/// The newest reading of the device was answered so lately that it may be acted on.
[[nodiscard]] bool is_readable_now(const NodeView& view, const DeviceReadings& readings);
/// The entry of that whole address (or network), not to end soon: one that ends sooner is no fence.
[[nodiscard]] bool is_fence_of(const ceph::BlocklistEntry& entry, const Address& address);
/// Somebody's fence is in it: whole addresses, for long.
[[nodiscard]] bool has_whole_address(const Reading<std::vector<ceph::BlocklistEntry>>& blocklist);
[[nodiscard]] bool all_listed(const NodeView& view, const std::vector<Address>& addresses);
/// The system UUID that the device must show when it is asked to power off; empty: nothing to compare with.
[[nodiscard]] std::string expected_uuid(const NodeView& view, const api::PowerDevice& device);
[[nodiscard]] std::vector<int> levels(const api::ComputeNodeSpec& spec);
[[nodiscard]] std::string device_hash(const api::PowerDevice& device);
[[nodiscard]] std::string devices_hash(const api::ComputeNodeSpec& spec);

}  // namespace vmha::computenode
