#include "reconcilers/protectedinstance/obstacle.h"

#include <fmt/core.h>

#include "api/conditions.h"
#include "reconcilers/protectedinstance/disks.h"
#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/recoverable.h"
#include "reconcilers/protectedinstance/work.h"

namespace vmha::protectedinstance {
namespace {

using Kind = Obstacle::Kind;

std::string would_do(const Pass& pass, const api::InstanceRecovery& recovery) {
  const auto destination = destination_for(pass.view, host_named(pass.view, recovery.from));
  const std::string to = destination ? name_of(pass.view, *destination) : "a host of nova's choice";
  return fmt::format("would evacuate it from {} to {}", recovery.from, to);
}

std::optional<Obstacle> hands_off_obstacle(Pass& pass, const api::InstanceRecovery& recovery) {
  const std::string why = pass.hands_off();
  if (why.empty()) return std::nullopt;
  const bool lasts = why == "Duplicate" || why == "DryRun";
  if (why == "DryRun") pass.dry_run_skipped = true;
  return Obstacle{lasts ? Kind::kSkip : Kind::kWait, why + ": " + would_do(pass, recovery)};
}

std::optional<Obstacle> fence_obstacle(const Pass& pass, const api::InstanceRecovery& recovery) {
  const auto& fence = pass.view.fence;
  if (!fence || fence->id != recovery.fence_id) {
    if (pass.view.standing_fences.contains(recovery.fence_id)) return Obstacle{Kind::kStay, "the fence's proof cannot be read now"};
    return Obstacle{Kind::kSkip, fmt::format("the fence {} ended before it was evacuated", recovery.fence_id.value)};
  }
  if (!fence->requirement_met) return Obstacle{Kind::kStay, "the fence is not proven as the policy requires"};
  if (!fence->service_forced_down) return Obstacle{Kind::kStay, "nova's service is not forced down yet"};
  return std::nullopt;
}

std::optional<Obstacle> state_obstacle(Pass& pass, const api::InstanceRecovery& recovery) {
  const nova::Server& server = pass.server();
  if (server.host != pass.view.fence->host) return Obstacle{Kind::kMoved, "it is not on the fenced host any more"};
  const std::string& original = recovery.original_state.empty() ? server.vm_state : recovery.original_state;
  if (original == "stopped" && !pass.view.policy->spec.evacuation.include_stopped) {
    return Obstacle{Kind::kSkip, "it was shut off, and the policy's evacuation.includeStopped is false"};
  }
  const auto blocked = blocker(pass.view);
  if (blocked && blocked->hard) return Obstacle{Kind::kSkip, blocked->message, true};
  return std::nullopt;
}

/// A server that its tenant has deleted: nova ends that when the host is back, and nothing is to be saved.
bool is_being_deleted(const nova::Server& server) { return server.task_state == "deleting" || server.task_state == "soft-deleting"; }

std::optional<Obstacle> work_obstacle(const Pass& pass) {
  const std::string work = work_in_the_way(pass.view);
  if (work.empty()) return std::nullopt;
  if (is_being_deleted(pass.server())) return Obstacle{Kind::kSkip, "it is being deleted: nova does that when its host is back"};
  return Obstacle{Kind::kWait, work};
}

/// Fences that must cover the disks: the host's, and of a fenced destination of an earlier attempt, which may have opened them too.
std::vector<const FenceInForce*> fences_of_writers(const Pass& pass) {
  std::vector<const FenceInForce*> fences = {&*pass.view.fence};
  for (const nova::Migration& record : pass.view.migrations->value) {
    if (record.server != pass.spec().server_id || nova::is_final(record) || !is_over(pass.view, record)) continue;
    const HostFacts* destination = find_host(pass.view, record.destination);
    if (destination != nullptr && destination->fence) fences.push_back(&*destination->fence);  // else it returned: a watch from there is a stranger's
  }
  return fences;
}

std::optional<Obstacle> disk_obstacle(Pass& pass) {
  const std::string unread = unread_disk(pass.view);
  if (!unread.empty()) {
    pass.read_disks();
    return Obstacle{Kind::kStay, "the watchers of " + unread + " cannot be read"};
  }
  WatchRule rule;
  const auto elsewhere = volumes_elsewhere(pass.view);
  for (const FenceInForce* fence : fences_of_writers(pass)) {
    rule.expected.insert(fence->addresses.begin(), fence->addresses.end());
    if (!fence->power_proven && !fence->storage_proven) return Obstacle{Kind::kStay, "the fence's proof cannot be read now"};
    if (elsewhere.empty() || fence->power_proven) continue;
    return Obstacle{Kind::kWait, fmt::format("{} is not proven off, and only that covers the volume {}", fence->node.value, elsewhere.front())};
  }
  const std::string foreign = unexpected_watch(pass.view, rule);
  if (foreign.empty()) return std::nullopt;
  const nova::Migration* moving = open_live_migration(pass.view);
  if (moving == nullptr) return Obstacle{Kind::kWait, foreign + ", which the fence does not cover"};
  return Obstacle{Kind::kWait, fmt::format("{}; nova was migrating it to {} and never said how that ended: if its guest runs there, end it there (virsh destroy)",
                                           foreign, name_of(pass.view, moving->destination))};
}

std::optional<Obstacle> reading_obstacle(Pass& pass, Instant since) {
  const InstanceView& view = pass.view;
  const bool server = is_current(view.server, since, view.now);
  const bool migrations = is_current(view.migrations, since, view.now);
  const bool disks = is_current(view.disks, since, view.now);
  if (server && migrations && disks) return std::nullopt;
  if (!server) pass.read_server();
  if (!migrations) pass.read_migrations(view.fence->host);
  if (!disks) pass.read_disks();
  return Obstacle{Kind::kRead, !server || !migrations ? "nova cannot be read" : "its disks cannot be read"};
}

}  // namespace

std::optional<Obstacle> standing_obstacle(Pass& pass, const api::InstanceRecovery& recovery) {
  if (pass.spec().recovery.on_host_failure == api::HostFailureAction::kLeave) return Obstacle{Kind::kSkip, "spec.recovery.onHostFailure is Leave"};
  if (auto found = hands_off_obstacle(pass, recovery)) return found;
  if (auto found = fence_obstacle(pass, recovery)) return found;
  if (candidates(pass.view, pass.view.fence->host).empty()) {
    return Obstacle{Kind::kWait, "no valid host: no other host that spec.placement allows is healthy"};
  }
  return std::nullopt;
}

std::optional<Obstacle> obstacle(Pass& pass, const api::InstanceRecovery& recovery, Instant since) {
  if (auto found = standing_obstacle(pass, recovery)) return found;
  if (auto found = reading_obstacle(pass, since)) return found;
  if (auto found = state_obstacle(pass, recovery)) return found;
  if (auto found = work_obstacle(pass)) return found;
  return disk_obstacle(pass);
}

}  // namespace vmha::protectedinstance
