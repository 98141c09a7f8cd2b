// One pass over one ComputeNode: its view, its decision, its effects.
#include <algorithm>

#include <fmt/core.h>

#include "base/address.h"
#include "engine/state.h"

namespace vmha {
namespace {

std::vector<Address> addresses_of(const api::ComputeNode& node) {
  std::vector<Address> addresses;
  for (const std::string& address : node.spec.storage.client_addresses) addresses.push_back(Address{address});
  if (addresses.empty() && node.status.storage_clients) addresses = node.status.storage_clients->addresses;
  return addresses;
}

std::vector<std::string> devices_of(const api::ComputeNode& node) {
  std::vector<std::string> devices;
  for (const api::PowerDevice& device : node.spec.fencing.devices)
    if (std::string identity = api::identity(device); !identity.empty()) devices.push_back(std::move(identity));
  return devices;
}

std::string failure_domain(const World& world, const api::ComputeNode& node, const std::string& label) {
  if (const auto own = node.metadata.labels.find(label); own != node.metadata.labels.end()) return own->second;
  if (!node.spec.kubernetes_node) return {};
  const auto kubernetes_node = world.kubernetes_nodes.find(*node.spec.kubernetes_node);
  if (kubernetes_node == world.kubernetes_nodes.end()) return {};
  const auto found = kubernetes_node->second.labels.find(label);
  return found == kubernetes_node->second.labels.end() ? std::string() : found->second;
}

std::string others(const std::set<NodeName>& names, const NodeName& self) {
  std::string text;
  for (const NodeName& name : names)
    if (name != self) text += (text.empty() ? "" : ", ") + name.value;
  return text;
}

/// Addresses that were seen at an image of this host's instances while all was well; an address that is not the host's is a co-attachment.
std::map<std::string, std::set<Address>> recorded_watchers(const World& world, const api::ComputeNode& node) {
  std::map<std::string, std::set<Address>> recorded;
  for (const InstanceName& name : world.instances_of(node))
    for (const api::DiskStatus& disk : world.instances.at(name).status.disks)
      for (const std::string& watcher : disk.watchers) recorded[disk.image.path()].insert(address_of_client(watcher));
  return recorded;
}

/// Whatever was read of the host's disks before it failed, until it is read anew.
void assemble_disks(const World& world, const NovaHost& host, NodeMemory& memory) {
  const auto servers = world.servers_of_host.find(host);
  if (memory.disks || servers == world.servers_of_host.end()) return;
  Reading<std::vector<ServerImages>> all{{}, servers->second.at};
  for (const nova::Server& server : servers->second.value) {
    const auto disks = world.disks.find(server.id);
    if (disks == world.disks.end()) return;
    all.at = std::min(all.at, disks->second.at);
    all.value.push_back(ServerImages{server.id, disks->second.value});
  }
  memory.disks = std::move(all);
}

}  // namespace

policy::HostStanding Engine::State::standing_of(const api::ComputeNode& node, const NodeMemory& memory) const {
  const api::HAPolicy* policy = world.policy_named(std::string(api::kDefaultPolicy));
  policy::HostStanding standing;
  const auto& fence = node.status.fence;
  const bool stands = computenode::is_standing(fence);
  const bool recovered = node.status.recovery && node.status.recovery->finished_time;
  const computenode::Judgement& j = memory.judgement;
  const bool silent = j.value == api::VerdictValue::kDead || j.value == api::VerdictValue::kStorageLost || j.value == api::VerdictValue::kIsolated;
  standing.held = stands && fence->state == api::FenceState::kHeld;
  standing.fencing = memory.deciding || (stands && !fence->adopted && fence->state == api::FenceState::kFencing);  // one that was found may wait for a person for long
  standing.unhealthy = (stands && !recovered) || memory.deciding || (!stands && (silent || j.counts_as_suspect));
  if (policy != nullptr) standing.failure_domain = failure_domain(world, node, policy->spec.failure_domain_label);
  return standing;
}

void Engine::State::update_storm() {
  const api::HAPolicy* policy = world.policy_named(std::string(api::kDefaultPolicy));
  std::map<NodeName, policy::HostStanding> hosts;
  for (const auto& [name, node] : world.nodes) hosts.emplace(name, standing_of(node, world.node_memory[name]));
  storm.update(hosts, policy == nullptr ? api::Storm{} : policy->spec.storm, now);
}

/// Other nodes with a client address in this address or network, or with a network around it.
std::string Engine::State::others_at(const Address& address, const NodeName& self) const {
  std::set<NodeName> found;
  if (const auto same = nodes_of_address.find(canonical(address)); same != nodes_of_address.end()) found = same->second;
  const auto asked = parse_network(address.value);
  if (asked && !asked->is_single())
    for (const auto& [other, names] : nodes_of_address)
      if (const auto network = parse_network(other.value); network && asked->overlaps(*network)) found.insert(names.begin(), names.end());
  for (const auto& [network, names] : nodes_of_network)
    if (asked && asked->overlaps(network)) found.insert(names.begin(), names.end());
  return others(found, self);
}

std::string Engine::State::conflict_of(const api::ComputeNode& node) const {
  const NodeName self{node.metadata.name};
  for (const std::string& device : devices_of(node)) {
    const auto found = nodes_of_device.find(device);
    if (found != nodes_of_device.end() && found->second.size() > 1)
      return fmt::format("the power controller {} also belongs to {}", device, others(found->second, self));
  }
  for (const std::string& address : node.spec.storage.client_addresses)
    if (const std::string who = others_at(Address{address}, self); !who.empty()) return fmt::format("the client address {} also belongs to {}", address, who);
  return {};
}

std::string Engine::State::shared_address_of(const api::ComputeNode& node) const {
  const NodeName self{node.metadata.name};
  for (const Address& address : addresses_of(node)) {
    if (const std::string who = others_at(address, self); !who.empty()) return fmt::format("{} is also a client address of {}", address.value, who);
    if (!world.cluster_addresses) continue;
    for (const Address& of_cluster : world.cluster_addresses->value)
      if (covers({address}, of_cluster)) return fmt::format("{} holds {}, an address of the Ceph cluster or of vmha itself", address.value, of_cluster.value);
  }
  return {};
}

namespace {

void keep_only(const FenceId& id, NodeMemory& memory) {
  if (memory.fence == id) return;
  memory.fence = id;
  memory.requested.clear();
  memory.blocklist_proven.reset();
  memory.forced_down_seen.reset();
  memory.returned_healthy_since.reset();
  memory.disks.reset();
}

/// Of a cell that is down nova leaves servers out of a list without a word (clients/openstack/nova.h).
bool is_cell_known(const nova::Service* service) { return service != nullptr && service->state_known; }

}  // namespace

/// Forgets what was about another fence, and notes when this one was first seen at work and when nova first showed our mark.
void Engine::State::remember_fence(const api::ComputeNode& node, NodeMemory& memory) {
  const auto& fence = node.status.fence;
  const FenceId id = computenode::is_standing(fence) ? fence->id : FenceId{};
  keep_only(id, memory);
  if (id.empty()) return;
  if (fence->state != api::FenceState::kHeld) memory.requested.emplace("fence", now);
  const nova::Service* service = world.service_of(node.nova_host());
  const bool marked = service != nullptr && service->forced_down && service->disabled_reason == "vmha: " + id.value;
  if (marked && !memory.forced_down_seen) memory.forced_down_seen = world.services->at;
  const bool back = fence->state == api::FenceState::kLifting && service != nullptr && service->up && !service->forced_down &&
                    memory.judgement.value == api::VerdictValue::kHealthy;
  if (!back) memory.returned_healthy_since.reset();
  else if (!memory.returned_healthy_since) memory.returned_healthy_since = now;
}

/// Servers that nova was moving here when the host died, and has neither put here nor taken back: they belong to this recovery, too (protocol,
/// Steps). Each keeps it open for as long as its policy lets one take; then a person was asked (condition Overdue of the instance).
void Engine::State::count_moves_here(const api::ComputeNode& node, const FenceId& fence, computenode::RecoveryCount& count) {
  for (const auto& [id, move] : into_fenced) {
    const auto reading = world.server(id);
    if (move.destination != node.nova_host() || !reading || reading->value.host == move.destination || reading->value.task_state.empty()) continue;
    for (const InstanceName& name : world.instances_of_server[id]) {
      const api::ProtectedInstance& instance = world.instances.at(name);
      if (instance.status.recovery && instance.status.recovery->fence_id == fence) continue;  // counted already
      const auto& since = world.instance_memory[name].unsettled_since;
      const api::HAPolicy* policy = world.policy_named(instance.spec.policy);
      const bool overdue = policy != nullptr && since && now - *since > policy->spec.evacuation.timeout;
      ++count.total;
      ++(overdue ? count.skipped : count.in_progress);
      count.none_left = count.none_left && overdue;
    }
  }
}

computenode::RecoveryCount Engine::State::count_recovery(const api::ComputeNode& node, const NodeMemory& memory) {
  computenode::RecoveryCount count;
  if (memory.fence.empty()) return count;
  count.none_left = true;
  for (const InstanceName& name : world.instances_of(node)) {
    const api::ProtectedInstance& instance = world.instances.at(name);
    const auto& recovery = instance.status.recovery;
    const bool ours = recovery && recovery->fence_id == memory.fence;
    const auto host = world.host_of_server.find(instance.spec.server_id);
    if (!ours && (host == world.host_of_server.end() || host->second != node.nova_host())) continue;
    ++count.total;
    const bool settled = protectedinstance::is_settled(instance, memory.fence);
    count.none_left = count.none_left && settled;
    if (!settled) ++count.in_progress;
    else if (ours && recovery->phase == api::RecoveryStep::kAttested) ++count.recovered;
    else if (ours && recovery->phase == api::RecoveryStep::kFailed) ++count.failed;
    else ++count.skipped;
  }
  // An evacuation to this host that is not over still needs this host's proof to be readable.
  for (const auto& [name, instance] : world.instances)
    if (instance.status.recovery && instance.status.recovery->to == node.metadata.name && protectedinstance::is_in_flight(instance.status)) count.none_left = false;
  count_moves_here(node, memory.fence, count);
  const auto servers = world.servers_of_host.find(node.nova_host());
  count.all_known = servers != world.servers_of_host.end() && memory.forced_down_seen && servers->second.at >= *memory.forced_down_seen &&
                    is_cell_known(world.service_of(node.nova_host()));
  if (!count.all_known) return count;
  for (const nova::Server& server : servers->second.value)
    if (is_to_be_discovered(server)) count.all_known = false;
  return count;
}

computenode::NodeView Engine::State::view_of(const api::ComputeNode& node) {
  const NodeName name{node.metadata.name};
  NodeMemory& memory = world.node_memory[name];
  computenode::NodeView view;
  view.now = now;
  view.wall = wall;
  view.object = &node;
  view.policy = world.policy_named(node.spec.policy);
  view.identity = identity;
  view.conflict = conflict_of(node);
  view.duplicate = world.nodes_of_host[node.nova_host()].size() > 1;
  view.paused = is_paused(node.metadata) || (view.policy != nullptr && (view.policy->spec.paused || is_paused(view.policy->metadata)));
  view.judgement = memory.judgement;
  view.evidence = evidence.of(name, now);
  if (const nova::Service* service = world.service_of(node.nova_host())) view.service = Reading<nova::Service>{*service, world.services->at};
  view.service_missing = world.services && !view.service;
  if (node.spec.kubernetes_node) {
    const auto found = world.kubernetes_nodes.find(*node.spec.kubernetes_node);
    if (found != world.kubernetes_nodes.end()) view.kubernetes_node = found->second;
  }
  const auto servers = world.servers_of_host.find(node.nova_host());
  if (servers != world.servers_of_host.end()) view.servers = &servers->second;
  const auto migrations = world.migrations.find(node.nova_host());
  if (migrations != world.migrations.end()) view.migrations = &migrations->second;
  view.inventory = memory.inventory;
  view.devices = memory.devices;
  for (const api::DeviceStatus& device : node.status.devices) {
    const auto found = nodes_of_system.find(power::system_key(device.system_uuid));
    if (found != nodes_of_system.end() && found->second.size() > 1) view.shared_systems[device.system_uuid] = others(found->second, name);
  }
  view.ceph_drill = world.ceph_drill;
  if (world.blocklist) view.blocklist = &*world.blocklist;
  view.blocklist_proven = memory.blocklist_proven;
  view.returned_healthy_since = memory.returned_healthy_since;
  view.lanes = calls.lanes(vmha::key_of(name));
  view.requested = memory.requested;
  view.acted = std::any_of(memory.requested.begin(), memory.requested.end(), [](const auto& entry) { return entry.first != "fence"; });
  view.cluster_addresses_known = world.cluster_addresses.has_value();
  if (computenode::is_standing(node.status.fence)) {
    assemble_disks(world, node.nova_host(), memory);
    view.recorded_watchers = recorded_watchers(world, node);
  }
  if (memory.disks) view.disks = &*memory.disks;
  return view;
}

computenode::NodeView Engine::State::complete_view_of(const api::ComputeNode& node, const NodeMemory& memory) {
  computenode::NodeView view = view_of(node);
  view.shared_address = shared_address_of(node);
  view.recovery = count_recovery(node, memory);
  const policy::BudgetVerdict budget = storm.allows(NodeName{node.metadata.name});
  view.budget_allows = budget.allows;
  view.budget_reason = budget.reason;
  const api::HAPolicy* main_policy = world.policy_named(std::string(api::kDefaultPolicy));
  if (main_policy != nullptr && main_policy->status.storm) view.storm_id = main_policy->status.storm->id;
  return view;
}

void Engine::State::pass_node(const NodeName& name) {
  const auto found = world.nodes.find(name);
  if (found == world.nodes.end()) return;
  const api::ComputeNode node = found->second;
  NodeMemory& memory = world.node_memory[name];
  const std::string hash = vmha::devices_identity(node);
  if (memory.devices_hash != hash) memory.devices.clear();
  memory.devices_hash = hash;
  const api::HAPolicy* policy = world.policy_named(node.spec.policy);
  const policy::HostStanding before = standing_of(node, memory);
  if (policy != nullptr) memory.judgement = evidence.judged(name, policy->spec, node.status.verdict, now, wall);
  remember_fence(node, memory);
  make_facts();
  const policy::HostStanding after = standing_of(node, memory);
  if (before.unhealthy != after.unhealthy || before.fencing != after.fencing) update_storm();

  computenode::NodeView view = complete_view_of(node, memory);
  view.fresh_suffix = random_suffix();
  computenode::NodeDecision decision = computenode::decide(view);

  const std::string key = vmha::key_of(name);
  const bool changes = decision.status != node.status;
  const bool in_flight = calls.is_busy(key + "/status");
  if (changes && !in_flight) {
    api::ComputeNode object = node;
    object.status = decision.status;
    const bool was_deciding = memory.deciding;
    memory.deciding = computenode::is_standing(object.status.fence) && object.status.fence->state == api::FenceState::kFencing &&
                      !(computenode::is_standing(node.status.fence) && node.status.fence->state == api::FenceState::kFencing);
    if (computenode::is_called(object.status.fence) && !(computenode::is_called(node.status.fence) && node.status.fence->id == object.status.fence->id)) {
      keep_only(object.status.fence->id, memory);
      if (!object.status.fence->adopted) memory.requested["begun"] = now;  // this process judged it: what follows needs no second judgement
    }
    if (memory.deciding != was_deciding) update_storm();  // the next host of this call must see this one
    start(Owner{key, "status"}, kStatusTimeout, WriteNodeStatus{std::move(object)}, std::move(decision.announcements));
  } else if (!in_flight) {
    memory.deciding = false;
  }
  if (decision.metadata && !changes && !in_flight) start(Owner{key, "status"}, kStatusTimeout, *decision.metadata);
  perform(key, decision, changes || in_flight);
  if (computenode::is_standing(node.status.fence)) touch_instances_on(node.nova_host());
}

}  // namespace vmha
