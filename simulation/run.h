#pragma once

#include <cstdint>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/time.h"
#include "simulation/timeline.h"

namespace vmha::sim {

enum class Profile {
  kHostLoss,        ///< one host dies in one of several ways; every answer of the world may be late or lost
  kHostLossCrash,   ///< the same, and the controller crashes several times, at any event
  kQuiet,           ///< nothing fails that may be fenced: nova-compute killed, control network cut, bus lost, storage away, a switch that flaps
  kHard,            ///< host loss with a lying power controller, a blocklist cleared by hand, no mon quorum, a weak Ceph key, etcd restored from a backup
  kTwoHosts,        ///< two hosts, together or one after the other
  kDestination,     ///< the destination of an evacuation dies in the middle of it, or nova-conductor does
  kMoving,          ///< live and cold migrations are under way from and to the host that dies
  kTenants,         ///< servers in many states, and tenants who stop, start, delete, lock, resize in the middle
  kNoRoom,          ///< no valid host, and room only later
  kLeaders,         ///< two replicas: pauses, cuts from the API server, clock jumps; one wrongly believes that it leads
  kApiTrouble,      ///< API server restarts and watch gaps, nova's 500s, neutron away, bus lost in the middle
  kCells,           ///< two cells, one of which stops answering
  kStorageTrouble,  ///< an inactive placement group, no mon quorum, a key that may add and not remove, addresses that change hosts
  kPowerTrouble,    ///< every kind of power controller, under every kind of failure, and other devices than the victim's
  kHandsOff,        ///< hosts that are paused or under maintenance die; ComputeNodes edited in mid-fence
  kAnything,        ///< any of all this, together
  kRackAtBudget,    ///< 40 hosts of a rack at once, and the budget allows 40
  kRackOverBudget,  ///< 41: held until approved, or until the evidence turns
  kSite,            ///< everything loses its power, and comes back slowly
};
inline constexpr int kProfiles = 19;
[[nodiscard]] std::optional<Profile> profile_named(const std::string& name);
[[nodiscard]] const char* to_string(Profile profile);

struct RunOptions {
  Profile profile = Profile::kHostLoss;
  std::uint64_t seed = 1;
  Timeline::Level trace = Timeline::Level::kNothing;
  std::set<std::size_t> drop = {};  ///< faults of the plan that are left out, by their numbers
};

struct RunResult {
  std::vector<std::string> violations;  ///< empty: everything held
  std::vector<std::string> plan;        ///< what was to go wrong, by number
  std::string story;                    ///< what of it did, in a few words
  int hosts = 0;
  int fences = 0;                       ///< hosts that were fenced
  int recoveries = 0;                   ///< evacuations that nova finished
  std::uint64_t events = 0;             ///< given to the engines
  std::uint64_t faults = 0;             ///< what of the plan happened, and answers lost, late or failed
  std::uint64_t crashes = 0;
  std::uint64_t status_writes = 0;
  Duration simulated{0};
  std::optional<Duration> recovered_after;  ///< from the failure to the last server at rest on another host
};

/// One world from one seed, until everything has settled or a checker speaks. Deterministic.
[[nodiscard]] RunResult run(const RunOptions& options);

/// Leaves out one fault of the plan after the other while the same rule is still violated; the options of the smallest run found.
[[nodiscard]] RunOptions shrink(const RunOptions& failing, const RunResult& result);
/// "S1" of "at 3.000 s: S1: ...".
[[nodiscard]] std::string rule_of(const std::string& violation);

}  // namespace vmha::sim
