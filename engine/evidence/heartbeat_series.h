#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string>

#include "base/time.h"
#include "engine/evidence/evidence_log.h"

namespace vmha::evidence {

inline constexpr Duration kLongestInterval = seconds(120);  ///< a pause longer than this was an outage, not a heartbeat's interval

/// One value that moves while a host lives, as we saw it move. Times are on our clock; values are only compared with their predecessor.
class HeartbeatSeries {
 public:
  /// What a change of the value says.
  enum class Move {
    kPolled,     ///< the host did it; the look was a read of the newest value
    kDelivered,  ///< the host did it; the value came through a watch, perhaps late
    kForeign,    ///< somebody else's write moved it (a PUT to nova): remembered, no proof of life
  };

  /// A look at `at` (when the call left) showed `value`. How a value that differs from the one before is to be read is said by `move`.
  void look(const std::string& value, Instant at, Move move);
  /// We were blind before `at`, or the source could not report: what is not seen to move counts as watched only from here.
  void restart(Instant at);

  [[nodiscard]] bool seen_at_all() const { return seen_.has_value(); }
  [[nodiscard]] bool moved() const { return moved_; }
  [[nodiscard]] Instant last_move() const { return last_move_; }  ///< the first look until a move was seen
  [[nodiscard]] Duration quiet(Instant now) const { return now - last_move_; }
  [[nodiscard]] Duration watched(Instant now) const { return now - watched_since_; }
  [[nodiscard]] Duration usual_interval() const { return usual_; }  ///< 0: not known yet
  [[nodiscard]] std::optional<Instant> proven_alive() const { return proven_alive_; }

 private:
  void remember_interval(Duration interval);

  std::string value_;
  std::optional<Instant> seen_;  ///< newest look that showed value_
  Instant last_move_;
  Instant watched_since_;
  bool moved_ = false;
  bool interval_broken_ = false;  ///< we were blind since the last move: the next interval is no measure
  std::optional<Instant> proven_alive_;
  std::array<Duration, kRememberedIntervals> intervals_{};
  std::size_t count_ = 0;
  Duration usual_{0};
};

}  // namespace vmha::evidence
