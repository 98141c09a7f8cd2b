#include "controller/telemetry.h"

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <set>
#include <utility>

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

/// nullptr: not the end of a part of a fence.
const char* outcome_of(api::ProofState state) {
  switch (state) {
    case api::ProofState::kProven: return "proven";
    case api::ProofState::kFailed: return "failed";
    case api::ProofState::kSkipped: return "skipped";
    case api::ProofState::kPending:
    case api::ProofState::kRequested: break;
  }
  return nullptr;
}

/// nullptr: not the end of a recovery.
const char* outcome_of(api::RecoveryStep step) {
  switch (step) {
    case api::RecoveryStep::kAttested: return "recovered";
    case api::RecoveryStep::kFailed: return "failed";
    case api::RecoveryStep::kSkipped: return "skipped";
    case api::RecoveryStep::kIntended:
    case api::RecoveryStep::kLocked:
    case api::RecoveryStep::kRequested:
    case api::RecoveryStep::kMoved: break;
  }
  return nullptr;
}

/// What was counted of a ComputeNode. Ids of fences are never used twice, so a new one starts anew.
struct CountedFence {
  FenceId id;
  api::ProofState power = api::ProofState::kPending;
  api::ProofState storage = api::ProofState::kPending;
  bool finished = false;
};
struct CountedRecovery {
  FenceId id;
  api::RecoveryStep step = api::RecoveryStep::kIntended;
};

CountedFence counted(const api::ComputeNode& node) {
  const auto& fence = node.status.fence;
  if (!fence) return {};
  const auto& recovery = node.status.recovery;
  return {fence->id, fence->power.state, fence->storage.state, recovery && recovery->fence_id == fence->id && recovery->finished_time};
}

CountedRecovery counted(const api::ProtectedInstance& instance) {
  const auto& recovery = instance.status.recovery;
  return recovery ? CountedRecovery{recovery->fence_id, recovery->phase} : CountedRecovery{};
}

/// "https://10.0.0.1:6443/prefix" -> "10.0.0.1:6443"
std::string host_of(const std::string& server) {
  const auto scheme = server.find("://");
  const std::string rest = scheme == std::string::npos ? server : server.substr(scheme + 3);
  return rest.substr(0, rest.find('/'));
}

/// Calls `f` with the name of each kind of effect.
template <class F, std::size_t... I>
void for_each_kind(F f, std::index_sequence<I...> /*all*/) {
  (f(name_of(Operation(std::in_place_index<I>))), ...);
}

template <class Builder>
auto& family(prometheus::Registry& registry, Builder builder, const char* metric, const char* help) {
  return builder.Name(metric).Help(help).Register(registry);
}

constexpr std::array kControllers = {"computenode", "protectedinstance", "hapolicy", "shared"};
constexpr std::array kKinds = {ErrorKind::kNotFound,    ErrorKind::kConflict,  ErrorKind::kThrottled, ErrorKind::kTimeout,
                               ErrorKind::kUnavailable, ErrorKind::kForbidden, ErrorKind::kInvalid,   ErrorKind::kUnknownOutcome};

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
  prometheus::Family<prometheus::Gauge>& blocklist = family(registry, prometheus::BuildGauge(), "vmha_blocklist_entries", "Entries of the Ceph blocklist by owner: fence, librbd (single clients), drill (vmha trying its key) or foreign.");
  prometheus::Family<prometheus::Gauge>& fence_states =
      family(registry, prometheus::BuildGauge(), "vmha_compute_node_fence", "1 for the state of the standing fence of a compute node; None: it has none.");
  prometheus::Gauge& not_recoverable =
      family(registry, prometheus::BuildGauge(), "vmha_instances_not_recoverable", "Protected instances that could not be recovered if their host died now.").Add({});
  prometheus::Family<prometheus::Counter>& rest_requests =
      family(registry, prometheus::BuildCounter(), "rest_client_requests_total", "Number of HTTP requests to the API server by status code, method and host.");
  prometheus::Family<prometheus::Counter>& reconciles =
      family(registry, prometheus::BuildCounter(), "controller_runtime_reconcile_total", "Decisions made (success) and calls that failed (error), by controller.");
  prometheus::Family<prometheus::Counter>& reconcile_errors =
      family(registry, prometheus::BuildCounter(), "controller_runtime_reconcile_errors_total", "Calls that failed, by the controller that asked for them.");
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
  std::atomic<bool> leading{false};
  std::mutex mutex;  ///< of the two maps
  std::map<std::string, CountedFence> fences_counted;
  std::map<std::string, CountedRecovery> recoveries_counted;
};

Telemetry::Telemetry(const std::string& version) : impl_(std::make_unique<Impl>()) {
  family(impl_->registry, prometheus::BuildGauge(), "vmha_build_info", "1, with the version of this process.").Add({{"version", version}}).Set(1);
  for (const char* controller : kControllers) {
    for (const char* result : {"success", "error"}) impl_->reconciles.Add({{"controller", controller}, {"result", result}});
    impl_->reconcile_errors.Add({{"controller", controller}});
  }
  for_each_kind(
      [&](const char* kind) {
        impl_->effects.Add({{"kind", kind}, {"outcome", "ok"}});
        for (const ErrorKind outcome : kKinds) impl_->effects.Add({{"kind", kind}, {"outcome", to_string(outcome)}});
      },
      std::make_index_sequence<std::variant_size_v<Operation>>());
  for (const char* method : {"power", "storage"}) {
    for (const char* outcome : {"proven", "failed", "skipped"}) impl_->fences.Add({{"method", method}, {"outcome", outcome}});
    impl_->fence_seconds.Add({{"method", method}}, kRecoverySeconds);
  }
  for (const char* outcome : {"recovered", "failed", "skipped"}) impl_->recoveries.Add({{"outcome", outcome}});
  for (const char* system : {"nova", "kubernetes", "redfish"})
    for (const char* verb : {"GET", "POST", "PUT", "PATCH", "DELETE"}) impl_->request_seconds.Add({{"system", system}, {"verb", verb}}, kCallSeconds);
  snapshot({});
}
Telemetry::~Telemetry() = default;

http::Client::Observer Telemetry::observer(const std::string& system) {
  return [this, system](const http::Exchange& exchange) {
    const std::string verb(exchange.method);
    impl_->requests.Add({{"system", system}, {"verb", verb}, {"code", std::to_string(exchange.status)}}).Increment();
    impl_->request_seconds.Add({{"system", system}, {"verb", verb}}, kCallSeconds).Observe(in_seconds(exchange.took));
  };
}

http::Client::Observer Telemetry::kubernetes_observer(const std::string& server) {
  return [this, host = host_of(server), count = observer("kubernetes")](const http::Exchange& exchange) {
    count(exchange);
    const std::string code = exchange.status == 0 ? "<error>" : std::to_string(exchange.status);  // as client-go says it
    impl_->rest_requests.Add({{"code", code}, {"host", host}, {"method", std::string(exchange.method)}}).Increment();
  };
}

void Telemetry::effect(const Effect& effect, const Result<Answer>& outcome, Duration took) {
  impl_->effects.Add({{"kind", name_of(effect.operation)}, {"outcome", outcome ? "ok" : to_string(outcome.error().kind)}}).Increment();
  if (std::holds_alternative<PingImages>(effect.operation)) impl_->ping_seconds.Observe(in_seconds(took));
  // Both are usual answers: somebody wrote first, or it is gone; the next pass sees what is there.
  if (outcome || outcome.error().kind == ErrorKind::kConflict || outcome.error().kind == ErrorKind::kNotFound) return;
  const std::string controller = controller_of(effect.key);
  impl_->reconciles.Add({{"controller", controller}, {"result", "error"}}).Increment();
  impl_->reconcile_errors.Add({{"controller", controller}}).Increment();
}

void Telemetry::seen(const api::ComputeNode& node) {
  const std::lock_guard lock(impl_->mutex);
  const auto [known, fresh] = impl_->fences_counted.try_emplace(node.metadata.name, counted(node));
  if (!fresh && !impl_->leading) known->second = counted(node);
}

void Telemetry::seen(const api::ProtectedInstance& instance) {
  const std::lock_guard lock(impl_->mutex);
  const auto [known, fresh] = impl_->recoveries_counted.try_emplace(instance.metadata.name, counted(instance));
  if (!fresh && !impl_->leading) known->second = counted(instance);
}

void Telemetry::stored(const api::ComputeNode& after) {
  const CountedFence is = counted(after);
  CountedFence was;
  {
    const std::lock_guard lock(impl_->mutex);
    was = std::exchange(impl_->fences_counted[after.metadata.name], is);
  }
  if (!after.status.fence) return;
  if (was.id != is.id) was = {};
  const api::Fence& fence = *after.status.fence;
  const auto count = [&](const char* method, api::ProofState before, api::ProofState now, const std::optional<WallTime>& proven) {
    const char* outcome = outcome_of(now);
    if (before == now || outcome == nullptr) return;
    impl_->fences.Add({{"method", method}, {"outcome", outcome}}).Increment();
    const auto took = between(fence.decided_time, proven);
    if (now == api::ProofState::kProven && took) impl_->fence_seconds.Add({{"method", method}}, kRecoverySeconds).Observe(in_seconds(*took));
  };
  count("power", was.power, is.power, fence.power.proven_time);
  count("storage", was.storage, is.storage, fence.storage.proven_time);
  if (!is.finished || was.finished) return;
  if (const auto took = between(fence.decided_time, after.status.recovery->finished_time)) impl_->host_seconds.Observe(in_seconds(*took));
}

void Telemetry::stored(const api::ProtectedInstance& after) {
  const CountedRecovery is = counted(after);
  CountedRecovery was;
  {
    const std::lock_guard lock(impl_->mutex);
    was = std::exchange(impl_->recoveries_counted[after.metadata.name], is);
  }
  if (!after.status.recovery) return;
  const char* outcome = outcome_of(is.step);
  if (outcome == nullptr || (was.id == is.id && was.step == is.step)) return;
  impl_->recoveries.Add({{"outcome", outcome}}).Increment();
  const auto took = between(after.status.recovery->started_time, after.status.recovery->finished_time);
  if (is.step == api::RecoveryStep::kAttested && took) impl_->instance_seconds.Observe(in_seconds(*took));
}

namespace {

constexpr std::array kFenceStates = {api::FenceState::kHeld, api::FenceState::kFencing, api::FenceState::kProven, api::FenceState::kLifting};
constexpr std::array kSources = {api::EvidenceSource::kNovaService, api::EvidenceSource::kKubernetesNode, api::EvidenceSource::kStoragePing, api::EvidenceSource::kPower};

}  // namespace

void Telemetry::snapshot(const Snapshot& s) {
  static constexpr std::array<api::VerdictValue, 6> kVerdicts = {api::VerdictValue::kHealthy, api::VerdictValue::kAgentDown, api::VerdictValue::kIsolated,
                                                                 api::VerdictValue::kStorageLost, api::VerdictValue::kDead, api::VerdictValue::kUnknown};
  std::set<std::string> nodes;
  for (const auto& [node, verdict] : s.verdicts) {
    nodes.insert(node);
    for (const auto value : kVerdicts) impl_->verdicts.Add({{"node", node}, {"verdict", name(value)}}).Set(value == verdict ? 1 : 0);
    impl_->ready.Add({{"node", node}}).Set(s.fencing_ready.at(node) ? 1 : 0);
    const auto& fence = s.fences.at(node);
    impl_->fence_states.Add({{"node", node}, {"state", "None"}}).Set(fence ? 0 : 1);
    for (const auto state : kFenceStates) impl_->fence_states.Add({{"node", node}, {"state", name(state)}}).Set(fence == state ? 1 : 0);
  }
  for (const std::string& gone : impl_->nodes) {
    if (nodes.count(gone) > 0) continue;
    for (const auto value : kVerdicts) impl_->verdicts.Remove(&impl_->verdicts.Add({{"node", gone}, {"verdict", name(value)}}));
    impl_->ready.Remove(&impl_->ready.Add({{"node", gone}}));
    impl_->fence_states.Remove(&impl_->fence_states.Add({{"node", gone}, {"state", "None"}}));
    for (const auto state : kFenceStates) impl_->fence_states.Remove(&impl_->fence_states.Add({{"node", gone}, {"state", name(state)}}));
  }
  impl_->nodes = nodes;
  for (int i = 0; i < 8; ++i) {
    const auto phase = static_cast<api::InstancePhase>(i);
    const auto found = s.instances.find(phase);
    impl_->instances.Add({{"phase", name(phase)}}).Set(found == s.instances.end() ? 0 : found->second);
  }
  for (const auto source : kSources) {
    const auto age = s.evidence_age.find(source);
    impl_->ages.Add({{"source", name(source)}}).Set(age != s.evidence_age.end() && age->second ? in_seconds(*age->second) : std::numeric_limits<double>::quiet_NaN());
  }
  for (const auto& [controller, passes] : s.passes) {
    prometheus::Counter& counter = impl_->reconciles.Add({{"controller", controller}, {"result", "success"}});
    counter.Increment(static_cast<double>(passes) - counter.Value());
  }
  impl_->not_recoverable.Set(s.not_recoverable);
  for (const char* owner : {"fence", "librbd", "drill", "foreign"}) {
    const auto found = s.blocklist_entries.find(owner);
    impl_->blocklist.Add({{"owner", owner}}).Set(found == s.blocklist_entries.end() ? 0 : found->second);
  }
  impl_->storm.Set(s.storm_held ? 1 : 0);
  impl_->depth.Set(static_cast<double>(s.queue_depth));
  impl_->in_flight.Set(static_cast<double>(s.effects_in_flight));
}

void Telemetry::leading(bool leading) {
  impl_->leading = leading;
  impl_->leader.Set(leading ? 1 : 0);
}

std::string Telemetry::text() const { return prometheus::TextSerializer().Serialize(impl_->registry.Collect()); }

}  // namespace vmha::controller
