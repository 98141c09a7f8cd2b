#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/time.h"
#include "simulation/performer.h"
#include "simulation/timeline.h"

namespace vmha::sim {

enum class Profile {
  kHostLoss,       ///< one host dies in one of several ways; every answer of the world may be late or lost
  kHostLossCrash,  ///< the same, and the controller crashes several times, at any event
  kQuiet,          ///< nothing fails that may be fenced: nova-compute killed, control network cut, bus lost, storage away
  kHard,           ///< host loss with a lying power controller, a blocklist cleared by hand, no mon quorum, a weak Ceph key, etcd restored from a backup
};
[[nodiscard]] std::optional<Profile> profile_named(const std::string& name);
[[nodiscard]] const char* to_string(Profile profile);

struct RunOptions {
  Profile profile = Profile::kHostLoss;
  std::uint64_t seed = 1;
  Timeline::Level trace = Timeline::Level::kNothing;
  Sabotage sabotage = Sabotage::kNone;
};

struct RunResult {
  std::vector<std::string> violations;  ///< empty: everything held
  std::string story;                    ///< what failed, in a few words
  int hosts = 0;
  bool fenced = false;                  ///< else the host came back before it could be
  int recoveries = 0;                   ///< servers that were evacuated
  std::uint64_t events = 0;             ///< given to the engine
  std::uint64_t faults = 0;             ///< answers lost, late or failed
  std::uint64_t crashes = 0;
  std::uint64_t status_writes = 0;
  Duration simulated{0};
  std::optional<Duration> recovered_after;  ///< from the failure to the last server at rest on another host
};

/// One world from one seed, until everything has settled or a checker speaks. Deterministic.
[[nodiscard]] RunResult run(const RunOptions& options);

}  // namespace vmha::sim
