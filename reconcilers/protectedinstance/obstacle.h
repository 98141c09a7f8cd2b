#pragma once

#include <optional>
#include <string>

#include "reconcilers/protectedinstance/pass.h"

namespace vmha::protectedinstance {

/// Why an evacuation may not be requested now.
struct Obstacle {
  enum class Kind {
    kRead,  ///< not known yet: reads are wished
    kStay,  ///< a proof or a fence that will be there in a moment: stay at the stage it is at
    kWait,  ///< lasts: wait outside the budget
    kSkip,  ///< this recovery does not happen
    kMoved, ///< it is not on the fenced host any more
  };
  Kind kind;
  std::string message;
  bool not_recoverable = false;
};

/// Everything that must hold before an evacuation is intended, and again right before it is requested, but for budget and pauses: policy,
/// spec, fence, and readings asked for at `since` or later and at most kProofReadableWithin ago. Wishes the reads that are missing.
[[nodiscard]] std::optional<Obstacle> obstacle(Pass& pass, const api::InstanceRecovery& recovery, Instant since);

/// The part of it that needs no fresh reading.
[[nodiscard]] std::optional<Obstacle> standing_obstacle(Pass& pass, const api::InstanceRecovery& recovery);

}  // namespace vmha::protectedinstance
