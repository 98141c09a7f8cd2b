#include "cli/order.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fmt/core.h>

#include "api/names.h"
#include "cli/explain.h"
#include "reconcilers/computenode/explain.h"

namespace vmha::cli {
namespace {

using api::FenceState;

Result<const api::ComputeNode*> node_called(const Resources& resources, const std::string& name) {
  if (const api::ComputeNode* node = resources.node(name)) return node;
  return fail(ErrorKind::kNotFound, "no ComputeNode {} in namespace {}", name, resources.ns);
}

Result<const api::ComputeNode*> node_of_fence(const Resources& resources, const std::string& id) {
  const auto found = std::ranges::find_if(resources.nodes, [&](const api::ComputeNode& node) { return node.status.fence && node.status.fence->id.value == id; });
  if (found != resources.nodes.end()) return &*found;
  return fail(ErrorKind::kNotFound, "no ComputeNode in namespace {} has a fence {}; kubectl vmha status shows those that stand", resources.ns, id);
}

bool is_paused(const api::ObjectMeta& metadata) {
  const auto found = metadata.annotations.find(std::string(api::kPausedAnnotation));
  return found != metadata.annotations.end() && found->second == "true";
}

/// Why the controller would do nothing for this host; empty: nothing keeps it.
std::string hands_off(const Resources& resources, const api::ComputeNode& node) {
  const api::HAPolicy* policy = resources.policy_of(node);
  if (policy == nullptr) return fmt::format("its policy {} does not exist", node.spec.policy);
  if (policy->spec.paused || is_paused(policy->metadata)) return fmt::format("its policy {} is paused", policy->metadata.name);
  if (policy->spec.mode == api::PolicyMode::kDryRun) return fmt::format("its policy {} says mode: DryRun", policy->metadata.name);
  if (is_paused(node.metadata)) return fmt::format("it has the annotation {}=true", api::kPausedAnnotation);
  return node.spec.maintenance ? "it says spec.maintenance: true" : "";
}

std::string host_line(const Resources& resources, const api::ComputeNode& node) {
  std::string line = fmt::format("Host {} (nova: {}) is judged {}", node.metadata.name, node.nova_host().value, api::to_string(node.status.verdict.value));
  return line + fmt::format(", with {} protected instances.\n", instances_of(resources, node).size());
}

}  // namespace

Result<Order> order_fence(const Resources& resources, const std::string& name, WallTime now) {
  const auto found = node_called(resources, name);
  if (!found) return tl::unexpected(found.error());
  const api::ComputeNode& node = **found;
  if (computenode::is_standing(node.status.fence)) return fail(ErrorKind::kInvalid, "{} has a fence already: {}", name, node.status.fence->id.value);
  if (const std::string why = hands_off(resources, node); !why.empty()) return fail(ErrorKind::kInvalid, "vmha would not fence {}: {}", name, why);
  std::string meaning = host_line(resources, node);
  if (node.status.verdict.value == api::VerdictValue::kHealthy) meaning += "IT IS HEALTHY: its instances run and will be cut off in the middle of their work.\n";
  meaning += fmt::format("vmha will fence it within seconds, whatever the evidence says: switch it off by its power controllers ({}), blocklist its storage clients ({}),\n"
                         "force its nova-compute down, and evacuate its instances once the fence is proven. The proof is not skipped, and neither is the storm's budget.\n"
                         "The order is obeyed for 5 minutes.\n",
                         node.spec.fencing.devices.empty() ? "none is configured" : fmt::format("{} configured", node.spec.fencing.devices.size()),
                         node.status.storage_clients ? fmt::format("{} addresses known", node.status.storage_clients->addresses.size()) : "no address known");
  return Order{{name}, std::string(api::kFenceAnnotation), to_rfc3339(now), std::move(meaning)};
}

Result<Order> order_release(const Resources& resources, const std::string& fence_id) {
  const auto found = node_of_fence(resources, fence_id);
  if (!found) return tl::unexpected(found.error());
  const api::ComputeNode& node = **found;
  if (!computenode::is_standing(node.status.fence)) return fail(ErrorKind::kInvalid, "fence {} does not stand any more: {}", fence_id, api::to_string(node.status.fence->state));
  if (node.status.fence->state == FenceState::kHeld) return fail(ErrorKind::kInvalid, "fence {} is held and nothing was done: kubectl vmha approve lets it go on", fence_id);
  std::string meaning = host_line(resources, node);
  if (node.status.recovery && node.status.recovery->fence_id.value == fence_id) {
    const api::NodeRecovery& recovery = *node.status.recovery;
    meaning += fmt::format("Of {} instances {} are recovered, {} failed, {} were skipped, {} are under way.\n", recovery.total, recovery.recovered, recovery.failed, recovery.skipped,
                           recovery.in_progress);
    if (recovery.failed > 0) meaning += "THOSE THAT FAILED STILL BELONG TO THIS HOST: nova starts or forgets them when it comes back, as it sees fit.\n";
  }
  meaning += "vmha will let the host return without waiting for a person any more: once a power cycle is proven and nova-compute has cleaned up, the blocklist entries are\n"
             "removed, the service is no longer forced down and is enabled as it was before. None of these proofs is skipped.\n";
  return Order{{node.metadata.name}, std::string(api::kReleaseAnnotation), fence_id, std::move(meaning)};
}

Result<Order> order_approve(const Resources& resources, const std::string& id) {
  Order order{{}, std::string(api::kApproveAnnotation), id, ""};
  const bool is_storm = std::ranges::any_of(resources.policies, [&](const api::HAPolicy& policy) { return policy.status.storm && policy.status.storm->id == id; });
  std::vector<const api::ComputeNode*> nodes;
  if (is_storm) {
    for (const api::ComputeNode& node : resources.nodes) nodes.push_back(&node);
  } else {
    const auto found = node_of_fence(resources, id);
    if (!found) return fail(ErrorKind::kNotFound, "neither a storm nor a fence in namespace {} has the id {}", resources.ns, id);
    nodes.push_back(*found);
  }
  for (const api::ComputeNode* node : nodes) {
    if (!node->status.fence || node->status.fence->state != FenceState::kHeld) continue;
    order.nodes.push_back(node->metadata.name);
    order.meaning += host_line(resources, *node) + fmt::format("  {}\n", clean(node->status.fence->reason));
  }
  if (order.nodes.empty()) return fail(ErrorKind::kInvalid, "nothing is held by {}", id);
  order.meaning += fmt::format("vmha will fence {} now, although more hosts are unhealthy than the policy's storm budget allows. Look first whether the cloud lost these hosts or the\n"
                               "observer lost sight of them: one switch or one mon can make many look dead. A verdict that turns still withdraws the fence.\n",
                               order.nodes.size() == 1 ? "this host" : fmt::format("these {} hosts", order.nodes.size()));
  return order;
}

Result<Done> write(kube::Client& client, const std::string& ns, const Order& order) {
  const kube::Resource nodes{std::string(api::kGroup), std::string(api::kVersion), std::string(api::kComputeNodePlural), ns};
  for (const std::string& name : order.nodes) {
    const nlohmann::json patch = {{"metadata", {{"annotations", {{order.annotation, order.value}}}}}};
    if (const auto written = client.merge_patch(nodes, name, patch, {.field_manager = "kubectl-vmha"}); !written) return tl::unexpected(written.error());
  }
  return Done{};
}

}  // namespace vmha::cli
