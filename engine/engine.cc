#include "engine/engine.h"

#include <algorithm>

#include "base/overloaded.h"
#include "engine/state.h"

namespace vmha {

Engine::Engine(EngineOptions options) : state_(std::make_unique<State>(std::move(options))) {}
Engine::~Engine() = default;

std::vector<Effect> Engine::on(const Event& event, Instant now, WallTime wall) {
  State& s = *state_;
  s.now = now;
  s.wall = wall;
  s.effects.clear();
  s.facts_made = false;
  s.handle(event);
  if (s.leading && s.synced && !s.lost) s.run();
  return std::move(s.effects);
}

std::string key_of(const NodeName& name) { return "cn/" + name.value; }
std::string key_of(const InstanceName& name) { return "pi/" + name.value; }

bool is_paused(const api::ObjectMeta& metadata) {
  const auto found = metadata.annotations.find(std::string(api::kPausedAnnotation));
  return found != metadata.annotations.end() && found->second == "true";
}

std::string Engine::State::random_suffix() {
  static constexpr std::string_view kLetters = "bcdfghjklmnpqrstvwxz2456789";
  std::string suffix;
  for (std::size_t i = 0; i < computenode::kFenceSuffix; ++i) suffix += kLetters[rng.below(kLetters.size())];
  return suffix;
}

void Engine::State::start(const Owner& owner, Duration timeout, Operation operation, std::vector<Announcement> announcements) {
  if (!leading || !synced || lost) return;  // an answer may come late
  std::string key = vmha::key_of(owner, operation);
  const bool act = is_irreversible(operation);
  const bool power_on = std::holds_alternative<PowerOn>(operation);
  const bool evacuates = std::holds_alternative<Evacuate>(operation);
  auto effect = calls.start(owner, std::move(key), std::move(operation), now + timeout, std::move(announcements));
  if (effect && evacuates) effect->start_by = now + kStartWithin;  // its proof may not grow older than the protocol allows
  if (!effect) return;
  effects.push_back(std::move(*effect));
  if (!act || owner.object.rfind("cn/", 0) != 0) return;
  NodeMemory& memory = world.node_memory[NodeName{owner.object.substr(3)}];
  memory.requested[power_on ? "on/" + owner.lane.substr(owner.lane.find('/') + 1) : owner.lane] = now;
}

void Engine::State::touch_node(const NodeName& name) {
  const auto found = world.nodes.find(name);
  if (found == world.nodes.end()) return;
  const bool urgent = computenode::is_standing(found->second.status.fence) || world.node_memory[name].judgement.suspect;
  queue.add(vmha::key_of(name), urgent ? Queue::Priority::kFence : Queue::Priority::kOrdinary);
}

void Engine::State::touch_nodes() {
  for (const auto& [name, node] : world.nodes) touch_node(name);
}

void Engine::State::touch_instance(const InstanceName& name) {
  const auto found = world.instances.find(name);
  if (found == world.instances.end()) return;
  const auto& recovery = found->second.status.recovery;
  const bool urgent = recovery && !recovery->finished_time;
  queue.add(vmha::key_of(name), urgent ? Queue::Priority::kRecovery : Queue::Priority::kResync);
}

void Engine::State::touch_instances_on(const NovaHost& host) {
  const api::ComputeNode* node = world.node_of(host);
  if (node == nullptr) return;
  for (const InstanceName& name : world.instances_of(*node)) touch_instance(name);
}

void Engine::State::touch_instances_of(const ServerId& server) {
  const auto found = world.instances_of_server.find(server);
  if (found == world.instances_of_server.end()) return;
  for (const InstanceName& name : std::set<InstanceName>(found->second)) touch_instance(name);
}

void Engine::State::handle(const Event& event) {
  std::visit(Overloaded{
                 [&](const PolicyChanged& e) { changed(e.object); },
                 [&](const PolicyDeleted& e) {
                   world.policies.erase(e.name);
                   queue.forget("hap/" + e.name);
                   touch_nodes();
                 },
                 [&](const NodeChanged& e) { changed(e.object); },
                 [&](const NodeDeleted& e) { deleted(e.name); },
                 [&](const InstanceChanged& e) { changed(e.object); },
                 [&](const InstanceDeleted& e) { deleted(e.name); },
                 [&](const CachesSynced&) { synced = true; },
                 [&](const KubernetesNodeChanged& e) { world.kubernetes_nodes.insert_or_assign(e.node.name, e.node); },
                 [&](const KubernetesNodeDeleted& e) { world.kubernetes_nodes.erase(e.name); },
                 [&](const NodeLeaseObserved& e) { evidence.observe_lease(e.lease.node, e.lease.renew_time, e.received); },
                 [&](const NodeLeaseDeleted& e) { evidence.lease_gone(e.node); },
                 [&](const ApiServerAlive& e) { evidence.api_server_alive(e.at); },
                 [&](const ApiServerLost& e) { evidence.api_server_error(e.at); },
                 [&](const LeadershipGained& e) {
                   if (lost || leading) return;
                   leading = true;
                   identity = e.identity;
                   leading_since = now;
                   acts_from = e.taken_over ? now + kNewLeaderWait : now;
                   evidence.restart_watch(now);
                   touch_nodes();
                 },
                 [&](const LeadershipLost&) { lost = true; },
                 [&](const Tick&) {},
                 [&](const EffectDone& e) { answer(e); },
             },
             event);
}

void Engine::State::run() {
  poll();
  queue.fire(now, Queue::Priority::kOrdinary);
  bool granted = false;
  for (std::size_t done = 0; done < kKeysPerPass; ++done) {
    const auto key = queue.take();
    if (!key) return;
    count_pass(*key);
    if (key->rfind("cn/", 0) == 0) {
      pass_node(NodeName{key->substr(3)});
    } else if (key->rfind("hap/", 0) == 0) {
      pass_policy(key->substr(4));
    } else {
      if (!granted) grant_starts();
      granted = true;
      pass_instance(InstanceName{key->substr(3)});
    }
  }
}

}  // namespace vmha
