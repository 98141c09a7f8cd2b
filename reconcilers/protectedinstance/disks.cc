#include "reconcilers/protectedinstance/disks.h"

#include <algorithm>

#include <fmt/core.h>

#include "api/limits.h"
#include "base/address.h"
#include "reconcilers/protectedinstance/facts.h"

namespace vmha::protectedinstance {
namespace {

/// Nova's RBD image backend: "<uuid>_disk", also "_disk.config", "_disk.swap", "_disk.eph0" (nova/virt/libvirt/imagebackend.py).
bool is_own_disk(const InstanceView& view, const ImageId& image) { return image.name.starts_with(view.object->spec.server_id.value + "_disk"); }

const ceph::ImageWatch* find_image(const InstanceView& view, const std::string& name) {
  const auto& disks = view.disks->value;
  const auto found = std::ranges::find_if(disks, [&](const ceph::ImageWatch& disk) { return disk.image.name == name && disk.found; });
  return found == disks.end() ? nullptr : &*found;
}

const HostFacts* host_at(const InstanceView& view, const Address& address) {
  const auto found = std::ranges::find_if(view.hosts, [&](const HostFacts& host) { return covers(host.addresses, address); });
  return found == view.hosts.end() ? nullptr : &*found;
}

/// Recorded beside the fenced host's own client while all was well: then it is somebody else's. A record without the host's own address may be the
/// host itself under an address the fence does not know. A server's own disk belongs to one compute host at a time: there another host is never a
/// co-attachment.
bool is_recorded(const InstanceView& view, const ImageId& image, const ceph::Watcher& watcher) {
  if (is_own_disk(view, image) && host_at(view, watcher.address) != nullptr) return false;
  const std::string prefix = endpoint_of(watcher.address);
  const auto& records = view.object->status.disks;
  const auto record = std::ranges::find_if(records, [&](const api::DiskStatus& disk) { return disk.image == image; });
  if (record == records.end() || !std::ranges::any_of(record->watchers, [&](const std::string& text) { return text.starts_with(prefix); })) return false;
  return view.fence && std::ranges::any_of(record->watchers, [&](const std::string& text) { return covers(view.fence->addresses, address_of_client(text)); });
}

/// A volume that another server has attached, too, watched from the host where nova shows that one: wherever it was evacuated to since, or was running
/// while this one was shut off. Only beside a disk of this server's own, at which a guest of it there would be seen.
bool is_of_a_sharer(const InstanceView& view, const ImageId& image, const ceph::Watcher& watcher) {
  const auto shared = std::ranges::find_if(view.sharers, [&](const auto& each) { return image.name == "volume-" + each.first; });
  const HostFacts* host = host_at(view, watcher.address);
  if (shared == view.sharers.end() || host == nullptr || !shared->second.contains(host->host)) return false;
  return find_image(view, view.server->value.id.value + "_disk") != nullptr;
}

bool is_unexpected(const InstanceView& view, const WatchRule& rule, const ImageId& image, const ceph::Watcher& watcher) {
  if (covers(rule.forbidden, watcher.address)) return true;
  if (covers(rule.expected, watcher.address) || is_recorded(view, image, watcher) || is_of_a_sharer(view, image, watcher)) return false;
  return !rule.only_hosts || host_at(view, watcher.address) != nullptr;
}

}  // namespace

bool root_disk_is_missing(const InstanceView& view) {
  const nova::Server& server = view.server->value;
  if (server.image_id.empty() && !server.volumes.empty()) return false;
  return find_image(view, server.id.value + "_disk") == nullptr;
}

std::vector<std::string> volumes_elsewhere(const InstanceView& view) {
  std::vector<std::string> elsewhere;
  for (const std::string& volume : view.server->value.volumes) {
    if (find_image(view, "volume-" + volume) == nullptr) elsewhere.push_back(volume);
  }
  return elsewhere;
}

std::string unread_disk(const InstanceView& view) {
  const auto& disks = view.disks->value;
  const auto unread = std::ranges::find_if(disks, [](const ceph::ImageWatch& disk) { return !disk.read; });
  return unread == disks.end() ? std::string() : unread->image.path();
}

std::string unexpected_watch(const InstanceView& view, const WatchRule& rule) {
  for (const ceph::ImageWatch& disk : view.disks->value) {
    for (const ceph::Watcher& watcher : disk.watchers) {
      if (!is_unexpected(view, rule, disk.image, watcher)) continue;
      const HostFacts* host = host_at(view, watcher.address);
      return fmt::format("{} is watched from {} ({})", disk.image.path(), to_text(watcher), host == nullptr ? "no known host" : host->node.value);
    }
  }
  return {};
}

std::vector<api::DiskStatus> disk_records(const std::vector<ceph::ImageWatch>& disks) {
  std::vector<api::DiskStatus> records;
  for (const ceph::ImageWatch& disk : disks) {
    if (!disk.found || records.size() == api::kMaxDisks) continue;
    api::DiskStatus record{.image = disk.image, .watchers = {}, .lock_owner = disk.lock_owner ? to_text(*disk.lock_owner) : std::string()};
    for (const ceph::Watcher& watcher : disk.watchers) record.watchers.push_back(to_text(watcher));
    std::ranges::sort(record.watchers);
    if (record.watchers.size() > api::kMaxWatchers) record.watchers.resize(api::kMaxWatchers);
    records.push_back(std::move(record));
  }
  std::ranges::sort(records, {}, &api::DiskStatus::image);
  return records;
}

}  // namespace vmha::protectedinstance
