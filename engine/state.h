#pragma once

#include <algorithm>
#include <set>
#include <string>
#include <vector>

#include "api/conditions.h"
#include "api/names.h"
#include "base/address.h"
#include "base/rng.h"
#include "engine/calls.h"
#include "engine/engine.h"
#include "engine/evidence/evidence_log.h"
#include "engine/queue.h"
#include "engine/world.h"
#include "reconcilers/computenode/view.h"
#include "reconcilers/policy/storm.h"
#include "reconcilers/protectedinstance/view.h"

/// The engine's inside: one struct of state and the steps that work on it, a file each. Internal to this room.
namespace vmha {

inline constexpr Duration kPollTimeout = seconds(8);
inline constexpr Duration kPingTimeout = seconds(4);
inline constexpr Duration kListTimeout = seconds(60);
inline constexpr Duration kShortSweep = seconds(5);         ///< of a host without servers; the lists of watches of one take milliseconds
inline constexpr Duration kStatusTimeout = seconds(10);
inline constexpr Duration kDiscoveryEvery = seconds(15);
inline constexpr Duration kSweepEvery = seconds(30);
inline constexpr Duration kFirstSweepsEvery = seconds(3);   ///< until an inventory is known
inline constexpr Duration kBlocklistEvery = seconds(30);    ///< for entries that no fence in status explains
inline constexpr Duration kDrillEvery = std::chrono::minutes(10);
inline constexpr Duration kFailedDrillEvery = seconds(30);
inline constexpr Duration kStatusRetry = milliseconds(300); ///< after a conflict: the watch brings the newer object meanwhile
inline constexpr Duration kPolicyEvery = seconds(2);
inline constexpr Duration kStuckGrant = seconds(15);        ///< one that may start and does not no longer keeps others waiting
inline constexpr Duration kGoneFor = seconds(60);           ///< discovered objects are deleted after their host or server was missing so long
inline constexpr std::size_t kSweepServers = 500;           ///< servers a ReadDisks
inline constexpr std::size_t kKeysPerPass = 500;            ///< decisions a call of Engine::on; the rest waits for the next tick
inline constexpr std::size_t kCreatesPerPass = 50;

struct Engine::State {
  explicit State(EngineOptions o) : options(std::move(o)), rng(options.seed) {}

  EngineOptions options;
  Rng rng;
  World world;
  evidence::EvidenceLog evidence;
  Calls calls;
  Queue queue;
  policy::Storm storm;
  std::vector<Effect> effects;             ///< of the call of on() that is running
  Instant now{};
  WallTime wall{};

  bool synced = false;
  bool leading = false;
  bool lost = false;                       ///< leadership was lost once: nothing is ever done again
  std::string identity;
  Instant leading_since{};
  Instant acts_from{};                     ///< no act before: leading_since, or kNewLeaderWait later
  std::map<std::string, Instant> next_poll;
  std::set<InstanceName> may_start;
  std::set<std::string> creating;          ///< objects whose creation was asked for and not yet seen

  std::map<std::string, std::uint64_t> passes;  ///< by controller_of(key), for metrics
  std::map<std::string, Instant> missing_since;  ///< discovered objects whose host or server was not in the last looks

  // What several passes of one call of on() share; made by the first that needs it.
  bool facts_made = false;
  std::vector<protectedinstance::HostFacts> host_facts;
  std::map<ServerId, nova::Migration> into_fenced;           ///< unfinished, to a host with a standing fence
  std::set<FenceId> standing_fences;
  std::map<NodeName, FenceInForce> fences_in_force;
  std::map<Address, std::set<NodeName>> nodes_of_address;   ///< canonical, single addresses and networks
  std::vector<std::pair<Network, std::set<NodeName>>> nodes_of_network;
  std::map<std::string, std::set<NodeName>> nodes_of_device;
  std::map<std::string, std::set<NodeName>> nodes_of_system;  ///< by the UUID that their devices show

  // engine.cc
  void handle(const Event& event);
  void run();
  void count_pass(const std::string& key) { ++passes[controller_of(key)]; }
  [[nodiscard]] std::string random_suffix();
  void start(const Owner& owner, Duration timeout, Operation operation, std::vector<Announcement> announcements = {});
  void touch_node(const NodeName& name);
  void touch_nodes();
  void touch_instance(const InstanceName& name);
  void touch_instances_on(const NovaHost& host);
  void touch_instances_of(const ServerId& server);

  // answers.cc: what a finished effect means
  void answer(const EffectDone& done);

  // objects.cc: what the API server shows
  void changed(const api::HAPolicy& object);
  void changed(const api::ComputeNode& object);
  void changed(const api::ProtectedInstance& object);
  void recall_watchers(const api::ProtectedInstance& instance);
  void deleted(const NodeName& name);
  void deleted(const InstanceName& name);
  void release(const api::ProtectedInstance& instance);

  // polls.cc: what to look at, whatever is decided
  void poll();
  [[nodiscard]] Duration poll_interval() const;
  [[nodiscard]] bool is_due(const std::string& what, Duration every);

  // discovery.cc
  void discover_nodes();
  void discover_instances(const std::vector<nova::Server>& servers);
  void forget_gone_nodes();
  void forget_gone_instances(const std::set<ServerId>& present);
  [[nodiscard]] bool lists_are_complete() const;
  [[nodiscard]] bool is_gone(const std::string& key, bool present);
  [[nodiscard]] bool is_to_be_discovered(const nova::Server& server) const;

  // node_pass.cc
  void pass_node(const NodeName& name);
  [[nodiscard]] computenode::NodeView view_of(const api::ComputeNode& node);
  [[nodiscard]] computenode::NodeView complete_view_of(const api::ComputeNode& node, const NodeMemory& memory);  ///< after make_facts()
  [[nodiscard]] computenode::RecoveryCount count_recovery(const api::ComputeNode& node, const NodeMemory& memory);
  void count_moves_here(const api::ComputeNode& node, const FenceId& fence, computenode::RecoveryCount& count);
  void remember_fence(const api::ComputeNode& node, NodeMemory& memory);
  [[nodiscard]] policy::HostStanding standing_of(const api::ComputeNode& node, const NodeMemory& memory) const;
  void update_storm();
  [[nodiscard]] std::string others_at(const Address& address, const NodeName& self) const;
  [[nodiscard]] std::string conflict_of(const api::ComputeNode& node) const;
  [[nodiscard]] std::string shared_address_of(const api::ComputeNode& node) const;

  // instance_pass.cc
  void pass_instance(const InstanceName& name);
  [[nodiscard]] protectedinstance::InstanceView view_of(const api::ProtectedInstance& instance);
  void make_facts();
  void grant_starts();

  // dependencies.cc: spec.dependsOn
  [[nodiscard]] std::vector<protectedinstance::Dependency> dependencies_of(const api::ProtectedInstance& instance);
  [[nodiscard]] bool waits_for_another(const api::ProtectedInstance& instance);
  [[nodiscard]] bool pauses(const api::ProtectedInstance& instance) const;
  [[nodiscard]] bool is_recovering(const api::ProtectedInstance& instance) const;
  [[nodiscard]] bool depends_on(const InstanceName& from, const InstanceName& on) const;
  [[nodiscard]] std::map<InstanceName, int> start_priorities(const std::vector<const api::ProtectedInstance*>& waiting) const;

  // policy_pass.cc
  void pass_policy(const std::string& name);

  [[nodiscard]] bool may_act() const { return leading && !lost && now >= acts_from; }
  template <class D>
  void perform(const std::string& object, D& decision, bool status_pending);
};

[[nodiscard]] evidence::HostRef host_ref(const api::ComputeNode& node);
[[nodiscard]] std::string devices_identity(const api::ComputeNode& node);  ///< changes when a device is edited: readings start anew
[[nodiscard]] std::string key_of(const NodeName& name);
[[nodiscard]] std::string key_of(const InstanceName& name);
[[nodiscard]] bool is_paused(const api::ObjectMeta& metadata);

/// Reads always; acts only when the status that allows them is stored and the leader may act.
template <class D>
void Engine::State::perform(const std::string& object, D& decision, bool status_pending) {
  for (Wish& wish : decision.wishes) {
    const bool act = is_irreversible(wish.operation);
    if (act && (status_pending || !may_act())) continue;
    start(Owner{object, wish.lane}, wish.timeout, std::move(wish.operation));
  }
  if (decision.wake_at) queue.wake(object, std::max(*decision.wake_at, now + kTickEvery));
}

}  // namespace vmha
