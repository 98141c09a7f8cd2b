#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "api/explanation.h"
#include "cli/fetch.h"
#include "cli/table.h"

namespace vmha::cli {

/// The page of `kubectl vmha explain`. `node` points into `resources`.
struct HostPage {
  const Resources* resources = nullptr;
  const api::ComputeNode* node = nullptr;
  api::HostExplanation explanation;
  std::string why_not_leader;  ///< why it is made from the resources alone; empty: the leader answered
  WallTime now;
};

/// "cn/NAME", "computenode/NAME", "computenodes/NAME", any of these with ".vmha.openstack.org", or NAME. kInvalid: another kind, or no name.
[[nodiscard]] Result<std::string> node_named(const std::string& target);

/// Instances that are on the host, or whose recovery came from it and is of its fence that stands.
[[nodiscard]] std::vector<const api::ProtectedInstance*> instances_of(const Resources& resources, const api::ComputeNode& node);

/// At most `limit` instances are shown, those that are not well first; then "and N more".
[[nodiscard]] std::string as_text(const HostPage& page, const Paint& paint, std::size_t limit);
/// All of it; field names as in docs/kubectl-plugin.md.
[[nodiscard]] nlohmann::ordered_json as_json(const HostPage& page);

/// "Locked, attempt 1, to compute-2: <message>"; empty without a recovery.
[[nodiscard]] std::string recovery_text(const api::ProtectedInstance& instance);

}  // namespace vmha::cli
