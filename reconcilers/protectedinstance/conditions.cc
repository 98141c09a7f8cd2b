#include <algorithm>

#include <fmt/core.h>

#include "api/conditions.h"
#include "api/names.h"
#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/pass.h"
#include "reconcilers/protectedinstance/recoverable.h"

namespace vmha::protectedinstance {
namespace {

using api::ConditionStatus;
using api::RecoveryStep;

const Dependency* ignored_dependency(const InstanceView& view) {
  const auto ignored = [](const Dependency& each) { return each.state == Dependency::State::kAbsent || each.state == Dependency::State::kCircle; };
  const auto found = std::ranges::find_if(view.dependencies, ignored);
  return found == view.dependencies.end() ? nullptr : &*found;
}

std::string cannot_be_read(const InstanceView& view) { return "what nova says of it cannot be read, so nothing is done for it: " + view.server_unreadable; }

void summarize_ready(Pass& pass) {
  const std::string_view type = api::condition::kReady;
  const std::string why = pass.hands_off();
  if (pass.view.server_gone) return pass.condition(type, ConditionStatus::kFalse, "ServerGone", "nova has no such server");
  if (why == "PolicyNotFound") return pass.condition(type, ConditionStatus::kFalse, why, fmt::format("there is no HAPolicy {}", pass.spec().policy));
  if (why == "Duplicate") return pass.condition(type, ConditionStatus::kFalse, why, "another ProtectedInstance has the same serverID: neither acts");
  if (why == "Paused") return pass.condition(type, ConditionStatus::kFalse, why, "paused: it is watched, and nothing is done for it");
  if (pass.view.maintenance) return pass.condition(type, ConditionStatus::kFalse, "Maintenance", "its host is under maintenance");
  if (!pass.view.server_unreadable.empty()) return pass.condition(type, ConditionStatus::kFalse, "Unreadable", cannot_be_read(pass.view));
  if (!pass.view.server) return pass.condition(type, ConditionStatus::kUnknown, "NotRead", "nova was not asked for it yet");
  if (why == "DryRun") return pass.condition(type, ConditionStatus::kTrue, why, "decisions are recorded, nothing is done");
  if (const Dependency* ignored = ignored_dependency(pass.view)) {
    const bool absent = ignored->state == Dependency::State::kAbsent;
    const std::string_view text = absent ? "there is no ProtectedInstance {}, which spec.dependsOn names: not waited for"
                                         : "spec.dependsOn names {}, which depends on this one in turn: not waited for";
    return pass.condition(type, ConditionStatus::kTrue, absent ? "DependencyNotFound" : "DependencyCircle", fmt::format(fmt::runtime(text), ignored->name.value));
  }
  pass.condition(type, ConditionStatus::kTrue, "Watched", "");
}

void summarize_recoverable(Pass& pass) {
  const std::string_view type = api::condition::kRecoverable;
  const InstanceView& view = pass.view;
  if (view.server_gone) return pass.condition(type, ConditionStatus::kFalse, "ServerGone", "nova has no such server");
  if (!view.server_unreadable.empty()) return pass.condition(type, ConditionStatus::kFalse, "Unreadable", cannot_be_read(view));
  if (!view.server) return pass.condition(type, ConditionStatus::kUnknown, "NotRead", "nova was not asked for it yet");
  const auto blocked = blocker(view);
  if (!pass.not_recoverable.empty()) {
    return pass.condition(type, ConditionStatus::kFalse, blocked ? blocked->reason : "NotRecoverable", pass.not_recoverable);
  }
  // During a recovery the server shows what nova does with it, which says nothing about the next recovery.
  const auto& recovery = pass.out.status.recovery;
  const bool under_way = host_is_fenced(view) || (recovery && is_unfinished(*recovery)) || !view.server->value.task_state.empty();
  // Before its own host is judged healthy, the others being so is not known either: at a start that is no news.
  const HostFacts* host = find_host(view, view.server->value.host);
  const bool guess = blocked && blocked->reason == kNoDestination && (host == nullptr || !host->healthy);
  if ((under_way || guess) && api::find_condition(pass.out.status.conditions, type) != nullptr) return;
  if (guess) return pass.condition(type, ConditionStatus::kUnknown, "HostsNotJudged", "no host is known to be healthy yet");
  if (blocked && blocked->hard) return pass.condition(type, ConditionStatus::kFalse, blocked->reason, blocked->message);
  if (!view.disks) return pass.condition(type, ConditionStatus::kUnknown, "DisksNotRead", "its disks were not read yet");
  if (blocked) return pass.condition(type, ConditionStatus::kFalse, blocked->reason, blocked->message);
  pass.condition(type, ConditionStatus::kTrue, "Evacuable", "");
}

void summarize_placed(Pass& pass) {
  const std::string_view type = api::condition::kPlaced;
  const api::Placement& placement = pass.spec().placement;
  const std::string& host = pass.out.status.host;
  const auto names = [&](const std::vector<NodeName>& list) { return std::ranges::find(list, NodeName{host}) != list.end(); };
  if (host.empty()) return pass.condition(type, ConditionStatus::kUnknown, "NotRead", "its host is not known");
  if (!placement.allowed_hosts.empty() && !names(placement.allowed_hosts)) {
    return pass.condition(type, ConditionStatus::kFalse, "NotAllowed", fmt::format("{} is not in spec.placement.allowedHosts", host));
  }
  if (names(placement.avoid_hosts)) return pass.condition(type, ConditionStatus::kFalse, "Avoided", fmt::format("{} is in spec.placement.avoidHosts", host));
  pass.condition(type, ConditionStatus::kTrue, "AsWanted", "");
}

/// The recovery these conditions are about: of a fence that stands, or not yet at its end.
const api::InstanceRecovery* current_recovery(const Pass& pass) {
  const auto& recovery = pass.out.status.recovery;
  if (!recovery) return nullptr;
  const bool current = is_unfinished(*recovery) || pass.view.standing_fences.contains(recovery->fence_id) || !recovery->finished_time;
  return current ? &*recovery : nullptr;
}

/// Once attested it stays so until the next recovery: what was seen then does not become wrong by the end of the fence.
void summarize_attested(Pass& pass) {
  const std::string_view type = api::condition::kAttested;
  const auto& last = pass.out.status.recovery;
  if (last && last->phase == RecoveryStep::kAttested) {
    return pass.condition(type, ConditionStatus::kTrue, "NoOldWatch", fmt::format("fence {}", last->fence_id.value));
  }
  const api::InstanceRecovery* recovery = current_recovery(pass);
  if (recovery == nullptr) return pass.condition(type, ConditionStatus::kFalse, "NoFence", "");
  const bool looking = pass.out.status.phase == api::InstancePhase::kAttesting;
  if (looking && !recovery->message.empty()) return pass.condition(type, ConditionStatus::kFalse, "UnexpectedWatch", recovery->message);
  pass.condition(type, ConditionStatus::kFalse, looking ? "Attesting" : "NotRecovered", "");
}

constexpr std::string_view kOverdue = "Overdue";

/// Longer than evacuation.timeoutSeconds: an alert for a person, never a second request. Once said it stays said for this attempt or this wait.
bool is_overdue(const Pass& pass) {
  const InstanceView& view = pass.view;
  const bool in_flight = is_in_flight(pass.out.status);
  if (view.policy == nullptr || (!in_flight && !pass.hands_off().empty())) return false;
  if (!same_intent(pass.stored(), pass.out.status)) return false;
  const api::Condition* before = api::find_condition(pass.stored().conditions, api::condition::kRecovered);
  if (before != nullptr && before->reason == kOverdue) return true;
  const std::optional<Instant>& since = in_flight ? view.intent_since : view.unsettled_since;
  return since && view.now - *since > view.policy->spec.evacuation.timeout;
}

/// Of a server on a healthy host that nova was moving to one that was fenced meanwhile.
void summarize_unfinished_move(Pass& pass, const nova::Migration& move) {
  const std::string what = fmt::format("nova's {} {} to {}, which is fenced, is {}", move.type, move.uuid.value, name_of(pass.view, move.destination), move.status);
  if (!is_overdue(pass)) return pass.condition(api::condition::kRecovered, ConditionStatus::kFalse, "MoveUnfinished", what + ": nova takes it back or ends it");
  pass.condition(api::condition::kRecovered, ConditionStatus::kFalse, kOverdue, what + " for longer than evacuation.timeoutSeconds: a person has to look");
}

void summarize_recovered(Pass& pass) {
  const std::string_view type = api::condition::kRecovered;
  const api::InstanceRecovery* recovery = current_recovery(pass);
  if (pass.view.into_fenced && (recovery == nullptr || !is_unfinished(*recovery))) return summarize_unfinished_move(pass, *pass.view.into_fenced);
  if (recovery == nullptr) return pass.condition(type, ConditionStatus::kFalse, "NoFence", "");
  if (recovery->phase == RecoveryStep::kAttested && recovery->finished_time) {
    return pass.condition(type, ConditionStatus::kTrue, "Recovered", fmt::format("moved from {} to {}", recovery->from, recovery->to));
  }
  if (is_unfinished(*recovery) && is_overdue(pass)) {
    const bool waits = is_waiting(pass.out.status);
    const std::string_view why = waits ? std::string_view(recovery->message) : "nova is still at it";
    return pass.condition(type, ConditionStatus::kFalse, kOverdue, fmt::format("{} longer than evacuation.timeoutSeconds, a person has to look: {}", waits ? "waits" : "takes", why));
  }
  const std::string_view reason = recovery->phase == RecoveryStep::kFailed    ? "Failed"
                                  : recovery->phase == RecoveryStep::kSkipped ? "Skipped"
                                                                              : api::to_string(pass.out.status.phase);
  pass.condition(type, ConditionStatus::kFalse, reason, recovery->message);
}

}  // namespace

void summarize(Pass& pass) {
  summarize_ready(pass);
  summarize_recoverable(pass);
  summarize_placed(pass);
  summarize_attested(pass);
  summarize_recovered(pass);
}

}  // namespace vmha::protectedinstance
