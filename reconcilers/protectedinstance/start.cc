#include <chrono>

#include <fmt/core.h>

#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/obstacle.h"
#include "reconcilers/protectedinstance/pass.h"

/// From a fence in force to a stored intent.
namespace vmha::protectedinstance {
namespace {

/// The recovery for the fence in view: carried on from what is stored for it, or new. One that its new host's fence overtook hands on the state
/// the server had before the first of them.
api::InstanceRecovery draft(const Pass& pass) {
  const auto& stored = pass.stored().recovery;
  const FenceInForce& fence = *pass.view.fence;
  if (stored && stored->fence_id == fence.id && stored->phase != api::RecoveryStep::kAttested) {
    api::InstanceRecovery recovery = *stored;
    recovery.from = fence.node.value;
    recovery.finished_time.reset();
    recovery.retry = retry_token(pass.view.object->metadata);
    if (stored->phase == api::RecoveryStep::kFailed) recovery.attempt = 0;
    return recovery;
  }
  api::InstanceRecovery recovery;
  recovery.retry = retry_token(pass.view.object->metadata);
  recovery.fence_id = fence.id;
  recovery.from = fence.node.value;
  if (stored && stored->locked) recovery.locked = true;
  if (stored && is_unfinished(*stored) && !is_waiting(pass.stored())) recovery.original_state = stored->original_state;
  return recovery;
}

/// A pause, never more than the longest one: a wall clock that was set back cannot make it last.
bool is_paused_between_attempts(Pass& pass, const api::InstanceRecovery& recovery) {
  if (!recovery.next_attempt_time) return false;
  const auto left = *recovery.next_attempt_time - pass.view.wall;
  if (left <= Duration(0) || left > kLongestPause + seconds(1)) return false;
  pass.out.wake(pass.view.now + left);
  return true;
}

/// An evacuation that nova already works on, of an earlier status, another leader or a person: it is followed, never asked for again.
bool adopt(Pass& pass, api::InstanceRecovery& recovery) {
  const Evacuations records = evacuations_from(pass.view, pass.view.fence->host);
  if (records.running == nullptr) return false;
  if (recovery.original_state.empty()) recovery.original_state = pass.server().vm_state;
  recovery.attempt += 1;
  recovery.phase = api::RecoveryStep::kRequested;
  recovery.migration_id = records.running->uuid;
  recovery.next_attempt_time.reset();
  recovery.started_time = std::chrono::floor<seconds>(pass.view.wall);
  recovery.message = "nova was already evacuating it";
  pass.status().recovery = recovery;
  pass.status().phase = api::InstancePhase::kRecovering;
  return true;
}

void intend(Pass& pass, api::InstanceRecovery recovery) {
  const Evacuations records = evacuations_from(pass.view, pass.view.fence->host);
  if (recovery.original_state.empty()) recovery.original_state = pass.server().vm_state;
  recovery.attempt += 1;
  recovery.phase = api::RecoveryStep::kIntended;
  // Until the attempt has its own record, the newest one there was before it: so that an old failure is not taken for this attempt's.
  recovery.migration_id = records.newest != nullptr ? records.newest->uuid : MigrationUuid{};
  recovery.to.clear();
  recovery.started_time = std::chrono::floor<seconds>(pass.view.wall);
  recovery.next_attempt_time.reset();
  recovery.message.clear();
  pass.status().recovery = std::move(recovery);
  pass.status().phase = api::InstancePhase::kRecovering;
}

/// This fence's recovery was skipped. It is looked at again, as what stood against it may have gone; to wait for that look is no new recovery.
bool was_skipped(const Pass& pass) {
  const auto& stored = pass.stored().recovery;
  return stored && stored->phase == api::RecoveryStep::kSkipped && stored->fence_id == pass.view.fence->id;
}

void answer(Pass& pass, const api::InstanceRecovery& recovery, const Obstacle& found) {
  const bool failing = pass.view.lanes.contains("server") && pass.view.lanes.at("server").failures_in_a_row > 0;
  switch (found.kind) {
    case Obstacle::Kind::kRead:
      // The first reads of a recovery take a moment that is not worth a status.
      pass.out.wake(pass.view.now + kFollowEvery);
      if (is_waiting(pass.stored()) || !failing) return;
      return wait(pass, recovery, found.message);
    case Obstacle::Kind::kStay:
    case Obstacle::Kind::kWait:
      return wait(pass, recovery, found.message);
    case Obstacle::Kind::kSkip:
      if (found.not_recoverable) pass.not_recoverable = found.message;
      return skip(pass, recovery, found.message);
    case Obstacle::Kind::kMoved:
      return skip(pass, recovery, "moved by someone else before it was evacuated");
  }
}

/// A recovery that was waiting, and no fence in force any more.
void wait_for_fence(Pass& pass, const api::InstanceRecovery& recovery) {
  if (!pass.view.standing_fences.contains(recovery.fence_id)) return skip(pass, recovery, "the fence ended before it was evacuated");
  pass.out.wake(pass.view.now + kLookAgain);
}

}  // namespace

void begin(Pass& pass) {
  const auto& stored = pass.stored().recovery;
  if (!pass.view.fence) return wait_for_fence(pass, *stored);
  if (pass.view.nova_busy) return pass.out.wake(pass.view.now + kFollowEvery);
  api::InstanceRecovery recovery = draft(pass);
  if (adopt(pass, recovery)) return;
  if (is_paused_between_attempts(pass, recovery)) return;
  if (const auto found = standing_obstacle(pass, recovery)) {
    if (was_skipped(pass) && found->kind != Obstacle::Kind::kSkip) return pass.out.wake(pass.view.now + kLookAgain);
    return answer(pass, recovery, *found);
  }
  if (was_skipped(pass) && !pass.view.may_start) return pass.out.wake(pass.view.now + kLookAgain);
  if (const Dependency* first = awaited(pass.view.dependencies, pass.view.unsettled_since, pass.view.now, pass.view.policy)) {
    return wait(pass, recovery, fmt::format("waits for {}, on which it depends (spec.dependsOn) and which is being recovered", first->name.value));
  }
  if (!pass.view.may_start) return wait(pass, recovery, "waits for its turn: the policy's budget of evacuations is used up");
  if (const auto found = obstacle(pass, recovery, Instant::min())) return answer(pass, recovery, *found);
  intend(pass, std::move(recovery));
}

}  // namespace vmha::protectedinstance
