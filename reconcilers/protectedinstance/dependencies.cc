#include <algorithm>

#include "reconcilers/protectedinstance/facts.h"

/// What a recovery waits for beside its own readings.
namespace vmha::protectedinstance {

const Dependency* awaited(const std::vector<Dependency>& dependencies, std::optional<Instant> since, Instant now, const api::HAPolicy* policy) {
  const auto found = std::ranges::find(dependencies, Dependency::State::kRecovering, &Dependency::state);
  if (found == dependencies.end() || policy == nullptr) return nullptr;
  const bool too_long = since && now - *since >= policy->spec.evacuation.dependency_timeout;
  return too_long ? nullptr : &*found;
}

std::optional<FenceId> open_fence(const InstanceView& view) {
  if (view.server_gone) return std::nullopt;
  const auto& recovery = view.object->status.recovery;
  const bool there = view.fence && view.server && view.server->value.host == view.fence->host;
  if (there && !is_settled(*view.object, view.fence->id)) return view.fence->id;
  if (recovery && is_unfinished(*recovery)) return recovery->fence_id;
  if (!view.into_fenced) return std::nullopt;
  const HostFacts* destination = find_host(view, view.into_fenced->destination);
  return destination != nullptr && destination->fence ? std::optional(destination->fence->id) : std::nullopt;
}

}  // namespace vmha::protectedinstance
