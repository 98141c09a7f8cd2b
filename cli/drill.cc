#include "cli/drill.h"

#include <algorithm>
#include <array>
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

/// Holds of an explanation that say that a fence would lack something (docs/kubectl-plugin.md); the others are about a fence that stands.
constexpr std::array<std::string_view, 7> kFencingHolds = {"PowerNotReady", "StorageNotReady", "SharedAddress", "WrongDevice", "PolicyNotFound", "Duplicate", "Conflict"};

const api::Condition* not_recoverable(const api::ProtectedInstance& instance) {
  const api::Condition* found = api::find_condition(instance.status.conditions, api::condition::kRecoverable);
  return found == nullptr || found->status == api::ConditionStatus::kTrue ? nullptr : found;
}

std::string condition_text(const api::Condition& condition) {
  return condition.message.empty() ? condition.reason : fmt::format("{}: {}", condition.reason, condition.message);
}

std::string power_text(const api::ComputeNode& node) {
  if (node.spec.fencing.devices.empty()) return "none";
  std::vector<std::string> words;
  for (const api::DeviceStatus& device : node.status.devices) words.push_back(fmt::format("{} {}", device.name, device.ready ? "ready" : "NOT READY"));
  return words.empty() ? "not judged" : api::join_some(words, 60);
}

std::string storage_text(const api::ComputeNode& node) {
  if (!node.status.storage_clients || node.status.storage_clients->addresses.empty()) return "no address";
  const std::size_t count = node.status.storage_clients->addresses.size();
  return count == 1 ? node.status.storage_clients->addresses.front().value : fmt::format("{} addresses", count);
}

/// "4/4", and which are not Alive.
std::string evidence_text(const HostDrill& host) {
  if (!host.explanation) return "?";
  std::vector<std::string> others;
  for (const api::SourceExplanation& source : host.explanation->evidence)
    if (source.state != api::EvidenceState::kAlive) others.push_back(fmt::format("{} {}", api::to_string(source.source), api::to_string(source.state)));
  const std::size_t all = host.explanation->evidence.size();
  return others.empty() ? fmt::format("{}/{}", all, all) : fmt::format("{}/{}, {}", all - others.size(), all, api::join_some(others, 80));
}

std::string newest_look_text(const HostDrill& host) {
  std::optional<std::chrono::seconds> oldest;
  if (host.explanation)
    for (const api::SourceExplanation& source : host.explanation->evidence)
      if (source.looked_ago && (!oldest || *source.looked_ago > *oldest)) oldest = source.looked_ago;
  return oldest ? age(*oldest) : "?";
}

std::string instances_text(const Resources& resources, const api::ComputeNode& node) {
  const auto instances = instances_of(resources, node);
  const auto well = std::ranges::count_if(instances, [](const api::ProtectedInstance* instance) { return not_recoverable(*instance) == nullptr; });
  return fmt::format("{}/{}", well, instances.size());
}

std::vector<const api::ProtectedInstance*> all_not_recoverable(const Resources& resources) {
  std::vector<const api::ProtectedInstance*> found;
  for (const api::ProtectedInstance& instance : resources.instances)
    if (not_recoverable(instance) != nullptr) found.push_back(&instance);
  return found;
}

std::string cut(std::vector<std::vector<Cell>> rows, std::size_t limit, const Paint& paint) {
  const std::size_t all = rows.size() - 1;
  if (all > limit) rows.resize(limit + 1);
  return table(rows, paint) + (all > limit ? fmt::format("and {} more\n", all - limit) : "");
}

}  // namespace

std::vector<std::string> obstacles(const Resources& resources, const HostDrill& host) {
  std::vector<std::string> found;
  const api::ComputeNode& node = *host.node;
  if (resources.policy_of(node) == nullptr) found.push_back(fmt::format("its policy {} does not exist", node.spec.policy));
  if (computenode::is_standing(node.status.fence)) found.push_back(fmt::format("fence {} stands", node.status.fence->id.value));
  for (const std::string_view type : {api::condition::kReady, api::condition::kFencingReady}) {
    const api::Condition* condition = api::find_condition(node.status.conditions, type);
    if (condition == nullptr) found.push_back(fmt::format("{} is not judged yet", type));
    else if (condition->status != api::ConditionStatus::kTrue) found.push_back(condition_text(*condition));
  }
  if (host.explanation)
    for (const api::Hold& hold : host.explanation->holds)
      if (std::ranges::find(kFencingHolds, hold.reason) != kFencingHolds.end()) found.push_back(fmt::format("{}: {}", hold.reason, hold.message));
  // Ready, FencingReady and the leader's holds often say the same.
  std::vector<std::string> once;
  for (std::string& each : found)
    if (std::ranges::none_of(once, [&](const std::string& other) { return other.substr(other.find(": ") + 1) == each.substr(each.find(": ") + 1); })) once.push_back(std::move(each));
  return once;
}

bool Drill::passed() const {
  const bool hosts_ready = std::ranges::all_of(hosts, [&](const HostDrill& host) { return host.explanation && obstacles(*resources, host).empty(); });
  return hosts_ready && !hosts.empty() && all_not_recoverable(*resources).empty() && resources->unreadable.empty();
}

Drill run_drill(kube::Client& client, const Resources& resources) {
  Drill drill{&resources, {}};
  std::string silent;
  for (const api::ComputeNode& node : resources.nodes) {
    HostDrill host{&node, {}, silent};
    if (silent.empty()) {
      auto answer = ask_leader(client, resources.leader, node.metadata.name);
      if (answer) host.explanation = std::move(*answer);
      else host.why_not_leader = answer.error().message;
      if (!answer && answer.error().kind != ErrorKind::kNotFound) silent = host.why_not_leader;
    }
    drill.hosts.push_back(std::move(host));
  }
  return drill;
}

std::string drill_text(const Drill& drill, const Paint& paint, std::size_t limit) {
  const Resources& resources = *drill.resources;
  std::string out = fmt::format("namespace {}, if it happened now:\n\n", clean(resources.ns));
  if (drill.hosts.empty()) return out + paint("no ComputeNode: nothing would be fenced or recovered", Colour::kBad) + "\n";
  std::vector<std::vector<Cell>> rows, failing;
  for (const HostDrill& host : drill.hosts) {
    const auto why = obstacles(resources, host);
    const bool ready = why.empty();
    (ready ? rows : failing).push_back({{host.node->metadata.name}, {ready ? "yes" : "NO", ready ? Colour::kGood : Colour::kBad}, {power_text(*host.node)}, {storage_text(*host.node)},
                                        {evidence_text(host)}, {newest_look_text(host)}, {instances_text(resources, *host.node)}, {api::join_some(why, 300), Colour::kWarn}});
  }
  const std::size_t not_ready = failing.size();
  failing.insert(failing.begin(), {{"HOST"}, {"FENCEABLE"}, {"POWER"}, {"STORAGE"}, {"EVIDENCE"}, {"SEEN"}, {"RECOVERABLE"}, {""}});
  failing.insert(failing.end(), rows.begin(), rows.end());
  out += cut(std::move(failing), limit, paint);
  std::vector<std::vector<Cell>> instances = {{{"INSTANCE"}, {"ON"}, {"NOT RECOVERABLE"}}};
  for (const api::ProtectedInstance* instance : all_not_recoverable(resources))
    instances.push_back({{instance->metadata.name}, {instance->status.host}, {condition_text(*not_recoverable(*instance)), Colour::kWarn}});
  const std::size_t lost = instances.size() - 1;
  if (lost > 0) out += "\n" + cut(std::move(instances), limit, paint);
  for (const std::string& why : resources.unreadable) out += paint("unreadable: " + clean(why), Colour::kBad) + "\n";
  const auto silent = std::ranges::find_if(drill.hosts, [](const HostDrill& host) { return !host.explanation; });
  if (silent != drill.hosts.end()) out += "\n" + paint(fmt::format("The leader could not be asked ({}): what is stored counts, which may be old.", clean(silent->why_not_leader)), Colour::kBad) + "\n";
  const auto verdict = fmt::format("{}: {} of {} hosts could be fenced, {} of {} instances recovered.", drill.passed() ? "PASSED" : "FAILED", drill.hosts.size() - not_ready,
                                   drill.hosts.size(), resources.instances.size() - lost, resources.instances.size());
  return out + "\n" + paint(verdict, drill.passed() ? Colour::kGood : Colour::kBad) + "\n";
}

ordered_json drill_json(const Drill& drill) {
  ordered_json out = {{"kind", "DrillReport"}, {"namespace", drill.resources->ns}, {"passed", drill.passed()}, {"hosts", ordered_json::array()}, {"notRecoverable", ordered_json::array()}};
  for (const HostDrill& host : drill.hosts) {
    const auto why = obstacles(*drill.resources, host);
    ordered_json row = {{"name", host.node->metadata.name}, {"fenceable", why.empty()}, {"obstacles", why}, {"source", host.explanation ? "Leader" : "Resources"}};
    if (!host.explanation) row["why"] = host.why_not_leader;
    out["hosts"].push_back(std::move(row));
  }
  for (const api::ProtectedInstance* instance : all_not_recoverable(*drill.resources)) {
    const api::Condition* why = not_recoverable(*instance);
    out["notRecoverable"].push_back({{"name", instance->metadata.name}, {"host", instance->status.host}, {"reason", why->reason}, {"message", why->message}});
  }
  return out;
}

}  // namespace vmha::cli
