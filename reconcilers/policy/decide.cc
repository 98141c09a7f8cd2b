#include "reconcilers/policy/decide.h"

#include "api/conditions.h"
#include "api/names.h"

namespace vmha::policy {
namespace {

namespace condition = api::condition;
using api::ConditionStatus;

bool standing(const api::ComputeNode& node) {
  return node.status.fence && node.status.fence->state != api::FenceState::kLifted && node.status.fence->state != api::FenceState::kWithdrawn;
}

api::HostCounts count_hosts(const std::vector<const api::ComputeNode*>& nodes) {
  api::HostCounts counts;
  for (const api::ComputeNode* node : nodes) {
    ++counts.total;
    const bool held = standing(*node) && node->status.fence->state == api::FenceState::kHeld;
    if (held) {
      ++counts.held;
    } else if (standing(*node)) {
      ++counts.fenced;
    } else if (node->status.verdict.value == api::VerdictValue::kHealthy) {
      ++counts.healthy;
    } else {
      ++counts.suspect;
    }
  }
  return counts;
}

api::InstanceCounts count_instances(const std::vector<const api::ProtectedInstance*>& instances) {
  api::InstanceCounts counts;
  for (const api::ProtectedInstance* instance : instances) {
    switch (instance->status.phase) {
      case api::InstancePhase::kProtected:
      case api::InstancePhase::kRecovered: ++counts.protected_; break;
      case api::InstancePhase::kUnprotected: ++counts.unprotected; break;
      case api::InstancePhase::kWaiting:
      case api::InstancePhase::kRecovering:
      case api::InstancePhase::kAttesting: ++counts.recovering; break;
      case api::InstancePhase::kFailed: ++counts.failed; break;
      case api::InstancePhase::kGone: break;
    }
  }
  return counts;
}

void record_storm(const PolicyView& view, Decision<api::HAPolicyStatus>& out) {
  const bool held = view.storm != nullptr && view.storm->is_held();
  if (!held) {
    out.status.storm.reset();
    return;
  }
  if (!out.status.storm) {
    out.status.storm = api::StormHold{"storm-" + view.fresh_suffix, view.wall, "", {}};
    out.announcements.push_back(Announcement{true, "StormHeld", view.storm->reason()});
  }
  out.status.storm->reason = view.storm->reason();
  out.status.storm->hosts.assign(view.storm->hosts().begin(), view.storm->hosts().end());
  if (out.status.storm->hosts.size() > 64) out.status.storm->hosts.resize(64);
}

}  // namespace

Decision<api::HAPolicyStatus> decide(const PolicyView& view) {
  Decision<api::HAPolicyStatus> out;
  out.status = view.object->status;
  const auto set = [&](std::string_view type, bool value, std::string_view reason, std::string_view message) {
    api::set_condition(out.status.conditions, type, value ? ConditionStatus::kTrue : ConditionStatus::kFalse, reason, message,
                       view.object->metadata.generation, view.wall);
  };
  out.status.observed_generation = view.object->metadata.generation;
  out.status.hosts = count_hosts(view.nodes);
  out.status.instances = count_instances(view.instances);
  record_storm(view, out);
  std::string missing;
  for (const auto& [source, why] : view.sources)
    if (!why.empty()) missing += (missing.empty() ? "" : "; ") + source + ": " + why;
  set(condition::kEvidenceComplete, missing.empty(), missing.empty() ? "AllSourcesRead" : "SourceUnreadable", api::cut_message(missing));
  const bool held = out.status.storm.has_value();
  set(condition::kHeld, held, held ? "Storm" : "NothingHeld", held ? out.status.storm->reason : "");
  const bool acting = !view.object->spec.paused && view.object->spec.mode == api::PolicyMode::kEnforce;
  set(condition::kReady, acting && missing.empty(), !acting ? (view.object->spec.paused ? "Paused" : "DryRun") : missing.empty() ? "Ready" : "EvidenceIncomplete", "");
  return out;
}

}  // namespace vmha::policy
