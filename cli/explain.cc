#include "cli/explain.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include <fmt/core.h>

#include "api/codec.h"
#include "api/conditions.h"
#include "api/names.h"
#include "reconcilers/computenode/view.h"

namespace vmha::cli {
namespace {

using api::EvidenceState;
using nlohmann::ordered_json;

std::string since_text(const std::optional<WallTime>& since, WallTime now) {
  return since ? age(std::chrono::duration_cast<seconds>(now - *since)) : "-";
}

std::string ago_text(const std::optional<seconds>& ago) { return ago ? age(*ago) + " ago" : "-"; }

Colour colour_of(api::VerdictValue value) {
  switch (value) {
    case api::VerdictValue::kHealthy: return Colour::kGood;
    case api::VerdictValue::kDead: return Colour::kBad;
    default: return Colour::kWarn;
  }
}

Colour colour_of(EvidenceState state) {
  if (state == EvidenceState::kAlive) return Colour::kGood;
  return state == EvidenceState::kUnknown ? Colour::kWarn : Colour::kBad;
}

std::string head_of(const HostPage& page, const Paint& paint) {
  const api::ComputeNode& node = *page.node;
  std::string out = fmt::format("{}: {}, verdict {}  (policy {}, namespace {})\n", paint(clean(node.metadata.name), Colour::kBold), api::to_string(node.status.phase),
                                paint(api::to_string(page.explanation.verdict.value), colour_of(page.explanation.verdict.value)), clean(node.spec.policy), clean(page.resources->ns));
  if (page.why_not_leader.empty()) return out + fmt::format("answered by the leader {}\n", clean(page.explanation.answered_by));
  return out + paint(fmt::format("the leader could not be asked ({}): this is what the resources say, without ages", clean(page.why_not_leader)), Colour::kWarn) + "\n";
}

std::string verdict_of(const HostPage& page) {
  const api::VerdictExplanation& verdict = page.explanation.verdict;
  std::string out = fmt::format("\nVerdict: {}\n", clean(verdict.row.empty() ? std::string(api::to_string(verdict.value)) : verdict.row));
  if (!verdict.detail.empty()) out += fmt::format("  {}\n", clean(verdict.detail));
  const bool counts = verdict.value != api::VerdictValue::kHealthy && verdict.value != api::VerdictValue::kUnknown;  // nothing waits for those to hold
  if (counts && verdict.held && verdict.held_needed)
    out += fmt::format("  held for {}, {} needed before anything irreversible: {}\n", age(*verdict.held), age(*verdict.held_needed), verdict.confirmed.value_or(false) ? "confirmed" : "not confirmed");
  return out;
}

std::string evidence_of(const HostPage& page, const Paint& paint) {
  std::vector<std::vector<Cell>> rows = {{{"SOURCE"}, {"STATE"}, {"FOR"}, {"ALIVE"}, {"LOOKED"}, {"DETAIL"}}};
  for (const api::SourceExplanation& source : page.explanation.evidence)
    rows.push_back({{std::string(api::to_string(source.source))}, {std::string(api::to_string(source.state)), colour_of(source.state)}, {since_text(source.since, page.now)},
                    {ago_text(source.proven_alive_ago)}, {ago_text(source.looked_ago)}, {source.detail}});
  std::string out = "\n" + table(rows, paint);
  for (const api::SourceExplanation& source : page.explanation.evidence)
    if (!source.gate.empty()) out += paint(fmt::format("gate: {} is shut for all hosts: {}", api::to_string(source.source), clean(source.gate)), Colour::kWarn) + "\n";
  return out;
}

std::string proof_line(std::string_view name, api::ProofState state, const std::optional<WallTime>& proven, const std::string& message, WallTime now, const Paint& paint) {
  const Colour colour = state == api::ProofState::kProven ? Colour::kGood : state == api::ProofState::kFailed ? Colour::kBad : Colour::kWarn;
  return fmt::format("  {:8} {}{}{}{}\n", name, paint(api::to_string(state), colour), proven ? " " + since_text(proven, now) + " ago" : "", message.empty() ? "" : ": ", clean(message));
}

std::string fence_of(const HostPage& page, const Paint& paint) {
  const auto& fence = page.node->status.fence;
  if (!computenode::is_standing(fence)) return "\nFence: none\n";
  std::string out = fmt::format("\nFence {}: {} for {}, {}\n", clean(fence->id.value), api::to_string(fence->state), since_text(fence->decided_time, page.now), clean(fence->reason));
  out += fmt::format("  step     {}\n", clean(page.explanation.step));
  out += proof_line("power", fence->power.state, fence->power.proven_time, fence->power.message, page.now, paint);
  out += proof_line("storage", fence->storage.state, fence->storage.proven_time, fence->storage.message, page.now, paint);
  const auto& recovery = page.node->status.recovery;
  if (recovery && recovery->fence_id == fence->id)
    out += fmt::format("  recovery {} of {} recovered, {} in progress, {} failed, {} skipped\n", recovery->recovered, recovery->total, recovery->in_progress, recovery->failed, recovery->skipped);
  return out;
}

std::string next_of(const HostPage& page, const Paint& paint) {
  std::string out = fmt::format("\nNext: {}\n", clean(page.explanation.next));
  for (const std::string& call : page.explanation.calls) out += fmt::format("  now: {}\n", clean(call));
  if (page.explanation.holds.empty()) return out + "Nothing holds it back.\n";
  out += "Held back by:\n";
  std::vector<std::vector<Cell>> rows;
  for (const api::Hold& hold : page.explanation.holds)
    rows.push_back({{hold.reason, Colour::kWarn}, {hold.left ? hold.message + " (" + age(*hold.left) + " left)" : hold.message}});
  return out + table(rows, paint, "  ");
}

const api::Condition* recoverable(const api::ProtectedInstance& instance) { return api::find_condition(instance.status.conditions, api::condition::kRecoverable); }

bool is_well(const api::ProtectedInstance& instance) {
  const bool at_rest = instance.status.phase == api::InstancePhase::kProtected || instance.status.phase == api::InstancePhase::kRecovered;
  return at_rest && api::is_true(instance.status.conditions, api::condition::kRecoverable);
}

std::string recoverable_text(const api::ProtectedInstance& instance) {
  const api::Condition* found = recoverable(instance);
  if (found == nullptr) return "unknown";
  if (found->status == api::ConditionStatus::kTrue) return "yes";
  return fmt::format("{}: {}", found->status == api::ConditionStatus::kFalse ? "no" : "unknown", found->message.empty() ? found->reason : found->message);
}

std::string instances_text(const HostPage& page, const Paint& paint, std::size_t limit) {
  auto instances = instances_of(*page.resources, *page.node);
  if (instances.empty()) return "\nInstances: none\n";
  std::stable_partition(instances.begin(), instances.end(), [](const api::ProtectedInstance* instance) { return !is_well(*instance); });
  std::vector<std::vector<Cell>> rows = {{{"INSTANCE"}, {"ON"}, {"STATE"}, {"PHASE"}, {"RECOVERABLE"}, {"RECOVERY"}}};
  for (const api::ProtectedInstance* instance : instances) {
    if (rows.size() > limit) break;
    rows.push_back({{instance->metadata.name}, {instance->status.host}, {instance->status.vm_state}, {std::string(api::to_string(instance->status.phase))},
                    {recoverable_text(*instance), is_well(*instance) ? Colour::kNone : Colour::kWarn}, {recovery_text(*instance)}});
  }
  std::string out = fmt::format("\nInstances ({}):\n", instances.size()) + table(rows, paint);
  if (instances.size() > limit) out += fmt::format("and {} more\n", instances.size() - limit);
  return out;
}

ordered_json instance_json(const api::ProtectedInstance& instance) {
  ordered_json out = {{"name", instance.metadata.name}, {"serverID", instance.spec.server_id.value}, {"host", instance.status.host}, {"vmState", instance.status.vm_state},
                      {"phase", api::to_string(instance.status.phase)}};
  if (const api::Condition* found = recoverable(instance); found != nullptr)
    out["recoverable"] = {{"status", api::to_string(found->status)}, {"reason", found->reason}, {"message", found->message}};
  const nlohmann::json encoded = api::encode(instance);
  if (instance.status.recovery) out["recovery"] = encoded["status"]["recovery"];
  return out;
}

}  // namespace

Result<std::string> node_named(const std::string& target) {
  const auto slash = target.find('/');
  if (slash == std::string::npos && !target.empty()) return target;
  std::string kind = target.substr(0, slash);
  const std::string suffix = "." + std::string(api::kGroup);
  if (kind.ends_with(suffix)) kind.erase(kind.size() - suffix.size());
  std::ranges::transform(kind, kind.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  const std::string name = slash == std::string::npos ? std::string() : target.substr(slash + 1);
  const bool known = kind == "cn" || kind == "computenode" || kind == "computenodes";
  if (!known || name.empty() || name.find('/') != std::string::npos) return fail(ErrorKind::kInvalid, "\"{}\": name a host as cn/NAME", target);
  return name;
}

std::vector<const api::ProtectedInstance*> instances_of(const Resources& resources, const api::ComputeNode& node) {
  const auto& fence = node.status.fence;
  std::vector<const api::ProtectedInstance*> found;
  for (const api::ProtectedInstance& instance : resources.instances) {
    const bool on_it = instance.status.host == node.metadata.name || instance.status.host == node.nova_host().value;
    const auto& recovery = instance.status.recovery;
    const bool from_it = recovery && computenode::is_standing(fence) && recovery->fence_id == fence->id;
    if (on_it || from_it) found.push_back(&instance);
  }
  return found;
}

std::string recovery_text(const api::ProtectedInstance& instance) {
  const auto& recovery = instance.status.recovery;
  if (!recovery) return {};
  std::string out(api::to_string(recovery->phase));
  if (recovery->attempt > 0) out += fmt::format(", attempt {}", recovery->attempt);
  if (!recovery->to.empty()) out += ", to " + recovery->to;
  if (!recovery->message.empty()) out += ": " + recovery->message;
  return out;
}

std::string as_text(const HostPage& page, const Paint& paint, std::size_t limit) {
  return head_of(page, paint) + verdict_of(page) + evidence_of(page, paint) + fence_of(page, paint) + next_of(page, paint) + instances_text(page, paint, limit);
}

ordered_json as_json(const HostPage& page) {
  const nlohmann::json node = api::encode(*page.node);
  const nlohmann::json& status = node["status"];
  ordered_json out = {{"kind", "HostExplanation"}, {"name", page.node->metadata.name}, {"namespace", page.resources->ns}, {"time", to_rfc3339(page.now)},
                      {"source", page.why_not_leader.empty() ? "Leader" : "Resources"}};
  if (!page.why_not_leader.empty()) out["why"] = page.why_not_leader;
  out["leader"] = page.resources->leader.identity;
  out["phase"] = api::to_string(page.node->status.phase);
  out["explanation"] = api::encode(page.explanation);
  for (const char* part : {"fence", "recovery", "conditions"})
    if (status.contains(part)) out[part] = status[part];
  out["instances"] = ordered_json::array();
  for (const api::ProtectedInstance* instance : instances_of(*page.resources, *page.node)) out["instances"].push_back(instance_json(*instance));
  return out;
}

}  // namespace vmha::cli
