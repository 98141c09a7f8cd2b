#include "engine/evidence/evidence_log.h"

#include <algorithm>
#include <utility>

#include "engine/evidence/guest_log.h"
#include "engine/evidence/lease_log.h"
#include "engine/evidence/power_log.h"
#include "engine/evidence/service_log.h"

namespace vmha::evidence {
namespace {

/// What was judged of one host, and since when it holds.
struct History {
  api::VerdictValue value = api::VerdictValue::kUnknown;
  std::optional<Instant> since;          ///< absent: nothing holds
  std::optional<Instant> asked;          ///< newest judgement
  std::optional<Instant> suspect_since;
  std::vector<api::Evidence> evidence;   ///< of the newest judgement, with `since`
};

/// The time a state is known to hold since: kept while the state stays, also over a restart where the stored verdict says the same.
void keep_since(const std::vector<api::Evidence>& before, std::vector<api::Evidence>& entries, WallTime wall) {
  for (auto& entry : entries) {
    const auto same = std::find_if(before.begin(), before.end(),
                                   [&](const api::Evidence& one) { return one.source == entry.source && one.state == entry.state && one.since; });
    entry.since = same == before.end() ? wall : *same->since;
  }
}

}  // namespace

struct EvidenceLog::State {
  struct Host {
    HostRef ref;
    History history;
  };

  api::Detection detection;
  std::map<NodeName, Host> hosts;
  ServiceLog services;
  LeaseLog leases;
  GuestLog guests;
  PowerLog power;

  [[nodiscard]] const Host* find(const NodeName& node) const {
    const auto found = hosts.find(node);
    return found == hosts.end() ? nullptr : &found->second;
  }
  [[nodiscard]] ServiceLog::SilentOnStorage silent_on_storage(Instant now) const {
    return [this, now](const NovaHost& host) { return guests.silent(host, now); };
  }
  [[nodiscard]] computenode::HostEvidence evidence(const HostRef& host, Instant now) {
    return {.nova = services.heartbeat(host.nova_host, now, silent_on_storage(now)),
            .lease = leases.heartbeat(host.kubernetes_node, now),
            .storage = guests.evidence(host.nova_host, now),
            .power = power.evidence(host.node, now),
            .foreign_forced_down = services.forced_down(host.nova_host) && !host.own_fence};
  }
  /// The longest pause between two judgements of a host after which the first may not have held all the time.
  [[nodiscard]] Duration longest_pause(const api::Detection& of_host) const {
    return std::max<Duration>(std::max(detection.poll, of_host.poll) * kMissedPolls, kShortestBlindness);
  }
};

EvidenceLog::EvidenceLog() : state_(std::make_unique<State>()) {}
EvidenceLog::~EvidenceLog() = default;
EvidenceLog::EvidenceLog(EvidenceLog&&) noexcept = default;
EvidenceLog& EvidenceLog::operator=(EvidenceLog&&) noexcept = default;

void EvidenceLog::configure(const api::Detection& detection) {
  state_->detection = detection;
  state_->services.configure(detection);
  state_->leases.configure(detection);
  state_->guests.configure(detection);
}

void EvidenceLog::restart_watch(Instant now) {
  state_->services.restart_watch(now);
  state_->leases.restart_watch(now);
  state_->guests.restart_watch();
  state_->power.restart_watch();
  for (auto& [node, host] : state_->hosts) {
    host.history.since.reset();
    host.history.suspect_since.reset();
  }
}

void EvidenceLog::track(const HostRef& host) {
  auto [found, is_new] = state_->hosts.try_emplace(host.node);
  if (!is_new && found->second.ref == host) return;
  if (!is_new && found->second.ref.nova_host != host.nova_host) {
    state_->guests.forget(found->second.ref.nova_host);
    found->second.history = {};
  }
  if (const auto& before = found->second.ref.kubernetes_node) state_->leases.set_fenced(*before, false);
  if (host.kubernetes_node) state_->leases.set_fenced(*host.kubernetes_node, host.fence_called);
  found->second.ref = host;
  state_->guests.track(host.nova_host, host.client_addresses);
  state_->power.track(host.node, host.devices);
}

void EvidenceLog::forget(const NodeName& node) {
  const auto* host = state_->find(node);
  if (host == nullptr) return;
  const NovaHost nova_host = host->ref.nova_host;
  if (host->ref.kubernetes_node) state_->leases.set_fenced(*host->ref.kubernetes_node, false);
  state_->guests.forget(nova_host);
  state_->power.forget(node);
  state_->hosts.erase(node);
  for (const auto& [name, other] : state_->hosts) {  // two objects of one host: the one that stays goes on
    if (other.ref.nova_host == nova_host) state_->guests.track(nova_host, other.ref.client_addresses);
  }
}

void EvidenceLog::observe_services(const Result<std::vector<nova::Service>>& services, Instant started, Instant finished) {
  state_->services.observe(services, started, finished, state_->silent_on_storage(finished));
}

void EvidenceLog::observe_lease(const std::string& kubernetes_node, const std::string& renew_time, Instant received) {
  state_->leases.observe(kubernetes_node, renew_time, received);
}

void EvidenceLog::lease_gone(const std::string& kubernetes_node) { state_->leases.gone(kubernetes_node); }
void EvidenceLog::api_server_alive(Instant at) { state_->leases.api_server_alive(at); }
void EvidenceLog::api_server_error(Instant at) { state_->leases.api_server_error(at); }

void EvidenceLog::observe_host_servers(const NovaHost& host, const std::vector<nova::Server>& servers, Instant started) {
  std::vector<const nova::Server*> pointers;
  pointers.reserve(servers.size());
  for (const auto& server : servers) pointers.push_back(&server);
  state_->guests.observe_host(host, pointers, started);
}

void EvidenceLog::observe_all_servers(const std::vector<nova::Server>& servers, Instant started) { state_->guests.observe_all(servers, started); }

void EvidenceLog::observe_host_migrations(const NovaHost& host, const std::vector<nova::Migration>& migrations, Instant started) {
  state_->guests.observe_migrations(host, migrations, started);
}

void EvidenceLog::observe_disks(const std::vector<ServerImages>& servers) { state_->guests.observe_disks(servers); }
void EvidenceLog::recall_watchers(const ImageId& image, const std::set<Address>& addresses) { state_->guests.recall_watchers(image, addresses); }
void EvidenceLog::observe_pings(const Result<ceph::PingRound>& round, Instant started) { state_->guests.observe_pings(round, started); }

void EvidenceLog::observe_mons(bool answered) { state_->guests.observe_mons(answered); }

void EvidenceLog::observe_power(const NodeName& node, const std::string& device, const Result<power::Reading>& reading, Instant started, Instant answered) {
  state_->power.observe(node, device, reading, started, answered);
}

std::vector<ImageId> EvidenceLog::next_pings() { return state_->guests.next_pings(); }

bool EvidenceLog::wants_servers(const NodeName& node, Instant now) const {
  const auto* host = state_->find(node);
  return host != nullptr && state_->guests.wants_list(host->ref.nova_host, now);
}

std::vector<ServerId> EvidenceLog::wants_disks(const NodeName& node, std::size_t max) const {
  const auto* host = state_->find(node);
  return host == nullptr ? std::vector<ServerId>{} : state_->guests.without_disks(host->ref.nova_host, max);
}

std::optional<Duration> EvidenceLog::age(api::EvidenceSource source, Instant now) const {
  std::optional<Instant> look;
  switch (source) {
    case api::EvidenceSource::kNovaService: look = state_->services.last_look(); break;
    case api::EvidenceSource::kKubernetesNode: look = state_->leases.last_look(); break;
    case api::EvidenceSource::kStoragePing: look = state_->guests.last_round(); break;
    case api::EvidenceSource::kPower: look = state_->power.last_look(); break;
  }
  if (!look) return std::nullopt;
  return now - *look;
}

std::string EvidenceLog::gate(api::EvidenceSource source, const NodeName& node, Instant now) const {
  const auto* host = state_->find(node);
  switch (source) {
    case api::EvidenceSource::kNovaService:
      return state_->services.gate(host == nullptr ? NovaHost{} : host->ref.nova_host, now, state_->silent_on_storage(now));
    case api::EvidenceSource::kKubernetesNode: return state_->leases.gate(now);
    case api::EvidenceSource::kStoragePing: return state_->guests.gate(now);
    case api::EvidenceSource::kPower: break;
  }
  return {};
}

computenode::HostEvidence EvidenceLog::of(const NodeName& node, Instant now) const {
  const auto* host = state_->find(node);
  if (host == nullptr) return {};
  return state_->evidence(host->ref, now);
}

std::optional<Duration> EvidenceLog::held(const NodeName& node, Instant now) const {
  const auto* host = state_->find(node);
  if (host == nullptr || !host->history.since) return std::nullopt;
  return now - *host->history.since;
}

computenode::Judgement EvidenceLog::judged(const NodeName& node, const api::HAPolicySpec& policy, const api::Verdict& stored, Instant now, WallTime wall) {
  const auto found = state_->hosts.find(node);
  if (found == state_->hosts.end()) return {};
  const HostRef& ref = found->second.ref;
  History& history = found->second.history;
  auto evidence = state_->evidence(ref, now);
  auto judgement = computenode::judge(evidence, policy.detection, now);
  if (judgement.suspect != history.suspect_since.has_value()) {
    history.suspect_since = judgement.suspect ? std::optional{now} : std::nullopt;
    state_->guests.suspect(ref.nova_host, history.suspect_since);
    evidence = state_->evidence(ref, now);  // suspicion asks for a newer list of guests
    judgement = computenode::judge(evidence, policy.detection, now);
  }
  const bool unwatched = history.asked && now - *history.asked > state_->longest_pause(policy.detection);
  const bool holds = history.since && !unwatched && judgement.value == history.value && judgement.value != api::VerdictValue::kUnknown;
  if (!holds) history.since = now;
  judgement.confirmed =
      judgement.value != api::VerdictValue::kUnknown && now - *history.since >= computenode::confirmation_time(judgement, evidence, policy);
  keep_since(history.evidence.empty() ? stored.evidence : history.evidence, judgement.evidence, wall);
  history.value = judgement.value;
  history.asked = now;
  history.evidence = judgement.evidence;
  return judgement;
}

}  // namespace vmha::evidence
