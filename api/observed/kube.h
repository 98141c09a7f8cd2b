#pragma once

#include <map>
#include <string>

#include "base/ids.h"

/// What the Kubernetes API shows besides our own resources.
namespace vmha::kube {

/// A Node, reduced to what decides.
struct Node {
  std::string name;
  std::string boot_id;      ///< status.nodeInfo.bootID
  std::string system_uuid;  ///< status.nodeInfo.systemUUID, lower case
  std::map<std::string, std::string> labels;
  bool operator==(const Node&) const = default;
};

/// A Lease in kube-node-lease.
struct NodeLease {
  std::string node;
  std::string renew_time;   ///< verbatim: only ever compared with its own previous value
  bool operator==(const NodeLease&) const = default;
};

}  // namespace vmha::kube
