// A person asks why. Nothing here starts an effect or changes what the next pass decides.
#include "reconcilers/computenode/explain.h"

#include "engine/state.h"

namespace vmha {

std::optional<api::HostExplanation> Engine::explain(const NodeName& node, Instant now, WallTime wall) {
  State& s = *state_;
  const auto found = s.world.nodes.find(node);
  if (found == s.world.nodes.end()) return std::nullopt;
  s.now = now;
  s.wall = wall;
  s.facts_made = false;
  s.make_facts();
  computenode::Looks looks;
  for (const auto source : {api::EvidenceSource::kNovaService, api::EvidenceSource::kKubernetesNode, api::EvidenceSource::kStoragePing, api::EvidenceSource::kPower}) {
    looks.age[source] = s.evidence.age(source, now);
    looks.gates[source] = s.evidence.gate(source, node, now);
  }
  looks.held = s.evidence.held(node, now);
  if (s.acts_from > now) looks.acts_in = s.acts_from - now;
  // The suffix is one that random_suffix() never makes: a question draws nothing from the engine's dice.
  computenode::NodeView view = s.complete_view_of(found->second, s.world.node_memory[node]);
  view.fresh_suffix = "?????";
  return computenode::explain(view, looks);
}

}  // namespace vmha
