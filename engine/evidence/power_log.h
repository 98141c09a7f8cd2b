#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/observed/power.h"
#include "base/ids.h"
#include "base/result.h"
#include "engine/evidence/evidence_log.h"
#include "reconcilers/computenode/evidence.h"

namespace vmha::evidence {

inline constexpr Duration kPowerForgotten = std::chrono::minutes(5);  ///< a reading older than this says nothing any more

/// Runs of Off readings of each host's power controllers. Off is read when every device of one level reads Off, each of them seen On before, and
/// no device of a lower level reads On since: an outlet that is off under a running machine is the outlet of another one.
class PowerLog {
 public:
  void restart_watch();
  void track(const NodeName& node, const std::vector<HostRef::Device>& devices);
  void forget(const NodeName& node);
  void observe(const NodeName& node, const std::string& device, const Result<power::Reading>& reading, Instant started, Instant answered);
  [[nodiscard]] computenode::PowerEvidence evidence(const NodeName& node, Instant now) const;
  [[nodiscard]] std::optional<Instant> last_look() const { return last_look_; }

 private:
  struct Device {
    HostRef::Device ref;
    std::optional<power::State> state;  ///< of the newest reading that worked
    Instant read_at;
    Duration took{};                    ///< from question to answer of that reading
    std::optional<Instant> tried_at;    ///< the newest attempt, whatever came of it
    bool failed = false;                ///< the newest attempt
    std::optional<Instant> first_off;   ///< start of the unbroken run of Off; a failed reading does not break it
    Instant first_off_answered{};       ///< Off held from then at the latest
  };
  using Level = std::vector<const Device*>;
  static bool all_off(const Level& level, Instant now);
  static bool confirmed_off(const Level& level, Instant now);
  static std::string describe(const Device& device);

  std::map<NodeName, std::vector<Device>> nodes_;
  std::optional<Instant> last_look_;
};

}  // namespace vmha::evidence
