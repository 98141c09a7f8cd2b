// For people: the same view as decide() has, in words. Decides nothing.
#include "reconcilers/computenode/explain.h"

#include <algorithm>

#include <fmt/core.h>

#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

using api::FenceState;
using api::Hold;
using api::ProofState;
using api::VerdictValue;

std::optional<seconds> ago(const std::optional<Instant>& then, Instant now) {
  if (!then) return std::nullopt;
  return std::chrono::floor<seconds>(std::max(Duration(0), now - *then));
}

std::optional<Instant> proven_alive(const HostEvidence& evidence, api::EvidenceSource source) {
  switch (source) {
    case api::EvidenceSource::kNovaService: return evidence.nova.proven_alive;
    case api::EvidenceSource::kKubernetesNode: return evidence.lease.proven_alive;
    case api::EvidenceSource::kStoragePing: return evidence.storage.proven_alive;
    case api::EvidenceSource::kPower: break;
  }
  return std::nullopt;  // On proves no life
}

std::vector<api::SourceExplanation> explain_evidence(const NodeView& view, const Looks& looks) {
  std::vector<api::SourceExplanation> sources;
  for (const api::Evidence& entry : view.judgement.evidence) {
    api::SourceExplanation source{entry.source, entry.state, entry.since, entry.detail, ago(proven_alive(view.evidence, entry.source), view.now), {}, {}};
    if (const auto age = looks.age.find(entry.source); age != looks.age.end() && age->second) source.looked_ago = std::chrono::floor<seconds>(*age->second);
    if (const auto gate = looks.gates.find(entry.source); gate != looks.gates.end()) source.gate = gate->second;
    sources.push_back(std::move(source));
  }
  return sources;
}

api::VerdictExplanation explain_verdict(const NodeView& view, const Looks& looks) {
  const Judgement& judgement = view.judgement;
  api::VerdictExplanation verdict{judgement.value, judgement.detail, row_of(judgement.evidence, judgement.value), judgement.confirmed, {}, {}};
  if (looks.held) verdict.held = std::chrono::floor<seconds>(*looks.held);
  if (view.policy != nullptr) verdict.held_needed = std::chrono::ceil<seconds>(confirmation_time(judgement, view.evidence, view.policy->spec));
  return verdict;
}

void hold_hands_off(const Pass& pass, std::vector<Hold>& holds) {
  if (pass.view.paused) holds.push_back({"Paused", "spec.paused of the policy, or the annotation paused on it or on this host", {}});
  if (pass.spec().maintenance) holds.push_back({"Maintenance", "spec.maintenance of this host is true", {}});
  if (pass.view.duplicate) holds.push_back({"Duplicate", "another ComputeNode has the same spec.novaHost", {}});
  if (!pass.view.conflict.empty()) holds.push_back({"Conflict", pass.view.conflict, {}});
  if (pass.policy().mode == api::PolicyMode::kDryRun) holds.push_back({"DryRun", "spec.mode of the policy is DryRun: it is said, not done", {}});
}

/// What is still wanted is tried again soon (kRetryAtMost, a drill after a minute); an older failure holds nothing back, and neither does a status
/// write that lost against a newer object when there is nothing to write any more.
constexpr Duration kStillTried = seconds(90);

void hold_calls_that_fail(const Pass& pass, const NodeDecision& decision, std::vector<Hold>& holds) {
  const bool writes = decision.status != pass.stored();
  for (const auto& [lane, outcome] : pass.view.lanes) {
    if (outcome.failures_in_a_row == 0 || pass.view.now - outcome.finished > kStillTried || (lane == "status" && !writes)) continue;
    const Instant again = outcome.finished + std::min(kRetryAtMost, backoff_after(outcome.failures_in_a_row));
    holds.push_back({"CallFailed", fmt::format("{} ({}), {} times in a row: {}", outcome.operation, lane, outcome.failures_in_a_row, outcome.error),
                     std::chrono::ceil<seconds>(std::max(Duration(0), again - pass.view.now))});
  }
}

void hold_not_ready(const NodeDecision& decision, std::vector<Hold>& holds) {
  const api::Condition* ready = api::find_condition(decision.status.conditions, api::condition::kFencingReady);
  if (ready == nullptr || ready->status == api::ConditionStatus::kTrue) return;
  holds.push_back({ready->reason, "FencingReady is False: " + ready->message, {}});
}

/// From silence to the intent of a fence.
void hold_before_fence(const Pass& pass, const Looks& looks, std::vector<Hold>& holds) {
  const Judgement& judgement = pass.view.judgement;
  const api::Response& response = pass.policy().response;
  if (judgement.value == VerdictValue::kUnknown) return holds.push_back({"Unknown", judgement.detail + "; Unknown is never fenced", {}});
  if (judgement.value == VerdictValue::kAgentDown) return holds.push_back({"AgentDown", judgement.detail + "; it is never fenced for that", {}});
  if (judgement.value == VerdictValue::kIsolated && response.on_isolated == api::ResponseAction::kLeave)
    return holds.push_back({"PolicyLeaves", "response.onIsolated of the policy is Leave", {}});
  if (judgement.value == VerdictValue::kStorageLost && response.on_storage_lost == api::ResponseAction::kLeave)
    return holds.push_back({"PolicyLeaves", "response.onStorageLost of the policy is Leave", {}});
  if (!is_answered_with_fence(pass)) return;
  if (!judgement.confirmed) {
    const Duration needed = confirmation_time(judgement, pass.view.evidence, pass.policy());
    const Duration left = std::max(Duration(0), needed - looks.held.value_or(Duration(0)));
    holds.push_back({"Confirming", fmt::format("the verdict must hold for {} s", std::chrono::ceil<seconds>(needed).count()), std::chrono::ceil<seconds>(left)});
  }
  if (!pass.view.budget_allows) holds.push_back({"Storm", pass.view.budget_reason, {}});
}

void hold_held(const Pass& pass, const Looks& looks, std::vector<Hold>& holds) {
  const api::Fence& fence = *pass.stored().fence;
  if (!is_called(pass.stored().fence) && reason_to_fence(pass).empty()) hold_before_fence(pass, looks, holds);
  else if (!pass.view.budget_allows) holds.push_back({"Storm", pass.view.budget_reason, {}});
  if (!pass.view.budget_allows)
    holds.push_back({"WaitsForApproval", fmt::format("or a person lets it go: annotation {}={}", api::kApproveAnnotation, pass.view.storm_id.empty() ? fence.id.value : pass.view.storm_id), {}});
}

std::string proof_text(const char* method, ProofState state, const std::string& message) {
  return fmt::format("{}: {}{}{}", method, api::to_string(state), message.empty() ? "" : ", ", message);
}

std::string asked_text(const NodeView& view, const std::string& device) {
  const auto asked = view.requested.find("power/" + device);
  if (device.empty() || asked == view.requested.end()) return {};
  return fmt::format("; {} was last asked to switch off {} s ago", device, ago(asked->second, view.now)->count());
}

/// What the policy requires and is not proven by readings of now.
void hold_unproven(const Pass& pass, std::vector<Hold>& holds) {
  const NodeView& view = pass.view;
  const api::Fence& fence = *pass.stored().fence;
  const LiveProof live = live_proof(view);
  const bool power = live.power && fence.power.state == ProofState::kProven;
  const bool storage = live.storage && fence.storage.state == ProofState::kProven;
  const bool needs_host = pass.policy().fencing.require == api::RequiredProof::kHost;
  const bool enough = needs_host ? power : power || storage;
  if (!enough && !power)
    holds.push_back({"PowerNotProven", proof_text("power", fence.power.state, fence.power.message) + asked_text(view, fence.power.device) +
                                           (needs_host ? "; fencing.require of the policy is Host: only a reading of Off is enough" : ""), {}});
  if (!enough && !storage && !needs_host) holds.push_back({"StorageNotProven", proof_text("storage", fence.storage.state, fence.storage.message), {}});
  if (!enough) return;
  const auto in_force = fence_in_force(view);
  if (fence.state == FenceState::kFencing || (in_force && !in_force->requirement_met)) {
    const auto since = power ? live.power_since : live.storage_since;
    const auto left = since ? std::max(Duration(0), kOtherMethodGrace - (view.now - *since)) : Duration(0);
    if (!(power && storage) && left > Duration(0))
      holds.push_back({"OtherMethodGrace", "the other method gets a moment to finish, too", std::chrono::ceil<seconds>(left)});
  }
}

void hold_recovery(const Pass& pass, std::vector<Hold>& holds) {
  const NodeView& view = pass.view;
  hold_unproven(pass, holds);
  if (!view.service) return holds.push_back({"NovaServiceNotFound", "nova has no compute service of that name", {}});
  const auto in_force = fence_in_force(view);
  if (in_force && !in_force->service_forced_down) return holds.push_back({"NovaNotTold", "nova does not show the service forced down with the fence's id yet", {}});
  if (!view.recovery.all_known) holds.push_back({"InstancesNotKnown", "nova's list of the host's servers was not read since, or a server has no ProtectedInstance yet", {}});
  if (!view.recovery.none_left) holds.push_back({"InstancesLeft", fmt::format("{} of {} instances are not settled", view.recovery.in_progress, view.recovery.total), {}});
}

bool is_settled(const Pass& pass) {
  const auto& recovery = pass.stored().recovery;
  return recovery && recovery->finished_time && pass.view.recovery.none_left;
}

void hold_standing(const Pass& pass, const Looks& looks, std::vector<Hold>& holds) {
  const api::Fence& fence = *pass.stored().fence;
  const auto append = [&](std::vector<Hold> more) { holds.insert(holds.end(), more.begin(), more.end()); };
  if (fence.state == FenceState::kHeld) return hold_held(pass, looks, holds);
  if (fence.state == FenceState::kLifting) return append(missing_for_return(pass));
  if (!is_called(pass.stored().fence)) {
    if (reason_to_fence(pass).empty()) hold_before_fence(pass, looks, holds);
    return;
  }
  if (fence.state == FenceState::kFencing) return hold_unproven(pass, holds);
  if (is_settled(pass)) return append(missing_for_return(pass));
  hold_recovery(pass, holds);
}

std::string next_without_fence(const Pass& pass) {
  const Judgement& judgement = pass.view.judgement;
  if (is_answered_with_fence(pass) || !reason_to_fence(pass).empty()) return "the host is fenced (power and storage side by side), then its instances are evacuated";
  if (judgement.value == VerdictValue::kHealthy) return judgement.suspect ? "nothing yet: a source is late and is looked at more closely" : "nothing: all is well";
  return "nothing: this verdict is not answered with a fence";
}

std::string next_with_fence(const Pass& pass) {
  const api::Fence& fence = *pass.stored().fence;
  switch (fence.state) {
    case FenceState::kHeld: return "the fence is made once the budget has room or a person approves it; withdrawn if the evidence turns";
    case FenceState::kFencing:
      if (!is_called(pass.stored().fence)) return "power off and blocklist begin; the fence is withdrawn if the evidence turns before that";
      return pass.policy().fencing.require == api::RequiredProof::kHost ? "once power is proven off: nova is told (forced down, disabled), then the instances are evacuated"
                                                                       : "once power or storage is proven: nova is told (forced down, disabled), then the instances are evacuated";
    case FenceState::kLifting: return "blocklist entries are removed, the service is un-forced, then enabled: the host is in service";
    default: break;
  }
  if (!pass.stored().recovery) return "nova is told (forced down, disabled), then the instances are evacuated";
  return is_settled(pass) ? "the fence is lifted once the host is back from a proven power cycle" : "the remaining instances are evacuated and attested";
}

std::vector<std::string> acts_of(const NodeDecision& decision) {
  std::vector<std::string> acts;
  for (const Wish& wish : decision.wishes)
    if (is_irreversible(wish.operation)) acts.push_back(fmt::format("{} {}", name_of(wish.operation), wish.lane));
  return acts;
}

}  // namespace

std::string row_of(const std::vector<api::Evidence>& evidence, api::VerdictValue value) {
  std::string row;
  for (const api::Evidence& entry : evidence) {
    const bool power = entry.source == api::EvidenceSource::kPower;
    const std::string_view state = power ? (entry.state == api::EvidenceState::kOff ? "Off" : "not Off") : api::to_string(entry.state);
    row += fmt::format("{}{} {}", row.empty() ? "" : ", ", api::to_string(entry.source), state);
  }
  return row.empty() ? std::string() : fmt::format("{}: {}", row, api::to_string(value));
}

std::string step_of(const std::optional<api::Fence>& fence, const std::optional<api::NodeRecovery>& recovery) {
  if (!is_standing(fence)) return "no fence";
  switch (fence->state) {
    case FenceState::kHeld: return "1 the fence is held";
    case FenceState::kFencing: return is_called(fence) ? "2-3 power and storage are being proven" : "1 the fence is intended, nothing was called";
    case FenceState::kLifting: return "10 the fence is being lifted";
    default: break;
  }
  if (!recovery || recovery->fence_id != fence->id) return "5 proven, nova is being told";
  return recovery->finished_time ? "9-10 recovered, waiting for the host's return" : "6-8 instances are being recovered";
}

api::HostExplanation explain(const NodeView& view, const Looks& looks) {
  api::HostExplanation out;
  const api::ComputeNodeStatus& stored = view.object->status;
  out.node = view.object->metadata.name;
  out.time = std::chrono::floor<seconds>(view.wall);
  out.answered_by = view.identity;
  out.verdict = explain_verdict(view, looks);
  out.evidence = explain_evidence(view, looks);
  out.step = step_of(stored.fence, stored.recovery);
  const NodeDecision decision = decide(view);
  out.calls = acts_of(decision);
  if (view.policy == nullptr) {
    out.next = "nothing: without a policy nothing is done";
    out.holds = {{"PolicyNotFound", "there is no HAPolicy " + view.object->spec.policy, {}}};
    return out;
  }
  const Pass pass(view);
  const bool stands = is_standing(stored.fence);
  out.next = stands ? next_with_fence(pass) : next_without_fence(pass);
  hold_hands_off(pass, out.holds);
  if (looks.acts_in > Duration(0)) out.holds.push_back({"NewLeader", "what the old leader sent may still be on the wire", std::chrono::ceil<seconds>(looks.acts_in)});
  if (stands) hold_standing(pass, looks, out.holds);
  else hold_before_fence(pass, looks, out.holds);
  hold_not_ready(decision, out.holds);
  hold_calls_that_fail(pass, decision, out.holds);
  if (out.holds.size() > api::kMaxHolds) out.holds.resize(api::kMaxHolds);
  return out;
}

}  // namespace vmha::computenode
