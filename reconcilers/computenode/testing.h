#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "api/conditions.h"
#include "api/names.h"
#include "reconcilers/computenode/pass.h"
#include "reconcilers/computenode/view.h"

/// Builders for the tests of this folder. A Scene is everything a view is made of, and starts as a healthy host with one guest, one power
/// controller that was seen On, one client address, and everything read a second ago.
namespace vmha::computenode::testing {

inline const Instant kStart{seconds(100'000)};
inline const WallTime kWall{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};
inline const NovaHost kHost{"compute-1.example"};
inline const ServerId kServer{"5b8e0000-0000-4000-8000-000000000001"};
inline const ServiceId kService{"service-1"};
inline const FenceId kFence{"compute-1-aaaaa"};
inline const Address kAddress{"10.77.0.11"};
inline const std::string kOurMark = "vmha: " + kFence.value;

inline api::PowerDevice device(const std::string& name, int level = 1) {
  api::PowerDevice result;
  result.name = name;
  result.level = level;
  result.redfish = api::RedfishAccess{"https://10.0.0.1/" + name, "1", {"secret"}, std::nullopt, false};
  return result;
}

inline ceph::BlocklistEntry entry(const Address& address, std::int64_t expires_in_seconds = 5 * 365 * 86'400) {
  return {.address = address, .nonce = 0, .range = {}, .until = "2031", .expires_in_seconds = expires_in_seconds};
}

inline ServerImages disks_of(const ServerId& server, const std::vector<std::string>& watched_from = {}) {
  ceph::ImageWatch image{.image = {"vms", server.value + "_disk"}, .found = true, .read = true, .watchers = {}, .lock_owner = std::nullopt};
  for (const std::string& address : watched_from) image.watchers.push_back({.address = Address{address}, .nonce = 7, .client = 4100});
  return {server, {image}};
}

inline nova::Server server(const ServerId& id = kServer) {
  nova::Server result;
  result.id = id;
  result.host = kHost;
  result.status = "ACTIVE";
  result.vm_state = "active";
  result.power_state = 1;
  return result;
}

inline nova::Migration evacuation(const std::string& status) {
  nova::Migration record;
  record.id = 12;
  record.server = kServer;
  record.source = kHost;
  record.destination = NovaHost{"compute-2.example"};
  record.type = "evacuation";
  record.status = status;
  return record;
}

struct Scene {
  Instant now = kStart;
  api::ComputeNode object;
  api::HAPolicy policy;
  bool has_policy = true;
  nova::Service service;
  bool has_service = true;
  Instant service_read = kStart - seconds(1);
  MaybeReading<std::vector<nova::Server>> servers;
  MaybeReading<std::vector<nova::Migration>> migrations;
  MaybeReading<std::vector<ServerImages>> disks;
  MaybeReading<std::vector<ceph::BlocklistEntry>> blocklist;
  NodeView rest;  ///< the fields that need no builder

  Scene() {
    object.metadata.name = "compute-1";
    object.metadata.generation = 3;
    object.spec.nova_host = kHost;
    object.spec.kubernetes_node = "worker-1";
    object.spec.storage.client_addresses = {kAddress.value};
    add_device(device("bmc"));
    object.status.storage_clients = api::StorageClients{{kAddress}, 1};
    policy.spec.mode = api::PolicyMode::kEnforce;
    service.id = kService;
    service.host = kHost;
    servers = {{server()}, now - seconds(1)};
    migrations = {{}, now - seconds(1)};
    disks = {{disks_of(kServer)}, now - seconds(1)};
    blocklist = {{}, now - seconds(1)};
    rest.identity = "vmha-0/7";
    rest.fresh_suffix = "aaaaa";
    rest.kubernetes_node = kube::Node{"worker-1", "boot-1", "uuid-1", {}};
    rest.ceph_drill = Reading<std::string>{"", now - seconds(1)};
    rest.budget_allows = true;
    rest.cluster_addresses_known = true;
    rest.recovery = {.total = 1, .recovered = 0, .failed = 0, .skipped = 0, .in_progress = 1, .all_known = true, .none_left = false};
    judged(api::VerdictValue::kHealthy, false);
    object.status.verdict.value = api::VerdictValue::kHealthy;
    object.status.verdict.since = kWall;
  }

  void add_device(const api::PowerDevice& added) {
    object.spec.fencing.devices.push_back(added);
    object.status.devices.push_back({added.name, true, "uuid-1", "", true, ""});
    rest.devices[added.name] = on();
  }

  [[nodiscard]] DeviceReadings on() const {
    DeviceReadings readings;
    readings.last = Reading<power::Reading>{{power::State::kOn, "uuid-1", "On"}, now - seconds(1)};
    readings.drill = Reading<std::string>{"", now - seconds(1)};
    return readings;
  }

  [[nodiscard]] NodeView view() const {
    NodeView v = rest;
    v.now = now;
    v.wall = kWall + (now - kStart);
    v.object = &object;
    v.policy = has_policy ? &policy : nullptr;
    if (has_service) v.service = Reading<nova::Service>{service, service_read};
    v.servers = servers ? &*servers : nullptr;
    v.migrations = migrations ? &*migrations : nullptr;
    v.disks = disks ? &*disks : nullptr;
    v.blocklist = blocklist ? &*blocklist : nullptr;
    return v;
  }
  [[nodiscard]] NodeDecision decided() const { return decide(view()); }
  [[nodiscard]] std::optional<FenceInForce> in_force() const { return fence_in_force(view()); }
  [[nodiscard]] api::Fence& fence() { return *object.status.fence; }

  Scene& judged(api::VerdictValue value, bool confirmed = true) {
    const bool alive = value == api::VerdictValue::kHealthy;
    rest.judgement = {};
    rest.judgement.value = value;
    rest.judgement.confirmed = confirmed;
    rest.judgement.suspect = !alive;
    rest.judgement.evidence = {{api::EvidenceSource::kNovaService, alive ? api::EvidenceState::kAlive : api::EvidenceState::kStale, std::nullopt, ""}};
    return *this;
  }
  Scene& dead() { return judged(api::VerdictValue::kDead); }
  Scene& with_finalizer() {
    object.metadata.finalizers = {std::string(api::kFenceFinalizer)};
    return *this;
  }
  Scene& annotate(std::string_view name, const std::string& value) {
    object.metadata.annotations[std::string(name)] = value;
    return *this;
  }
  /// A person wrote fence=<time> that long ago (negative: in the future).
  Scene& person_asks(Duration ago) { return annotate(api::kFenceAnnotation, to_rfc3339(kWall + (now - kStart) - ago)); }

  /// The intent is stored, nothing was called yet.
  Scene& intended(api::FenceState state = api::FenceState::kFencing) {
    dead().with_finalizer();
    api::Fence fence;
    fence.id = kFence;
    fence.state = state;
    fence.boot_id = "boot-1";
    fence.nova_before = api::NovaBefore{"enabled", "", false};
    fence.reason = "Dead";
    fence.storage.addresses = {kAddress};
    object.status.fence = fence;
    return *this;
  }
  /// Power and storage are being worked on, for 3 s.
  Scene& fencing() {
    intended();
    fence().power.state = api::ProofState::kRequested;
    fence().power.device_hash = devices_hash(object.spec);
    fence().storage.state = api::ProofState::kRequested;
    return begun(seconds(3));
  }
  /// This process judged the fence and began it so long ago.
  Scene& begun(Duration ago = Duration(0)) {
    rest.acted = true;
    rest.requested["fence"] = rest.requested["begun"] = now - ago;
    return *this;
  }
  /// Only what status remembers: as after a restart of the controller.
  Scene& restarted() {
    rest.acted = false;
    rest.requested.clear();
    rest.blocklist_proven.reset();
    rest.lanes.clear();
    rest.devices.clear();
    return *this;
  }
  Scene& reads(const std::string& name, power::State state) {
    rest.devices[name].last = Reading<power::Reading>{{state, "uuid-1", ""}, now};
    rest.devices[name].read_error.clear();
    return *this;
  }
  /// The device has read Off since `since` ago, last `last` ago.
  Scene& reads_off(const std::string& name = "bmc", Duration since = seconds(3), Duration last = milliseconds(400)) {
    DeviceReadings& readings = rest.devices[name];
    readings.last = Reading<power::Reading>{{power::State::kOff, "uuid-1", "Off"}, now - last};
    readings.first_off = readings.first_off_answered.emplace(now - since);
    readings.second_off = now - since + milliseconds(500);
    readings.last_off = now - last;
    return *this;
  }
  /// All of the fence's addresses are in the blocklist, by a reading a second old; the add ended before it.
  Scene& listed() {
    blocklist = {{}, now - seconds(1)};
    for (const Address& address : fence().storage.addresses) blocklist->value.push_back(entry(address));
    rest.requested["storage"] = now - seconds(3);
    rest.lanes["storage"] = {.finished = now - seconds(2), .failures_in_a_row = 0, .error = "", .operation = "BlocklistAdd"};
    return *this;
  }
  /// This process made the proof `ago`, and read the disks after it.
  Scene& blocklist_proven(Duration ago = seconds(1)) {
    listed();
    rest.blocklist_proven = BlocklistProven{fence().storage.addresses, {{"vms", kServer.value + "_disk"}}, {412, 32, now - ago}};
    disks->at = now - ago / 2;
    return *this;
  }
  /// Both methods proven and stored.
  Scene& proven() {
    fencing().reads_off().blocklist_proven();
    fence().state = api::FenceState::kProven;
    fence().power.state = api::ProofState::kProven;
    fence().storage.state = api::ProofState::kProven;
    return *this;
  }
  Scene& forced_down() {
    service.forced_down = true;
    service.enabled = false;
    service.disabled_reason = kOurMark;
    return *this;
  }
  Scene& recovering() {
    proven().forced_down();
    object.status.recovery = api::NodeRecovery{kFence, kWall, std::nullopt, 1, 0, 0, 0, 1};
    return *this;
  }
  /// Every instance is elsewhere; the host still reads Off.
  Scene& recovered() {
    recovering();
    rest.recovery = {.total = 1, .recovered = 1, .failed = 0, .skipped = 0, .in_progress = 0, .all_known = true, .none_left = true};
    object.status.recovery = api::NodeRecovery{kFence, kWall, kWall, 1, 1, 0, 0, 0};
    return *this;
  }
  /// The host runs again after a power cycle: power reads On, a new boot id, nova-compute reports.
  Scene& back() {
    judged(api::VerdictValue::kHealthy);
    rest.kubernetes_node->boot_id = "boot-2";
    for (auto& [name, readings] : rest.devices) readings = on();
    rest.evidence.nova = {.configured = true, .readable = true, .unreadable_reason = {}, .quiet = seconds(2), .usual_interval = seconds(10), .watched = seconds(100), .proven_alive = now - seconds(2)};
    return *this;
  }
  Scene& lifting() {
    recovered().back();
    fence().state = api::FenceState::kLifting;
    return *this;
  }
  /// Nothing of ours is left in the blocklist.
  Scene& unlisted() {
    blocklist = {{}, now - seconds(1)};
    return *this;
  }
  /// The status as the decision wants it is what is stored now, and its metadata patch was made. As the engine does it, this process remembers that it
  /// judged and began a fence.
  Scene& store(const NodeDecision& decision) {
    if (is_called(decision.status.fence) && !is_called(object.status.fence)) begun();
    object.status = decision.status;
    if (decision.metadata && decision.metadata->finalizer) {
      object.metadata.finalizers.clear();
      if (*decision.metadata->finalizer) with_finalizer();
    }
    if (decision.metadata)
      for (const std::string& name : decision.metadata->remove_annotations) object.metadata.annotations.erase(name);
    return *this;
  }
};

template <class Op>
const Op* wished(const NodeDecision& decision) {
  for (const Wish& wish : decision.wishes) {
    if (const Op* op = std::get_if<Op>(&wish.operation)) return op;
  }
  return nullptr;
}

template <class Op>
std::vector<std::string> devices_wished(const NodeDecision& decision) {
  std::vector<std::string> names;
  for (const Wish& wish : decision.wishes) {
    if (const Op* op = std::get_if<Op>(&wish.operation)) names.push_back(op->device.name);
  }
  return names;
}

/// Names of the acts that the decision wishes, in order.
inline std::vector<std::string> acts(const NodeDecision& decision) {
  std::vector<std::string> names;
  for (const Wish& wish : decision.wishes) {
    if (is_irreversible(wish.operation)) names.emplace_back(name_of(wish.operation));
  }
  return names;
}

inline int announced(const NodeDecision& decision, const std::string& reason) {
  return static_cast<int>(std::ranges::count(decision.announcements, reason, &Announcement::reason));
}

inline std::string condition_reason(const NodeDecision& decision, std::string_view type) {
  const api::Condition* found = api::find_condition(decision.status.conditions, type);
  return found == nullptr ? "absent" : found->reason;
}

inline bool stands(const NodeDecision& decision) { return is_standing(decision.status.fence); }

}  // namespace vmha::computenode::testing
