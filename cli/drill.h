#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "api/explanation.h"
#include "cli/fetch.h"
#include "cli/table.h"

/// The page of `kubectl vmha drill`: could each host be fenced, and each instance be recovered, if it happened now?
/// The leader judges it on the spot, by the evidence and the standing checks of this moment; nothing is switched or fenced.
namespace vmha::cli {

struct HostDrill {
  const api::ComputeNode* node = nullptr;  ///< points into the resources
  std::optional<api::HostExplanation> explanation;
  std::string why_not_leader;              ///< why there is no explanation; the resources alone count then
};

struct Drill {
  const Resources* resources = nullptr;
  std::vector<HostDrill> hosts;
  [[nodiscard]] bool passed() const;  ///< each host, each instance that is to be protected, and there is a leader that answered for each
};

/// Asks the leader for each host. Takes at most kPatience a host; after the first that it does not answer at all, no more are asked.
[[nodiscard]] Drill run_drill(kube::Client& client, const Resources& resources);

/// What stands in the way of a fence of this host, in words; empty: nothing.
[[nodiscard]] std::vector<std::string> obstacles(const Resources& resources, const HostDrill& host);

/// At most `limit` rows a table, those that fail first; then "and N more".
[[nodiscard]] std::string drill_text(const Drill& drill, const Paint& paint, std::size_t limit);
/// Field names as in docs/kubectl-plugin.md.
[[nodiscard]] nlohmann::ordered_json drill_json(const Drill& drill);

}  // namespace vmha::cli
