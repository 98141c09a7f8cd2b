#include <algorithm>
#include <string>
#include <utility>

#include "reconcilers/computenode/evidence.h"

namespace vmha::computenode {
namespace {

using api::EvidenceSource;
using api::EvidenceState;
using api::VerdictValue;

/// What one source says. kNone and kUnknown are both "Unknown" to people, but only kNone may be left out of a verdict: the source is not
/// configured (or has nobody to ask). kUnknown is a source that exists and cannot be read: it holds everything back.
enum class Says { kAlive, kStale, kNone, kUnknown };

Duration silence_that_smells(const Heartbeat& heartbeat) { return heartbeat.usual_interval * 3 / 2; }

/// A stale interval shorter than 1.5 heartbeats would call every host Stale between two of them.
Duration stale_after(const Heartbeat& heartbeat, seconds configured) { return std::max<Duration>(configured, silence_that_smells(heartbeat)); }

Says heartbeat_says(const Heartbeat& heartbeat, seconds configured) {
  if (!heartbeat.configured) return Says::kNone;
  if (!heartbeat.readable || !heartbeat.quiet) return Says::kUnknown;
  const Duration stale = stale_after(heartbeat, configured);
  if (*heartbeat.quiet < stale) return heartbeat.proven_alive ? Says::kAlive : Says::kUnknown;
  return heartbeat.watched >= stale ? Says::kStale : Says::kUnknown;
}

bool all_guests_silent(const StorageEvidence& storage) {
  return storage.guests_known && storage.running_guests > 0 && storage.all_asked_since &&
         (!storage.proven_alive || *storage.proven_alive < *storage.all_asked_since);
}

Says storage_says(const StorageEvidence& storage, const api::Detection& detection, Instant now) {
  if (!storage.configured) return Says::kNone;
  if (!storage.readable) return Says::kUnknown;
  const bool lately = storage.proven_alive && now - *storage.proven_alive < detection.nova_stale;
  if (storage.guests_known && storage.running_guests == 0) return lately ? Says::kAlive : Says::kNone;  // a paused guest acknowledges too
  if (storage.missed_rounds >= detection.storage_missed_pings) return all_guests_silent(storage) ? Says::kStale : Says::kUnknown;
  return lately ? Says::kAlive : Says::kUnknown;
}

struct Sources {
  Says nova;
  Says lease;
  Says storage;
  [[nodiscard]] bool all_silent() const {
    const auto silent = [](Says says) { return says == Says::kStale || says == Says::kNone; };
    return nova == Says::kStale && silent(lease) && silent(storage);
  }
};

bool alive_after(const std::optional<Instant>& proven_alive, Instant moment) { return proven_alive && *proven_alive > moment; }

bool contradicts(const HostEvidence& evidence, Instant first_off) {
  return alive_after(evidence.nova.proven_alive, first_off) || alive_after(evidence.lease.proven_alive, first_off) ||
         alive_after(evidence.storage.proven_alive, first_off);
}

/// Silent for 1.5 usual intervals; for the stale interval as long as no interval could be measured.
bool long_enough_silent(const Heartbeat& heartbeat, seconds configured) {
  const Duration needed = heartbeat.usual_interval > Duration{0} ? silence_that_smells(heartbeat) : Duration{configured};
  return heartbeat.quiet && *heartbeat.quiet >= needed && heartbeat.watched >= needed;
}

/// First row of the table, the part besides power itself. The caller has made sure that nothing proves life after the first Off reading.
bool nothing_lives_after_off(const HostEvidence& evidence, const api::Detection& detection, Instant first_off) {
  const auto& [nova, lease, storage, power, foreign] = evidence;
  if (!nova.configured || !nova.readable || !nova.quiet) return false;
  if (lease.configured && (!lease.readable || !lease.quiet)) return false;
  if (storage.configured && !storage.readable) return false;
  const bool nobody_to_ask = !storage.configured || (storage.guests_known && storage.running_guests == 0);
  if (!nobody_to_ask) return all_guests_silent(storage) && *storage.all_asked_since >= first_off;
  return long_enough_silent(nova, detection.nova_stale) && (!lease.configured || long_enough_silent(lease, detection.node_lease_stale));
}

struct Row {
  VerdictValue value;
  const char* detail;
  bool without_storage = false;
};

Row silent_host(const Sources& sources, const api::Detection& detection) {
  if (sources.lease == Says::kUnknown) return {VerdictValue::kUnknown, "nova-compute is silent, and the node's Lease cannot be read"};
  const bool no_lease = sources.lease == Says::kNone;
  switch (sources.storage) {
    case Says::kAlive:
      return {VerdictValue::kIsolated, no_lease ? "nova-compute is silent, its guests answer on the storage network"
                                                : "nova-compute and the node's Lease are silent, its guests answer on the storage network"};
    case Says::kStale:
      return {VerdictValue::kDead, no_lease ? "nova-compute and all guests are silent" : "nova-compute, the node's Lease and all guests are silent"};
    case Says::kUnknown:
      return {VerdictValue::kUnknown, "nova-compute is silent, and it cannot be told whether its guests are"};
    case Says::kNone:
      break;
  }
  if (no_lease) return {VerdictValue::kUnknown, "nova-compute is silent, and there is neither a Lease nor a guest to ask"};
  if (detection.storage_evidence == api::StorageEvidence::kRequired) {
    return {VerdictValue::kUnknown, "nova-compute and the node's Lease are silent, but the policy requires storage evidence"};
  }
  return {VerdictValue::kDead, "nova-compute and the node's Lease are silent, and there is no guest to ask", true};
}

/// The rows where power does not read Off.
Row by_life_signs(const Sources& sources, const api::Detection& detection) {
  const bool guests_silent = sources.storage == Says::kStale;
  switch (sources.nova) {
    case Says::kAlive:
      if (guests_silent) return {VerdictValue::kStorageLost, "nova-compute is alive, but no guest answers on the storage network"};
      if (sources.lease == Says::kStale) return {VerdictValue::kHealthy, "nova-compute is alive; the node's Lease is silent (AgentDown: kubelet)"};
      return {VerdictValue::kHealthy, "nova-compute is alive"};
    case Says::kStale:
      if (sources.lease != Says::kAlive) return silent_host(sources, detection);
      if (guests_silent) return {VerdictValue::kStorageLost, "the node's Lease is alive, but no guest answers on the storage network"};
      return {VerdictValue::kAgentDown, "nova-compute is silent, but the node's Lease is alive"};
    case Says::kNone:
    case Says::kUnknown:
      break;
  }
  return {VerdictValue::kUnknown, "nova-compute cannot be judged"};
}

// ---- What people see of each source

EvidenceState state_of(Says says) {
  if (says == Says::kAlive) return EvidenceState::kAlive;
  return says == Says::kStale ? EvidenceState::kStale : EvidenceState::kUnknown;
}

api::Evidence heartbeat_entry(EvidenceSource source, const Heartbeat& heartbeat, Says says) {
  api::Evidence entry{.source = source, .state = state_of(says), .since = std::nullopt, .detail = {}};
  switch (says) {
    case Says::kAlive: entry.detail = "heartbeat moves"; break;
    case Says::kStale: entry.detail = "heartbeat stopped"; break;
    case Says::kNone: entry.detail = "not configured"; break;
    case Says::kUnknown: entry.detail = heartbeat.unreadable_reason.empty() ? "not watched long enough" : heartbeat.unreadable_reason; break;
  }
  return entry;
}

api::Evidence storage_entry(const StorageEvidence& storage, Says says) {
  api::Evidence entry{.source = EvidenceSource::kStoragePing, .state = state_of(says), .since = std::nullopt, .detail = {}};
  switch (says) {
    case Says::kAlive: entry.detail = "guests acknowledge"; break;
    case Says::kStale: entry.detail = "no guest acknowledges"; break;
    case Says::kNone: entry.detail = storage.configured ? "no running guests" : "no guest has acknowledged yet"; break;
    case Says::kUnknown:
      entry.detail = storage.unreadable_reason;
      if (entry.detail.empty()) entry.detail = storage.guests_known ? "not every guest was asked yet" : "the list of guests is older than their silence";
      break;
  }
  return entry;
}

api::Evidence power_entry(const PowerEvidence& power) {
  api::Evidence entry{.source = EvidenceSource::kPower, .state = EvidenceState::kUnknown, .since = std::nullopt, .detail = power.detail};
  if (power.off_confirmed) {
    entry.state = EvidenceState::kOff;
  } else if (power.readable && !power.first_off) {
    entry.state = EvidenceState::kAlive;  // reads On; that is no proof of life, and no row of the table uses it
  }
  if (entry.detail.empty() && !power.configured) entry.detail = "no device that was seen on";
  return entry;
}

bool smells(const Heartbeat& heartbeat, seconds configured) {
  if (!heartbeat.configured || !heartbeat.readable || !heartbeat.quiet) return false;
  if (*heartbeat.quiet >= Duration{configured}) return true;
  return heartbeat.usual_interval > Duration{0} && *heartbeat.quiet > silence_that_smells(heartbeat);
}

bool smells(const HostEvidence& evidence, const api::Detection& detection) {
  return smells(evidence.nova, detection.nova_stale) || smells(evidence.lease, detection.node_lease_stale) ||
         (evidence.storage.configured && evidence.storage.readable && evidence.storage.missed_rounds > 0) || evidence.power.first_off.has_value();
}

/// Decides the value; everything else of the judgement is filled in by the caller.
void decide_value(const HostEvidence& evidence, const Sources& sources, const api::Detection& detection, Judgement& judgement) {
  if (evidence.foreign_forced_down) {
    judgement.detail = "nova-compute was forced down by somebody else";
    return;
  }
  const auto& power = evidence.power;
  if (power.first_off && contradicts(evidence, *power.first_off)) {
    if (!sources.all_silent()) {
      judgement.wrong_device = true;
      judgement.detail = "power reads Off, but the host was alive after that: the device belongs to another machine, or lies";
      return;
    }
    // All sources have gone silent again: the host is judged without the device, which proves nothing until it was read On.
  } else if (power.off_confirmed && power.first_off) {
    if (nothing_lives_after_off(evidence, detection, *power.first_off)) {
      judgement.value = VerdictValue::kDead;
      judgement.power_off = true;
      judgement.detail = "power reads Off, and nothing proves life since";
    } else {
      judgement.detail = "power reads Off; it is not certain yet that nothing lives";
    }
    return;
  }
  const Row row = by_life_signs(sources, detection);
  judgement.value = row.value;
  judgement.detail = row.detail;
  judgement.without_storage = row.without_storage;
}

/// More than a late heartbeat, which a busy machine has now and then: what a failing rack shows first.
bool has_gone_quiet(const HostEvidence& evidence, const Sources& sources) {
  const bool guests_silent = evidence.storage.readable && evidence.storage.running_guests > 0 && evidence.storage.missed_rounds > 0;
  return guests_silent || evidence.power.first_off.has_value() || sources.nova == Says::kStale;
}

}  // namespace

Judgement judge(const HostEvidence& evidence, const api::Detection& detection, Instant now) {
  const Sources sources{.nova = heartbeat_says(evidence.nova, detection.nova_stale),
                        .lease = heartbeat_says(evidence.lease, detection.node_lease_stale),
                        .storage = storage_says(evidence.storage, detection, now)};
  Judgement judgement;
  judgement.evidence = {heartbeat_entry(EvidenceSource::kNovaService, evidence.nova, sources.nova),
                        heartbeat_entry(EvidenceSource::kKubernetesNode, evidence.lease, sources.lease),
                        storage_entry(evidence.storage, sources.storage), power_entry(evidence.power)};
  decide_value(evidence, sources, detection, judgement);
  // A host that somebody else forced down is not looked at more closely: it is not ours to judge.
  judgement.suspect = !evidence.foreign_forced_down && smells(evidence, detection);
  judgement.counts_as_suspect = judgement.suspect && has_gone_quiet(evidence, sources);
  return judgement;
}

Duration confirmation_time(const Judgement& judgement, const HostEvidence& evidence, const api::HAPolicySpec& policy) {
  if (judgement.power_off) return Duration{0};
  Duration needed = policy.detection.confirm;
  if (judgement.without_storage) needed = std::max<Duration>(needed, policy.detection.confirm_without_storage);
  if (judgement.value == VerdictValue::kStorageLost) needed = std::max<Duration>(needed, policy.response.on_storage_lost_after);
  needed = std::max(needed, evidence.nova.usual_interval);
  if (evidence.lease.configured) needed = std::max(needed, evidence.lease.usual_interval);
  return needed;
}

}  // namespace vmha::computenode
