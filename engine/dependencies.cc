// spec.dependsOn: who comes before whom in a recovery.
#include <algorithm>

#include "engine/state.h"

namespace vmha {

using protectedinstance::Dependency;

/// Of an instance whose host has a standing fence, or whose recovery for one is under way: it has not come to its end.
bool Engine::State::is_recovering(const api::ProtectedInstance& instance) const {
  if (instance.status.phase == api::InstancePhase::kGone) return false;
  const auto& recovery = instance.status.recovery;
  if (recovery && standing_fences.contains(recovery->fence_id) && !protectedinstance::is_settled(instance, recovery->fence_id)) return true;
  const auto host = world.host_of_server.find(instance.spec.server_id);
  const api::ComputeNode* node = host == world.host_of_server.end() ? nullptr : world.node_of(host->second);
  if (node == nullptr || !computenode::is_standing(node->status.fence)) return false;
  return !protectedinstance::is_settled(instance, node->status.fence->id);
}

/// True when `from` needs `on`, directly or by others. Each instance is looked at once, so circles end.
bool Engine::State::depends_on(const InstanceName& from, const InstanceName& on) const {
  std::set<InstanceName> seen = {from};
  std::vector<InstanceName> open = {from};
  while (!open.empty()) {
    const auto found = world.instances.find(open.back());
    open.pop_back();
    if (found == world.instances.end()) continue;
    for (const api::Dependency& dependency : found->second.spec.depends_on) {
      const InstanceName name{dependency.name};
      if (name == on) return true;
      if (seen.insert(name).second) open.push_back(name);
    }
  }
  return false;
}

std::vector<Dependency> Engine::State::dependencies_of(const api::ProtectedInstance& instance) {
  std::vector<Dependency> dependencies;
  for (const api::Dependency& each : instance.spec.depends_on) {
    Dependency dependency{InstanceName{each.name}, Dependency::State::kSettled};
    const auto found = world.instances.find(dependency.name);
    if (found == world.instances.end()) dependency.state = Dependency::State::kAbsent;
    else if (depends_on(dependency.name, InstanceName{instance.metadata.name})) dependency.state = Dependency::State::kCircle;
    else if (is_recovering(found->second)) dependency.state = Dependency::State::kRecovering;
    dependencies.push_back(std::move(dependency));
  }
  return dependencies;
}

/// It would not start if it were let go: it holds no place.
bool Engine::State::waits_for_another(const api::ProtectedInstance& instance) {
  if (instance.spec.depends_on.empty()) return false;
  const InstanceMemory& memory = world.instance_memory[InstanceName{instance.metadata.name}];
  return protectedinstance::awaited(dependencies_of(instance), memory.unsettled_since, now, world.policy_named(instance.spec.policy)) != nullptr;
}

/// Between two attempts: its place is for those who can use it now.
bool Engine::State::pauses(const api::ProtectedInstance& instance) const {
  const auto& recovery = instance.status.recovery;
  if (!recovery || !recovery->next_attempt_time) return false;
  const auto left = *recovery->next_attempt_time - wall;
  return left > Duration(0) && left <= protectedinstance::kLongestPause + seconds(1);  // in whole seconds; a clock that was set back makes none longer
}

/// What others wait for is as urgent as they are.
std::map<InstanceName, int> Engine::State::start_priorities(const std::vector<const api::ProtectedInstance*>& waiting) const {
  std::map<InstanceName, int> priorities;
  for (const api::ProtectedInstance* instance : waiting) priorities[InstanceName{instance->metadata.name}] = instance->spec.priority;
  for (const api::ProtectedInstance* instance : waiting) {
    std::set<InstanceName> seen;
    std::vector<const api::ProtectedInstance*> open = {instance};
    while (!open.empty()) {
      const auto& needed = open.back()->spec.depends_on;
      open.pop_back();
      for (const api::Dependency& each : needed) {
        const InstanceName name{each.name};
        const auto known = priorities.find(name);
        if (known == priorities.end() || !seen.insert(name).second) continue;
        known->second = std::max(known->second, instance->spec.priority);
        open.push_back(&world.instances.at(name));
      }
    }
  }
  return priorities;
}

}  // namespace vmha
