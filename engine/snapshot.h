#pragma once

#include <cstdint>
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
  std::map<std::string, std::optional<api::FenceState>> fences;    ///< by ComputeNode; nullopt: none, or one that is over
  std::map<api::InstancePhase, int> instances;
  int not_recoverable = 0;                                         ///< instances whose condition Recoverable is False
  std::map<api::EvidenceSource, std::optional<Duration>> evidence_age;
  std::map<std::string, int> blocklist_entries;                    ///< owner: "fence" (of a standing fence), "librbd" (one client), "drill", "foreign"
  bool storm_held = false;
  std::size_t effects_in_flight = 0;
  std::size_t queue_depth = 0;
  std::map<std::string, std::uint64_t> passes;                     ///< decisions made so far, by controller_of()
};

/// The name under which metrics count what was done for an object or effect: "computenode" for "cn/...", "protectedinstance" for "pi/...",
/// "hapolicy" for "hap/...", "shared" for reads that belong to no one object.
[[nodiscard]] std::string controller_of(const std::string& key);

}  // namespace vmha
