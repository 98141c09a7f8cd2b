#pragma once

#include <map>
#include <vector>

#include "api/compute_node.h"
#include "api/policy.h"
#include "api/protected_instance.h"
#include "reconcilers/decision.h"
#include "reconcilers/policy/storm.h"

namespace vmha::policy {

/// What a HAPolicy's status sums up: the hosts and instances that use it.
struct PolicyView {
  Instant now;
  WallTime wall;
  const api::HAPolicy* object = nullptr;
  std::vector<const api::ComputeNode*> nodes;
  std::vector<const api::ProtectedInstance*> instances;
  const Storm* storm = nullptr;              ///< null: not the policy `default`, whose numbers alone count
  std::string fresh_suffix;                  ///< for a new storm id
  std::map<std::string, std::string> sources;  ///< evidence source -> why it cannot be read; empty text: it can
};

/// Pure: counts and conditions; never an effect.
[[nodiscard]] Decision<api::HAPolicyStatus> decide(const PolicyView& view);

}  // namespace vmha::policy
