#pragma once

#include "api/compute_node.h"
#include "api/describe.h"
#include "api/describe_meta.h"
#include "api/limits.h"

#include <fmt/core.h>

namespace vmha::api {

// ---- spec

inline constexpr std::string_view kEndpointCel = "self.matches('^https://([A-Za-z0-9._-]+|\\\\[[0-9a-fA-F:.]+\\\\])(:[0-9]{1,5})?/?$')";

template <class V>
void describe(RedfishAccess& r, V& v) {
  v.field("endpoint", r.endpoint, {.doc = "\"https://\", host and optional port of the controller.", .required = true, .max_length = 255});
  v.rule_on("endpoint", kEndpointCel, "must be https:// with a host and an optional port and nothing after it, as in https://10.0.0.1:8443",
            is_https_origin(r.endpoint));
  v.field("systemID", r.system_id,
          {.doc = "The last part of /redfish/v1/Systems/<systemID>.", .required = true, .min_length = 1, .max_length = 128});
  v.field("credentialsSecret", r.credentials_secret, {.doc = "Secret with the keys `username` and `password`.", .required = true});
  v.field("caSecret", r.ca_secret, {.doc = "Secret whose key `ca.crt` holds the authority to trust; absent: those of the system."});
  v.field("insecureSkipVerify", r.insecure_skip_verify, {.doc = "Do not verify the controller's certificate.", .defaulted = true});
  v.rule("!self.insecureSkipVerify || !has(self.caSecret)", "insecureSkipVerify: true would ignore caSecret; give only one of them",
         !r.insecure_skip_verify || !r.ca_secret);
}

inline constexpr std::string_view kHostPortCel =
    "self.matches('^([A-Za-z0-9][A-Za-z0-9._-]*|\\\\[[0-9a-fA-F:.]+\\\\]):[1-9][0-9]{0,4}$')";

template <class V>
void describe(IpmiAccess& i, V& v) {
  v.field("endpoint", i.endpoint, {.doc = "Host and port of the controller, as in 10.0.0.1:623.", .required = true, .max_length = 255});
  v.rule_on("endpoint", kHostPortCel, "must be a host and a port, as in 10.0.0.1:623 or [fd00::1]:623", is_host_and_port(i.endpoint));
  v.field("credentialsSecret", i.credentials_secret, {.doc = "Secret with the keys `username` and `password`.", .required = true});
}

template <class V>
void describe(AgentParameter& p, V& v) {
  v.field("name", p.name, {.doc = "As the agent's manual calls it: ip, plug, ...", .required = true, .min_length = 1, .max_length = 63});
  v.rule_on("name", "self.matches('^[A-Za-z][A-Za-z0-9_-]*$')", "must be letters, digits, '_' and '-'", is_parameter_name(p.name));
  v.rule_on("name", kParameterCel, "is set by vmha itself, or would have the agent run or write something else", !is_reserved_parameter(p.name));
  v.rule_on("name", "!self.contains('passw')", "is a secret: put it into the Secret that parametersSecret names",
            p.name.find("passw") == std::string::npos);
  v.field("value", p.value, {.doc = "One line.", .required = true, .max_length = 255});
  v.rule_on("value", "!self.matches('[[:cntrl:]]')", "must be one line without control characters", !has_control_character(p.value));
}

template <class V>
void describe(FenceAgentAccess& f, V& v) {
  v.field("agent", f.agent, {.doc = "Program of the package fence-agents, as in fence_apc_snmp.", .required = true, .max_length = 63});
  v.rule_on("agent", "self.matches('^fence_[a-z0-9_]+$')", "must be the name of a fence agent, as in fence_apc_snmp, and no path", is_agent_name(f.agent));
  v.rule_on("agent", kNoPowerAgentCel, "does not switch the power of a host: its off would prove nothing", switches_power(f.agent));
  v.field("parameters", f.parameters,
          {.doc = "What the agent is told on its standard input, secrets excepted.", .max_items = kMaxAgentParameters, .key = "name"});
  v.field("parametersSecret", f.parameters_secret, {.doc = "Secret whose keys are further parameters, as in `password`."});
}

template <class V>
void describe(BareMetalHostRef& b, V& v) {
  v.field("name", b.name, {.doc = "Of the BareMetalHost (metal3.io/v1alpha1).", .required = true, .min_length = 1, .max_length = kMaxNameBytes});
  v.rule_on("name", kNameCel, kNameMessage, is_object_name(b.name));
  v.field("namespace", b.namespace_, {.doc = "Its namespace; vmha needs the rights to get and patch it there.", .required = true, .min_length = 1, .max_length = 63});
  v.rule_on("namespace", kNameCel, kNameMessage, is_object_name(b.namespace_));
}

template <class V>
void describe(PowerDevice& d, V& v) {
  v.field("name", d.name, {.doc = "What people call this device.", .required = true, .min_length = 1, .max_length = 63});
  v.field("level", d.level,
          {.doc = "The lowest level is used first; all devices of a level must be proven off (dual power supplies).",
           .defaulted = true, .min = 1, .max = 9});
  v.field("type", d.type, {.doc = "How the device is spoken to.", .required = true});
  v.field("redfish", d.redfish, {.doc = "For the type Redfish."});
  v.rule("(self.type == 'Redfish') == has(self.redfish)", "type: Redfish needs the section redfish (endpoint, systemID, credentialsSecret), and no other type has it",
         (d.type == DeviceType::kRedfish) == d.redfish.has_value());
  v.field("ipmi", d.ipmi, {.doc = "For the type Ipmi: IPMI 2.0 over LAN."});
  v.rule("(self.type == 'Ipmi') == has(self.ipmi)", "type: Ipmi needs the section ipmi (endpoint, credentialsSecret), and no other type has it",
         (d.type == DeviceType::kIpmi) == d.ipmi.has_value());
  v.field("fenceAgent", d.fence_agent, {.doc = "For the type FenceAgent: any power switch that a fence agent knows."});
  v.rule("(self.type == 'FenceAgent') == has(self.fenceAgent)",
         "type: FenceAgent needs the section fenceAgent (agent, parameters), and no other type has it",
         (d.type == DeviceType::kFenceAgent) == d.fence_agent.has_value());
  v.field("bareMetalHost", d.bare_metal_host, {.doc = "For the type BareMetalHost: the host as Metal3 manages it."});
  v.rule("(self.type == 'BareMetalHost') == has(self.bareMetalHost)",
         "type: BareMetalHost needs the section bareMetalHost (name, namespace), and no other type has it",
         (d.type == DeviceType::kBareMetalHost) == d.bare_metal_host.has_value());
}

template <class V>
void describe(NodeStorage& s, V& v) {
  v.field("clientAddresses", s.client_addresses,
          {.doc = "IP addresses or ranges (CIDR) that the host's Ceph clients use; empty: learned from the watchers of its images while it is Healthy.",
           .set = true, .min_length = 1, .max_length = 49, .max_items = kMaxAddresses});
  bool all_valid = true;
  for (const std::string& address : s.client_addresses) all_valid = all_valid && is_address_or_range(address);
  v.rule_on_items("clientAddresses",
                  "self.matches('^((25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])[.]){3}(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
                  "(/(3[0-2]|[12]?[0-9]))?$') || self.matches('^[0-9a-fA-F]*:[0-9a-fA-F:.]*(/(12[0-8]|1[01][0-9]|[1-9]?[0-9]))?$')",
                  "must be an IP address or a range as in 10.77.0.0/24, without a port", all_valid);
}

template <class V>
void describe(NodeFencing& f, V& v) {
  v.field("devices", f.devices, {.doc = "Power controllers of the host.", .max_items = kMaxDevices, .key = "name"});
  v.rule_on("devices",
            "self.all(a, !has(a.redfish) || self.exists_one(b, has(b.redfish) && b.redfish.endpoint == a.redfish.endpoint && "
            "b.redfish.systemID == a.redfish.systemID))",
            "two devices name the same system of the same endpoint; keep one of them", kOnlyTheServerKnows);
  v.rule_on("devices", "self.all(a, !has(a.ipmi) || self.exists_one(b, has(b.ipmi) && b.ipmi.endpoint == a.ipmi.endpoint))",
            "two devices have the same ipmi endpoint; keep one of them", kOnlyTheServerKnows);
  v.rule_on("devices", "self.all(a, !has(a.bareMetalHost) || self.exists_one(b, has(b.bareMetalHost) && b.bareMetalHost == a.bareMetalHost))",
            "two devices name the same BareMetalHost; keep one of them", kOnlyTheServerKnows);
  v.rule_on("devices",
            "self.all(a, !has(a.fenceAgent) || self.exists_one(b, has(b.fenceAgent) && b.fenceAgent.agent == a.fenceAgent.agent && "
            "has(b.fenceAgent.parameters) == has(a.fenceAgent.parameters) && "
            "(!has(a.fenceAgent.parameters) || b.fenceAgent.parameters == a.fenceAgent.parameters)))",
            "two devices name the same agent with the same parameters; keep one of them", kOnlyTheServerKnows);
}

template <class V>
void describe(ComputeNodeSpec& s, V& v) {
  v.field("novaHost", s.nova_host,
          {.doc = "`host` of the nova-compute service, exactly as nova prints it; absent: the name of this object. Immutable.",
           .min_length = 1, .max_length = 255});
  v.field("kubernetesNode", s.kubernetes_node,
          {.doc = "The Kubernetes node that runs on this host; its Lease is evidence.", .min_length = 1, .max_length = kMaxNameBytes});
  v.rule_on("kubernetesNode", kNameCel, kNameMessage, !s.kubernetes_node || is_object_name(*s.kubernetes_node));
  v.field("policy", s.policy, {.doc = "Name of the HAPolicy.", .defaulted = true, .min_length = 1, .max_length = kMaxNameBytes});
  v.rule_on("policy", kNameCel, kNameMessage, is_object_name(s.policy));
  v.field("maintenance", s.maintenance, {.doc = "vmha leaves this host alone.", .defaulted = true});
  v.field("storage", s.storage, {.doc = "The host as a client of Ceph."});
  v.field("fencing", s.fencing, {.doc = "How the host is switched off."});
  v.rule("has(self.novaHost) == has(oldSelf.novaHost) && (!has(self.novaHost) || self.novaHost == oldSelf.novaHost)",
         "novaHost is immutable, also from absent to set: delete this ComputeNode and make one for the other host", kOnlyTheServerKnows);
}

// ---- status

template <class V>
void describe(Evidence& e, V& v) {
  v.field("source", e.source, {.doc = "Where it comes from.", .required = true});
  v.field("state", e.state, {.doc = "Unknown: could not be read, or not configured; never evidence of death.", .required = true});
  v.field("since", e.since, {.doc = "When the state was first seen."});
  v.field("detail", e.detail, {.doc = "For people.", .cut = true, .max_length = kMaxMessageBytes});
}

template <class V>
void describe(Verdict& x, V& v) {
  v.field("value", x.value, {.doc = "What the evidence says about the host.", .required = true});
  v.field("since", x.since, {.doc = "When the verdict was first reached."});
  v.field("evidence", x.evidence, {.doc = "What it rests on, one entry a source.", .max_items = 8, .key = "source"});
}

template <class V>
void describe(StorageClients& s, V& v) {
  v.field("addresses", s.addresses, {.doc = "IP addresses.", .set = true, .max_length = 49, .max_items = kMaxAddresses});
  v.field("instances", s.instances, {.doc = "Instances whose images were looked at.", .min = 0});
}

template <class V>
void describe(DeviceStatus& d, V& v) {
  v.field("name", d.name, {.doc = "The device.", .required = true, .min_length = 1, .max_length = 63});
  v.field("seenOn", d.seen_on, {.doc = "It read On at least once while the host was alive by other evidence."});
  v.field("systemUUID", d.system_uuid, {.doc = "What the device says is the UUID of its system.", .max_length = 64});
  v.field("hash", d.hash, {.doc = "Of the device's spec: an edited device is a new one.", .max_length = 32});
  v.field("ready", d.ready, {.doc = "It answers, reads On, and nothing speaks against its credentials."});
  v.field("message", d.message, {.doc = "What is wrong; if nothing is, what the last drill found.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("rightsKnown", d.rights_known,
          {.doc = "The drill could read that the credentials may switch off; false: only the day itself will show it."});
}

template <class V>
void describe(NovaBefore& n, V& v) {
  v.field("status", n.status, {.doc = "enabled or disabled.", .max_length = 32});
  v.field("disabledReason", n.disabled_reason, {.doc = "As nova had it.", .max_length = 255});
  v.field("forcedDown", n.forced_down, {.doc = "As nova had it."});
}

template <class V>
void describe(PowerProof& p, V& v) {
  v.field("state", p.state, {.doc = "Proven: Off was read.", .required = true});
  v.field("device", p.device, {.doc = "The device that was used last.", .max_length = 63});
  v.field("deviceHash", p.device_hash, {.doc = "Of the endpoints used: an edited device starts this step again.", .max_length = 128});
  v.field("provenTime", p.proven_time, {.doc = "When it was proven."});
  v.field("message", p.message, {.doc = "For people.", .cut = true, .max_length = kMaxMessageBytes});
}

template <class V>
void describe(StorageProof& p, V& v) {
  v.field("state", p.state, {.doc = "Proven: every placement group refuses the addresses.", .required = true});
  v.field("addresses", p.addresses, {.doc = "What is blocklisted in Ceph.", .set = true, .max_length = 49, .max_items = kMaxAddresses});
  v.field("osdmapEpoch", p.osdmap_epoch, {.doc = "The OSD map in which all of them are listed.", .min = 0});
  v.field("provenTime", p.proven_time, {.doc = "When it was proven."});
  v.field("message", p.message, {.doc = "For people.", .cut = true, .max_length = kMaxMessageBytes});
}

template <class V>
void describe(Fence& f, V& v) {
  v.field("id", f.id, {.doc = "Random and never used again; also in nova's disabled_reason.", .required = true, .min_length = 1, .max_length = 300});
  v.field("state", f.state, {.doc = "How far it is.", .required = true});
  v.field("adopted", f.adopted, {.doc = "Status had lost it: it was found in nova or in Ceph's blocklist, and what went before is not known."});
  v.field("replaces", f.replaces, {.doc = "The fence that was being lifted when the host died again.", .max_length = 300});
  v.field("bootID", f.boot_id, {.doc = "Boot id of the host when the fence was decided.", .max_length = 64});
  v.field("novaBefore", f.nova_before, {.doc = "The nova service before the fence: what the return restores."});
  v.field("reason", f.reason, {.doc = "Why.", .cut = true, .max_length = kMaxMessageBytes});
  v.field("decidedTime", f.decided_time, {.doc = "When it was decided."});
  v.field("decidedBy", f.decided_by, {.doc = "<leader identity>/<lease transitions>.", .max_length = 300});
  v.field("power", f.power, {.doc = "The power fence."});
  v.field("storage", f.storage, {.doc = "The storage fence."});
  v.field("hostFencedTime", f.host_fenced_time, {.doc = "Power proven: the host cannot answer on any network."});
  v.field("dataFencedTime", f.data_fenced_time, {.doc = "Power or storage proven: nothing of the host can write to shared storage."});
  v.field("liftedTime", f.lifted_time, {.doc = "When the host was back in service."});
}

template <class V>
void describe(NodeRecovery& r, V& v) {
  v.field("fenceID", r.fence_id, {.doc = "The fence this recovery follows.", .required = true, .min_length = 1, .max_length = 300});
  v.field("startedTime", r.started_time, {.doc = "When it began."});
  v.field("finishedTime", r.finished_time, {.doc = "When nothing was left to do."});
  v.field("total", r.total, {.doc = "Instances of the host.", .min = 0});
  v.field("recovered", r.recovered, {.doc = "Running elsewhere as before, attested.", .min = 0});
  v.field("failed", r.failed, {.doc = "Waiting for a person.", .min = 0});
  v.field("skipped", r.skipped, {.doc = "Not to be recovered.", .min = 0});
  v.field("inProgress", r.in_progress, {.doc = "Under way.", .min = 0});
  v.derived("progress", fmt::format("{}/{}", r.recovered, r.total), {.doc = "recovered/total, for the table of kubectl.", .max_length = 32});
}

template <class V>
void describe(ComputeNodeStatus& s, V& v) {
  v.field("observedGeneration", s.observed_generation, kObservedGeneration);
  v.field("phase", s.phase, {.doc = "A summary for people."});
  v.field("verdict", s.verdict, {.doc = "What the evidence says."});
  v.field("storageClients", s.storage_clients, {.doc = "The last inventory taken while Healthy: what a storage fence uses."});
  v.field("devices", s.devices, {.doc = "The power controllers, as last read.", .max_items = kMaxDevices, .key = "name"});
  v.field("fence", s.fence, {.doc = "The fence; absent when there is none."});
  v.field("recovery", s.recovery, {.doc = "The recovery of the host's instances."});
  v.field("conditions", s.conditions, kConditions);
}

}  // namespace vmha::api
