#include "reconcilers/protectedinstance/recoverable.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <fmt/core.h>

#include "api/conditions.h"
#include "reconcilers/protectedinstance/disks.h"
#include "reconcilers/protectedinstance/facts.h"

namespace vmha::protectedinstance {
namespace {

constexpr std::size_t kListBytes = 300;

/// nova-api takes an evacuation in these states only (nova/compute/api.py, API.evacuate).
std::optional<Blocker> blocked_by_state(const nova::Server& server) {
  static constexpr std::array<std::string_view, 3> kEvacuable = {"active", "stopped", "error"};
  if (std::ranges::find(kEvacuable, server.vm_state) != kEvacuable.end()) return std::nullopt;
  return Blocker{"ServerState", fmt::format("nova cannot evacuate a server that is {}", server.vm_state.empty() ? "in no state" : server.vm_state), true};
}

bool has_vtpm(const nova::Server& server) {
  return server.flavor_extra_specs.contains("hw:tpm_version") || server.image_properties.contains("hw_tpm_version");
}

/// A vTPM's state lies on the host alone; nova refuses to evacuate it (reject_vtpm_instances in nova/compute/api.py).
std::optional<Blocker> blocked_by_devices(const nova::Server& server) {
  if (has_vtpm(server)) return Blocker{"VirtualTPM", "it has a virtual TPM, whose state lies on its host: nova refuses to evacuate it", true};
  const auto pci = server.flavor_extra_specs.find("pci_passthrough:alias");
  if (pci == server.flavor_extra_specs.end()) return std::nullopt;
  return Blocker{"PCIDevice", fmt::format("it needs the PCI device {} at its destination, which may not be there", pci->second), false};
}

std::optional<Blocker> blocked_by_disks(const InstanceView& view) {
  if (!view.disks || !unread_disk(view).empty()) return std::nullopt;  // what was not answered is not known to be missing
  if (root_disk_is_missing(view)) {
    return Blocker{"DiskNotInCeph", "its root disk is not in the protected Ceph: an evacuation would build it anew, empty", true};
  }
  const auto elsewhere = volumes_elsewhere(view);
  if (elsewhere.empty()) return std::nullopt;
  return Blocker{"DiskNotInCeph", "not in the protected Ceph, so only a power fence covers it: volume " + api::join_some(elsewhere, kListBytes), false};
}

std::optional<Blocker> blocked_by_placement(const InstanceView& view) {
  if (!candidates(view, view.server->value.host).empty()) return std::nullopt;
  const api::Placement& placement = view.object->spec.placement;
  const bool placed = !placement.allowed_hosts.empty() || !placement.avoid_hosts.empty();
  return Blocker{std::string(kNoDestination), placed ? "no other healthy host that spec.placement allows" : "no other healthy host", false};
}

}  // namespace

std::optional<Blocker> blocker(const InstanceView& view) {
  const nova::Server& server = view.server->value;
  const std::array<std::optional<Blocker>, 4> found = {blocked_by_state(server), blocked_by_devices(server), blocked_by_disks(view),
                                                       blocked_by_placement(view)};
  const auto hard = std::ranges::find_if(found, [](const auto& each) { return each && each->hard; });
  if (hard != found.end()) return *hard;
  if (server.vm_state == "error") {
    return Blocker{"ServerError", "it is in ERROR: it would be evacuated and end ACTIVE. " + server.fault, false};
  }
  const auto soft = std::ranges::find_if(found, [](const auto& each) { return each.has_value(); });
  return soft == found.end() ? std::nullopt : *soft;
}

}  // namespace vmha::protectedinstance
