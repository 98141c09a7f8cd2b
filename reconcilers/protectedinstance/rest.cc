#include <algorithm>

#include <fmt/core.h>

#include "reconcilers/protectedinstance/disks.h"
#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/pass.h"
#include "reconcilers/protectedinstance/recoverable.h"

/// No recovery is due: what the readings say, and what would stop one.
namespace vmha::protectedinstance {
namespace {

bool has_unfinished_migration(const InstanceView& view) {
  if (!view.migrations) return false;
  for (const nova::Migration& record : view.migrations->value) {
    const bool own = record.server == view.object->spec.server_id;
    if (own && !nova::is_final(record) && !nova::is_superseded(record, view.migrations->value)) return true;
  }
  return false;
}

/// Watchers seen now are let pass by a later recovery, so they are recorded only while nothing about the server or its host moves.
void record_disks(Pass& pass) {
  const InstanceView& view = pass.view;
  if (!view.disks || !view.server || host_is_fenced(view)) return;
  const bool at_rest = view.server->value.task_state.empty() && !has_unfinished_migration(view);
  if (!at_rest || !unread_disk(view).empty()) return;
  // The watches of a dead host run out: what was recorded while it lived says that its guests would answer if they could.
  const bool runs = view.server->value.vm_state == "active";
  const HostFacts* host = find_host(view, view.server->value.host);
  auto records = disk_records(view.disks->value);
  const bool watched = std::ranges::any_of(records, [](const api::DiskStatus& disk) { return !disk.watchers.empty(); });
  if (watched || !runs || (host != nullptr && host->healthy)) pass.status().disks = std::move(records);
}

api::InstancePhase phase_at_rest(const Pass& pass) {
  const InstanceView& view = pass.view;
  const auto& recovery = pass.out.status.recovery;
  if (recovery && view.standing_fences.contains(recovery->fence_id)) {
    if (recovery->phase == api::RecoveryStep::kAttested) return recovery->finished_time ? api::InstancePhase::kRecovered : api::InstancePhase::kAttesting;
    const bool still_there = view.server && name_of(view, view.server->value.host) == recovery->from;
    const bool broken = view.server && view.server->value.vm_state == "error";
    if (recovery->phase == api::RecoveryStep::kFailed && (still_there || broken)) return api::InstancePhase::kFailed;
  }
  const bool ready = view.policy != nullptr && !view.duplicate && pass.spec().recovery.on_host_failure == api::HostFailureAction::kEvacuate;
  if (!ready || !view.server) return api::InstancePhase::kUnprotected;
  const auto blocked = blocker(view);
  return blocked && blocked->reason != kNoDestination ? api::InstancePhase::kUnprotected : api::InstancePhase::kProtected;
}

}  // namespace

void rest(Pass& pass) {
  const InstanceView& view = pass.view;
  if (!is_fresh(view.server, kRestReadEvery, view.now)) pass.read_server();
  if (view.server && !is_fresh(view.disks, kRestReadEvery, view.now)) pass.read_disks();
  pass.out.wake(view.now + kRestReadEvery);
  record_disks(pass);
  pass.status().phase = phase_at_rest(pass);
}

}  // namespace vmha::protectedinstance
