#pragma once

#include <string>
#include <variant>

#include "api/compute_node.h"
#include "api/observed/kube.h"
#include "api/policy.h"
#include "api/protected_instance.h"
#include "base/ids.h"
#include "base/time.h"
#include "reconcilers/effects.h"

/// Everything that can happen to the engine. The shell turns watches, timers and finished calls into these; the simulator makes them itself.
namespace vmha {

struct PolicyChanged { api::HAPolicy object; };
struct PolicyDeleted { std::string name; };
struct NodeChanged { api::ComputeNode object; };
struct NodeDeleted { NodeName name; };
struct InstanceChanged { api::ProtectedInstance object; };
struct InstanceDeleted { InstanceName name; };
/// All three kinds of ours were listed once: before that nothing is decided (an object not yet seen is not an object that is not there).
struct CachesSynced {};

struct KubernetesNodeChanged { kube::Node node; };
struct KubernetesNodeDeleted { std::string name; };
struct NodeLeaseObserved { kube::NodeLease lease; Instant received; };
struct NodeLeaseDeleted { std::string node; };
/// Any sign that the API server answers us (bytes of a watch, a bookmark, a list, a renewed leader lease), or that it does not.
struct ApiServerAlive { Instant at; };
struct ApiServerLost { Instant at; };

struct LeadershipGained {
  std::string identity;  ///< "<identity>/<lease transitions>", written as decidedBy
  bool taken_over = false;  ///< from a leader that did not give it up: its last call may still be on the wire
};
struct LeadershipLost {};

/// Time passed. The shell sends one every kTickEvery.
struct Tick {};

using Event = std::variant<PolicyChanged, PolicyDeleted, NodeChanged, NodeDeleted, InstanceChanged, InstanceDeleted, CachesSynced, KubernetesNodeChanged,
                           KubernetesNodeDeleted, NodeLeaseObserved, NodeLeaseDeleted, ApiServerAlive, ApiServerLost, LeadershipGained, LeadershipLost, Tick,
                           EffectDone>;

inline constexpr Duration kTickEvery = milliseconds(100);

}  // namespace vmha
