// One pass over one ProtectedInstance, and who may start when budgets are short.
#include <algorithm>

#include "engine/evacuation_budget.h"
#include "engine/state.h"

namespace vmha {

void Engine::State::make_facts() {
  if (facts_made) return;
  facts_made = true;
  host_facts.clear();
  standing_fences.clear();
  fences_in_force.clear();
  nodes_of_address.clear();
  nodes_of_network.clear();
  nodes_of_device.clear();
  into_fenced.clear();
  nodes_of_system.clear();
  for (const auto& [name, node] : world.nodes) {
    protectedinstance::HostFacts facts;
    facts.node = name;
    facts.host = node.nova_host();
    facts.fence_standing = computenode::is_standing(node.status.fence);
    const nova::Service* service = world.service_of(facts.host);
    facts.healthy = !facts.fence_standing && node.status.verdict.value == api::VerdictValue::kHealthy && service != nullptr && service->up && service->enabled;
    for (const std::string& address : node.spec.storage.client_addresses) facts.addresses.insert(Address{address});
    if (facts.addresses.empty() && node.status.storage_clients)
      facts.addresses.insert(node.status.storage_clients->addresses.begin(), node.status.storage_clients->addresses.end());
    for (const Address& address : facts.addresses) {
      nodes_of_address[canonical(address)].insert(name);
      if (const auto network = parse_network(address.value); network && !network->is_single()) nodes_of_network.push_back({*network, {name}});
    }
    for (const api::PowerDevice& device : node.spec.fencing.devices)
      if (const std::string what = api::identity(device); !what.empty()) nodes_of_device[what].insert(name);
    for (const api::DeviceStatus& device : node.status.devices)
      if (!device.system_uuid.empty()) nodes_of_system[power::system_key(device.system_uuid)].insert(name);
    if (const auto kubernetes = world.kubernetes_nodes.find(node.spec.kubernetes_node.value_or("")); kubernetes != world.kubernetes_nodes.end() && !kubernetes->second.system_uuid.empty())
      nodes_of_system[power::system_key(kubernetes->second.system_uuid)].insert(name);
    host_facts.push_back(std::move(facts));
  }
  for (protectedinstance::HostFacts& facts : host_facts) {  // now that it is known who shares an address or a device
    if (!facts.fence_standing) continue;
    const api::ComputeNode& node = world.nodes.at(facts.node);
    standing_fences.insert(node.status.fence->id);
    facts.fence = computenode::fence_in_force(view_of(node));
    if (facts.fence) fences_in_force.emplace(facts.node, *facts.fence);
    if (const auto read = world.migrations.find(facts.host); facts.fence && read != world.migrations.end())
      for (const nova::Migration& m : read->second.value)
        if (m.destination == facts.host && !nova::is_final(m)) into_fenced.insert_or_assign(m.server, m);
  }
  update_storm();
}

/// The first of those that wait, by priority, as far as the budgets go; one that was let go and does not start stands in nobody's way, nor
/// does one that should have ended long ago.
void Engine::State::grant_starts() {
  make_facts();
  may_start.clear();
  if (fences_in_force.empty()) return;
  const api::HAPolicy* policy = world.policy_named(std::string(api::kDefaultPolicy));
  const api::Evacuation limits = policy == nullptr ? api::Evacuation{} : policy->spec.evacuation;
  std::vector<const api::ProtectedInstance*> waiting;
  std::vector<EvacuationInFlight> in_flight;
  std::set<InstanceName> seen;
  for (const auto& [node, fence] : fences_in_force) {
    for (const InstanceName& name : world.instances_of(world.nodes.at(node))) {
      const api::ProtectedInstance& instance = world.instances.at(name);
      if (!seen.insert(name).second || protectedinstance::is_settled(instance, fence.id)) continue;
      if (!protectedinstance::is_in_flight(instance.status)) {
        waiting.push_back(&instance);
        continue;
      }
      const auto& since = world.instance_memory[name].intent_since;
      in_flight.push_back({NodeName{instance.status.recovery->to}, since ? now - *since : Duration::zero()});
    }
  }
  std::vector<NodeName> healthy;
  for (const protectedinstance::HostFacts& host : host_facts)
    if (host.healthy) healthy.push_back(host.node);
  int starts = free_starts(limits, healthy, in_flight);
  const std::map<InstanceName, int> priorities = start_priorities(waiting);
  std::erase_if(waiting, [&](const auto* instance) { return waits_for_another(*instance) || pauses(*instance); });
  std::sort(waiting.begin(), waiting.end(), [&](const auto* a, const auto* b) {
    const int left = priorities.at(InstanceName{a->metadata.name});
    const int right = priorities.at(InstanceName{b->metadata.name});
    return left != right ? left > right : a->metadata.name < b->metadata.name;
  });
  for (const api::ProtectedInstance* instance : waiting) {
    if (starts <= 0) return;
    const InstanceName name{instance->metadata.name};
    InstanceMemory& memory = world.instance_memory[name];
    if (!memory.granted_since) memory.granted_since = now;
    may_start.insert(name);
    if (now - *memory.granted_since < kStuckGrant) --starts;
  }
}

namespace {

void note_open_fence(protectedinstance::InstanceView& view, InstanceMemory& memory) {
  const auto fence = protectedinstance::open_fence(view);
  if (!fence) memory.unsettled_since.reset();
  if (fence && (memory.unsettled_for != *fence || !memory.unsettled_since)) memory.unsettled_since = view.now;
  memory.unsettled_for = fence ? *fence : FenceId{};
  view.unsettled_since = memory.unsettled_since;
}

}  // namespace

protectedinstance::InstanceView Engine::State::view_of(const api::ProtectedInstance& instance) {
  const InstanceName name{instance.metadata.name};
  const ServerId& id = instance.spec.server_id;
  protectedinstance::InstanceView view;
  view.now = now;
  view.wall = wall;
  view.object = &instance;
  view.policy = world.policy_named(instance.spec.policy);
  view.duplicate = world.instances_of_server[id].size() > 1;
  view.server = world.server(id);
  view.server_unreadable = view.server ? std::string() : world.unreadable(id);
  view.server_gone = world.gone.count(id) > 0;
  const auto host = world.host_of_server.find(id);
  const api::ComputeNode* node = host == world.host_of_server.end() ? nullptr : world.node_of(host->second);
  view.paused = is_paused(instance.metadata) || (node != nullptr && is_paused(node->metadata)) ||
                (view.policy != nullptr && (view.policy->spec.paused || is_paused(view.policy->metadata)));
  view.maintenance = node != nullptr && node->spec.maintenance;
  const auto& recovery = instance.status.recovery;
  const auto from = recovery ? world.nodes.find(NodeName{recovery->from}) : world.nodes.end();
  const auto fence_of = [&](const api::ComputeNode* of) {
    const auto found = of == nullptr ? fences_in_force.end() : fences_in_force.find(NodeName{of->metadata.name});
    return found == fences_in_force.end() ? std::optional<FenceInForce>() : std::optional(found->second);
  };
  view.fence = fence_of(node);
  if (!view.fence && from != world.nodes.end() && !protectedinstance::is_settled(instance, recovery->fence_id)) view.fence = fence_of(&from->second);
  const NovaHost source = view.fence ? view.fence->host : from != world.nodes.end() ? from->second.nova_host() : host != world.host_of_server.end() ? host->second : NovaHost{};
  if (const auto read = world.migrations.find(source); read != world.migrations.end()) {
    view.migrations = Reading<std::vector<nova::Migration>>{{}, read->second.at};
    for (const nova::Migration& m : read->second.value)
      if (m.server == id) view.migrations->value.push_back(m);
  }
  if (const auto disks = world.disks.find(id); disks != world.disks.end()) view.disks = disks->second;
  if (view.server) view.sharers = world.sharers_of(view.server->value);
  view.standing_fences = standing_fences;
  view.hosts = host_facts;
  if (world.cluster_addresses) view.vmha_addresses = {world.cluster_addresses->value.begin(), world.cluster_addresses->value.end()};
  view.intent_since = world.instance_memory[name].intent_since;
  view.intent_is_ours = world.instance_memory[name].intent_is_ours;
  view.leading_since = leading_since;
  view.nova_busy = calls.is_busy(vmha::key_of(name) + "/nova");
  if (const auto move = into_fenced.find(id); move != into_fenced.end() && view.server && !view.server->value.task_state.empty() &&
                                              view.server->value.host != move->second.destination)
    view.into_fenced = move->second;
  view.dependencies = dependencies_of(instance);
  note_open_fence(view, world.instance_memory[name]);
  view.may_start = may_start.count(name) > 0;
  view.lanes = calls.lanes(vmha::key_of(name));
  return view;
}

void Engine::State::pass_instance(const InstanceName& name) {
  const auto found = world.instances.find(name);
  if (found == world.instances.end()) return;
  const api::ProtectedInstance instance = found->second;
  protectedinstance::InstanceDecision decision = protectedinstance::decide(view_of(instance));
  const std::string key = vmha::key_of(name);
  const bool changes = decision.status != instance.status;
  const bool in_flight = calls.is_busy(key + "/status");
  if (protectedinstance::is_in_flight(decision.status)) world.instance_memory[name].granted_since.reset();
  if (changes && !in_flight) {
    api::ProtectedInstance object = instance;
    object.status = decision.status;
    start(Owner{key, "status"}, kStatusTimeout, WriteInstanceStatus{std::move(object)}, std::move(decision.announcements));
  }
  perform(key, decision, changes || in_flight);
}

}  // namespace vmha
