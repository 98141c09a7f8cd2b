#pragma once

#include <vector>

#include "api/observed/nova.h"
#include "api/policy.h"

namespace vmha::policy {

/// A server matches if any of these matches; an empty list matches every server.
[[nodiscard]] bool matches(const std::vector<api::InstanceMatch>& selector, const nova::Server& server);

}  // namespace vmha::policy
