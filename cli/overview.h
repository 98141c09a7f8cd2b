#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/fetch.h"
#include "cli/table.h"

/// The page of `kubectl vmha status`: one screen of policies, hosts, fences, recoveries and what is not ready.
namespace vmha::cli {

/// At most `limit` rows a part, the ones that need a person first; then "and N more".
[[nodiscard]] std::string overview_text(const Resources& resources, WallTime now, const Paint& paint, std::size_t limit);
/// All of it; field names as in docs/kubectl-plugin.md.
[[nodiscard]] nlohmann::ordered_json overview_json(const Resources& resources, WallTime now);

}  // namespace vmha::cli
