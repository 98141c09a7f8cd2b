#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reconcilers/protectedinstance/pass.h"

/// What the readings of a view say about one server, as questions with one answer. Internal to this room.
namespace vmha::protectedinstance {

[[nodiscard]] const HostFacts* find_host(const InstanceView& view, const NovaHost& host);
/// Name of the ComputeNode, else nova's host.
[[nodiscard]] std::string name_of(const InstanceView& view, const NovaHost& host);
/// The host a ComputeNode's name stands for, else the name itself.
[[nodiscard]] NovaHost host_named(const InstanceView& view, const std::string& name);

/// On another host than the recovery came from. False where that cannot be told: a ComputeNode that was deleted no longer says its nova host.
[[nodiscard]] bool has_moved(const InstanceView& view, const api::InstanceRecovery& recovery);
/// The host it is on has a standing fence, proven or not yet.
[[nodiscard]] bool host_is_fenced(const InstanceView& view);
/// Intended, Locked, Requested, Moved.
[[nodiscard]] bool is_unfinished(const api::InstanceRecovery& recovery);
/// Between attempts, or before the first: nothing of it is intended.
[[nodiscard]] bool is_waiting(const api::ProtectedInstanceStatus& status);

/// The value of the annotation `retry`, cut to what status keeps of it; empty: none.
[[nodiscard]] std::string retry_token(const api::ObjectMeta& metadata);
/// "vmha: <fence id>"
[[nodiscard]] std::string lock_reason(const FenceId& fence);
[[nodiscard]] bool is_locked_by_vmha(const nova::Server& server);

/// Evacuated records of one server away from one host, judged with what is known about their destinations.
struct Evacuations {
  const nova::Migration* running = nullptr;  ///< newest that nova may still be working on
  const nova::Migration* newest = nullptr;
  int failed = 0;                            ///< error or failed, of all times
};
/// Nothing when migrations were not read.
[[nodiscard]] Evacuations evacuations_from(const InstanceView& view, const NovaHost& from);
/// Newer (by nova's growing ids) than the record with this uuid; any record if that one is not there.
[[nodiscard]] bool is_newer_than(const InstanceView& view, const nova::Migration& record, const MigrationUuid& baseline);
/// Final, or its destination is fenced with proof, or was when an earlier attempt ended by that: nobody works on it any more (protocol, step 7).
[[nodiscard]] bool is_over(const InstanceView& view, const nova::Migration& record);
/// A task of nova that something still works on; a rebuild whose destination is fenced is none.
[[nodiscard]] bool has_live_task(const InstanceView& view, const NovaHost& from);
[[nodiscard]] bool is_rebuild(const std::string& task_state);

/// Asked for at most kProofReadableWithin ago, and not before `since`.
template <class T>
[[nodiscard]] bool is_current(const MaybeReading<T>& reading, Instant since, Instant now) {
  return is_fresh(reading, kProofReadableWithin, now) && reading->is_since(since);
}

/// Hosts a recovery away from `from` may use by their state and by spec.placement, in the order of preference.
[[nodiscard]] std::vector<const HostFacts*> candidates(const InstanceView& view, const NovaHost& from);
/// Absent: nova's scheduler chooses. After each failure the next of the candidates.
[[nodiscard]] std::optional<NovaHost> destination_for(const InstanceView& view, const NovaHost& from);

[[nodiscard]] std::string to_text(const ceph::Watcher& watcher);      ///< "10.77.0.11:0/123", "[fd00::11]:0/123"
[[nodiscard]] std::string endpoint_of(const Address& address);         ///< the same up to the nonce

}  // namespace vmha::protectedinstance
