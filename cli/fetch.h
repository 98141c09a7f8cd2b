#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/compute_node.h"
#include "api/policy.h"
#include "api/protected_instance.h"
#include "base/result.h"
#include "cli/leader.h"
#include "clients/kube/client.h"

namespace vmha::cli {

/// Everything of one namespace that the pages are made of.
struct Resources {
  std::string ns;
  std::vector<api::HAPolicy> policies;
  std::vector<api::ComputeNode> nodes;
  std::vector<api::ProtectedInstance> instances;
  std::vector<std::string> unreadable;  ///< objects that this version cannot read, by name and why
  Leader leader;

  [[nodiscard]] const api::HAPolicy* policy_of(const api::ComputeNode& node) const;
  [[nodiscard]] const api::ComputeNode* node(const std::string& name) const;
};

/// Lists all three kinds in pages and reads the Lease. Errors: as kube::Client; kNotFound: the resource definitions are not installed.
[[nodiscard]] Result<Resources> fetch(kube::Client& client, const std::string& ns, const std::string& lease_name);

/// The same from the documents of a List: for tests.
[[nodiscard]] Result<Resources> from_list(const nlohmann::json& list, const std::string& ns);

}  // namespace vmha::cli
