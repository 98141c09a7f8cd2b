#pragma once

#include <algorithm>

#include "api/describe.h"
#include "api/describe_meta.h"
#include "api/limits.h"
#include "api/protected_instance.h"

namespace vmha::api {

// ---- spec

template <class V>
void describe(InstanceRecoverySpec& r, V& v) {
  v.field("onHostFailure", r.on_host_failure, {.doc = "Evacuate: start it on another host. Leave: do nothing.", .defaulted = true});
}

template <class V>
void describe(Placement& p, V& v) {
  v.field("allowedHosts", p.allowed_hosts,
          {.doc = "ComputeNodes it may run on; empty: all.", .set = true, .min_length = 1, .max_length = kMaxNameBytes, .max_items = kMaxPlacementHosts});
  v.field("avoidHosts", p.avoid_hosts,
          {.doc = "ComputeNodes it may not run on.", .set = true, .min_length = 1, .max_length = kMaxNameBytes, .max_items = kMaxPlacementHosts});
  const bool overlap = std::ranges::any_of(
      p.allowed_hosts, [&](const NodeName& host) { return std::ranges::find(p.avoid_hosts, host) != p.avoid_hosts.end(); });
  v.rule("!has(self.allowedHosts) || !has(self.avoidHosts) || !self.allowedHosts.exists(h, h in self.avoidHosts)",
         "a host is in both allowedHosts and avoidHosts; take it out of one of them", !overlap);
}

template <class V>
void describe(Dependency& d, V& v) {
  v.field("name", d.name, {.doc = "Name of a ProtectedInstance.", .required = true, .min_length = 1, .max_length = kMaxNameBytes});
  v.rule_on("name", kNameCel, kNameMessage, is_object_name(d.name));
}

template <class V>
void describe(ProtectedInstanceSpec& s, V& v) {
  v.field("serverID", s.server_id, {.doc = "UUID of the nova server. Immutable.", .required = true, .max_length = 36});
  v.rule_on("serverID", "self.matches('^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$')",
            "must be the UUID of a server in lower case, as `openstack server show` prints it", is_uuid(s.server_id.value));
  v.rule_on("serverID", "self == oldSelf", "serverID is immutable: delete this ProtectedInstance and make one for the other server",
            kOnlyTheServerKnows);
  v.field("policy", s.policy, {.doc = "Name of the HAPolicy.", .defaulted = true, .min_length = 1, .max_length = kMaxNameBytes});
  v.rule_on("policy", kNameCel, kNameMessage, is_object_name(s.policy));
  v.field("priority", s.priority, {.doc = "Recovered in this order, higher first.", .defaulted = true, .min = 0, .max = 1000});
  v.field("recovery", s.recovery, {.doc = "What to do when it is lost."});
  v.field("dependsOn", s.depends_on,
          {.doc = "Those of them that are being recovered, too, are recovered and attested before this one is started; the policy's "
                  "evacuation.dependencyTimeoutSeconds bounds the wait. A name that there is not and a circle are said in condition Ready and not waited for.",
           .max_items = kMaxDependencies, .key = "name"});
  v.field("placement", s.placement, {.doc = "Where it should run; empty: wherever nova's scheduler puts it."});
}

// ---- status

template <class V>
void describe(DiskStatus& d, V& v) {
  v.field("image", d.image, {.doc = "<pool>/<image>.", .required = true, .min_length = 3, .max_length = 300});
  v.field("watchers", d.watchers,
          {.doc = "Who has the image open: address:port/nonce.", .cut = true, .max_length = 96, .max_items = kMaxWatchers});
  v.field("lockOwner", d.lock_owner, {.doc = "Who holds the image's lock; a hint.", .cut = true, .max_length = 96});
}

template <class V>
void describe(InstanceRecovery& r, V& v) {
  v.field("fenceID", r.fence_id, {.doc = "The fence this recovery follows.", .required = true, .min_length = 1, .max_length = 300});
  v.field("attempt", r.attempt, {.doc = "Counts from 1.", .min = 0});
  v.field("phase", r.phase, {.doc = "How far it is; Intended is written before nova is asked for anything.", .required = true});
  v.field("originalState", r.original_state, {.doc = "nova's vm_state before the first attempt: what it must end in.", .max_length = 64});
  v.field("locked", r.locked, {.doc = "vmha locked the server for this recovery."});
  v.field("migrationID", r.migration_id, {.doc = "UUID of nova's migration record.", .max_length = 64});
  v.field("from", r.from, {.doc = "ComputeNode it was on.", .max_length = 255});
  v.field("to", r.to, {.doc = "ComputeNode it went to.", .max_length = 255});
  v.field("startedTime", r.started_time, {.doc = "When the attempt began."});
  v.field("finishedTime", r.finished_time, {.doc = "When it ended."});
  v.field("message", r.message, {.doc = "For people.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("nextAttemptTime", r.next_attempt_time, {.doc = "Not tried again before this."});
  v.field("retry", r.retry, {.doc = "Value of the annotation retry that was answered; another value resets a Failed instance.", .cut = true, .max_length = 64});
}

template <class V>
void describe(ProtectedInstanceStatus& s, V& v) {
  v.field("observedGeneration", s.observed_generation, kObservedGeneration);
  v.field("phase", s.phase, {.doc = "A summary for people."});
  v.field("host", s.host, {.doc = "ComputeNode it is on.", .max_length = 255});
  v.field("vmState", s.vm_state, {.doc = "As nova says it.", .cut = true, .max_length = 64});
  v.field("powerState", s.power_state, {.doc = "As nova says it.", .cut = true, .max_length = 64});
  v.field("taskState", s.task_state, {.doc = "As nova says it; absent: none.", .cut = true, .max_length = 64});
  v.field("serverGroup", s.server_group, {.doc = "Its server group.", .cut = true, .max_length = 64});
  v.field("projectID", s.project_id, {.doc = "Its project.", .cut = true, .max_length = 64});
  v.field("disks", s.disks, {.doc = "Its disks in the protected Ceph.", .max_items = kMaxDisks, .key = "image"});
  v.field("recovery", s.recovery, {.doc = "The last recovery; absent: never recovered."});
  v.field("conditions", s.conditions, kConditions);
}

}  // namespace vmha::api
