#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/obstacle.h"
#include "reconcilers/protectedinstance/pass.h"

/// From a stored intent to an evacuation that nova shows. Evacuate is wished here and nowhere else.
namespace vmha::protectedinstance {
namespace {

using api::RecoveryStep;

/// The outcome of our own latest act of this kind for the stored intent; nullptr: none by this process.
const LaneOutcome* outcome_of(const Pass& pass, const Operation& kind) {
  const auto found = pass.view.lanes.find("nova");
  if (found == pass.view.lanes.end() || !pass.view.intent_since) return nullptr;
  const LaneOutcome& outcome = found->second;
  return outcome.operation == vmha::name_of(kind) && outcome.finished >= *pass.view.intent_since ? &outcome : nullptr;
}

/// Nova shows this attempt's evacuation.
const nova::Migration* own_record(const Pass& pass, const api::InstanceRecovery& recovery, const NovaHost& from) {
  const Evacuations records = evacuations_from(pass.view, from);
  if (records.running != nullptr) return records.running;
  return records.newest != nullptr && is_newer_than(pass.view, *records.newest, recovery.migration_id) ? records.newest : nullptr;
}

void take_up(Pass& pass, api::InstanceRecovery recovery, const nova::Migration& record) {
  recovery.phase = RecoveryStep::kRequested;
  recovery.migration_id = record.uuid;
  recovery.to = record.destination.empty() ? std::string() : name_of(pass.view, record.destination);
  recovery.message.clear();
  pass.status().recovery = std::move(recovery);
}

void follow_closely(Pass& pass, const NovaHost& from) {
  const InstanceView& view = pass.view;
  if (!is_fresh(view.server, kFollowEvery, view.now)) pass.read_server();
  if (!is_fresh(view.migrations, kFollowEvery, view.now)) pass.read_migrations(from);
  pass.out.wake(view.now + kFollowEvery);
}

bool is_own_intent(const Pass& pass) { return pass.view.intent_is_ours && *pass.view.intent_since > pass.view.leading_since; }

/// Since when readings that show nothing prove that no request of this intent is on its way. Absent: not known, so never.
std::optional<Instant> quiet_since(const Pass& pass, const LaneOutcome* request) {
  if (!pass.view.intent_since) return std::nullopt;
  if (request != nullptr) return request->finished + kLostRequestWatch;
  // An intent that an earlier leader stored, however late we saw it: its request may have left right before it lost the lease.
  return is_own_intent(pass) ? *pass.view.intent_since : std::max(*pass.view.intent_since, pass.view.leading_since) + kLostRequestWatch;
}

bool shows_nothing(const Pass& pass, Instant since) {
  return is_current(pass.view.server, since, pass.view.now) && is_current(pass.view.migrations, since, pass.view.now);
}

/// The stage does not go on: taken back, ended, or only a moment.
void answer(Pass& pass, const api::InstanceRecovery& recovery, const Obstacle& found) {
  switch (found.kind) {
    case Obstacle::Kind::kRead:
    case Obstacle::Kind::kStay:
      pass.out.wake(pass.view.now + kFollowEvery);
      return;
    case Obstacle::Kind::kWait:
      return wait(pass, recovery, found.message);
    case Obstacle::Kind::kSkip:
      if (found.not_recoverable) pass.not_recoverable = found.message;
      return skip(pass, recovery, found.message);
    case Obstacle::Kind::kMoved:
      return;  // decide() has looked at that before
  }
}

/// Keeps the tenant off. True once the stage may go on.
bool lock(Pass& pass, api::InstanceRecovery recovery) {
  if (recovery.phase == RecoveryStep::kLocked) return true;
  const LaneOutcome* outcome = outcome_of(pass, LockServer{});
  const bool ours = is_locked_by_vmha(pass.server());
  const bool done = ours || pass.server().locked || (outcome != nullptr && outcome->failures_in_a_row == 0);
  const bool gave_up = outcome != nullptr && outcome->failures_in_a_row >= kLockTries;
  if (!done && !gave_up) {
    pass.act(LockServer{pass.spec().server_id, lock_reason(recovery.fence_id)});
    pass.out.wake(pass.view.now + kFollowEvery);
    return false;
  }
  recovery.phase = RecoveryStep::kLocked;
  recovery.locked = recovery.locked || ours || (outcome != nullptr && outcome->failures_in_a_row == 0 && !pass.server().locked);
  if (gave_up && !done) recovery.message = "goes on without a lock: nova does not set it";
  pass.status().recovery = std::move(recovery);
  return false;
}

}  // namespace

void ask_nova(Pass& pass) {
  const api::InstanceRecovery recovery = *pass.stored().recovery;
  const NovaHost from = host_named(pass.view, recovery.from);
  if (const nova::Migration* record = own_record(pass, recovery, from)) return take_up(pass, recovery, *record);
  if (has_live_task(pass.view, from) && is_rebuild(pass.server().task_state)) return follow_closely(pass, from);
  if (pass.view.nova_busy) return pass.out.wake(pass.view.now + kFollowEvery);

  const LaneOutcome* request = outcome_of(pass, Evacuate{});
  const auto quiet = quiet_since(pass, request);
  if (!quiet) return;
  const bool may_be_on_its_way = request != nullptr || !is_own_intent(pass);
  if (may_be_on_its_way && !shows_nothing(pass, *quiet)) return follow_closely(pass, from);
  if (request != nullptr) {
    const std::string why = request->failures_in_a_row == 0 ? "nova took the request and shows nothing of it" : request->error;
    return fail_attempt(pass, recovery, why, Counts::kYes);
  }
  const auto found = obstacle(pass, recovery, *quiet);
  const bool reads = found && found->kind == Obstacle::Kind::kRead;
  if (found && !reads) return answer(pass, recovery, *found);
  if (!lock(pass, recovery)) return;  // may go on beside the reads: it moves nothing
  if (found) return answer(pass, recovery, *found);
  pass.act(Evacuate{pass.spec().server_id, destination_for(pass.view, from)});
  pass.out.wake(pass.view.now + kFollowEvery);
}

}  // namespace vmha::protectedinstance
