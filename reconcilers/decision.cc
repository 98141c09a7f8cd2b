#include "reconcilers/decision.h"

#include <algorithm>

namespace vmha {

Duration backoff_after(int failures_in_a_row) {
  constexpr int kLongestShift = 6;
  constexpr Duration kLongest = seconds(60);
  if (failures_in_a_row <= 0) return Duration(0);
  return std::min<Duration>(kLongest, seconds(1) * (1 << std::min(failures_in_a_row - 1, kLongestShift)));
}

}  // namespace vmha
