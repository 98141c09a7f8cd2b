#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/observed/nova.h"
#include "api/policy.h"
#include "base/result.h"
#include "engine/evidence/heartbeat_series.h"
#include "reconcilers/computenode/evidence.h"

namespace vmha::evidence {

inline constexpr Duration kCellNews = std::chrono::minutes(5);
inline constexpr std::size_t kFewHosts = 4;  ///< one host in question and three others: too few to read anything but "all of them" from their silence
inline constexpr Duration kGateFreshness = milliseconds(500);  ///< gates are counted again at most this often

/// Nova's compute services: one heartbeat a host, and the gates that shut the whole source.
///
/// How the gates read the protocol. A cell is not visible in os-services, so each availability zone of at least kFewHosts services is taken
/// for one, and the whole cloud for another. Forced-down services are not counted, nor is one that was silent all the time we watched.
///  - "Every compute service is silent": at least two are counted, none moves. Nowhere is left to recover to, so nothing is lost by waiting.
///  - "More than half of a cell's went silent within one report interval": at least two, by when each was last seen to move, of those that moved
///    until then. One of two and one of three are not more than half; the real loss of a host in a small cloud is never swallowed.
///  - "Where all others are few, a second source has to say that they are alive": a bus that is gone silences services, not guests. If more than
///    half of the hosts that went silent together have guests that are silent on the storage network too, while our canary answers, then hosts
///    died, whole racks or two of three, and the breaker decides, not this gate. Leases are no second source here: they take the same
///    control network as the bus. This is applied whatever the number of others; it does not lift "every".
///  - "A cell reports no state" shuts all hosts while that is news (kCellNews): what took one cell may be taking the next. A cell that stays away then
///    blinds its own hosts only: nova answers those from its API database, by host mapping, and each other cell from that cell's own.
/// A gate that opens restarts the watch: services come back one after another, and none is Stale until a full stale interval later.
class ServiceLog {
 public:
  using SilentOnStorage = std::function<bool(const NovaHost&)>;

  void configure(const api::Detection& detection);
  void restart_watch(Instant now);
  void observe(const Result<std::vector<nova::Service>>& services, Instant started, Instant finished, const SilentOnStorage& silent_on_storage);

  [[nodiscard]] computenode::Heartbeat heartbeat(const NovaHost& host, Instant now, const SilentOnStorage& silent_on_storage);
  /// Why the whole source is shut for this host; empty: it is not.
  [[nodiscard]] std::string gate(const NovaHost& host, Instant now, const SilentOnStorage& silent_on_storage);
  [[nodiscard]] bool forced_down(const NovaHost& host) const;
  [[nodiscard]] std::optional<Instant> last_look() const { return last_ok_started_; }

 private:
  struct Service {
    nova::Service newest;
    HeartbeatSeries series;
    std::uint64_t look = 0;  ///< the newest one that had it
    std::optional<Instant> unknown_since;  ///< its cell reports no state
    bool twice = false;  ///< two records with this host name: neither can be judged
  };
  struct Cell {
    std::vector<Service*> services;
    Duration usual{0};   ///< the middle one of its services' longest usual intervals
    std::string shut;    ///< why; empty: open
  };

  void take(const nova::Service& service, Instant started);
  void forget_missing();
  void group_cells();
  void count_gates(Instant now, const SilentOnStorage& silent_on_storage);
  [[nodiscard]] std::string shut_because(const Cell& cell, bool whole_cloud, Instant now, const SilentOnStorage& silent_on_storage) const;
  [[nodiscard]] Duration unseen(Instant now) const;
  [[nodiscard]] Duration silent_after(const Service& service, const Cell& cell) const;
  [[nodiscard]] Duration usual_interval(const Service& service) const;
  [[nodiscard]] std::string shut_for(const Service& service) const;
  [[nodiscard]] std::string whole_source_unreadable(Instant now) const;
  [[nodiscard]] Duration longest_blindness() const;

  api::Detection detection_;
  std::unordered_map<NovaHost, Service> services_;
  std::map<std::string, Cell> cells_;  ///< by zone; "" is the whole cloud
  std::uint64_t looks_ = 0;
  std::optional<Instant> newest_unknown_;  ///< when the newest of the states that are unknown became so
  std::optional<Instant> last_ok_started_;
  std::optional<Instant> last_ok_finished_;
  std::optional<Instant> gates_counted_;
};

}  // namespace vmha::evidence
