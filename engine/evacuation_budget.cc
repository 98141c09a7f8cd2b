#include "engine/evacuation_budget.h"

#include <algorithm>
#include <map>

namespace vmha {

int free_starts(const api::Evacuation& limits, const std::vector<NodeName>& healthy, const std::vector<EvacuationInFlight>& in_flight) {
  int running = 0, untold = 0;
  std::map<NodeName, int> load;
  for (const EvacuationInFlight& evacuation : in_flight) {
    if (evacuation.age >= limits.timeout) continue;
    ++running;
    if (!evacuation.destination.empty()) ++load[evacuation.destination];
    else if (evacuation.age < kDestinationToldWithin) ++untold;
  }
  int slots = healthy.empty() ? limits.max_concurrent_per_destination : 0;  // none looks healthy to us: nova may know better
  for (const NodeName& host : healthy) slots += std::max(0, limits.max_concurrent_per_destination - load[host]);
  return std::max(0, std::min({limits.max_concurrent - running, slots - untold, limits.max_concurrent_per_destination - untold}));
}

}  // namespace vmha
