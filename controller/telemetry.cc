#include "controller/telemetry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <set>

namespace vmha::controller {
namespace {

using prometheus::Histogram;

const Histogram::BucketBoundaries kCallSeconds = {0.005, 0.02, 0.1, 0.5, 1, 2, 5, 10, 30};
const Histogram::BucketBoundaries kRecoverySeconds = {1, 2, 5, 10, 15, 20, 30, 45, 60, 120, 300, 900};

double in_seconds(Duration d) { return std::chrono::duration<double>(d).count(); }

template <class E>
std::string name(E value) {
  return std::string(api::to_string(value));
}

std::optional<Duration> between(const std::optional<WallTime>& from, const std::optional<WallTime>& to) {
  if (!from || !to || *to < *from) return std::nullopt;
  return *to - *from;
}

}  // namespace

namespace {

template <class Builder>
auto& family(prometheus::Registry& registry, Builder builder, const char* metric, const char* help) {
  return builder.Name(metric).Help(help).Register(registry);
}

}  // namespace

struct Telemetry::Impl {
  prometheus::Registry registry;

  prometheus::Family<prometheus::Counter>& requests =
      family(registry, prometheus::BuildCounter(), "vmha_client_requests_total", "Requests to outside systems by system, verb and code (0: no answer).");
  prometheus::Family<Histogram>& request_seconds =
      family(registry, prometheus::BuildHistogram(), "vmha_client_request_duration_seconds", "How long requests to outside systems took.");
  prometheus::Family<prometheus::Counter>& effects = family(registry, prometheus::BuildCounter(), "vmha_effect_total", "Effects of decisions by kind and outcome.");
  prometheus::Family<prometheus::Gauge>& verdicts = family(registry, prometheus::BuildGauge(), "vmha_compute_node_verdict", "1 for the verdict a compute node has.");
  prometheus::Family<prometheus::Gauge>& ready = family(registry, prometheus::BuildGauge(), "vmha_fencing_ready", "1 if a compute node could be fenced now.");
  prometheus::Family<prometheus::Gauge>& instances = family(registry, prometheus::BuildGauge(), "vmha_protected_instances", "Protected instances by phase.");
  prometheus::Family<prometheus::Gauge>& ages = family(registry, prometheus::BuildGauge(), "vmha_evidence_age_seconds", "Age of the newest look at a source of evidence.");
  prometheus::Family<prometheus::Gauge>& blocklist = family(registry, prometheus::BuildGauge(), "vmha_blocklist_entries", "Entries of the Ceph blocklist by what they cover.");
  prometheus::Gauge& storm = family(registry, prometheus::BuildGauge(), "vmha_storm_held", "1 while fences are held back by the storm budget.").Add({});
  prometheus::Gauge& depth = family(registry, prometheus::BuildGauge(), "workqueue_depth", "Objects that wait to be looked at.").Add({{"name", "vmha"}});
  prometheus::Gauge& in_flight = family(registry, prometheus::BuildGauge(), "vmha_effects_in_flight", "Effects that have not ended yet.").Add({});
  prometheus::Gauge& leader =
      family(registry, prometheus::BuildGauge(), "leader_election_master_status", "1 if this process leads.").Add({{"name", "vmha-controller"}});
  prometheus::Family<prometheus::Counter>& fences = family(registry, prometheus::BuildCounter(), "vmha_fence_total", "Fences by method and outcome.");
  prometheus::Family<Histogram>& fence_seconds = family(registry, prometheus::BuildHistogram(), "vmha_fence_duration_seconds", "From decision to proof, by method.");
  Histogram& host_seconds = family(registry, prometheus::BuildHistogram(), "vmha_host_recovery_duration_seconds", "From the decision to fence to the last instance.").Add({}, kRecoverySeconds);
  prometheus::Family<prometheus::Counter>& recoveries = family(registry, prometheus::BuildCounter(), "vmha_instance_recovery_total", "Recoveries of instances by outcome.");
  Histogram& instance_seconds =
      family(registry, prometheus::BuildHistogram(), "vmha_instance_recovery_duration_seconds", "From the intent to the attestation of one instance.").Add({}, kRecoverySeconds);
  prometheus::Family<Histogram>& ping = family(registry, prometheus::BuildHistogram(), "vmha_storage_ping_seconds", "How long a round of storage pings took.");
  Histogram& ping_seconds = ping.Add({}, kCallSeconds);
  std::set<std::string> nodes;
};

Telemetry::Telemetry() : impl_(std::make_unique<Impl>()) {
  for (const char* method : {"power", "storage"}) {
    for (const char* outcome : {"proven", "failed", "skipped"}) impl_->fences.Add({{"method", method}, {"outcome", outcome}});
    impl_->fence_seconds.Add({{"method", method}}, kRecoverySeconds);
  }
  for (const char* outcome : {"recovered", "failed", "skipped"}) impl_->recoveries.Add({{"outcome", outcome}});
}
Telemetry::~Telemetry() = default;

http::Client::Observer Telemetry::observer(const std::string& system) {
  return [this, system](const http::Exchange& exchange) {
    const std::string verb(exchange.method);
    impl_->requests.Add({{"system", system}, {"verb", verb}, {"code", std::to_string(exchange.status)}}).Increment();
    impl_->request_seconds.Add({{"system", system}, {"verb", verb}}, kCallSeconds).Observe(in_seconds(exchange.took));
  };
}

void Telemetry::effect(const Operation& operation, const Result<Answer>& outcome, Duration took) {
  impl_->effects.Add({{"kind", name_of(operation)}, {"outcome", outcome ? "ok" : to_string(outcome.error().kind)}}).Increment();
  if (std::holds_alternative<PingImages>(operation)) impl_->ping_seconds.Observe(in_seconds(took));
}

void Telemetry::stored(const api::ComputeNode& before, const api::ComputeNode& after) {
  if (!after.status.fence) return;
  const api::Fence& now = *after.status.fence;
  const api::Fence old = before.status.fence && before.status.fence->id == now.id ? *before.status.fence : api::Fence{};
  const auto count = [&](const char* method, api::ProofState was, api::ProofState is, const std::optional<WallTime>& proven) {
    if (was == is) return;
    const char* outcome = is == api::ProofState::kProven ? "proven" : is == api::ProofState::kFailed ? "failed" : is == api::ProofState::kSkipped ? "skipped" : nullptr;
    if (outcome == nullptr) return;
    impl_->fences.Add({{"method", method}, {"outcome", outcome}}).Increment();
    if (const auto took = between(now.decided_time, proven)) impl_->fence_seconds.Add({{"method", method}}, kRecoverySeconds).Observe(in_seconds(*took));
  };
  count("power", old.power.state, now.power.state, now.power.proven_time);
  count("storage", old.storage.state, now.storage.state, now.storage.proven_time);
  const auto& recovery = after.status.recovery;
  const bool was_finished = before.status.recovery && before.status.recovery->finished_time;
  if (!recovery || !recovery->finished_time || was_finished) return;
  if (const auto took = between(now.decided_time, recovery->finished_time)) impl_->host_seconds.Observe(in_seconds(*took));
}

void Telemetry::stored(const api::ProtectedInstance& before, const api::ProtectedInstance& after) {
  const auto& recovery = after.status.recovery;
  if (!recovery) return;
  const bool same = before.status.recovery && before.status.recovery->fence_id == recovery->fence_id && before.status.recovery->phase == recovery->phase;
  if (same) return;
  const char* outcome = recovery->phase == api::RecoveryStep::kAttested  ? "recovered"
                        : recovery->phase == api::RecoveryStep::kFailed  ? "failed"
                        : recovery->phase == api::RecoveryStep::kSkipped ? "skipped"
                                                                         : nullptr;
  if (outcome == nullptr) return;
  impl_->recoveries.Add({{"outcome", outcome}}).Increment();
  const auto took = between(recovery->started_time, recovery->finished_time);
  if (recovery->phase == api::RecoveryStep::kAttested && took) impl_->instance_seconds.Observe(in_seconds(*took));
}

void Telemetry::snapshot(const Snapshot& s) {
  static constexpr std::array<api::VerdictValue, 6> kVerdicts = {api::VerdictValue::kHealthy, api::VerdictValue::kAgentDown, api::VerdictValue::kIsolated,
                                                                 api::VerdictValue::kStorageLost, api::VerdictValue::kDead, api::VerdictValue::kUnknown};
  std::set<std::string> nodes;
  for (const auto& [node, verdict] : s.verdicts) {
    nodes.insert(node);
    for (const auto value : kVerdicts) impl_->verdicts.Add({{"node", node}, {"verdict", name(value)}}).Set(value == verdict ? 1 : 0);
    impl_->ready.Add({{"node", node}}).Set(s.fencing_ready.at(node) ? 1 : 0);
  }
  for (const std::string& gone : impl_->nodes) {
    if (nodes.count(gone) > 0) continue;
    for (const auto value : kVerdicts) impl_->verdicts.Remove(&impl_->verdicts.Add({{"node", gone}, {"verdict", name(value)}}));
    impl_->ready.Remove(&impl_->ready.Add({{"node", gone}}));
  }
  impl_->nodes = nodes;
  for (int i = 0; i < 8; ++i) {
    const auto phase = static_cast<api::InstancePhase>(i);
    const auto found = s.instances.find(phase);
    impl_->instances.Add({{"phase", name(phase)}}).Set(found == s.instances.end() ? 0 : found->second);
  }
  for (const auto& [source, age] : s.evidence_age)
    impl_->ages.Add({{"source", name(source)}}).Set(age ? in_seconds(*age) : std::numeric_limits<double>::quiet_NaN());
  for (const char* owner : {"fence", "librbd", "foreign"}) {
    const auto found = s.blocklist_entries.find(owner);
    impl_->blocklist.Add({{"owner", owner}}).Set(found == s.blocklist_entries.end() ? 0 : found->second);
  }
  impl_->storm.Set(s.storm_held ? 1 : 0);
  impl_->depth.Set(static_cast<double>(s.queue_depth));
  impl_->in_flight.Set(static_cast<double>(s.effects_in_flight));
}

void Telemetry::leading(bool leading) { impl_->leader.Set(leading ? 1 : 0); }

std::string Telemetry::text() const { return prometheus::TextSerializer().Serialize(impl_->registry.Collect()); }

}  // namespace vmha::controller
