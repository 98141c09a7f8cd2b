#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/observed/power.h"
#include "base/result.h"
#include "simulation/machines.h"
#include "simulation/scheduler.h"

namespace vmha::sim {

/// How a host's power controller behaves.
enum class Bmc {
  kHonest,
  kSlow,
  kDead,
  kLies,       ///< says yes to everything and does nothing
  kPretends,   ///< the same, and reads Off for 3 s after it was asked to switch off
  kStuckOff,   ///< the same, and reads Off whatever is true
  kElsewhere,  ///< another host's controller answers at its address
  kStale,      ///< does as it is told, and shows the state of some seconds ago
};
inline constexpr std::size_t kBmcKinds = 8;
[[nodiscard]] const char* to_string(Bmc behaviour);

/// The power controllers: what they accept happens later, or never.
class Power {
 public:
  Power(Scheduler& clock, Machines& machines, const Timeline& timeline) : clock_(clock), machines_(machines), timeline_(timeline) {}

  void set(const NovaHost& host, Bmc behaviour);
  [[nodiscard]] Bmc behaviour(const NovaHost& host) const;
  [[nodiscard]] Result<power::Reading> read(const NovaHost& host);
  Result<Done> off(const NovaHost& host);
  Result<Done> on(const NovaHost& host);
  /// The host whose power that controller really switches.
  [[nodiscard]] NovaHost behind(const NovaHost& host) const;

 private:
  Scheduler& clock_;
  Machines& machines_;
  const Timeline& timeline_;
  std::map<NovaHost, Bmc> behaviours_;
  std::map<NovaHost, Instant> asked_off_;
  struct Shown { bool off; Instant at; };
  std::map<NovaHost, Shown> shown_;  ///< by stale ones
};

}  // namespace vmha::sim
