#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/enums.h"
#include "api/meta.h"
#include "base/ids.h"
#include "base/time.h"

namespace vmha::api {

// ---- spec

enum class DeviceType { kRedfish, kIpmi, kFenceAgent, kBareMetalHost };
constexpr EnumNames<4> enum_names(DeviceType) { return {"Redfish", "Ipmi", "FenceAgent", "BareMetalHost"}; }

struct RedfishAccess {
  std::string endpoint;                ///< "https://10.0.0.1", nothing after host and port
  std::string system_id;               ///< the last part of /redfish/v1/Systems/<id>
  SecretRef credentials_secret;        ///< keys username, password
  std::optional<SecretRef> ca_secret;  ///< key ca.crt; absent: the system's authorities
  bool insecure_skip_verify = false;
  bool operator==(const RedfishAccess&) const = default;
};

struct IpmiAccess {
  std::string endpoint;          ///< "10.0.0.1:623", always with a port
  SecretRef credentials_secret;  ///< keys username, password
  bool operator==(const IpmiAccess&) const = default;
};

struct AgentParameter {
  std::string name;
  std::string value;
  bool operator==(const AgentParameter&) const = default;
};

struct FenceAgentAccess {
  std::string agent;                           ///< "fence_apc_snmp"; never a path
  std::vector<AgentParameter> parameters;      ///< those that are no secrets
  std::optional<SecretRef> parameters_secret;  ///< each key is one more parameter
  bool operator==(const FenceAgentAccess&) const = default;
};

/// A BareMetalHost of metal3.io/v1alpha1.
struct BareMetalHostRef {
  std::string name;
  std::string namespace_;
  bool operator==(const BareMetalHostRef&) const = default;
};

struct PowerDevice {
  std::string name;
  int level = 1;  ///< lowest first; all devices of a level must be proven off
  DeviceType type = DeviceType::kRedfish;
  std::optional<RedfishAccess> redfish;  ///< of these exactly the one that belongs to the type
  std::optional<IpmiAccess> ipmi;
  std::optional<FenceAgentAccess> fence_agent;
  std::optional<BareMetalHostRef> bare_metal_host;
  bool operator==(const PowerDevice&) const = default;
};

/// What the device is, for people and for comparing: two devices with one identity switch the same power. Holds no secret.
[[nodiscard]] std::string identity(const PowerDevice& device);

struct NodeStorage {
  std::vector<std::string> client_addresses;  ///< IPs or CIDRs; empty: learned from watchers while Healthy
  bool operator==(const NodeStorage&) const = default;
};

struct NodeFencing {
  std::vector<PowerDevice> devices;
  bool operator==(const NodeFencing&) const = default;
};

struct ComputeNodeSpec {
  std::optional<NovaHost> nova_host;           ///< absent: the object's name; see ComputeNode::nova_host()
  std::optional<std::string> kubernetes_node;  ///< its Lease is evidence
  std::string policy = "default";
  bool maintenance = false;
  NodeStorage storage;
  NodeFencing fencing;
  bool operator==(const ComputeNodeSpec&) const = default;
};

// ---- status

enum class NodePhase { kHealthy, kSuspect, kHeld, kFencing, kFenced, kRecovering, kRecovered, kReturning, kMaintenance, kUnknown };
constexpr EnumNames<10> enum_names(NodePhase) {
  return {"Healthy", "Suspect", "Held", "Fencing", "Fenced", "Recovering", "Recovered", "Returning", "Maintenance", "Unknown"};
}

enum class VerdictValue { kHealthy, kAgentDown, kIsolated, kStorageLost, kDead, kUnknown };
constexpr EnumNames<6> enum_names(VerdictValue) { return {"Healthy", "AgentDown", "Isolated", "StorageLost", "Dead", "Unknown"}; }

enum class EvidenceSource { kNovaService, kKubernetesNode, kStoragePing, kPower };
constexpr EnumNames<4> enum_names(EvidenceSource) { return {"NovaService", "KubernetesNode", "StoragePing", "Power"}; }

enum class EvidenceState { kAlive, kStale, kOff, kUnknown };
constexpr EnumNames<4> enum_names(EvidenceState) { return {"Alive", "Stale", "Off", "Unknown"}; }

struct Evidence {
  EvidenceSource source = EvidenceSource::kNovaService;
  EvidenceState state = EvidenceState::kUnknown;
  std::optional<WallTime> since;
  std::string detail;  ///< nothing in it may change every pass
  bool operator==(const Evidence&) const = default;
};

struct Verdict {
  VerdictValue value = VerdictValue::kUnknown;
  std::optional<WallTime> since;
  std::vector<Evidence> evidence;  ///< at most one of a source
  bool operator==(const Verdict&) const = default;
};

/// The last inventory taken while Healthy: what a fence uses.
struct StorageClients {
  std::vector<Address> addresses;
  int instances = 0;
  bool operator==(const StorageClients&) const = default;
};

struct DeviceStatus {
  std::string name;
  bool seen_on = false;  ///< once read On while the host was alive by other evidence
  std::string system_uuid;
  std::string hash;      ///< of what the device is: an edited one is another device, of which nothing is known
  bool ready = false;
  std::string message;
  bool rights_known = false;
  bool operator==(const DeviceStatus&) const = default;
};

enum class FenceState { kHeld, kFencing, kProven, kLifting, kLifted, kWithdrawn };
constexpr EnumNames<6> enum_names(FenceState) { return {"Held", "Fencing", "Proven", "Lifting", "Lifted", "Withdrawn"}; }

enum class ProofState { kPending, kRequested, kProven, kFailed, kSkipped };
constexpr EnumNames<5> enum_names(ProofState) { return {"Pending", "Requested", "Proven", "Failed", "Skipped"}; }

/// The nova service as it was before the fence; what the return restores.
struct NovaBefore {
  std::string status;  ///< "enabled" or "disabled"
  std::string disabled_reason;
  bool forced_down = false;
  bool operator==(const NovaBefore&) const = default;
};

struct PowerProof {
  ProofState state = ProofState::kPending;
  std::string device;       ///< the device read last
  std::string device_hash;  ///< of the endpoints used: an edited device restarts the power step
  std::optional<WallTime> proven_time;
  std::string message;
  bool operator==(const PowerProof&) const = default;
};

struct StorageProof {
  ProofState state = ProofState::kPending;
  std::vector<Address> addresses;  ///< what is (to be) blocklisted
  std::optional<std::int64_t> osdmap_epoch;
  std::optional<WallTime> proven_time;
  std::string message;
  bool operator==(const StorageProof&) const = default;
};

struct Fence {
  FenceId id;
  FenceState state = FenceState::kFencing;
  bool adopted = false;  ///< status had lost it: found in the world, what went before is not known
  FenceId replaces;      ///< the fence that was being lifted when the host died again: nova may still be marked with it; empty: none
  std::string boot_id;   ///< of the Kubernetes node when the fence was decided (or adopted); empty: not known
  std::optional<NovaBefore> nova_before;
  std::string reason;
  std::optional<WallTime> decided_time;
  std::string decided_by;  ///< "<leader identity>/<lease transitions>"
  PowerProof power;
  StorageProof storage;
  std::optional<WallTime> host_fenced_time;  ///< power proven: the host cannot answer on any network
  std::optional<WallTime> data_fenced_time;  ///< power or storage proven: nothing of the host can write to shared storage
  std::optional<WallTime> lifted_time;
  bool operator==(const Fence&) const = default;
};

struct NodeRecovery {
  FenceId fence_id;
  std::optional<WallTime> started_time;
  std::optional<WallTime> finished_time;
  int total = 0;
  int recovered = 0;
  int failed = 0;
  int skipped = 0;
  int in_progress = 0;
  bool operator==(const NodeRecovery&) const = default;
};

struct ComputeNodeStatus {
  std::optional<std::int64_t> observed_generation;
  NodePhase phase = NodePhase::kUnknown;
  Verdict verdict;
  std::optional<StorageClients> storage_clients;  ///< absent: never taken
  std::vector<DeviceStatus> devices;
  std::optional<Fence> fence;
  std::optional<NodeRecovery> recovery;
  std::vector<Condition> conditions;
  bool operator==(const ComputeNodeStatus&) const = default;
};

struct ComputeNode {
  ObjectMeta metadata;
  ComputeNodeSpec spec;
  ComputeNodeStatus status;

  /// spec.novaHost, or the object's name.
  [[nodiscard]] NovaHost nova_host() const { return spec.nova_host.value_or(NovaHost{metadata.name}); }
  bool operator==(const ComputeNode&) const = default;
};

}  // namespace vmha::api
