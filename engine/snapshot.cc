// What the engine knows, as numbers for metrics.
#include "engine/snapshot.h"

#include "engine/state.h"

namespace vmha {
namespace {

/// A fence writes whole addresses or ranges; librbd writes one client of an address when it breaks a lock; the drill an address of TEST-NET-1.
std::string owner_of(const ceph::BlocklistEntry& entry, const std::set<Address>& fenced) {
  if (entry.range.empty() && entry.nonce != 0) return "librbd";
  const Address address = entry.range.empty() ? entry.address : Address{entry.range};
  if (covers({Address{"192.0.2.0/24"}}, address)) return "drill";
  return covers(fenced, address) ? "fence" : "foreign";
}

}  // namespace

std::string controller_of(const std::string& key) {
  if (key.rfind("cn/", 0) == 0) return "computenode";
  if (key.rfind("pi/", 0) == 0) return "protectedinstance";
  return key.rfind("hap/", 0) == 0 ? "hapolicy" : "shared";
}

Snapshot Engine::snapshot(Instant now) const {
  const State& s = *state_;
  Snapshot snapshot;
  snapshot.leading = s.leading && !s.lost;
  snapshot.caches_synced = s.synced;
  std::set<Address> fenced;
  for (const auto& [name, node] : s.world.nodes) {
    snapshot.verdicts[name.value] = node.status.verdict.value;
    snapshot.fencing_ready[name.value] = api::is_true(node.status.conditions, api::condition::kFencingReady);
    const bool standing = computenode::is_standing(node.status.fence);
    snapshot.fences[name.value] = standing ? std::optional(node.status.fence->state) : std::nullopt;
    if (!standing) continue;
    for (const Address& address : node.status.fence->storage.addresses) fenced.insert(address);
  }
  for (const auto& [name, instance] : s.world.instances) {
    ++snapshot.instances[instance.status.phase];
    const api::Condition* recoverable = api::find_condition(instance.status.conditions, api::condition::kRecoverable);
    if (recoverable != nullptr && recoverable->status == api::ConditionStatus::kFalse) ++snapshot.not_recoverable;
  }
  for (const auto source : {api::EvidenceSource::kNovaService, api::EvidenceSource::kKubernetesNode, api::EvidenceSource::kStoragePing, api::EvidenceSource::kPower})
    snapshot.evidence_age[source] = s.evidence.age(source, now);
  if (s.world.blocklist)
    for (const ceph::BlocklistEntry& entry : s.world.blocklist->value) ++snapshot.blocklist_entries[owner_of(entry, fenced)];
  snapshot.storm_held = s.storm.is_held();
  snapshot.effects_in_flight = s.calls.in_flight();
  snapshot.queue_depth = s.queue.depth();
  snapshot.passes = s.passes;
  return snapshot;
}

}  // namespace vmha
