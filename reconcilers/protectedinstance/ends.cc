#include <algorithm>
#include <chrono>

#include <fmt/core.h>

#include "api/conditions.h"
#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/pass.h"

/// How a stage of a recovery ends without the next one.
namespace vmha::protectedinstance {
namespace {

WallTime whole_seconds(WallTime time) { return std::chrono::floor<seconds>(time); }

/// The same end as already stored is not written again.
bool is_stored(const Pass& pass, const api::InstanceRecovery& recovery) {
  const auto& stored = pass.stored().recovery;
  return stored && stored->fence_id == recovery.fence_id && stored->phase == recovery.phase && stored->attempt == recovery.attempt;
}

void finish(Pass& pass, api::InstanceRecovery recovery, api::RecoveryStep step, api::InstancePhase phase, const std::string& why) {
  recovery.phase = step;
  recovery.next_attempt_time.reset();
  recovery.message = api::cut_message(why);
  recovery.finished_time = is_stored(pass, recovery) && pass.stored().recovery->finished_time ? pass.stored().recovery->finished_time
                                                                                            : whole_seconds(pass.view.wall);
  pass.status().recovery = std::move(recovery);
  pass.status().phase = phase;
}

Duration pause_after(const Pass& pass, const api::InstanceRecovery& recovery, Counts counts) {
  const int tries = counts == Counts::kYes ? recovery.attempt : evacuations_from(pass.view, host_named(pass.view, recovery.from)).failed;
  return std::min(kLongestPause, backoff_after(std::max(tries, 1)));
}

}  // namespace

void wait(Pass& pass, api::InstanceRecovery recovery, const std::string& why) {
  // An intent that was not followed by a request is taken back, so that it does not count as an attempt.
  if (recovery.attempt > 0 && !is_waiting(pass.stored()) && pass.stored().recovery && is_unfinished(*pass.stored().recovery) &&
      pass.stored().recovery->fence_id == recovery.fence_id) {
    --recovery.attempt;
  }
  recovery.phase = api::RecoveryStep::kIntended;
  recovery.next_attempt_time.reset();
  recovery.message = api::cut_message(why);
  pass.status().recovery = std::move(recovery);
  pass.status().phase = api::InstancePhase::kWaiting;
  pass.out.wake(pass.view.now + kFollowEvery);
}

void skip(Pass& pass, api::InstanceRecovery recovery, const std::string& why) {
  finish(pass, std::move(recovery), api::RecoveryStep::kSkipped, api::InstancePhase::kUnprotected, why);
}

void fail_for_good(Pass& pass, api::InstanceRecovery recovery, const std::string& why) {
  finish(pass, std::move(recovery), api::RecoveryStep::kFailed, api::InstancePhase::kFailed, why);
}

void fail_attempt(Pass& pass, api::InstanceRecovery recovery, const std::string& why, Counts counts) {
  const int most = pass.view.policy != nullptr ? pass.view.policy->spec.evacuation.max_attempts : recovery.attempt + 1;
  const std::string text = fmt::format("attempt {} of {} failed: {}", recovery.attempt, most, why);
  if (counts == Counts::kYes && recovery.attempt >= most) return fail_for_good(pass, std::move(recovery), text);
  const Duration pause = pause_after(pass, recovery, counts);
  if (counts == Counts::kNo) --recovery.attempt;
  recovery.phase = api::RecoveryStep::kIntended;
  recovery.next_attempt_time = std::chrono::ceil<seconds>(pass.view.wall + pause);
  recovery.message = api::cut_message(counts == Counts::kYes ? text : why);
  pass.status().recovery = std::move(recovery);
  pass.status().phase = api::InstancePhase::kWaiting;
  pass.out.wake(pass.view.now + pause);
}

}  // namespace vmha::protectedinstance
