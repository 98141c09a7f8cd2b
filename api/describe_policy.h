#pragma once

#include "api/describe.h"
#include "api/describe_meta.h"
#include "api/limits.h"
#include "api/policy.h"

namespace vmha::api {

template <class V>
void describe(ExtraSpec& e, V& v) {
  v.field("key", e.key, {.doc = "Name of the extra spec.", .required = true, .min_length = 1, .max_length = 255});
  v.field("value", e.value, {.doc = "Its value; absent: any value.", .max_length = 255});
}

template <class V>
void describe(InstanceMatch& m, V& v) {
  v.field("name", m.name, {.doc = "What people call this entry.", .required = true, .min_length = 1, .max_length = 63});
  v.field("metadataKey", m.metadata_key, {.doc = "The server has this metadata key.", .min_length = 1, .max_length = 255});
  v.field("metadataValue", m.metadata_value, {.doc = "The value `metadataKey` must have; absent: any value.", .max_length = 255});
  v.field("serverTag", m.server_tag, {.doc = "The server has this tag.", .min_length = 1, .max_length = 60});
  v.field("flavorExtraSpec", m.flavor_extra_spec, {.doc = "The server's flavor has this extra spec."});
  v.field("projectID", m.project_id, {.doc = "The server belongs to this project.", .min_length = 1, .max_length = 64});
  v.rule("[has(self.metadataKey), has(self.serverTag), has(self.flavorExtraSpec), has(self.projectID)].filter(x, x).size() == 1",
         "exactly one of metadataKey, serverTag, flavorExtraSpec and projectID must be given; use one entry of the list for each",
         int{m.metadata_key.has_value()} + int{m.server_tag.has_value()} + int{m.flavor_extra_spec.has_value()} + int{m.project_id.has_value()} == 1);
  v.rule("!has(self.metadataValue) || has(self.metadataKey)", "metadataValue needs metadataKey: it is the value of that key",
         !m.metadata_value || m.metadata_key);
}

template <class V>
void describe(Discovery& d, V& v) {
  v.field("computeNodes", d.compute_nodes,
          {.doc = "Automatic: vmha makes a ComputeNode for each nova-compute service that has none. Manual: people make them.", .defaulted = true});
  v.field("instances", d.instances,
          {.doc = "Automatic: vmha makes a ProtectedInstance for each server that `instanceSelector` matches. Manual: people make them.",
           .defaulted = true});
  v.field("instanceSelector", d.instance_selector,
          {.doc = "A server matches if any entry does; without entries every server matches.", .max_items = kMaxSelectors, .key = "name"});
}

template <class V>
void describe(Detection& d, V& v) {
  v.field("pollSeconds", d.poll, {.doc = "How often each source of evidence is looked at.", .defaulted = true, .min = 1, .max = 60});
  v.field("novaStaleSeconds", d.nova_stale,
          {.doc = "A nova-compute service whose heartbeat has not moved for this long is silent.", .defaulted = true, .min = 2, .max = 3600});
  v.field("nodeLeaseStaleSeconds", d.node_lease_stale,
          {.doc = "A Kubernetes node whose Lease has not been renewed for this long is silent.", .defaulted = true, .min = 2, .max = 3600});
  v.field("storageMissedPings", d.storage_missed_pings,
          {.doc = "Storage pings in a row that no sampled guest of a host acknowledged, after which the host's storage is silent.",
           .defaulted = true, .min = 1, .max = 100});
  v.field("confirmSeconds", d.confirm,
          {.doc = "How long a verdict must hold before anything irreversible, except where power reads Off. Raised to the longest usual interval of "
                  "the sources used.",
           .defaulted = true, .min = 1, .max = 3600});
  v.field("storageEvidence", d.storage_evidence,
          {.doc = "Required: without storage evidence a host is never Dead. Preferred: then it is after `confirmWithoutStorageSeconds`.",
           .defaulted = true});
  v.field("confirmWithoutStorageSeconds", d.confirm_without_storage,
          {.doc = "How long a verdict without storage evidence must hold.", .defaulted = true, .min = 1, .max = 3600});
  v.rule("self.pollSeconds < self.novaStaleSeconds && self.pollSeconds < self.nodeLeaseStaleSeconds",
         "pollSeconds must be less than novaStaleSeconds and nodeLeaseStaleSeconds: a source must be looked at before it can be called stale",
         d.poll < d.nova_stale && d.poll < d.node_lease_stale);
  v.rule("self.confirmSeconds <= self.confirmWithoutStorageSeconds",
         "confirmWithoutStorageSeconds must not be less than confirmSeconds: less evidence needs more time", d.confirm <= d.confirm_without_storage);
}

template <class V>
void describe(Response& r, V& v) {
  v.field("onIsolated", r.on_isolated,
          {.doc = "When the control network of a host is lost and its guests are alive on storage.", .defaulted = true});
  v.field("onStorageLost", r.on_storage_lost, {.doc = "When a host is alive and the storage sessions of its guests are gone.", .defaulted = true});
  v.field("onStorageLostAfterSeconds", r.on_storage_lost_after,
          {.doc = "How long StorageLost must last before `onStorageLost` is done.", .defaulted = true, .min = 1, .max = 3600});
}

template <class V>
void describe(PolicyFencing& f, V& v) {
  v.field("require", f.require,
          {.doc = "What must be proven before a recovery. Data: storage or power. Host: power.", .defaulted = true});
  v.field("methods", f.methods, {.doc = "Tried side by side.", .defaulted = true, .set = true, .min_items = 1, .max_items = 2});
  v.field("powerTimeoutSeconds", f.power_timeout,
          {.doc = "How long one attempt to switch a host off may take.", .defaulted = true, .min = 1, .max = 600});
  bool has_power = false;
  for (const FenceMethod method : f.methods) has_power = has_power || method == FenceMethod::kPower;
  v.rule("self.require != 'Host' || 'Power' in self.methods", "require: Host needs the method Power: only power proves that a host is off",
         f.require != RequiredProof::kHost || has_power);
}

inline constexpr std::string_view kShareCel = "type(self) == int ? (self >= 1 && self <= 100000) : string(self).matches('^([1-9][0-9]?|100)%$')";
inline constexpr std::string_view kShareMessage = "must be a number of hosts from 1 to 100000 or a percentage from \"1%\" to \"100%\"";

[[nodiscard]] constexpr bool is_valid(const Share& share) { return share.value >= 1 && share.value <= (share.percent ? 100 : 100000); }

template <class V>
void describe(Storm& s, V& v) {
  v.field("maxUnhealthy", s.max_unhealthy,
          {.doc = "So many hosts may be suspect, or fenced and not yet recovered, at once; number or percentage (rounded down, at least 1). More: "
                  "nothing new is fenced until a person approves or the evidence is calm again.",
           .defaulted = true});
  v.rule_on("maxUnhealthy", kShareCel, kShareMessage, is_valid(s.max_unhealthy));
  v.field("maxUnhealthyPerFailureDomain", s.max_unhealthy_per_failure_domain, {.doc = "The same within one failure domain.", .defaulted = true});
  v.rule_on("maxUnhealthyPerFailureDomain", kShareCel, kShareMessage, is_valid(s.max_unhealthy_per_failure_domain));
  v.field("cooldownSeconds", s.cooldown,
          {.doc = "After a hold the evidence must have been calm for this long before hosts are fenced again.", .defaulted = true, .min = 0, .max = 86400});
  v.field("maxConcurrentFences", s.max_concurrent_fences, {.doc = "Fences under way at once.", .defaulted = true, .min = 1, .max = 1000});
}

template <class V>
void describe(Evacuation& e, V& v) {
  v.field("maxConcurrent", e.max_concurrent,
          {.doc = "Evacuations in flight in the whole cloud; counts in the policy `default`.", .defaulted = true, .min = 1, .max = 1000});
  v.field("maxConcurrentPerDestination", e.max_concurrent_per_destination,
          {.doc = "Evacuations in flight to one host, as far as nova has told where they go, and requested ones of which it has not yet; counts in the "
                  "policy `default`.", .defaulted = true, .min = 1, .max = 1000});
  v.field("timeoutSeconds", e.timeout,
          {.doc = "For one instance; then an alert and a person, never a second request while the first may run.", .defaulted = true, .min = 10, .max = 86400});
  v.field("dependencyTimeoutSeconds", e.dependency_timeout,
          {.doc = "So long an instance waits for those it depends on (dependsOn) before it is recovered without them.", .defaulted = true, .min = 0, .max = 86400});
  v.field("maxAttempts", e.max_attempts, {.doc = "Attempts that nova ended with an error, per instance and fence.", .defaulted = true, .min = 1, .max = 100});
  v.field("includeStopped", e.include_stopped, {.doc = "Instances that were shut off move, too, and stay shut off.", .defaulted = true});
  v.rule("self.maxConcurrentPerDestination <= self.maxConcurrent", "maxConcurrentPerDestination must not be more than maxConcurrent",
         e.max_concurrent_per_destination <= e.max_concurrent);
}

template <class V>
void describe(Return& r, V& v) {
  v.field("mode", r.mode,
          {.doc = "Automatic: a host that was proven to have been off comes back by itself. Manual: it waits for the annotation "
                  "vmha.openstack.org/release=<fence id>.",
           .defaulted = true});
  v.field("powerOn", r.power_on, {.doc = "Switch a host on again once its instances are safe.", .defaulted = true});
  v.field("healthySeconds", r.healthy,
          {.doc = "How long a host must look healthy before nova may use it again.", .defaulted = true, .min = 0, .max = 86400});
}

template <class V>
void describe(HAPolicySpec& s, V& v) {
  v.field("paused", s.paused, {.doc = "Observe and report, touch nothing.", .defaulted = true});
  v.field("mode", s.mode,
          {.doc = "Enforce: act. DryRun: decide, and record as events and status what would be done, without any effect.", .required = true});
  v.field("discovery", s.discovery, {.doc = "Which ComputeNodes and ProtectedInstances vmha makes by itself."});
  v.field("detection", s.detection, {.doc = "When a host counts as lost."});
  v.field("response", s.response, {.doc = "What verdicts lead to. Dead always leads to fence and recovery."});
  v.field("fencing", s.fencing, {.doc = "How a lost host is kept from writing, and what proves it."});
  v.field("storm", s.storm, {.doc = "The breaker: stops fencing when too many hosts look lost at once. Counts only in the policy `default`."});
  v.field("evacuation", s.evacuation, {.doc = "How instances are started elsewhere."});
  v.field("return", s.return_, {.doc = "How a fenced host comes back."});
  v.field("failureDomainLabel", s.failure_domain_label,
          {.doc = "Label of a ComputeNode, or of its Kubernetes node, whose value names the failure domain.",
           .defaulted = true, .min_length = 1, .max_length = 317});
}

template <class V>
void describe(HostCounts& h, V& v) {
  v.field("total", h.total, {.doc = "ComputeNodes of this policy.", .min = 0});
  v.field("healthy", h.healthy, {.doc = "With the verdict Healthy.", .min = 0});
  v.field("suspect", h.suspect, {.doc = "With another verdict, not fenced.", .min = 0});
  v.field("fenced", h.fenced, {.doc = "With a standing fence.", .min = 0});
  v.field("held", h.held, {.doc = "Held back by the breaker.", .min = 0});
}

template <class V>
void describe(InstanceCounts& i, V& v) {
  v.field("protected", i.protected_, {.doc = "ProtectedInstances that a recovery can move.", .min = 0});
  v.field("unprotected", i.unprotected, {.doc = "ProtectedInstances that it cannot.", .min = 0});
  v.field("recovering", i.recovering, {.doc = "Being recovered or waiting for it.", .min = 0});
  v.field("failed", i.failed, {.doc = "Waiting for a person.", .min = 0});
}

template <class V>
void describe(StormHold& s, V& v) {
  v.field("id", s.id, {.doc = "For the annotation vmha.openstack.org/approve.", .required = true, .min_length = 1, .max_length = 300});
  v.field("heldSince", s.held_since, {.doc = "When the breaker opened."});
  v.field("reason", s.reason, {.doc = "Which limit was passed.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("hosts", s.hosts, {.doc = "The ComputeNodes counted.", .cut = true, .max_length = kMaxNameBytes, .max_items = kMaxStormHosts});
}

template <class V>
void describe(HAPolicyStatus& s, V& v) {
  v.field("observedGeneration", s.observed_generation, kObservedGeneration);
  v.field("hosts", s.hosts, {.doc = "ComputeNodes, counted."});
  v.field("instances", s.instances, {.doc = "ProtectedInstances, counted."});
  v.field("storm", s.storm, {.doc = "A hold of the breaker; absent when there is none."});
  v.field("conditions", s.conditions, kConditions);
}

}  // namespace vmha::api
