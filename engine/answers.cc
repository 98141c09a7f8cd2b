// What a finished effect means for the caches, and whom it wakes.
#include <algorithm>

#include "engine/state.h"

namespace vmha {
namespace {

template <class T>
const T* value_of(const EffectDone& done) {
  return done.outcome ? std::get_if<T>(&*done.outcome) : nullptr;
}

Error error_of(const EffectDone& done) { return done.outcome ? Error{ErrorKind::kInvalid, "an answer of another kind"} : done.outcome.error(); }

template <class T>
Result<T> result_of(const EffectDone& done) {
  if (const T* value = value_of<T>(done)) return *value;
  return tl::unexpected(error_of(done));
}

NodeName node_of(const Owner& owner) { return NodeName{owner.object.rfind("cn/", 0) == 0 ? owner.object.substr(3) : std::string()}; }

/// A run of Off readings: On, and anything unclear, ends it; a reading that failed neither ends nor lengthens it.
void note_power(computenode::DeviceReadings& readings, const Result<power::Reading>& reading, Instant started, Instant answered) {
  const Duration took = std::min<Duration>(answered - started, computenode::kLongestAnswer);
  readings.read_error = reading ? std::string() : describe(reading.error());
  if (!reading) return;
  readings.last = Reading<power::Reading>{*reading, started};
  const bool gap = readings.last_off && started - *readings.last_off > computenode::kOffRunGap + readings.last_took;  // it may hide an On
  readings.last_took = took;
  if (gap || reading->state != power::State::kOff) readings.first_off = readings.first_off_answered = readings.second_off = readings.last_off = std::nullopt;
  if (reading->state != power::State::kOff) return;
  if (!readings.first_off) {
    readings.first_off = started;
    readings.first_off_answered = answered;
  } else if (!readings.second_off) {
    readings.second_off = started;
  }
  readings.last_off = started;
}

struct Taker {
  Engine::State& s;
  const EffectDone& done;
  const CallInFlight& call;

  void operator()(const ReadServices&) const {
    const auto services = result_of<std::vector<nova::Service>>(done);
    s.evidence.observe_services(services, done.started, s.now);
    if (services) {
      s.world.put_services(*services, done.started);
      s.discover_nodes();
    }
    s.touch_nodes();
  }
  void operator()(const ReadAllServers&) const {
    const auto* servers = value_of<std::vector<nova::Server>>(done);
    if (servers == nullptr) return;
    std::map<NovaHost, std::vector<nova::Server>> by_host;
    for (const auto& [host, names] : s.world.nodes_of_host) by_host[host];
    std::set<ServerId> present;
    for (const nova::Server& server : *servers) {
      present.insert(server.id);
      if (!server.host.empty()) by_host[server.host].push_back(server);
    }
    for (auto& [host, list] : by_host) s.world.put_servers(host, std::move(list), done.started);
    s.evidence.observe_all_servers(*servers, done.started);
    s.world.all_servers = Reading<Done>{Done{}, done.started};
    s.discover_instances(*servers);
    s.forget_gone_instances(present);
    for (const auto& [name, instance] : s.world.instances) s.touch_instance(name);
  }
  void operator()(const ReadHostServers& op) const {
    const auto* servers = value_of<std::vector<nova::Server>>(done);
    if (servers != nullptr) {
      s.world.put_servers(op.host, *servers, done.started);
      s.evidence.observe_host_servers(op.host, *servers, done.started);
      s.discover_instances(*servers);
    }
    if (const api::ComputeNode* node = s.world.node_of(op.host)) s.touch_node(NodeName{node->metadata.name});
    s.touch_instances_on(op.host);
  }
  void operator()(const ReadServer& op) const {
    if (const auto* server = value_of<nova::Server>(done)) s.world.put_server(*server, done.started);
    else if (!done.outcome && done.outcome.error().kind == ErrorKind::kNotFound) s.world.gone[op.server] = done.started;
    s.touch_instances_of(op.server);
  }
  void operator()(const ReadMigrations& op) const {
    if (const auto* migrations = value_of<std::vector<nova::Migration>>(done)) {
      s.world.migrations.insert_or_assign(op.host, Reading<std::vector<nova::Migration>>{*migrations, done.started});
      s.evidence.observe_host_migrations(op.host, *migrations, done.started);
      for (const nova::Migration& move : *migrations)
        if (move.destination == op.host && !nova::is_final(move)) s.touch_instances_of(move.server);
    }
    if (const api::ComputeNode* node = s.world.node_of(op.host)) s.touch_node(NodeName{node->metadata.name});
    s.touch_instances_on(op.host);
  }
  void operator()(const PingImages&) const {
    s.evidence.observe_pings(result_of<ceph::PingRound>(done), done.started);
    s.touch_nodes();
  }
  void operator()(const ReadDisks&) const {
    const auto* disks = value_of<std::vector<ServerImages>>(done);
    if (disks != nullptr) take_disks(*disks);
    owner_again();
  }
  void operator()(const ReadBlocklist&) const {
    const auto* entries = value_of<std::vector<ceph::BlocklistEntry>>(done);
    const bool silent = entries == nullptr && (error_of(done).kind == ErrorKind::kTimeout || error_of(done).kind == ErrorKind::kUnavailable);
    s.evidence.observe_mons(!silent);
    if (entries != nullptr) {
      s.world.blocklist = Reading<std::vector<ceph::BlocklistEntry>>{*entries, done.started};
      drop_proofs_without_entries();
    }
    owner_again();
    const bool polled = call.owner.object.empty();
    for (const auto& [name, node] : s.world.nodes)
      if (polled || computenode::is_standing(node.status.fence)) s.touch_node(name);
  }
  void operator()(const ReadClusterAddresses&) const {
    if (const auto* addresses = value_of<std::vector<Address>>(done)) s.world.cluster_addresses = Reading<std::vector<Address>>{*addresses, done.started};
  }
  void operator()(const ReadPower& op) const {
    const auto reading = result_of<power::Reading>(done);
    NodeMemory& memory = s.world.node_memory[op.node];
    const auto node = s.world.nodes.find(op.node);
    if (node == s.world.nodes.end()) return;
    const auto& devices = node->second.spec.fencing.devices;
    if (std::find(devices.begin(), devices.end(), op.device) == devices.end()) return;  // edited meanwhile: says nothing about the new one
    const Instant answered = std::max(done.finished.value_or(done.started), done.started);
    note_power(memory.devices[op.device.name], reading, done.started, answered);
    s.evidence.observe_power(op.node, op.device.name, reading, done.started, answered);
    s.touch_node(op.node);
  }
  void operator()(const DrillPower& op) const {
    const auto node = s.world.nodes.find(op.node);
    if (node == s.world.nodes.end()) return;
    const auto& devices = node->second.spec.fencing.devices;
    if (std::find(devices.begin(), devices.end(), op.device) == devices.end()) return;  // edited meanwhile: says nothing about the new one
    computenode::DeviceReadings& readings = s.world.node_memory[op.node].devices[op.device.name];
    readings.drill = Reading<std::string>{done.outcome ? "" : describe(done.outcome.error()), done.started};
    const auto* drill = value_of<power::Drill>(done);
    readings.drill_note = drill == nullptr ? "" : drill->message;
    readings.rights_known = drill != nullptr && drill->rights_known;
    s.touch_node(op.node);
  }
  void operator()(const DrillCeph&) const {
    s.world.ceph_drill = Reading<std::string>{done.outcome ? "" : describe(done.outcome.error()), done.started};
    s.touch_nodes();
  }
  void operator()(const ProveBlocklist& op) const {
    if (const auto* proof = value_of<ceph::BlocklistProof>(done)) {
      NodeMemory& memory = s.world.node_memory[node_of(call.owner)];
      memory.blocklist_proven = computenode::BlocklistProven{op.addresses, op.images, *proof};
    }
    owner_again();
  }
  void operator()(const WritePolicyStatus&) const {
    if (const auto* object = value_of<api::HAPolicy>(done)) s.changed(*object);
    stored();
  }
  void operator()(const WriteNodeStatus&) const {
    take_node();
    stored();
  }
  void operator()(const WriteInstanceStatus&) const {
    take_instance();
    stored();
  }
  void operator()(const PatchNodeMetadata&) const {
    take_node();
    stored();
  }
  /// Only of an object that is still there: an answer that the watch's DELETED overtook must not bring it back.
  void take_node() const {
    const auto* object = value_of<api::ComputeNode>(done);
    if (object == nullptr) return;
    const auto known = s.world.nodes.find(NodeName{object->metadata.name});
    if (known != s.world.nodes.end() && known->second.metadata.uid == object->metadata.uid) s.changed(*object);
  }
  void take_instance() const {
    const auto* object = value_of<api::ProtectedInstance>(done);
    if (object == nullptr) return;
    const InstanceName name{object->metadata.name};
    const auto known = s.world.instances.find(name);
    if (known == s.world.instances.end() || known->second.metadata.uid != object->metadata.uid) return;
    s.changed(*object);
    // The watch may have brought our own write first, or somebody's later one already.
    const api::ProtectedInstance& now_known = s.world.instances.at(name);
    if (protectedinstance::same_intent(now_known.status, object->status)) s.world.instance_memory[name].intent_is_ours = true;
  }
  void operator()(const CreateNode& op) const { created(key_of(NodeName{op.object.metadata.name})); }
  void operator()(const CreateInstance& op) const { created(key_of(InstanceName{op.object.metadata.name})); }

  /// Every other act: its lane's owner looks again.
  template <class Act>
  void operator()(const Act&) const {
    owner_again();
  }

  void created(const std::string& key) const {
    if (!done.outcome) s.creating.erase(key);
  }
  void owner_again() const {
    if (!call.owner.object.empty()) s.queue.add(call.owner.object, Queue::Priority::kRecovery);
  }

  /// A status write ended: what it made true is told, and the object is looked at again; after a conflict once the watch had time.
  void stored() const {
    if (!done.outcome) return s.queue.wake(call.owner.object, s.now + kStatusRetry);
    for (const Announcement& announcement : call.announcements) {
      EmitEvent event{event_kind(), call.owner.object.substr(call.owner.object.find('/') + 1), uid(), announcement.warning, announcement.reason, "", announcement.note};
      s.start(Owner{"", "event/" + std::to_string(s.rng.next())}, kStatusTimeout, std::move(event));
    }
    s.queue.add(call.owner.object, Queue::Priority::kRecovery);
  }
  std::string event_kind() const {
    if (call.owner.object.rfind("cn/", 0) == 0) return std::string(api::kComputeNodeKind);
    return std::string(call.owner.object.rfind("pi/", 0) == 0 ? api::kProtectedInstanceKind : api::kPolicyKind);
  }
  std::string uid() const {
    if (const auto* object = value_of<api::ComputeNode>(done)) return object->metadata.uid;
    if (const auto* object = value_of<api::ProtectedInstance>(done)) return object->metadata.uid;
    const auto* object = value_of<api::HAPolicy>(done);
    return object != nullptr ? object->metadata.uid : std::string();
  }

  void take_disks(const std::vector<ServerImages>& disks) const {
    s.evidence.observe_disks(disks);
    std::set<NovaHost> hosts;
    for (const ServerImages& server : disks) {
      s.world.disks.insert_or_assign(server.server, Reading<std::vector<ceph::ImageWatch>>{server.images, done.started});
      const auto host = s.world.host_of_server.find(server.server);
      if (host != s.world.host_of_server.end()) hosts.insert(host->second);
      const auto instances = s.world.instances_of_server.find(server.server);
      if (instances != s.world.instances_of_server.end())
        for (const InstanceName& name : instances->second) s.touch_instance(name);
    }
    if (call.owner.lane == "disks" && call.owner.object.rfind("cn/", 0) == 0)
      s.world.node_memory[node_of(call.owner)].disks = Reading<std::vector<ServerImages>>{disks, done.started};
    if (call.owner.lane.rfind("sweep/", 0) == 0) take_sweep(disks);
  }

  /// Addresses of the host's clients: of all ephemeral disks of its servers that nothing is happening to.
  void take_sweep(const std::vector<ServerImages>& disks) const {
    const NodeName name{call.owner.lane.substr(6)};
    const auto node = s.world.nodes.find(name);
    if (node == s.world.nodes.end()) return;
    std::set<Address> found;
    for (const ServerImages& server : disks) {
      const auto reading = s.world.server(server.server);
      if (!reading || reading->value.host != node->second.nova_host() || !reading->value.task_state.empty()) continue;
      const auto migrations = s.world.migrations.find(node->second.nova_host());
      if (migrations != s.world.migrations.end() &&
          std::any_of(migrations->second.value.begin(), migrations->second.value.end(),
                      [&](const nova::Migration& m) {
                        return m.server == server.server && !nova::is_final(m) && !nova::is_superseded(m, migrations->second.value);
                      }))
        continue;
      for (const ceph::ImageWatch& image : server.images) {
        // Volumes may be attached to several hosts; only a disk of its own says where a server runs.
        if (image.image.name.rfind(server.server.value, 0) != 0) continue;
        std::set<Address> here;
        for (const ceph::Watcher& watcher : image.watchers) here.insert(watcher.address);
        // Open from two addresses: it is moving, or backed up. It says nothing about where this host's clients are.
        if (here.size() == 1) found.insert(here.begin(), here.end());
      }
    }
    NodeMemory& memory = s.world.node_memory[name];
    const std::vector<Address> addresses(found.begin(), found.end());
    if (memory.swept == addresses && !addresses.empty()) memory.inventory = addresses;
    memory.swept = addresses;
    memory.next_sweep = s.now + (memory.inventory || addresses.empty() ? kSweepEvery : kFirstSweepsEvery);
    s.touch_node(name);
  }

  /// An entry that is gone takes its proof with it: added again, it has to be proven again.
  void drop_proofs_without_entries() const {
    const auto& entries = s.world.blocklist->value;
    for (auto& [name, memory] : s.world.node_memory) {
      if (!memory.blocklist_proven) continue;
      const auto& addresses = memory.blocklist_proven->addresses;
      const bool all = std::all_of(addresses.begin(), addresses.end(), [&](const Address& address) {
        return std::any_of(entries.begin(), entries.end(), [&](const ceph::BlocklistEntry& e) { return computenode::is_entry_of(e, address); });
      });
      if (!all && s.world.blocklist->at > memory.blocklist_proven->proof.proven_at) memory.blocklist_proven.reset();
    }
  }
};

}  // namespace

void Engine::State::answer(const EffectDone& done) {
  const auto call = calls.finish(done, now);
  if (!call) return;
  std::visit(Taker{*this, done, *call}, call->operation);
}

}  // namespace vmha
