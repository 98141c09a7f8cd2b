#include "cli/overview.h"

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include <fmt/core.h>

#include "api/codec.h"
#include "api/conditions.h"
#include "api/names.h"
#include "cli/explain.h"
#include "reconcilers/computenode/explain.h"

namespace vmha::cli {
namespace {

using nlohmann::ordered_json;

seconds since(const std::optional<WallTime>& time, WallTime now) { return time ? std::chrono::duration_cast<seconds>(now - *time) : seconds(0); }

bool stands(const api::ComputeNode& node) { return computenode::is_standing(node.status.fence); }

std::string fenced_text(const api::ComputeNode& node) {
  if (!stands(node)) return "no";
  if (api::is_true(node.status.conditions, api::condition::kHostFenced)) return "Host";
  return api::is_true(node.status.conditions, api::condition::kDataFenced) ? "Data" : "not yet";
}

bool has_recovery(const api::ComputeNode& node) { return stands(node) && node.status.recovery && node.status.recovery->fence_id == node.status.fence->id; }

std::string progress_text(const api::ComputeNode& node) {
  return has_recovery(node) ? fmt::format("{}/{}", node.status.recovery->recovered, node.status.recovery->total) : "";
}

const api::Condition* ready(const std::vector<api::Condition>& conditions) { return api::find_condition(conditions, api::condition::kReady); }

std::string ready_text(const std::vector<api::Condition>& conditions) {
  const api::Condition* found = ready(conditions);
  if (found == nullptr) return "unknown";
  if (found->status == api::ConditionStatus::kTrue) return "yes";
  return fmt::format("no: {}{}{}", found->reason, found->message.empty() ? "" : ": ", found->message);
}

bool is_ready(const std::vector<api::Condition>& conditions) { return api::is_true(conditions, api::condition::kReady); }

/// 0 needs a person or is under way, 1 is not as it should be, 2 is well.
int rank(const api::ComputeNode& node) {
  if (stands(node)) return 0;
  return node.status.verdict.value == api::VerdictValue::kHealthy && is_ready(node.status.conditions) ? 2 : 1;
}

Colour colour_of(const api::ComputeNode& node) {
  if (node.status.verdict.value == api::VerdictValue::kHealthy) return Colour::kGood;
  return node.status.verdict.value == api::VerdictValue::kDead ? Colour::kBad : Colour::kWarn;
}

std::vector<const api::ComputeNode*> by_rank(const Resources& resources) {
  std::vector<const api::ComputeNode*> nodes;
  for (const api::ComputeNode& node : resources.nodes) nodes.push_back(&node);
  std::ranges::stable_sort(nodes, {}, [](const api::ComputeNode* node) { return rank(*node); });
  return nodes;
}

/// Anything but at rest; instances that a recovery works on or that wait for a person.
bool is_in_recovery(const api::ProtectedInstance& instance) {
  using enum api::InstancePhase;
  const auto phase = instance.status.phase;
  return phase == kWaiting || phase == kRecovering || phase == kAttesting || phase == kFailed;
}

const api::Condition* why_not_recoverable(const api::ProtectedInstance& instance) {
  const api::Condition* found = api::find_condition(instance.status.conditions, api::condition::kRecoverable);
  return found != nullptr && found->status == api::ConditionStatus::kFalse ? found : nullptr;
}

template <class Object, class Test>
std::vector<const Object*> those(const std::vector<Object>& objects, Test test) {
  std::vector<const Object*> found;
  for (const Object& object : objects)
    if (test(object)) found.push_back(&object);
  return found;
}

std::vector<const api::ComputeNode*> fenced_nodes(const Resources& r) { return those(r.nodes, [](const api::ComputeNode& n) { return stands(n); }); }
std::vector<const api::ComputeNode*> nodes_not_ready(const Resources& r) { return those(r.nodes, [](const api::ComputeNode& n) { return !is_ready(n.status.conditions); }); }
std::vector<const api::HAPolicy*> policies_not_ready(const Resources& r) { return those(r.policies, [](const api::HAPolicy& p) { return !is_ready(p.status.conditions); }); }
std::vector<const api::ProtectedInstance*> recovering(const Resources& r) { return those(r.instances, is_in_recovery); }
std::vector<const api::ProtectedInstance*> not_recoverable(const Resources& r) {
  return those(r.instances, [](const api::ProtectedInstance& i) { return why_not_recoverable(i) != nullptr; });
}

// ---- text

/// The rows that fit, and how many are left out.
std::string bounded(const std::string& title, std::vector<std::vector<Cell>> rows, std::size_t limit, const Paint& paint) {
  if (rows.size() <= 1) return {};
  const std::size_t all = rows.size() - 1;
  if (all > limit) rows.resize(limit + 1);
  std::string out = "\n" + paint(fmt::format("{} ({})", title, all), Colour::kBold) + "\n" + table(rows, paint);
  if (all > limit) out += fmt::format("and {} more\n", all - limit);
  return out;
}

std::string head_text(const Resources& resources, WallTime now, const Paint& paint) {
  std::string out = fmt::format("namespace {}", clean(resources.ns));
  const Leader& leader = resources.leader;
  if (leader.identity.empty()) out += ", " + paint("nobody leads: nothing is watched", Colour::kBad);
  else out += fmt::format(", leader {} (renewed {} ago)", clean(leader.identity), leader.renewed ? age(since(leader.renewed, now)) : "?");
  out += "\n";
  for (const api::HAPolicy& policy : resources.policies) {
    const api::HAPolicyStatus& status = policy.status;
    out += fmt::format("policy {}: {}{}; hosts {}, healthy {}, suspect {}, fenced {}, held {}; instances protected {}, unprotected {}, recovering {}, failed {}\n", clean(policy.metadata.name),
                       api::to_string(policy.spec.mode), policy.spec.paused ? ", " + paint("paused", Colour::kWarn) : "", status.hosts.total, status.hosts.healthy, status.hosts.suspect,
                       status.hosts.fenced, status.hosts.held, status.instances.protected_, status.instances.unprotected, status.instances.recovering, status.instances.failed);
    if (status.storm)
      out += "  " + paint(fmt::format("storm {} held for {}: {}; hosts {}", clean(status.storm->id), age(since(status.storm->held_since, now)), clean(status.storm->reason),
                                      clean(api::join_some(status.storm->hosts, 200))), Colour::kBad) + "\n";
  }
  if (resources.policies.empty()) out += paint("no HAPolicy: nothing is done", Colour::kBad) + "\n";
  return out;
}

std::string hosts_text(const Resources& resources, WallTime now, const Paint& paint, std::size_t limit) {
  std::vector<std::vector<Cell>> rows = {{{"HOST"}, {"VERDICT"}, {"FOR"}, {"PHASE"}, {"FENCED"}, {"RECOVERED"}, {"READY"}}};
  for (const api::ComputeNode* node : by_rank(resources)) {
    const bool is_well = is_ready(node->status.conditions);
    rows.push_back({{node->metadata.name}, {std::string(api::to_string(node->status.verdict.value)), colour_of(*node)},
                    {node->status.verdict.since ? age(since(node->status.verdict.since, now)) : "-"}, {std::string(api::to_string(node->status.phase))}, {fenced_text(*node)},
                    {progress_text(*node)}, {ready_text(node->status.conditions), is_well ? Colour::kNone : Colour::kWarn}});
  }
  return bounded("Hosts", std::move(rows), limit, paint);
}

std::string fences_text(const Resources& resources, WallTime now, const Paint& paint, std::size_t limit) {
  std::vector<std::vector<Cell>> rows = {{{"FENCE"}, {"FOR"}, {"STEP"}, {"POWER"}, {"STORAGE"}, {"REASON"}}};
  for (const api::ComputeNode* node : fenced_nodes(resources)) {
    const api::Fence& fence = *node->status.fence;
    rows.push_back({{fence.id.value}, {age(since(fence.decided_time, now))}, {computenode::step_of(node->status.fence, node->status.recovery)},
                    {std::string(api::to_string(fence.power.state))}, {std::string(api::to_string(fence.storage.state))}, {fence.reason}});
  }
  return bounded("Fences", std::move(rows), limit, paint);
}

std::string recoveries_text(const Resources& resources, const Paint& paint, std::size_t limit) {
  std::vector<std::vector<Cell>> rows = {{{"INSTANCE"}, {"ON"}, {"FROM"}, {"PHASE"}, {"RECOVERY"}}};
  for (const api::ProtectedInstance* instance : recovering(resources))
    rows.push_back({{instance->metadata.name}, {instance->status.host}, {instance->status.recovery ? instance->status.recovery->from : ""},
                    {std::string(api::to_string(instance->status.phase)), instance->status.phase == api::InstancePhase::kFailed ? Colour::kBad : Colour::kNone}, {recovery_text(*instance)}});
  return bounded("Recoveries", std::move(rows), limit, paint);
}

std::string not_recoverable_text(const Resources& resources, const Paint& paint, std::size_t limit) {
  std::vector<std::vector<Cell>> rows = {{{"INSTANCE"}, {"ON"}, {"REASON"}, {"MESSAGE"}}};
  for (const api::ProtectedInstance* instance : not_recoverable(resources)) {
    const api::Condition* why = why_not_recoverable(*instance);
    rows.push_back({{instance->metadata.name}, {instance->status.host}, {why->reason, Colour::kWarn}, {why->message}});
  }
  return bounded("Not recoverable", std::move(rows), limit, paint);
}

std::string policies_text(const Resources& resources, const Paint& paint, std::size_t limit) {
  std::vector<std::vector<Cell>> rows = {{{"POLICY"}, {"READY"}}};
  for (const api::HAPolicy* policy : policies_not_ready(resources)) rows.push_back({{policy->metadata.name}, {ready_text(policy->status.conditions), Colour::kWarn}});
  for (const std::string& why : resources.unreadable) rows.push_back({{"-"}, {"unreadable: " + why, Colour::kBad}});
  return bounded("Not ready", std::move(rows), limit, paint);
}

// ---- JSON

ordered_json condition_json(const std::string& kind, const std::string& name, const api::Condition* found) {
  ordered_json out = {{"kind", kind}, {"name", name}, {"reason", found == nullptr ? "NotJudged" : found->reason}};
  if (found != nullptr) out["message"] = found->message;
  return out;
}

ordered_json policy_json(const api::HAPolicy& policy) {
  const nlohmann::json status = api::encode(policy)["status"];
  ordered_json out = {{"name", policy.metadata.name}, {"mode", api::to_string(policy.spec.mode)}, {"paused", policy.spec.paused},
                      {"held", api::is_true(policy.status.conditions, api::condition::kHeld)}};
  for (const char* part : {"hosts", "instances", "storm"})
    if (status.contains(part)) out[part] = status[part];
  return out;
}

ordered_json host_json(const api::ComputeNode& node, WallTime now) {
  ordered_json out = {{"name", node.metadata.name}, {"verdict", api::to_string(node.status.verdict.value)}, {"verdictSeconds", since(node.status.verdict.since, now).count()},
                      {"phase", api::to_string(node.status.phase)}, {"fenced", fenced_text(node)}, {"maintenance", node.spec.maintenance},
                      {"ready", is_ready(node.status.conditions)}};
  if (has_recovery(node)) {
    const api::NodeRecovery& r = *node.status.recovery;
    out["recovery"] = {{"total", r.total}, {"recovered", r.recovered}, {"failed", r.failed}, {"skipped", r.skipped}, {"inProgress", r.in_progress}, {"finished", r.finished_time.has_value()}};
  }
  return out;
}

ordered_json fence_json(const api::ComputeNode& node, WallTime now) {
  const api::Fence& fence = *node.status.fence;
  return {{"host", node.metadata.name}, {"id", fence.id.value}, {"state", api::to_string(fence.state)}, {"seconds", since(fence.decided_time, now).count()},
          {"step", computenode::step_of(node.status.fence, node.status.recovery)}, {"reason", fence.reason},
          {"power", {{"state", api::to_string(fence.power.state)}, {"message", fence.power.message}}},
          {"storage", {{"state", api::to_string(fence.storage.state)}, {"message", fence.storage.message}}}};
}

ordered_json recovery_json(const api::ProtectedInstance& instance) {
  ordered_json out = {{"name", instance.metadata.name}, {"host", instance.status.host}, {"phase", api::to_string(instance.status.phase)}};
  if (const auto& recovery = instance.status.recovery)
    out.update({{"fenceID", recovery->fence_id.value}, {"step", api::to_string(recovery->phase)}, {"attempt", recovery->attempt}, {"from", recovery->from}, {"to", recovery->to}, {"message", recovery->message}});
  return out;
}

}  // namespace

std::string overview_text(const Resources& resources, WallTime now, const Paint& paint, std::size_t limit) {
  std::string out = head_text(resources, now, paint) + hosts_text(resources, now, paint, limit) + fences_text(resources, now, paint, limit) + recoveries_text(resources, paint, limit) +
                    not_recoverable_text(resources, paint, limit) + policies_text(resources, paint, limit);
  return out;
}

ordered_json overview_json(const Resources& resources, WallTime now) {
  ordered_json out = {{"kind", "StatusReport"}, {"namespace", resources.ns}, {"time", to_rfc3339(now)}, {"leader", {{"identity", resources.leader.identity}}}};
  if (resources.leader.renewed) out["leader"]["renewedSecondsAgo"] = since(resources.leader.renewed, now).count();
  for (const char* part : {"policies", "hosts", "fences", "recoveries", "notRecoverable", "notReady", "unreadable"}) out[part] = ordered_json::array();
  for (const api::HAPolicy& policy : resources.policies) out["policies"].push_back(policy_json(policy));
  for (const api::ComputeNode& node : resources.nodes) out["hosts"].push_back(host_json(node, now));
  for (const api::ComputeNode* node : fenced_nodes(resources)) out["fences"].push_back(fence_json(*node, now));
  for (const api::ProtectedInstance* instance : recovering(resources)) out["recoveries"].push_back(recovery_json(*instance));
  for (const api::ProtectedInstance* instance : not_recoverable(resources))
    out["notRecoverable"].push_back(condition_json("ProtectedInstance", instance->metadata.name, why_not_recoverable(*instance)));
  for (const api::HAPolicy* policy : policies_not_ready(resources)) out["notReady"].push_back(condition_json("HAPolicy", policy->metadata.name, ready(policy->status.conditions)));
  for (const api::ComputeNode* node : nodes_not_ready(resources)) out["notReady"].push_back(condition_json("ComputeNode", node->metadata.name, ready(node->status.conditions)));
  for (const std::string& why : resources.unreadable) out["unreadable"].push_back(why);
  return out;
}

}  // namespace vmha::cli
