#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "api/enums.h"
#include "api/meta.h"
#include "base/time.h"

namespace vmha::api {

/// "40%" or a plain number, of a total that is known only later.
struct Share {
  int value = 0;
  bool percent = false;

  /// A percentage is rounded down; the answer is at least 1.
  [[nodiscard]] int of(int total) const;
  bool operator==(const Share&) const = default;
};

enum class PolicyMode { kEnforce, kDryRun };
constexpr EnumNames<2> enum_names(PolicyMode) { return {"Enforce", "DryRun"}; }

enum class DiscoveryMode { kAutomatic, kManual };
constexpr EnumNames<2> enum_names(DiscoveryMode) { return {"Automatic", "Manual"}; }

/// A flavor's extra spec; without a value the key alone matches.
struct ExtraSpec {
  std::string key;
  std::optional<std::string> value;
  bool operator==(const ExtraSpec&) const = default;
};

/// One way for a server to match. Exactly one of metadata_key, server_tag, flavor_extra_spec, project_id is present.
struct InstanceMatch {
  std::string name;
  std::optional<std::string> metadata_key;
  std::optional<std::string> metadata_value;  ///< only with metadata_key; absent: any value
  std::optional<std::string> server_tag;
  std::optional<ExtraSpec> flavor_extra_spec;
  std::optional<std::string> project_id;
  bool operator==(const InstanceMatch&) const = default;
};

struct Discovery {
  DiscoveryMode compute_nodes = DiscoveryMode::kAutomatic;
  DiscoveryMode instances = DiscoveryMode::kAutomatic;
  std::vector<InstanceMatch> instance_selector;  ///< any of these; empty: every server
  bool operator==(const Discovery&) const = default;
};

enum class StorageEvidence { kRequired, kPreferred };
constexpr EnumNames<2> enum_names(StorageEvidence) { return {"Required", "Preferred"}; }

struct Detection {
  std::chrono::seconds poll{2};
  std::chrono::seconds nova_stale{20};
  std::chrono::seconds node_lease_stale{20};
  int storage_missed_pings = 3;
  std::chrono::seconds confirm{5};
  StorageEvidence storage_evidence = StorageEvidence::kPreferred;
  std::chrono::seconds confirm_without_storage{60};
  bool operator==(const Detection&) const = default;
};

enum class ResponseAction { kLeave, kFence };
constexpr EnumNames<2> enum_names(ResponseAction) { return {"Leave", "Fence"}; }

struct Response {
  ResponseAction on_isolated = ResponseAction::kLeave;
  ResponseAction on_storage_lost = ResponseAction::kFence;
  std::chrono::seconds on_storage_lost_after{140};
  bool operator==(const Response&) const = default;
};

enum class RequiredProof { kData, kHost };
constexpr EnumNames<2> enum_names(RequiredProof) { return {"Data", "Host"}; }

enum class FenceMethod { kPower, kStorage };
constexpr EnumNames<2> enum_names(FenceMethod) { return {"Power", "Storage"}; }

struct PolicyFencing {
  RequiredProof require = RequiredProof::kData;
  std::vector<FenceMethod> methods{FenceMethod::kPower, FenceMethod::kStorage};
  std::chrono::seconds power_timeout{30};
  bool operator==(const PolicyFencing&) const = default;
};

/// The breaker. Counts only in the policy named `default`.
struct Storm {
  Share max_unhealthy{40, true};
  Share max_unhealthy_per_failure_domain{100, true};
  std::chrono::seconds cooldown{60};
  int max_concurrent_fences = 8;
  bool operator==(const Storm&) const = default;
};

struct Evacuation {
  int max_concurrent = 8;                  ///< counts only in `default`
  int max_concurrent_per_destination = 2;  ///< counts only in `default`
  std::chrono::seconds timeout{900};
  std::chrono::seconds dependency_timeout{300};
  int max_attempts = 5;
  bool include_stopped = true;
  bool operator==(const Evacuation&) const = default;
};

enum class ReturnMode { kAutomatic, kManual };
constexpr EnumNames<2> enum_names(ReturnMode) { return {"Automatic", "Manual"}; }

struct Return {
  ReturnMode mode = ReturnMode::kAutomatic;
  bool power_on = true;
  std::chrono::seconds healthy{60};
  bool operator==(const Return&) const = default;
};

struct HAPolicySpec {
  bool paused = false;
  PolicyMode mode = PolicyMode::kDryRun;  ///< required in a resource; this value is only what a C++ object starts with
  Discovery discovery;
  Detection detection;
  Response response;
  PolicyFencing fencing;
  Storm storm;
  Evacuation evacuation;
  Return return_;
  std::string failure_domain_label = "topology.kubernetes.io/rack";
  bool operator==(const HAPolicySpec&) const = default;
};

struct HostCounts {
  int total = 0;
  int healthy = 0;
  int suspect = 0;
  int fenced = 0;
  int held = 0;
  bool operator==(const HostCounts&) const = default;
};

struct InstanceCounts {
  int protected_ = 0;
  int unprotected = 0;
  int recovering = 0;
  int failed = 0;
  bool operator==(const InstanceCounts&) const = default;
};

/// A standing hold of the breaker.
struct StormHold {
  std::string id;
  std::optional<WallTime> held_since;
  std::string reason;
  std::vector<std::string> hosts;  ///< names of ComputeNodes, at most kMaxStormHosts
  bool operator==(const StormHold&) const = default;
};

struct HAPolicyStatus {
  std::optional<std::int64_t> observed_generation;
  HostCounts hosts;
  InstanceCounts instances;
  std::optional<StormHold> storm;
  std::vector<Condition> conditions;
  bool operator==(const HAPolicyStatus&) const = default;
};

struct HAPolicy {
  ObjectMeta metadata;
  HAPolicySpec spec;
  HAPolicyStatus status;
  bool operator==(const HAPolicy&) const = default;
};

}  // namespace vmha::api
