#pragma once

#include <algorithm>
#include <string>
#include <variant>
#include <vector>

#include "api/conditions.h"
#include "api/names.h"
#include "reconcilers/protectedinstance/view.h"

/// Builders for the tests of this folder. A Scene is everything a view is made of, and starts as a running server at rest on compute-1.
namespace vmha::protectedinstance::testing {

inline const ServerId kServer{"5b8e0000-0000-4000-8000-000000000001"};
inline const FenceId kFence{"compute-1-aaaaa"};
inline const NovaHost kFrom{"compute-1.example"};
inline const NovaHost kTo{"compute-2.example"};
inline const Instant kStart{seconds(100'000)};
inline const WallTime kWall{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

inline ceph::Watcher watcher(const std::string& address, std::uint64_t nonce = 7) { return {.address = Address{address}, .nonce = nonce, .client = 4100}; }

inline ceph::ImageWatch image(const std::string& pool, const std::string& name, std::vector<ceph::Watcher> watchers = {}) {
  return {.image = {pool, name}, .found = true, .read = true, .watchers = std::move(watchers), .lock_owner = std::nullopt};
}

inline ceph::ImageWatch root_disk(std::vector<ceph::Watcher> watchers = {}) { return image("vms", kServer.value + "_disk", std::move(watchers)); }

inline nova::Migration evacuation(std::int64_t id, const std::string& status, const std::string& destination = {}) {
  nova::Migration record;
  record.id = id;
  record.uuid = MigrationUuid{"migration-" + std::to_string(id)};
  record.server = kServer;
  record.source = kFrom;
  record.destination = NovaHost{destination};
  record.type = "evacuation";
  record.status = status;
  return record;
}

inline HostFacts host(int number) {
  const std::string n = std::to_string(number);
  return {.node = NodeName{"compute-" + n},
          .host = NovaHost{"compute-" + n + ".example"},
          .healthy = true,
          .fence_standing = false,
          .fence = std::nullopt,
          .addresses = {Address{"10.77.0.1" + n}}};
}

inline FenceInForce fence_of(int number, const FenceId& id) {
  const HostFacts facts = host(number);
  return {.id = id,
          .node = facts.node,
          .host = facts.host,
          .addresses = facts.addresses,
          .power_proven = true,
          .storage_proven = true,
          .requirement_met = true,
          .service_forced_down = true};
}

struct Scene {
  Instant now = kStart;
  api::ProtectedInstance object;
  api::HAPolicy policy;
  bool has_policy = true;
  MaybeReading<nova::Server> server;
  MaybeReading<std::vector<nova::Migration>> migrations;
  MaybeReading<std::vector<ceph::ImageWatch>> disks;
  std::vector<HostFacts> hosts = {host(1), host(2), host(3)};
  InstanceView rest;  ///< the fields that need no builder

  Scene() {
    object.metadata.name = "db-0";
    object.metadata.generation = 3;
    object.spec.server_id = kServer;
    policy.spec.mode = api::PolicyMode::kEnforce;
    nova::Server s;
    s.id = kServer;
    s.host = kFrom;
    s.status = "ACTIVE";
    s.vm_state = "active";
    s.power_state = 1;
    s.image_id = "image-1";
    s.project_id = "project-1";
    server = {s, now - seconds(1)};
    migrations = {{}, now - seconds(1)};
    disks = {{root_disk({watcher("10.77.0.11")})}, now - seconds(1)};
    rest.may_start = true;
  }

  [[nodiscard]] InstanceView view() const {
    InstanceView v = rest;
    v.now = now;
    v.hosts = hosts;
    v.wall = kWall + (now - kStart);
    v.object = &object;
    v.policy = has_policy ? &policy : nullptr;
    v.server = server;
    v.migrations = migrations;
    v.disks = disks;
    return v;
  }
  [[nodiscard]] InstanceDecision decided() const { return decide(view()); }
  HostFacts& host_facts(int number) { return hosts.at(static_cast<std::size_t>(number) - 1); }

  /// compute-1 is fenced with proof; its watches are gone.
  Scene& fenced() {
    rest.fence = fence_of(1, kFence);
    rest.standing_fences.insert(kFence);
    host_facts(1).healthy = false;
    host_facts(1).fence_standing = true;
    host_facts(1).fence = rest.fence;
    disks->value = {root_disk()};
    return *this;
  }
  /// Stored by this process 2 s ago, before the readings.
  Scene& at_step(api::RecoveryStep step, int attempt = 1) {
    api::InstanceRecovery recovery;
    recovery.fence_id = kFence;
    recovery.attempt = attempt;
    recovery.phase = step;
    recovery.original_state = "active";
    recovery.from = "compute-1";
    object.status.recovery = recovery;
    object.status.phase = api::InstancePhase::kRecovering;
    rest.intent_since = now - seconds(2);
    rest.intent_is_ours = true;
    rest.leading_since = now - seconds(500);
    return *this;
  }
  /// Fenced, intended and locked: all that is missing is the request.
  Scene& ready_to_ask() {
    fenced().at_step(api::RecoveryStep::kLocked);
    object.status.recovery->locked = true;
    server->value.locked = true;
    server->value.locked_reason = "vmha: " + kFence.value;
    return *this;
  }
  /// The server is on compute-2, and its record there is done.
  Scene& moved() {
    server->value.host = kTo;
    migrations->value = {evacuation(12, "done", kTo.value)};
    object.status.recovery->migration_id = MigrationUuid{"migration-12"};
    disks = {{root_disk({watcher("10.77.0.12")})}, now};
    return *this;
  }
  /// The status as the decision wants it is what is stored now.
  Scene& store(const InstanceDecision& decision) {
    object.status = decision.status;
    return *this;
  }
};

/// Nova was live-migrating the server to compute-2 when its host died.
inline nova::Migration& live_migration(Scene& scene, const std::string& status = "running", const NovaHost& destination = kTo) {
  nova::Migration record = evacuation(8, status, destination.value);
  record.type = "live-migration";
  scene.server->value.task_state = "migrating";
  scene.migrations->value.push_back(record);
  return scene.migrations->value.back();
}

template <class Op>
const Op* wished(const InstanceDecision& decision) {
  for (const Wish& wish : decision.wishes) {
    if (const Op* op = std::get_if<Op>(&wish.operation)) return op;
  }
  return nullptr;
}

inline bool acts(const InstanceDecision& decision) {
  return std::ranges::any_of(decision.wishes, [](const Wish& wish) { return is_irreversible(wish.operation); });
}

inline int announced(const InstanceDecision& decision, const std::string& reason) {
  return static_cast<int>(std::ranges::count(decision.announcements, reason, &Announcement::reason));
}

inline std::string condition_reason(const InstanceDecision& decision, std::string_view type) {
  const api::Condition* found = api::find_condition(decision.status.conditions, type);
  return found == nullptr ? "absent" : found->reason;
}

inline bool condition_is(const InstanceDecision& decision, std::string_view type, api::ConditionStatus status) {
  const api::Condition* found = api::find_condition(decision.status.conditions, type);
  return found != nullptr && found->status == status;
}

}  // namespace vmha::protectedinstance::testing
