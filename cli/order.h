#pragma once

#include <string>
#include <vector>

#include "cli/fetch.h"

/// What a person may order: `kubectl vmha fence`, `release` and `approve`. Each is an annotation that the controller obeys (docs/reference.md);
/// nothing here acts on a host.
namespace vmha::cli {

struct Order {
  std::vector<std::string> nodes;  ///< names of ComputeNodes that get the annotation
  std::string annotation;
  std::string value;
  std::string meaning;  ///< what is shown before it is written: what the order leads to and what it does not skip
  bool operator==(const Order&) const = default;
};

/// A fence of this host, now. kNotFound: no such ComputeNode; kInvalid: the controller would not obey (paused, maintenance, DryRun, a fence stands).
[[nodiscard]] Result<Order> order_fence(const Resources& resources, const std::string& node, WallTime now);
/// The return of the host that has this fence. kNotFound: no such fence; kInvalid: it does not stand any more, or nothing is proven yet.
[[nodiscard]] Result<Order> order_release(const Resources& resources, const std::string& fence_id);
/// Lets one held fence go on, or by a storm's id all that it holds. kNotFound: no such fence or storm; kInvalid: it is not held.
[[nodiscard]] Result<Order> order_approve(const Resources& resources, const std::string& id);

/// Writes the annotation on each node. Errors: as kube::Client; nodes before the one that failed have it.
[[nodiscard]] Result<Done> write(kube::Client& client, const std::string& ns, const Order& order);

}  // namespace vmha::cli
