// One pass over one HAPolicy: sums.
#include "engine/state.h"
#include "reconcilers/policy/decide.h"

namespace vmha {

void Engine::State::pass_policy(const std::string& name) {
  const auto found = world.policies.find(name);
  if (found == world.policies.end()) return;
  make_facts();
  const api::HAPolicy object = found->second;
  policy::PolicyView view;
  view.now = now;
  view.wall = wall;
  view.object = &object;
  for (const auto& [node_name, node] : world.nodes)
    if (node.spec.policy == name) view.nodes.push_back(&node);
  for (const auto& [instance_name, instance] : world.instances)
    if (instance.spec.policy == name) view.instances.push_back(&instance);
  if (name == api::kDefaultPolicy) view.storm = &storm;
  view.fresh_suffix = random_suffix();
  for (const auto source : {api::EvidenceSource::kNovaService, api::EvidenceSource::kKubernetesNode, api::EvidenceSource::kStoragePing}) {
    std::string& why = view.sources[std::string(api::to_string(source))];
    for (const api::ComputeNode* node : view.nodes)
      if (why.empty()) why = evidence.gate(source, NodeName{node->metadata.name}, now);
  }
  auto decision = policy::decide(view);
  const std::string key = "hap/" + name;
  if (decision.status == object.status || calls.is_busy(key + "/status")) return;
  api::HAPolicy next = object;
  next.status = decision.status;
  start(Owner{key, "status"}, kStatusTimeout, WritePolicyStatus{std::move(next)}, std::move(decision.announcements));
}

}  // namespace vmha
