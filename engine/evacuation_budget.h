#pragma once

#include <vector>

#include "api/policy.h"
#include "base/ids.h"
#include "base/time.h"

namespace vmha {

struct EvacuationInFlight {
  NodeName destination;  ///< empty: nova has not said yet where it goes
  Duration age{};        ///< since its intent was stored; zero: not known
};

/// So long an evacuation whose destination nova has not told holds others back from starting into the unknown.
inline constexpr Duration kDestinationToldWithin = seconds(15);

/// How many evacuations may start now. Nova chooses the destination and tells it a moment after the request, when the host has claimed its
/// room; only then can the next choice see it. So no more than `maxConcurrentPerDestination` are under way without a known destination, and
/// none starts while every healthy host has its fill. Those older than `timeoutSeconds` count no more: they wait for a person, the others
/// do not wait with them.
[[nodiscard]] int free_starts(const api::Evacuation& limits, const std::vector<NodeName>& healthy, const std::vector<EvacuationInFlight>& in_flight);

}  // namespace vmha
