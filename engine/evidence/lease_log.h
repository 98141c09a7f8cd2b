#pragma once

#include <optional>
#include <set>
#include <string>
#include <unordered_map>

#include "api/policy.h"
#include "engine/evidence/heartbeat_series.h"
#include "reconcilers/computenode/evidence.h"

namespace vmha::evidence {

/// The kubelet renews every 10 s (a quarter of nodeLeaseDurationSeconds, 40 by default; pkg/kubelet/util/nodelease.go).
inline constexpr Duration kLeaseInterval = seconds(10);

/// Leases of kube-node-lease, one heartbeat a node. Two gates shut them all: the API server was out of our reach within the last interval, and
/// every lease (of at least two) is silent; one whose host stands fenced is expected to be, and does not count. While the API server is out of reach the kubelets cannot renew either, so the watch restarts after it.
class LeaseLog {
 public:
  void configure(const api::Detection& detection);
  void restart_watch(Instant now);
  void observe(const std::string& node, const std::string& renew_time, Instant received);
  void gone(const std::string& node);
  void set_fenced(const std::string& node, bool fenced);
  void api_server_alive(Instant at);
  void api_server_error(Instant at);

  [[nodiscard]] computenode::Heartbeat heartbeat(const std::optional<std::string>& node, Instant now);
  [[nodiscard]] std::string gate(Instant now);
  [[nodiscard]] std::optional<Instant> last_look() const { return last_alive_; }

 private:
  void count_gate(Instant now);

  api::Detection detection_;
  std::unordered_map<std::string, HeartbeatSeries> leases_;
  std::set<std::string> fenced_;
  std::optional<Instant> last_alive_;
  std::optional<Instant> last_error_;
  Duration usual_{0};  ///< the middle one of all
  bool all_silent_ = false;
  std::optional<Instant> gate_counted_;
};

}  // namespace vmha::evidence
