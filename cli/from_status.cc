#include "cli/from_status.h"

#include <fmt/core.h>

#include "api/conditions.h"
#include "api/names.h"
#include "reconcilers/computenode/explain.h"

namespace vmha::cli {
namespace {

using api::FenceState;
using api::Hold;
using api::ProofState;

bool has_pause(const api::ObjectMeta& metadata) {
  const auto found = metadata.annotations.find(std::string(api::kPausedAnnotation));
  return found != metadata.annotations.end() && found->second == "true";
}

void hold_by_spec(const api::ComputeNode& node, const api::HAPolicy* policy, std::vector<Hold>& holds) {
  if (policy == nullptr) return holds.push_back({"PolicyNotFound", "there is no HAPolicy " + node.spec.policy, {}});
  if (policy->spec.paused || has_pause(policy->metadata) || has_pause(node.metadata))
    holds.push_back({"Paused", "spec.paused of the policy, or the annotation paused on it or on this host", {}});
  if (node.spec.maintenance) holds.push_back({"Maintenance", "spec.maintenance of this host is true", {}});
  if (policy->spec.mode == api::PolicyMode::kDryRun) holds.push_back({"DryRun", "spec.mode of the policy is DryRun: it is said, not done", {}});
}

/// Conditions that say what is in the way: Held and Conflict when True, FencingReady and Ready when not.
void hold_by_conditions(const api::ComputeNode& node, std::vector<Hold>& holds) {
  for (const api::Condition& condition : node.status.conditions) {
    const bool bad_when_true = condition.type == api::condition::kHeld || condition.type == api::condition::kConflict;
    const bool bad_when_not = condition.type == api::condition::kFencingReady;
    const bool is_true = condition.status == api::ConditionStatus::kTrue;
    if ((bad_when_true && is_true) || (bad_when_not && !is_true))
      holds.push_back({condition.reason, fmt::format("{} is {}{}{}", condition.type, api::to_string(condition.status), condition.message.empty() ? "" : ": ", condition.message), {}});
  }
}

void hold_by_fence(const api::Fence& fence, const api::HAPolicy* policy, std::vector<Hold>& holds) {
  if (fence.state != FenceState::kFencing) return;
  const bool needs_host = policy != nullptr && policy->spec.fencing.require == api::RequiredProof::kHost;
  if (fence.power.state != ProofState::kProven)
    holds.push_back({"PowerNotProven", fmt::format("power: {}{}{}", api::to_string(fence.power.state), fence.power.message.empty() ? "" : ", ", fence.power.message), {}});
  if (fence.storage.state != ProofState::kProven && !needs_host)
    holds.push_back({"StorageNotProven", fmt::format("storage: {}{}{}", api::to_string(fence.storage.state), fence.storage.message.empty() ? "" : ", ", fence.storage.message), {}});
}

std::string next_of(const api::ComputeNodeStatus& status) {
  if (!computenode::is_standing(status.fence))
    return status.verdict.value == api::VerdictValue::kHealthy ? "nothing: all is well" : "only the leader knows: it could not be asked";
  switch (status.fence->state) {
    case FenceState::kHeld: return "the fence is made once the budget has room or a person approves it; withdrawn if the evidence turns";
    case FenceState::kFencing: return "once what the policy requires is proven: nova is told, then the instances are evacuated";
    case FenceState::kLifting: return "blocklist entries are removed, the service is un-forced, then enabled: the host is in service";
    default: break;
  }
  const bool finished = status.recovery && status.recovery->finished_time;
  return finished ? "the fence is lifted once the host is back from a proven power cycle" : "the remaining instances are evacuated and attested";
}

}  // namespace

api::HostExplanation explain_from_status(const api::ComputeNode& node, const api::HAPolicy* policy, WallTime now) {
  const api::ComputeNodeStatus& status = node.status;
  api::HostExplanation out;
  out.node = node.metadata.name;
  out.time = std::chrono::floor<seconds>(now);
  out.verdict.value = status.verdict.value;
  out.verdict.row = computenode::row_of(status.verdict.evidence, status.verdict.value);
  for (const api::Evidence& entry : status.verdict.evidence) out.evidence.push_back({entry.source, entry.state, entry.since, entry.detail, {}, {}, {}});
  out.step = computenode::step_of(status.fence, status.recovery);
  out.next = next_of(status);
  hold_by_spec(node, policy, out.holds);
  if (computenode::is_standing(status.fence)) hold_by_fence(*status.fence, policy, out.holds);
  hold_by_conditions(node, out.holds);
  return out;
}

}  // namespace vmha::cli
