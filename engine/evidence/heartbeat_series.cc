#include "engine/evidence/heartbeat_series.h"

#include <algorithm>

namespace vmha::evidence {

void HeartbeatSeries::look(const std::string& value, Instant at, Move move) {
  if (!seen_) {
    value_ = value;
    seen_ = last_move_ = watched_since_ = at;
    return;
  }
  if (at < *seen_) return;  // an answer that was overtaken by a newer one
  if (value == value_) {
    seen_ = at;
    return;
  }
  value_ = value;
  if (move != Move::kForeign) {
    // Several moves in a burst were delivered late: the old value's arrival then says nothing about when the new one was written.
    const bool late = move == Move::kDelivered && proven_alive_ && at - *seen_ < usual_ / 2;
    if (!late) proven_alive_ = seen_;
    if (moved_ && !interval_broken_) remember_interval(at - last_move_);
    last_move_ = at;
    moved_ = true;
    interval_broken_ = false;
  }
  seen_ = at;
}

void HeartbeatSeries::restart(Instant at) {
  watched_since_ = at;
  interval_broken_ = true;
}

/// The longest of the recent intervals, without those that are no habit: twice the middle one and more.
void HeartbeatSeries::remember_interval(Duration interval) {
  if (interval > kLongestInterval) return;
  intervals_[count_++ % kRememberedIntervals] = interval;
  const auto size = static_cast<std::ptrdiff_t>(std::min(count_, kRememberedIntervals));
  auto sorted = intervals_;
  std::sort(sorted.begin(), sorted.begin() + size);
  const Duration middle = sorted[static_cast<std::size_t>(size / 2)];
  usual_ = Duration{0};
  for (auto i = std::size_t{0}; i < static_cast<std::size_t>(size); ++i) {
    if (sorted[i] < middle * 2) usual_ = sorted[i];
  }
  if (usual_ == Duration{0}) usual_ = middle;
}

}  // namespace vmha::evidence
