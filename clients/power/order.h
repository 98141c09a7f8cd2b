#pragma once

#include <algorithm>
#include <functional>

#include "base/result.h"
#include "base/time.h"

namespace vmha::power {

/// Asked right before an order leaves: the instant by which its call has to be over, or why it must not leave at all (the leader's term is over).
/// What an order needs to know first (the system, its UUID) is read before that and may take longer than a term lasts.
using Permit = std::function<Result<Instant>()>;

/// When an order that leaves now must be over: by `deadline`, and by what the permit says.
inline Result<Instant> order_until(const Permit& permit, Instant deadline) {
  if (!permit) return deadline;
  auto until = permit();
  if (!until) return until;
  return std::min(*until, deadline);
}

}  // namespace vmha::power
