#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <utility>
#include <vector>

#include "base/rng.h"
#include "base/time.h"

namespace vmha::sim {

/// The virtual clock and everything that is still to happen. Two happenings of one instant run in the order they were asked for, so a seed gives
/// the same run everywhere. Single thread.
class Scheduler {
 public:
  explicit Scheduler(std::uint64_t seed) : rng_(seed) {}
  Scheduler(const Scheduler&) = delete;
  Scheduler& operator=(const Scheduler&) = delete;

  [[nodiscard]] Instant now() const { return now_; }
  [[nodiscard]] WallTime wall() const { return kWallAtStart + (now_ - kStart); }
  [[nodiscard]] Rng& rng() { return rng_; }
  [[nodiscard]] Duration between(Duration low, Duration high) {
    return low + Duration(static_cast<Duration::rep>(rng_.below(static_cast<std::uint64_t>((high - low).count()) + 1)));
  }

  void at(Instant when, std::function<void()> what) {
    queue_.push_back(Happening{std::max(when, now_), next_++, std::move(what)});
    std::push_heap(queue_.begin(), queue_.end(), later);
  }
  void after(Duration delay, std::function<void()> what) { at(now_ + delay, std::move(what)); }

  /// Runs the next happening; false when there is none until `end`.
  bool step(Instant end) {
    if (queue_.empty() || queue_.front().when > end) return false;
    std::pop_heap(queue_.begin(), queue_.end(), later);
    const Happening happening = std::move(queue_.back());
    queue_.pop_back();
    now_ = happening.when;
    happening.what();
    return true;
  }

  static constexpr Instant kStart{seconds(1000)};
  static constexpr WallTime kWallAtStart{seconds(1'790'000'000)};

 private:
  struct Happening {
    Instant when;
    std::uint64_t order;
    std::function<void()> what;
  };
  static bool later(const Happening& a, const Happening& b) { return a.when != b.when ? a.when > b.when : a.order > b.order; }

  Instant now_ = kStart;
  std::uint64_t next_ = 0;
  std::vector<Happening> queue_;
  Rng rng_;
};

}  // namespace vmha::sim
