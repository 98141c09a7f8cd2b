#pragma once

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "api/compute_node.h"
#include "api/policy.h"
#include "api/protected_instance.h"
#include "reconcilers/decision.h"
#include "reconcilers/fence_in_force.h"
#include "reconcilers/reading.h"

namespace vmha::protectedinstance {

/// What the rest of the cloud looks like to one instance.
struct HostFacts {
  NodeName node;
  NovaHost host;
  bool healthy = false;              ///< verdict Healthy, service up and enabled, no fence
  bool fence_standing = false;       ///< a fence that is not lifted or withdrawn (also one that is only intended)
  std::optional<FenceInForce> fence; ///< in force now: an attempt whose destination this host was has ended
  std::set<Address> addresses;       ///< its Ceph clients', as far as known
};

inline constexpr Duration kLongestPause = seconds(60);  ///< between two attempts

/// One of spec.dependsOn.
struct Dependency {
  enum class State {
    kAbsent,      ///< there is no ProtectedInstance of that name: not waited for
    kCircle,      ///< it depends on this one in turn: not waited for
    kRecovering,  ///< its recovery for a standing fence has not ended
    kSettled,     ///< well where it is, recovered, or its recovery ended in another way
  };
  InstanceName name;
  State state = State::kSettled;
};

/// Everything a pass over one ProtectedInstance needs. Assembled by the engine; `decide` reads nothing else.
struct InstanceView {
  Instant now;
  WallTime wall;
  const api::ProtectedInstance* object = nullptr;   ///< as stored: its status is the persisted intent
  const api::HAPolicy* policy = nullptr;            ///< null: PolicyNotFound
  bool duplicate = false;                           ///< another object has this serverID: neither acts
  bool paused = false;                              ///< policy paused, or an annotation on policy, node or this object
  bool maintenance = false;                         ///< of the host it is on

  MaybeReading<nova::Server> server;                ///< newest of list and single reads
  std::string server_unreadable;                    ///< with no `server`: nova lists it and says nothing else of it that can be read
  bool server_gone = false;                         ///< nova said 404 to the newest single read
  MaybeReading<std::vector<nova::Migration>> migrations;  ///< of this server, from a read of its host's (or fence's host's) migrations
  MaybeReading<std::vector<ceph::ImageWatch>> disks;
  /// Of each of its volumes: where nova shows other servers that have it attached, too.
  std::map<std::string, std::set<NovaHost>> sharers;

  /// Of the host nova says it is on; if that one has no standing fence, of the host its unfinished recovery came from. Never a fence that is being lifted.
  std::optional<FenceInForce> fence;
  std::set<FenceId> standing_fences;                ///< every fence in the cloud that is not lifted or withdrawn
  std::span<const HostFacts> hosts;                 ///< every host, also the one it is on; kept by who made the view
  std::set<Address> vmha_addresses;                 ///< our own Ceph clients: expected watchers nowhere, tolerated by the attestation

  /// When this process first held the object with the intent it has now (until then same_intent was false): readings for the request are newer.
  std::optional<Instant> intent_since;
  bool intent_is_ours = false;                      ///< this process stored it itself; else a request for it may still be on the wire
  Instant leading_since{};                          ///< since when this process may act; a request for an older intent may still be on the wire
  bool nova_busy = false;                           ///< an act of ours on the lane "nova" is in flight, its outcome open
  std::vector<Dependency> dependencies;             ///< spec.dependsOn, judged
  std::optional<nova::Migration> into_fenced;       ///< unfinished, to a host with a standing fence, while the server is elsewhere and has a task
  std::optional<Instant> unsettled_since;           ///< since when this process sees what open_fence() says
  bool may_start = false;                           ///< the budgets of `evacuation` leave room and nothing of higher priority waits before it
  std::map<std::string, LaneOutcome> lanes;         ///< "server", "disks", "migrations", "nova"
};

using InstanceDecision = Decision<api::ProtectedInstanceStatus>;

/// Pure. Guarantees: never wishes Evacuate unless (1) status, as stored, says kLocked or kIntended with this fence and attempt; (2) `fence` meets the
/// requirement, is proven right now for every disk of this server (a disk outside the protected Ceph needs the power proof) and nova's
/// service is forced down; (3) server, migrations and disks were read after that intent, within kProofReadableWithin, and show: still on
/// the fenced host, no task, no unfinished migration, no watch from any address but the fence's (recorded co-attachments excepted).
/// An evacuation whose destination was fenced with proof counts as ended with its task, and that fence's addresses as fenced. So does a live
/// migration whose source is proven off by power and whose destination is healthy or fenced with proof, and a task that only the fenced host
/// could work on once that host is proven off by power.
/// Unknown (an absent or old reading) yields a read, never an act. No act is wished in a pass that changes the recovery's intent, step or lock.
[[nodiscard]] InstanceDecision decide(const InstanceView& view);

/// The fence that something about this server still waits for: of a recovery that has not ended, or of the host a migration was taking it to.
[[nodiscard]] std::optional<FenceId> open_fence(const InstanceView& view);
/// The first dependency that a recovery waits for; null: none, or it has waited for as long as the policy says.
[[nodiscard]] const Dependency* awaited(const std::vector<Dependency>& dependencies, std::optional<Instant> since, Instant now, const api::HAPolicy* policy);

/// True when both stand for the same attempt at the same stage (waiting for it, or at it): what `intent_since` is about.
[[nodiscard]] bool same_intent(const api::ProtectedInstanceStatus& a, const api::ProtectedInstanceStatus& b);
/// True while the instance is in flight and counts against the evacuation budgets.
[[nodiscard]] bool is_in_flight(const api::ProtectedInstanceStatus& status);
/// True when a recovery for `fence` has come to an end for this instance (recovered, failed for good, skipped with a reason, gone).
[[nodiscard]] bool is_settled(const api::ProtectedInstance& instance, const FenceId& fence);

}  // namespace vmha::protectedinstance
