#include <fmt/core.h>

#include "api/conditions.h"
#include "api/names.h"
#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/pass.h"

/// Events, from the difference between the stored status and the new one: so each is told once, with the write that makes it true.
namespace vmha::protectedinstance {
namespace {

using api::RecoveryStep;

const std::string& reason_of(const api::ProtectedInstanceStatus& status, std::string_view type) {
  static const std::string kNone;
  const api::Condition* found = api::find_condition(status.conditions, type);
  return found == nullptr ? kNone : found->reason;
}

bool is_false(const api::ProtectedInstanceStatus& status, std::string_view type) {
  const api::Condition* found = api::find_condition(status.conditions, type);
  return found != nullptr && found->status == api::ConditionStatus::kFalse;
}

bool is_requested(const api::ProtectedInstanceStatus& status) {
  return status.recovery && (status.recovery->phase == RecoveryStep::kRequested || status.recovery->phase == RecoveryStep::kMoved);
}

bool is_recovered(const api::ProtectedInstanceStatus& status) {
  return status.recovery && status.recovery->phase == RecoveryStep::kAttested && status.recovery->finished_time;
}

/// Reached in this pass: true of the new status and not of the stored one for the same fence.
template <class Test>
bool became(const Pass& pass, Test test) {
  const auto& before = pass.stored();
  const auto& after = pass.out.status;
  return test(after) && !(test(before) && before.recovery->fence_id == after.recovery->fence_id);
}

void tell_end(Pass& pass) {
  const auto& after = pass.out.status;
  const auto at = [](RecoveryStep step) { return [step](const auto& status) { return status.recovery && status.recovery->phase == step; }; };
  if (became(pass, is_recovered)) pass.announce(false, "InstanceRecovered", fmt::format("from {} to {}", after.recovery->from, after.recovery->to));
  if (became(pass, at(RecoveryStep::kFailed))) pass.announce(true, "InstanceRecoveryFailed", after.recovery->message);
  const bool between = is_waiting(after) && after.recovery->next_attempt_time;
  if (between && (!is_waiting(pass.stored()) || !pass.stored().recovery->next_attempt_time)) {
    pass.announce(true, "InstanceRecoveryFailed", after.recovery->message);
  }
  if (became(pass, at(RecoveryStep::kSkipped)) && pass.dry_run_skipped) pass.announce(false, "InstanceEvacuating", after.recovery->message);
}

}  // namespace

void tell(Pass& pass) {
  const auto& before = pass.stored();
  const auto& after = pass.out.status;
  const std::string_view recoverable = api::condition::kRecoverable;
  const bool refused = !pass.not_recoverable.empty() && !(before.recovery && before.recovery->phase == RecoveryStep::kSkipped);
  if (!pass.view.server_gone && is_false(after, recoverable) && (refused || !is_false(before, recoverable))) {
    pass.announce(true, "NotRecoverable", api::find_condition(after.conditions, recoverable)->message);
  }
  const auto evacuating = [](const api::ProtectedInstanceStatus& status) { return is_requested(status); };
  const bool next = before.recovery && after.recovery && before.recovery->attempt != after.recovery->attempt;
  if (became(pass, evacuating) || (next && is_requested(after) && is_requested(before))) {
    pass.announce(false, "InstanceEvacuating", fmt::format("from {}, attempt {}", after.recovery->from, after.recovery->attempt));
  }
  const std::string_view recovered = api::condition::kRecovered;
  if (reason_of(after, recovered) == "Overdue" && reason_of(before, recovered) != "Overdue") {
    pass.announce(true, "InstanceRecoveryFailed", api::find_condition(after.conditions, recovered)->message);
  }
  tell_end(pass);
}

}  // namespace vmha::protectedinstance
