// What the API server shows: caches that never go back behind our own writes.
#include <algorithm>

#include "base/address.h"
#include "engine/state.h"

namespace vmha {

evidence::HostRef host_ref(const api::ComputeNode& node) {
  evidence::HostRef ref;
  ref.node = NodeName{node.metadata.name};
  ref.nova_host = node.nova_host();
  ref.kubernetes_node = node.spec.kubernetes_node;
  ref.client_addresses = node.spec.storage.client_addresses;
  if (ref.client_addresses.empty() && node.status.storage_clients)
    for (const Address& address : node.status.storage_clients->addresses) ref.client_addresses.push_back(address.value);
  for (const api::PowerDevice& device : node.spec.fencing.devices) {
    const auto known = std::find_if(node.status.devices.begin(), node.status.devices.end(), [&](const api::DeviceStatus& d) { return d.name == device.name; });
    ref.devices.push_back({device.name, device.level, known != node.status.devices.end() && known->seen_on, api::identity(device)});
  }
  ref.own_fence = computenode::is_standing(node.status.fence);
  ref.fence_called = computenode::is_called(node.status.fence);
  return ref;
}

std::string devices_identity(const api::ComputeNode& node) {
  std::string identity;
  for (const evidence::HostRef::Device& device : host_ref(node).devices) identity += device.name + "\n" + std::to_string(device.level) + "\n" + device.identity + "\n";
  return identity;
}

void Engine::State::changed(const api::HAPolicy& object) {
  const auto known = world.policies.find(object.metadata.name);
  if (known != world.policies.end() && !is_not_older(object.metadata.resource_version, known->second.metadata.resource_version)) return;
  const bool same_spec = known != world.policies.end() && known->second.spec == object.spec && known->second.metadata.annotations == object.metadata.annotations;
  world.policies.insert_or_assign(object.metadata.name, object);
  if (object.metadata.name == api::kDefaultPolicy) evidence.configure(object.spec.detection);
  queue.add("hap/" + object.metadata.name, Queue::Priority::kOrdinary);
  if (same_spec) return;
  touch_nodes();
  for (const auto& [name, instance] : world.instances) touch_instance(name);
}

void Engine::State::deleted(const NodeName& name) {
  world.remove_node(name);
  world.node_memory.erase(name);
  evidence.forget(name);
  creating.erase(vmha::key_of(name));
  missing_since.erase(vmha::key_of(name));
  queue.forget(vmha::key_of(name));
  calls.forget(vmha::key_of(name));
}

/// A recovery whose object is gone is nobody's: nova ends what it was asked for, and the tenant gets the server back.
void Engine::State::release(const api::ProtectedInstance& instance) {
  const auto& recovery = instance.status.recovery;
  if (!recovery || !recovery->locked || !may_act()) return;
  start(Owner{"", "unlock/" + instance.spec.server_id.value}, kPollTimeout, UnlockServer{instance.spec.server_id});
}

void Engine::State::deleted(const InstanceName& name) {
  if (const auto known = world.instances.find(name); known != world.instances.end()) {
    release(known->second);
    for (const api::DiskStatus& disk : known->second.status.disks) evidence.recall_watchers(disk.image, {});
  }
  world.remove_instance(name);
  world.instance_memory.erase(name);
  creating.erase(vmha::key_of(name));
  missing_since.erase(vmha::key_of(name));
  queue.forget(vmha::key_of(name));
  calls.forget(vmha::key_of(name));
}

void Engine::State::changed(const api::ComputeNode& object) {
  const NodeName name{object.metadata.name};
  const auto older = world.nodes.find(name);
  // Deleted and made again within one gap of the watch: nothing that was learned about the old one is about this one.
  if (older != world.nodes.end() && older->second.metadata.uid != object.metadata.uid) deleted(name);
  const auto known = world.nodes.find(name);
  if (known != world.nodes.end() && !is_not_older(object.metadata.resource_version, known->second.metadata.resource_version)) return;
  if (known != world.nodes.end() && known->second.metadata.resource_version == object.metadata.resource_version) return;
  world.put(object);
  creating.erase(vmha::key_of(name));
  evidence.track(host_ref(object));
  touch_node(name);
  if (computenode::is_standing(object.status.fence)) touch_instances_on(object.nova_host());
}

void Engine::State::recall_watchers(const api::ProtectedInstance& instance) {
  for (const api::DiskStatus& disk : instance.status.disks) {
    std::set<Address> addresses;
    for (const std::string& watcher : disk.watchers) addresses.insert(address_of_client(watcher));
    evidence.recall_watchers(disk.image, addresses);
  }
}

void Engine::State::changed(const api::ProtectedInstance& object) {
  const InstanceName name{object.metadata.name};
  const auto older = world.instances.find(name);
  if (older != world.instances.end() && older->second.metadata.uid != object.metadata.uid) deleted(name);
  const auto known = world.instances.find(name);
  if (known != world.instances.end() && !is_not_older(object.metadata.resource_version, known->second.metadata.resource_version)) return;
  if (known != world.instances.end() && known->second.metadata.resource_version == object.metadata.resource_version) return;
  InstanceMemory& memory = world.instance_memory[name];
  const bool same = known != world.instances.end() && protectedinstance::same_intent(known->second.status, object.status);
  if (!same || !memory.intent_since) {
    memory.intent_since = now;
    memory.intent_is_ours = false;  // until the answer to a write of our own says so
  }
  world.put(object);
  recall_watchers(object);
  creating.erase(vmha::key_of(name));
  touch_instance(name);
  const auto& recovery = object.status.recovery;
  if (recovery) touch_node(NodeName{recovery->from});
}

}  // namespace vmha
