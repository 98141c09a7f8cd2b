#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reconcilers/protectedinstance/view.h"

namespace vmha::protectedinstance {

inline constexpr std::string_view kNoDestination = "NoDestination";

/// What would stop a recovery of this server.
struct Blocker {
  std::string reason;   ///< one CamelCase word
  std::string message;
  bool hard = false;    ///< nova cannot evacuate it, or it would lose data: a recovery is skipped; else it is only to be known beforehand
};

/// The preflight, and at the same time the gate before an evacuation. Needs view.server; view.disks counts if it is there.
[[nodiscard]] std::optional<Blocker> blocker(const InstanceView& view);

}  // namespace vmha::protectedinstance
