#pragma once

#include <string>

#include "base/result.h"
#include "clients/openstack/parse.h"

namespace vmha::openstack {

// Train: what vmha needs is a lock with a reason (2.73), server_groups (2.71) and paged migrations (2.59).
inline constexpr Microversion kOldestMicroversion{2, 73};
// Zed: what the answers were recorded with. From 2.95 on an evacuated server stays stopped.
inline constexpr Microversion kNewestMicroversion{2, 93};

/// The highest both know. kInvalid if the cloud's highest is too old.
[[nodiscard]] Result<Microversion> choose_microversion(const MicroversionRange& range);

/// What requests are put behind, from the catalogue's URL: "https://host/compute/v2.1". A project id after the version is left out (nova does
/// without since 2.18); a URL without a version gets v2.1, and v2 becomes v2.1, which alone knows microversions.
[[nodiscard]] std::string compute_url(const std::string& listed);

}  // namespace vmha::openstack
