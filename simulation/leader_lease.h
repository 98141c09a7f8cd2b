#pragma once

#include <cstdint>
#include <optional>

#include "base/time.h"

namespace vmha::sim {

/// The Lease object of the leader election, and its times (clients/kube/lease_step.h, controller/term.h).
struct LeaderLease {
  static constexpr seconds kDuration{15};       ///< a holder not seen to renew for so long has lost it
  static constexpr seconds kRenewDeadline{10};  ///< a holder that could not renew for so long gives up
  static constexpr seconds kRetry{2};
  static constexpr seconds kMargin{2};          ///< acts end this long before the deadline
  static constexpr seconds kActMayOutlive{5};

  std::optional<std::size_t> holder;  ///< which replica
  std::uint64_t version = 0;          ///< moves with each write
  int transitions = 0;
  Instant passed_on{};                ///< when it got its holder
};

}  // namespace vmha::sim
