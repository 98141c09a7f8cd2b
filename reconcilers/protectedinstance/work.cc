#include "reconcilers/protectedinstance/work.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/core.h>

namespace vmha::protectedinstance {
namespace {

constexpr std::string_view kLiveMigration = "live-migration";
constexpr std::string_view kMigrating = "migrating";

/// Tasks that only the server's own nova-compute works on, and that start it nowhere else (nova/compute/task_states.py). Not among them: builds and
/// rebuilds, resizes, shelving, rescue and the end of a server.
bool is_local_task(std::string_view task) {
  static constexpr std::array<std::string_view, 19> kLocal = {
      "image_snapshot", "image_snapshot_pending", "image_pending_upload", "image_uploading", "image_backup", "updating_password", "rebooting",
      "reboot_pending", "reboot_started", "rebooting_hard", "reboot_pending_hard", "reboot_started_hard", "pausing", "suspending", "powering-off",
      "powering-on", "attaching_volume", "detaching_volume", "soft-rebooting"};
  return std::ranges::find(kLocal, task) != kLocal.end();
}

const FenceInForce* fence_at(const InstanceView& view, const NovaHost& host) {
  if (view.fence && view.fence->host == host) return &*view.fence;
  const HostFacts* facts = find_host(view, host);
  return facts != nullptr && facts->fence ? &*facts->fence : nullptr;
}

bool is_fenced_with_proof(const InstanceView& view, const NovaHost& host) {
  const FenceInForce* fence = fence_at(view, host);
  return fence != nullptr && fence->requirement_met && fence->service_forced_down;
}

/// Unfinished records of this server that no fence has ended, the newest first.
const nova::Migration* open_record(const InstanceView& view) {
  const nova::Migration* found = nullptr;
  for (const nova::Migration& record : view.migrations->value) {
    if (record.server != view.object->spec.server_id || nova::is_final(record) || nova::is_superseded(record, view.migrations->value)) continue;
    const bool over = record.type == "evacuation" && record.source == view.fence->host ? is_over(view, record) : died_with_its_source(view, record);
    if (!over && (found == nullptr || record.id > found->id)) found = &record;
  }
  return found;
}

std::string in_the_way(const InstanceView& view, const nova::Migration& record) {
  const std::string what = fmt::format("nova's {} {} to {} is {}", record.type, record.uuid.value,
                                       record.destination.empty() ? "a host not chosen yet" : name_of(view, record.destination), record.status);
  if (record.type != kLiveMigration || !fence_at(view, record.source)) return what + ": it must end first";
  if (!fence_at(view, record.source)->power_proven) return fmt::format("{}, and {} is not proven off: it may go on", what, name_of(view, record.source));
  return fmt::format("{}, and {} is neither healthy nor fenced: a guest of it there could not be seen", what, name_of(view, record.destination));
}

std::string task_in_the_way(const InstanceView& view) {
  const std::string& task = view.server->value.task_state;
  if (!has_live_task(view, view.fence->host)) return {};
  const nova::Migration* moving = open_live_migration(view);
  const bool died = task == kMigrating ? moving != nullptr && died_with_its_source(view, *moving) : is_local_task(task) && view.fence->power_proven;
  if (died) return {};
  if (is_local_task(task)) return fmt::format("nova's task {} must end first, or {} be proven off", task, view.fence->node.value);
  return fmt::format("nova's task {} must end first; a person may have to end it (openstack server set --state active)", task);
}

}  // namespace

bool died_with_its_source(const InstanceView& view, const nova::Migration& record) {
  if (record.type != kLiveMigration) return false;
  const FenceInForce* source = fence_at(view, record.source);
  // A storage fence does not stop the source: it could still hand the guest's memory over, to a host that may write.
  if (source == nullptr || !source->power_proven || !source->service_forced_down) return false;
  if (record.destination.empty() || is_fenced_with_proof(view, record.destination)) return true;
  const HostFacts* destination = find_host(view, record.destination);
  return destination != nullptr && destination->healthy && !destination->fence_standing;
}

const nova::Migration* open_live_migration(const InstanceView& view) {
  const nova::Migration* found = nullptr;
  if (!view.migrations) return found;
  for (const nova::Migration& record : view.migrations->value) {
    if (record.server != view.object->spec.server_id || record.type != kLiveMigration || nova::is_final(record)) continue;
    if (!nova::is_superseded(record, view.migrations->value) && (found == nullptr || record.id > found->id)) found = &record;
  }
  return found;
}

std::string work_in_the_way(const InstanceView& view) {
  if (const nova::Migration* record = open_record(view)) return in_the_way(view, *record);
  return task_in_the_way(view);
}

}  // namespace vmha::protectedinstance
