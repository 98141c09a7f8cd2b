#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/compute_node.h"
#include "api/protected_instance.h"
#include "base/time.h"

namespace vmha {

/// What the engine knows at one instant, for metrics and tests; decides nothing.
struct Snapshot {
  bool leading = false;
  bool caches_synced = false;
  std::map<std::string, api::VerdictValue> verdicts;               ///< by ComputeNode
  std::map<std::string, bool> fencing_ready;                       ///< by ComputeNode
  std::map<api::InstancePhase, int> instances;
  std::map<api::EvidenceSource, std::optional<Duration>> evidence_age;
  std::map<std::string, int> blocklist_entries;                    ///< owner: "fence", "librbd", "foreign"
  bool storm_held = false;
  std::size_t effects_in_flight = 0;
  std::size_t queue_depth = 0;
};

}  // namespace vmha
