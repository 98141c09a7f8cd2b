#pragma once

#include "api/compute_node.h"
#include "api/explanation.h"
#include "api/policy.h"
#include "base/time.h"

namespace vmha::cli {

/// What the stored resources alone say: for when the leader cannot be asked. Ages and what is in its memory are absent; `policy` may be null.
[[nodiscard]] api::HostExplanation explain_from_status(const api::ComputeNode& node, const api::HAPolicy* policy, WallTime now);

}  // namespace vmha::cli
