#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/compute_node.h"
#include "api/policy.h"
#include "api/protected_instance.h"
#include "reconcilers/computenode/view.h"
#include "reconcilers/effects.h"
#include "reconcilers/reading.h"

namespace vmha {

/// What one process remembers of a ComputeNode between passes: readings and their ages, never intent.
struct NodeMemory {
  std::string devices_hash;
  std::map<std::string, computenode::DeviceReadings> devices;
  FenceId fence;                                             ///< the fence that the next three are about
  std::map<std::string, Instant> requested;
  std::optional<computenode::BlocklistProven> blocklist_proven;
  std::optional<Instant> forced_down_seen;                   ///< when a list of services first showed our mark
  MaybeReading<std::vector<ServerImages>> disks;             ///< newest ReadDisks of this host's servers
  std::optional<std::vector<Address>> swept;                 ///< addresses of the latest sweep
  std::optional<std::vector<Address>> inventory;             ///< the same over two sweeps
  Instant next_sweep{};
  std::optional<Instant> returned_healthy_since;
  computenode::Judgement judgement;
  bool deciding = false;                                     ///< the intent of a fence is on its way to the store: it counts as a fence being made
};

struct InstanceMemory {
  std::optional<Instant> intent_since;
  bool intent_is_ours = false;                               ///< this process stored it
  std::optional<Instant> granted_since;                      ///< when it was first allowed to start and did not
  FenceId unsettled_for;                                     ///< the fence that the next is about
  std::optional<Instant> unsettled_since;                    ///< since when its recovery for that fence, or a move to that host, has not ended
};

/// Everything the engine has been told, indexed for its views. Plain data; single thread.
struct World {
  // Resources, as stored in the API server.
  std::map<std::string, api::HAPolicy> policies;
  std::map<NodeName, api::ComputeNode> nodes;
  std::map<InstanceName, api::ProtectedInstance> instances;
  std::map<std::string, kube::Node> kubernetes_nodes;

  // Readings.
  MaybeReading<std::vector<nova::Service>> services;         ///< set by put_services only
  std::map<NovaHost, Reading<std::vector<nova::Server>>> servers_of_host;
  std::map<ServerId, Reading<nova::Server>> single_reads;    ///< of servers in recovery; dropped when a newer list has them
  std::map<ServerId, Instant> gone;                          ///< nova said 404
  std::map<NovaHost, Reading<std::vector<nova::Migration>>> migrations;
  std::map<ServerId, Reading<std::vector<ceph::ImageWatch>>> disks;
  MaybeReading<std::vector<ceph::BlocklistEntry>> blocklist;
  MaybeReading<std::vector<Address>> cluster_addresses;
  MaybeReading<std::string> ceph_drill;
  MaybeReading<Done> all_servers;                            ///< the newest complete list

  // Indexes.
  std::map<ServerId, NovaHost> host_of_server;
  std::map<std::string, std::set<ServerId>> servers_of_volume;  ///< as ever read: use sharers_of
  std::map<ServerId, std::set<InstanceName>> instances_of_server;
  std::map<std::string, std::set<InstanceName>> recovering_from;  ///< ComputeNode name -> instances whose recovery names it
  std::map<NovaHost, std::set<NodeName>> nodes_of_host;
  std::map<NovaHost, std::size_t> service_of_host;           ///< index in services

  std::map<NodeName, NodeMemory> node_memory;
  std::map<InstanceName, InstanceMemory> instance_memory;

  void put(api::ComputeNode node);
  void put(api::ProtectedInstance instance);
  void remove_node(const NodeName& name);
  void remove_instance(const InstanceName& name);

  void put_services(std::vector<nova::Service> list, Instant started);
  /// Takes a list of one host's servers; servers that were on it and are not any more lose their host.
  void put_servers(const NovaHost& host, std::vector<nova::Server> servers, Instant started);
  void put_server(const nova::Server& server, Instant started);

  [[nodiscard]] const api::HAPolicy* policy_named(const std::string& name) const;
  [[nodiscard]] const nova::Service* service_of(const NovaHost& host) const;
  /// The newest of the list and the single read, as far as it could be read.
  [[nodiscard]] MaybeReading<nova::Server> server(const ServerId& id) const;
  /// Where nova shows other servers that have its volumes attached, too.
  [[nodiscard]] std::map<std::string, std::set<NovaHost>> sharers_of(const nova::Server& server);
  /// Why the newest list of its host could not say more of it than that it is there; empty: it could.
  [[nodiscard]] std::string unreadable(const ServerId& id) const;
  [[nodiscard]] const Reading<std::vector<nova::Server>>* list_with(const ServerId& id) const;
  /// Instances whose server is on the host, or whose recovery came from the node.
  [[nodiscard]] std::set<InstanceName> instances_of(const api::ComputeNode& node) const;
  [[nodiscard]] const api::ComputeNode* node_of(const NovaHost& host) const;
};

/// Newer or equal. Resource versions are etcd revisions, which grow; anything that is no number is taken as newer.
[[nodiscard]] bool is_not_older(const std::string& version, const std::string& than);

}  // namespace vmha
