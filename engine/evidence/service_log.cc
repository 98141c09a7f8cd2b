#include "engine/evidence/service_log.h"

#include <algorithm>
#include <utility>

namespace vmha::evidence {
namespace {

const std::string kWholeCloud;  // no zone has an empty name

/// Which heartbeats of a cell stopped together: the largest group whose last moves lie within `window`. Both ends of the sorted list are walked once.
template <class T>
std::pair<std::size_t, std::size_t> largest_group(const std::vector<std::pair<Instant, T>>& sorted, Duration window) {
  std::pair<std::size_t, std::size_t> best{0, 0};
  for (std::size_t first = 0, end = 0; first < sorted.size(); ++first) {
    while (end < sorted.size() && sorted[end].first - sorted[first].first <= window) ++end;
    if (end - first > best.second - best.first) best = {first, end};
  }
  return best;
}

bool moved_by_a_put(const nova::Service& before, const nova::Service& after) {
  return before.enabled != after.enabled || before.disabled_reason != after.disabled_reason || before.forced_down != after.forced_down;
}

}  // namespace

void ServiceLog::configure(const api::Detection& detection) { detection_ = detection; }

void ServiceLog::restart_watch(Instant now) {
  for (auto& [host, service] : services_) service.series.restart(now);
}

/// "API did not answer within three polls", but one slow call blinds nobody.
Duration ServiceLog::longest_blindness() const { return std::max<Duration>(detection_.poll * kMissedPolls, kShortestBlindness); }

/// How much of the time until now was not looked at: what is older than a poll in flight and one before it. A heartbeat may have moved in there.
Duration ServiceLog::unseen(Instant now) const {
  if (!last_ok_started_) return Duration{0};
  return std::max<Duration>(Duration{0}, now - *last_ok_started_ - detection_.poll * 2);
}

void ServiceLog::observe(const Result<std::vector<nova::Service>>& services, Instant started, Instant finished, const SilentOnStorage& silent_on_storage) {
  if (!services) return;  // it is the age of the last answer that counts
  if (last_ok_started_ && started <= *last_ok_started_) return;
  // Nova's API and its database often fail together: while we could not look, the services may have been unable to report.
  if (last_ok_started_ && started - *last_ok_started_ > longest_blindness()) restart_watch(started);
  last_ok_started_ = started;
  last_ok_finished_ = finished;
  ++looks_;
  for (const auto& service : *services) take(service, started);
  forget_missing();
  newest_unknown_.reset();
  for (const auto& [host, service] : services_)
    if (service.unknown_since) newest_unknown_ = std::max(newest_unknown_.value_or(*service.unknown_since), *service.unknown_since);
  group_cells();
  gates_counted_.reset();
  count_gates(finished, silent_on_storage);
}

void ServiceLog::take(const nova::Service& service, Instant started) {
  auto& known = services_[service.host];
  if (known.look == looks_) {
    known.twice = true;
    return;
  }
  if (known.look != 0 && known.newest.id != service.id) known = {};  // deleted and made anew
  known.look = looks_;
  known.twice = false;
  if (!service.state_known) {
    // The record of a cell that is down carries no heartbeat; nova/objects/service.py fills in what it has.
    if (!known.unknown_since) known.unknown_since = started;
    known.newest.id = service.id;
    known.newest.host = service.host;
    known.newest.state_known = false;
    return;
  }
  known.unknown_since.reset();
  if (known.series.seen_at_all() && !known.newest.state_known) known.series.restart(started);
  const bool foreign = known.series.seen_at_all() && moved_by_a_put(known.newest, service);
  known.series.look(service.updated_at, started, foreign ? HeartbeatSeries::Move::kForeign : HeartbeatSeries::Move::kPolled);
  known.newest = service;
}

/// A service that two looks in a row did not show is gone.
void ServiceLog::forget_missing() {
  std::erase_if(services_, [&](const auto& entry) { return entry.second.look + 1 < looks_; });
}

void ServiceLog::group_cells() {
  for (auto& [zone, cell] : cells_) cell.services.clear();
  for (auto& [host, service] : services_) {
    cells_[kWholeCloud].services.push_back(&service);
    if (!service.newest.zone.empty()) cells_[service.newest.zone].services.push_back(&service);
  }
  std::erase_if(cells_, [](const auto& entry) { return !entry.first.empty() && entry.second.services.size() < kFewHosts; });
  std::vector<Duration> intervals;
  for (auto& [zone, cell] : cells_) {
    intervals.clear();
    for (const auto* service : cell.services) {
      if (service->series.usual_interval() > Duration{0}) intervals.push_back(service->series.usual_interval());
    }
    const auto middle = intervals.begin() + static_cast<std::ptrdiff_t>(intervals.size() / 2);
    if (!intervals.empty()) std::nth_element(intervals.begin(), middle, intervals.end());
    cell.usual = intervals.empty() ? Duration{0} : *middle;
  }
}

Duration ServiceLog::silent_after(const Service& service, const Cell& cell) const {
  const Duration usual = std::max(service.series.usual_interval(), cell.usual);
  return usual > Duration{0} ? usual * 3 / 2 : Duration{detection_.nova_stale};
}

std::string ServiceLog::shut_because(const Cell& cell, bool whole_cloud, Instant now, const SilentOnStorage& silent_on_storage) const {
  std::size_t counted = 0;
  std::size_t silent = 0;
  std::size_t moving = 0;
  std::vector<std::pair<Instant, const Service*>> stopped;
  for (const auto* service : cell.services) {
    if (service->newest.forced_down || service->unknown_since || !service->series.seen_at_all()) continue;
    ++counted;
    const bool is_silent = service->series.quiet(now) > silent_after(*service, cell);
    if (is_silent) ++silent;
    if (!service->series.moved()) continue;
    if (is_silent) {
      stopped.emplace_back(service->series.last_move(), service);
    } else {
      ++moving;
    }
  }
  if (whole_cloud && counted >= 2 && silent == counted) return "every compute service is silent";
  std::sort(stopped.begin(), stopped.end());
  const Duration interval = cell.usual > Duration{0} ? cell.usual : Duration{detection_.nova_stale};
  const auto [first, end] = largest_group(stopped, interval + detection_.poll * 2);
  const std::size_t together = end - first;
  if (together < 2 || together <= moving) return {};
  std::size_t dead_on_storage = 0;
  for (std::size_t i = first; i < end; ++i) {
    if (silent_on_storage(stopped[i].second->newest.host)) ++dead_on_storage;
  }
  if (dead_on_storage * 2 > together) return {};
  return "more than half of the compute services went silent together";
}

void ServiceLog::count_gates(Instant now, const SilentOnStorage& silent_on_storage) {
  if (gates_counted_ && now >= *gates_counted_ && now - *gates_counted_ < kGateFreshness) return;
  gates_counted_ = now;
  for (auto& [zone, cell] : cells_) {
    const std::string before = std::exchange(cell.shut, shut_because(cell, zone == kWholeCloud, now, silent_on_storage));
    if (before.empty() || !cell.shut.empty()) continue;
    for (auto* service : cell.services) service->series.restart(now);
  }
}

std::string ServiceLog::whole_source_unreadable(Instant now) const {
  if (!last_ok_finished_) return "nova has not answered yet";
  if (now - *last_ok_finished_ > longest_blindness()) return "nova does not answer";
  if (newest_unknown_ && now - *newest_unknown_ < kCellNews) return "a cell of nova reports no state";
  return {};
}

std::string ServiceLog::shut_for(const Service& service) const {
  for (const auto& zone : {kWholeCloud, service.newest.zone}) {
    const auto cell = cells_.find(zone);
    if (cell != cells_.end() && !cell->second.shut.empty()) return cell->second.shut;
  }
  return {};
}

std::string ServiceLog::gate(const NovaHost& host, Instant now, const SilentOnStorage& silent_on_storage) {
  if (auto reason = whole_source_unreadable(now); !reason.empty()) return reason;
  count_gates(now, silent_on_storage);
  const auto service = services_.find(host);
  return service == services_.end() ? cells_[kWholeCloud].shut : shut_for(service->second);
}

Duration ServiceLog::usual_interval(const Service& service) const {
  auto cell = cells_.find(service.newest.zone);
  if (cell == cells_.end()) cell = cells_.find(kWholeCloud);
  const Duration of_cell = cell == cells_.end() ? Duration{0} : cell->second.usual;
  return std::max(service.series.usual_interval(), of_cell);
}

computenode::Heartbeat ServiceLog::heartbeat(const NovaHost& host, Instant now, const SilentOnStorage& silent_on_storage) {
  computenode::Heartbeat result;
  result.configured = true;
  result.unreadable_reason = gate(host, now, silent_on_storage);
  const auto found = services_.find(host);
  if (found == services_.end() || found->second.look != looks_) {
    if (result.unreadable_reason.empty()) result.unreadable_reason = "nova lists no compute service of this host";
    return result;
  }
  const auto& service = found->second;
  if (service.unknown_since && result.unreadable_reason.empty()) result.unreadable_reason = "the host's cell of nova reports no state";
  if (service.twice && result.unreadable_reason.empty()) result.unreadable_reason = "nova lists two compute services of this host";
  result.readable = result.unreadable_reason.empty();
  if (!service.series.seen_at_all()) return result;
  result.quiet = std::max<Duration>(Duration{0}, service.series.quiet(now) - unseen(now));
  result.usual_interval = usual_interval(service);
  result.watched = service.series.watched(now);
  result.proven_alive = service.series.proven_alive();
  return result;
}

bool ServiceLog::forced_down(const NovaHost& host) const {
  const auto service = services_.find(host);
  return service != services_.end() && service->second.newest.forced_down;
}

}  // namespace vmha::evidence
