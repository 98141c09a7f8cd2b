// Resources for what nova shows, where the policy says Automatic. A spec is written once and never again.
#include <algorithm>

#include "engine/state.h"
#include "reconcilers/policy/discovery.h"
#include "reconcilers/policy/selector.h"

namespace vmha {

void Engine::State::discover_nodes() {
  const api::HAPolicy* policy = world.policy_named(std::string(api::kDefaultPolicy));
  if (policy == nullptr || policy->spec.discovery.compute_nodes != api::DiscoveryMode::kAutomatic || policy->spec.paused) return;
  std::size_t made = 0;
  for (const nova::Service& service : world.services->value) {
    if (made == kCreatesPerPass) break;
    if (world.node_of(service.host) != nullptr) continue;
    api::ComputeNode node = policy::node_for(service, options.ns);
    const NodeName name{node.metadata.name};
    // A name that is taken belongs to somebody's own object, which says another host: that is for a person to see, not to write over.
    if (world.nodes.count(name) > 0 || !creating.insert(vmha::key_of(name)).second) continue;
    start(Owner{"", "create/" + vmha::key_of(name)}, kStatusTimeout, CreateNode{std::move(node)});
    ++made;
  }
  forget_gone_nodes();
}

/// A server that discovery makes a resource for, and that has none yet. A name that somebody's own object has taken is for a person to see.
bool Engine::State::is_to_be_discovered(const nova::Server& server) const {
  const api::HAPolicy* policy = world.policy_named(std::string(api::kDefaultPolicy));
  if (policy == nullptr || policy->spec.discovery.instances != api::DiscoveryMode::kAutomatic || policy->spec.paused) return false;
  if (!server.unreadable.empty()) return false;
  if (world.instances_of_server.count(server.id) > 0 || !policy::matches(policy->spec.discovery.instance_selector, server)) return false;
  return world.instances.count(InstanceName{policy::instance_for(server, options.ns).metadata.name}) == 0;
}

void Engine::State::discover_instances(const std::vector<nova::Server>& servers) {
  std::size_t made = 0;
  for (const nova::Server& server : servers) {
    if (made == kCreatesPerPass) break;
    if (!is_to_be_discovered(server)) continue;
    api::ProtectedInstance instance = policy::instance_for(server, options.ns);
    const InstanceName name{instance.metadata.name};
    if (!creating.insert(vmha::key_of(name)).second) continue;
    start(Owner{"", "create/" + vmha::key_of(name)}, kStatusTimeout, CreateInstance{std::move(instance)});
    ++made;
  }
}

/// True once an object was missing in all looks of kGoneFor: one list with an element that nova could not show is no reason to forget a host.
bool Engine::State::is_gone(const std::string& key, bool present) {
  if (present) {
    missing_since.erase(key);
    return false;
  }
  return now - missing_since.emplace(key, now).first->second >= kGoneFor;
}

/// What nova lists is complete as far as can be told: some service is listed, and no cell is away (of such a one nova leaves out what it likes).
bool Engine::State::lists_are_complete() const {
  if (!world.services || world.services->value.empty()) return false;
  return std::ranges::all_of(world.services->value, &nova::Service::state_known);
}

void Engine::State::forget_gone_nodes() {
  if (!lists_are_complete()) {
    std::erase_if(missing_since, [](const auto& entry) { return entry.first.starts_with("cn/"); });
    return;
  }
  for (const auto& [name, node] : world.nodes) {
    if (!policy::is_discovered(node.metadata)) continue;
    const std::string key = vmha::key_of(name);
    if (!is_gone(key, world.service_of(node.nova_host()) != nullptr) || computenode::is_standing(node.status.fence)) continue;
    start(Owner{"", "delete/" + key}, kStatusTimeout, DeleteNode{name, node.metadata.uid});
  }
}

void Engine::State::forget_gone_instances(const std::set<ServerId>& present) {
  const api::HAPolicy* policy = world.policy_named(std::string(api::kDefaultPolicy));
  if (policy == nullptr || policy->spec.discovery.instances != api::DiscoveryMode::kAutomatic || policy->spec.paused) return;
  if (!lists_are_complete()) {
    std::erase_if(missing_since, [](const auto& entry) { return entry.first.starts_with("pi/"); });
    return;
  }
  for (const auto& [name, instance] : world.instances) {
    if (!policy::is_discovered(instance.metadata)) continue;
    const std::string key = vmha::key_of(name);
    const auto& recovery = instance.status.recovery;
    const bool recovering = recovery && standing_fences.count(recovery->fence_id) > 0;
    if (!is_gone(key, present.count(instance.spec.server_id) > 0) || recovering) continue;
    start(Owner{"", "delete/" + key}, kStatusTimeout, DeleteInstance{name, instance.metadata.uid});
  }
}

}  // namespace vmha
