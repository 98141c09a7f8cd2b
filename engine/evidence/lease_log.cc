#include "engine/evidence/lease_log.h"

#include <algorithm>
#include <utility>
#include <vector>

namespace vmha::evidence {

void LeaseLog::configure(const api::Detection& detection) { detection_ = detection; }

void LeaseLog::restart_watch(Instant now) {
  for (auto& [node, series] : leases_) series.restart(now);
}

void LeaseLog::observe(const std::string& node, const std::string& renew_time, Instant received) {
  api_server_alive(received);
  leases_[node].look(renew_time, received, HeartbeatSeries::Move::kDelivered);
}

void LeaseLog::gone(const std::string& node) { leases_.erase(node); }

void LeaseLog::set_fenced(const std::string& node, bool fenced) {
  if (fenced) fenced_.insert(node);
  else fenced_.erase(node);
}

void LeaseLog::api_server_alive(Instant at) {
  if (last_alive_ && at <= *last_alive_) return;
  if (last_alive_ && at - *last_alive_ > kLeaseInterval) restart_watch(at);
  last_alive_ = at;
}

void LeaseLog::api_server_error(Instant at) {
  last_error_ = std::max(last_error_.value_or(at), at);
  restart_watch(at);
}

void LeaseLog::count_gate(Instant now) {
  if (gate_counted_ && now >= *gate_counted_ && now - *gate_counted_ < milliseconds(500)) return;
  gate_counted_ = now;
  std::vector<Duration> intervals;
  for (const auto& [node, series] : leases_) {
    if (series.usual_interval() > Duration{0}) intervals.push_back(series.usual_interval());
  }
  const auto middle = intervals.begin() + static_cast<std::ptrdiff_t>(intervals.size() / 2);
  if (!intervals.empty()) std::nth_element(intervals.begin(), middle, intervals.end());
  usual_ = intervals.empty() ? Duration{0} : *middle;
  const auto is_silent = [&](const auto& entry) {
    const Duration usual = std::max(entry.second.usual_interval(), usual_);
    return entry.second.quiet(now) > (usual > Duration{0} ? usual * 3 / 2 : Duration{detection_.node_lease_stale});
  };
  std::size_t counted = 0;
  std::size_t silent = 0;
  for (const auto& entry : leases_) {
    const bool is_mute = is_silent(entry);
    if (is_mute && fenced_.count(entry.first) > 0) continue;  // one that moves shows that the watch works
    ++counted;
    if (is_mute) ++silent;
  }
  const bool before = std::exchange(all_silent_, counted > 1 && silent == counted);
  if (before && !all_silent_) restart_watch(now);
}

std::string LeaseLog::gate(Instant now) {
  if (!last_alive_) return "the Kubernetes API has not answered yet";
  if (now - *last_alive_ > kLeaseInterval || (last_error_ && now - *last_error_ <= kLeaseInterval)) return "the Kubernetes API was out of reach";
  count_gate(now);
  return all_silent_ ? "every node's Lease is silent" : "";
}

computenode::Heartbeat LeaseLog::heartbeat(const std::optional<std::string>& node, Instant now) {
  computenode::Heartbeat result;
  if (!node) return result;
  result.configured = true;
  result.unreadable_reason = gate(now);
  const auto found = leases_.find(*node);
  if (found == leases_.end()) {
    if (result.unreadable_reason.empty()) result.unreadable_reason = "the node has no Lease";
    return result;
  }
  const auto& series = found->second;
  result.readable = result.unreadable_reason.empty();
  result.quiet = series.quiet(now);
  result.usual_interval = std::max(series.usual_interval(), usual_);
  result.watched = series.watched(now);
  result.proven_alive = series.proven_alive();
  return result;
}

}  // namespace vmha::evidence
