#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/protectedinstance/view.h"

/// What the reading of a server's disks says. Internal to this room. All need view.server and view.disks.
namespace vmha::protectedinstance {

/// The server was made from an image and has no root disk in the protected Ceph: an evacuation would build it anew, empty.
[[nodiscard]] bool root_disk_is_missing(const InstanceView& view);
/// Attached volumes that are not in the protected Ceph, as nova names them: the storage fence does not cover them.
[[nodiscard]] std::vector<std::string> volumes_elsewhere(const InstanceView& view);
/// An image whose watch list could not be read; empty: none.
[[nodiscard]] std::string unread_disk(const InstanceView& view);
/// A watch that neither `expected` nor a recorded co-attachment explains, for people: "vms/x_disk is watched from 10.77.0.12:0/7 (compute-2)".
/// With `only_hosts`, clients that are no compute host's (backup, mirroring) are let pass.
struct WatchRule {
  std::set<Address> expected;         ///< always let pass
  std::set<Address> forbidden;        ///< never let pass, whatever was recorded
  bool only_hosts = false;
};
[[nodiscard]] std::string unexpected_watch(const InstanceView& view, const WatchRule& rule);

/// The disks as they are recorded in status.
[[nodiscard]] std::vector<api::DiskStatus> disk_records(const std::vector<ceph::ImageWatch>& disks);

}  // namespace vmha::protectedinstance
