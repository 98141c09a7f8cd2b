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

enum class HostFailureAction { kEvacuate, kLeave };
constexpr EnumNames<2> enum_names(HostFailureAction) { return {"Evacuate", "Leave"}; }

struct InstanceRecoverySpec {
  HostFailureAction on_host_failure = HostFailureAction::kEvacuate;
  bool operator==(const InstanceRecoverySpec&) const = default;
};

/// Names of ComputeNodes. Both empty: wherever nova's scheduler puts it.
struct Placement {
  std::vector<NodeName> allowed_hosts;
  std::vector<NodeName> avoid_hosts;
  bool operator==(const Placement&) const = default;
};

/// Another ProtectedInstance of the namespace.
struct Dependency {
  std::string name;
  bool operator==(const Dependency&) const = default;
};

struct ProtectedInstanceSpec {
  ServerId server_id;
  std::string policy = "default";
  int priority = 500;  ///< 0 to 1000, higher first
  InstanceRecoverySpec recovery;
  std::vector<Dependency> depends_on;  ///< those of them that are being recovered come first
  Placement placement;
  bool operator==(const ProtectedInstanceSpec&) const = default;
};

// ---- status

enum class InstancePhase { kProtected, kUnprotected, kWaiting, kRecovering, kAttesting, kRecovered, kFailed, kGone };
constexpr EnumNames<8> enum_names(InstancePhase) {
  return {"Protected", "Unprotected", "Waiting", "Recovering", "Attesting", "Recovered", "Failed", "Gone"};
}

struct DiskStatus {
  ImageId image;                      ///< "vms/<server uuid>_disk"
  std::vector<std::string> watchers;  ///< "10.77.0.11:0/123"; at most kMaxWatchers
  std::string lock_owner;             ///< as a watcher; empty: none
  bool operator==(const DiskStatus&) const = default;
};

/// How far one recovery went. kIntended is written before anything is asked of nova.
enum class RecoveryStep { kIntended, kLocked, kRequested, kMoved, kAttested, kSkipped, kFailed };
constexpr EnumNames<7> enum_names(RecoveryStep) {
  return {"Intended", "Locked", "Requested", "Moved", "Attested", "Skipped", "Failed"};
}

struct InstanceRecovery {
  FenceId fence_id;
  int attempt = 0;
  RecoveryStep phase = RecoveryStep::kIntended;
  std::string original_state;  ///< nova's vm_state before the first attempt: what it must end in
  bool locked = false;         ///< by vmha, for this recovery: to be unlocked at its end
  MigrationUuid migration_id;
  std::string from;            ///< names of ComputeNodes
  std::string to;
  std::optional<WallTime> started_time;
  std::optional<WallTime> finished_time;
  std::string message;
  std::optional<WallTime> next_attempt_time;
  std::string retry;           ///< value of the annotation `retry` that was answered
  bool operator==(const InstanceRecovery&) const = default;
};

struct ProtectedInstanceStatus {
  std::optional<std::int64_t> observed_generation;
  InstancePhase phase = InstancePhase::kUnprotected;
  std::string host;         ///< name of a ComputeNode, else nova's host
  std::string vm_state;     ///< as nova says it
  std::string power_state;  ///< "Running", "Shutdown", ...
  std::string task_state;
  std::string server_group;
  std::string project_id;
  std::vector<DiskStatus> disks;
  std::optional<InstanceRecovery> recovery;
  std::vector<Condition> conditions;
  bool operator==(const ProtectedInstanceStatus&) const = default;
};

struct ProtectedInstance {
  ObjectMeta metadata;
  ProtectedInstanceSpec spec;
  ProtectedInstanceStatus status;
  bool operator==(const ProtectedInstance&) const = default;
};

}  // namespace vmha::api
