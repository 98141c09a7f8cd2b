#include <chrono>

#include <fmt/core.h>

#include "reconcilers/protectedinstance/disks.h"
#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/pass.h"

/// On its new host: the state it had, then the attestation by Ceph.
namespace vmha::protectedinstance {
namespace {

/// Nova ends what was in ERROR as ACTIVE (nova-facts.md), and starts what was shut off for a moment.
std::string wanted_state(const api::InstanceRecovery& recovery) { return recovery.original_state == "stopped" ? "stopped" : "active"; }

/// True once the server is in the state it had, and at rest.
bool has_its_state(Pass& pass, const api::InstanceRecovery& recovery) {
  const nova::Server& server = pass.server();
  const std::string wanted = wanted_state(recovery);
  if (!server.task_state.empty()) return false;
  const bool ordinary = server.vm_state == "active" || server.vm_state == "stopped";
  if (server.vm_state == wanted || !ordinary) return true;  // paused, resized, ...: somebody's doing since, not ours to undo
  if (pass.acted_since_read()) {
    pass.read_server();
    return false;
  }
  // 2.95 leaves what was running stopped; what was shut off and then in ERROR comes back running.
  if (server.vm_state == "active") pass.act(StopServer{server.id});
  if (server.vm_state == "stopped") pass.act(StartServer{server.id});
  return false;
}

/// Where a watch means that the old guest, or another one, still has the disks.
WatchRule attestation(const Pass& pass, const NovaHost& from) {
  WatchRule rule;
  rule.only_hosts = true;
  rule.expected = pass.view.vmha_addresses;
  const HostFacts* destination = find_host(pass.view, pass.server().host);
  if (destination != nullptr) rule.expected.insert(destination->addresses.begin(), destination->addresses.end());
  if (pass.view.fence && pass.view.fence->id == pass.stored().recovery->fence_id) rule.forbidden = pass.view.fence->addresses;
  const HostFacts* source = find_host(pass.view, from);
  if (source != nullptr) rule.forbidden.insert(source->addresses.begin(), source->addresses.end());
  return rule;
}

void attest(Pass& pass, api::InstanceRecovery recovery) {
  const InstanceView& view = pass.view;
  pass.status().phase = api::InstancePhase::kAttesting;
  const bool fence_is_known = view.fence || !view.standing_fences.contains(recovery.fence_id);
  // Asked for after the server was seen at its destination, so that every writer there could be is in it.
  const bool current = is_current(view.disks, view.server->at, view.now);
  if (!current) pass.read_disks();
  if (!current || !fence_is_known) return;
  const std::string unread = unread_disk(view);
  const std::string watch = unread.empty() ? unexpected_watch(view, attestation(pass, host_named(view, recovery.from))) : std::string();
  if (!unread.empty() || !watch.empty()) {
    recovery.message = unread.empty() ? watch : "the watchers of " + unread + " cannot be read";
    if (!is_fresh(view.disks, kFollowEvery, view.now)) pass.read_disks();
  } else {
    recovery.message.clear();
    recovery.phase = api::RecoveryStep::kAttested;
  }
  pass.status().recovery = std::move(recovery);
}

/// It moved before its record was seen: empty if nova's list still lacks it.
MigrationUuid own_record_id(const Pass& pass, const api::InstanceRecovery& recovery) {
  const Evacuations records = evacuations_from(pass.view, host_named(pass.view, recovery.from));
  const bool own = records.newest != nullptr && is_newer_than(pass.view, *records.newest, recovery.migration_id);
  return own ? records.newest->uuid : MigrationUuid{};
}

}  // namespace

void land(Pass& pass) {
  const InstanceView& view = pass.view;
  api::InstanceRecovery recovery = *pass.stored().recovery;
  recovery.phase = api::RecoveryStep::kMoved;
  recovery.to = name_of(view, pass.server().host);
  pass.status().recovery = recovery;
  if (pass.stored().recovery->phase != api::RecoveryStep::kMoved) {
    pass.status().phase = api::InstancePhase::kRecovering;
    pass.status().recovery->message.clear();
    if (pass.stored().recovery->phase != api::RecoveryStep::kRequested) pass.status().recovery->migration_id = own_record_id(pass, recovery);
    return;
  }
  pass.out.wake(view.now + kFollowEvery);
  const HostFacts* host = find_host(view, pass.server().host);
  if (host != nullptr && host->fence_standing) return;  // that host's fence takes over once it is in force
  const bool done = pass.server().task_state.empty() && pass.server().vm_state == wanted_state(recovery);
  if (!is_fresh(view.server, done ? kProofReadableWithin : kFollowEvery, view.now)) pass.read_server();
  if (!is_fresh(view.server, kProofReadableWithin, view.now)) return;
  if (pass.server().vm_state == "error" && pass.server().task_state.empty()) {
    return fail_for_good(pass, recovery, fmt::format("it is in ERROR on {}: {}", recovery.to, pass.server().fault));
  }
  if (has_its_state(pass, recovery)) attest(pass, recovery);
}

}  // namespace vmha::protectedinstance
