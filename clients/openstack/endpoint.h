#pragma once

#include <string>

#include "base/result.h"
#include "clients/openstack/parse.h"

namespace vmha::openstack {

inline constexpr Microversion kOldestMicroversion{2, 73};  // Train: the newest vmha needs, a lock with a reason (2.71 server_groups, 2.59 paged migrations)
inline constexpr Microversion kNewestMicroversion{2, 93};  // Zed: what the answers were recorded with; from 2.95 on an evacuated server stays stopped

/// The highest both know. kInvalid if the cloud's highest is too old.
[[nodiscard]] Result<Microversion> choose_microversion(const MicroversionRange& range);

/// What requests are put behind, from the catalogue's URL: "https://host/compute/v2.1". A project id after the version is left out (nova does
/// without since 2.18); a URL without a version gets v2.1, and v2 becomes v2.1, which alone knows microversions.
[[nodiscard]] std::string compute_url(const std::string& listed);

}  // namespace vmha::openstack
