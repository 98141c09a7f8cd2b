#include "reconcilers/computenode/pass.h"

#include <algorithm>

namespace vmha::computenode {

Pass::Pass(const NodeView& v) : view(v) { out.status = v.object->status; }

bool Pass::uses(api::FenceMethod method) const {
  const auto& methods = policy().fencing.methods;
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

std::string Pass::annotation(std::string_view name) const {
  const auto found = view.object->metadata.annotations.find(std::string(name));
  return found == view.object->metadata.annotations.end() ? std::string() : found->second;
}

void Pass::wish(std::string lane, Duration timeout, Operation operation) {
  out.wishes.push_back(Wish{std::move(lane), timeout, std::move(operation)});
}

void Pass::announce(bool warning, std::string reason, std::string note) {
  out.announcements.push_back(Announcement{warning, std::move(reason), std::move(note)});
}

void Pass::condition(std::string_view type, api::ConditionStatus status, std::string_view reason, std::string_view message) {
  api::set_condition(out.status.conditions, type, status, reason, message, view.object->metadata.generation, view.wall);
}

bool Pass::may_try(const std::string& lane) {
  const auto found = view.lanes.find(lane);
  if (found == view.lanes.end() || found->second.failures_in_a_row == 0) return true;
  const Instant next = found->second.finished + std::min(kRetryAtMost, backoff_after(found->second.failures_in_a_row));
  if (view.now >= next) return true;
  out.wake(next);
  return false;
}

std::string hands_off(const NodeView& view) {
  if (view.paused) return "Paused";
  if (view.object->spec.maintenance) return "Maintenance";
  if (view.duplicate) return "Duplicate";
  if (!view.conflict.empty()) return "Conflict";
  if (view.policy->spec.mode == api::PolicyMode::kDryRun) return "DryRun";
  return {};
}

std::string disabled_reason(const FenceId& fence) { return "vmha: " + fence.value; }

std::optional<FenceId> fence_marked(const nova::Service& service, const NodeName& node) {
  const std::string prefix = disabled_reason(FenceId{node.value + "-"});
  if (service.enabled || !service.disabled_reason.starts_with(prefix)) return std::nullopt;
  const std::string suffix = service.disabled_reason.substr(prefix.size());
  // "compute-1-x7k2q" is no fence of a node "compute"; its own end in five letters without a dash.
  if (suffix.size() != kFenceSuffix || suffix.find('-') != std::string::npos) return std::nullopt;
  return FenceId{service.disabled_reason.substr(disabled_reason(FenceId{}).size())};
}

bool is_standing(const std::optional<api::Fence>& fence) {
  return fence && fence->state != api::FenceState::kLifted && fence->state != api::FenceState::kWithdrawn;
}

bool is_called(const std::optional<api::Fence>& fence) {
  // A method that is skipped calls nothing: a fence without any usable one has to stay one that can be given up. What was found in the world was called.
  const auto begun = [](api::ProofState state) { return state != api::ProofState::kPending && state != api::ProofState::kSkipped; };
  return is_standing(fence) && (fence->adopted || begun(fence->power.state) || begun(fence->storage.state));
}

}  // namespace vmha::computenode
