#pragma once

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "api/names.h"
#include "engine/engine.h"

/// A hand-driven world around one Engine: tests post events, answer the effects they want answered, and look at what is in flight.
namespace vmha::testing {

inline const WallTime kWall{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

inline api::HAPolicy policy() {
  api::HAPolicy object;
  object.metadata.name = "default";
  object.metadata.uid = "uid-default";
  object.metadata.resource_version = "1";
  object.spec.mode = api::PolicyMode::kEnforce;
  return object;
}

inline api::ComputeNode node(const std::string& name, int version = 1) {
  api::ComputeNode object;
  object.metadata.name = name;
  object.metadata.uid = "uid-" + name;
  object.metadata.resource_version = std::to_string(version);
  object.spec.storage.client_addresses = {"10.77.0." + name.substr(name.rfind('-') + 1)};
  return object;
}

/// A fence of that host whose storage part was begun; `name` must be one of node().
inline api::ComputeNode fencing_node(const std::string& name) {
  api::ComputeNode object = node(name);
  object.metadata.finalizers = {std::string(api::kFenceFinalizer)};
  api::Fence fence;
  fence.id = FenceId{name + "-aaaaa"};
  fence.power.state = api::ProofState::kSkipped;
  fence.storage.state = api::ProofState::kRequested;
  fence.storage.addresses = {Address{object.spec.storage.client_addresses[0]}};
  object.status.fence = fence;
  return object;
}

inline api::ProtectedInstance instance(const std::string& name, const std::string& server) {
  api::ProtectedInstance object;
  object.metadata.name = name;
  object.metadata.uid = "uid-" + name;
  object.metadata.resource_version = "1";
  object.spec.server_id = ServerId{server};
  return object;
}

inline nova::Service service(const std::string& host) {
  nova::Service result;
  result.id = ServiceId{"service-" + host};
  result.host = NovaHost{host};
  result.updated_at = "1";
  return result;
}

inline nova::Server server(const std::string& id, const std::string& host = "compute-1") {
  nova::Server result;
  result.id = ServerId{id};
  result.name = "db";
  result.host = NovaHost{host};
  result.status = "ACTIVE";
  result.vm_state = "active";
  result.power_state = 1;
  return result;
}

class HandWorld {
 public:
  Instant now{seconds(10'000)};
  std::vector<Effect> open;      ///< in flight, not answered
  std::vector<Effect> started;   ///< all that were ever started
  Engine engine{EngineOptions{"openstack", 7}};

  void post(const Event& event) {
    for (Effect& effect : engine.on(event, now, kWall + (now - Instant(seconds(10'000))))) {
      started.push_back(effect);
      open.push_back(std::move(effect));
    }
  }
  /// Policy and caches are there, and we lead.
  void lead(bool taken_over = false) {
    post(PolicyChanged{policy()});
    post(CachesSynced{});
    post(LeadershipGained{"vmha-0/7", taken_over});
  }
  /// Time passes, tick by tick.
  void pass(Duration time) {
    for (const Instant end = now + time; now < end;) {
      now += kTickEvery;
      post(Tick{});
    }
  }
  /// An open effect with that operation, of any object or of the one whose key begins so; nullptr: none.
  template <class Op>
  const Effect* find(const std::string& key_begins = {}) const {
    const auto found = std::ranges::find_if(open, [&](const Effect& e) { return std::holds_alternative<Op>(e.operation) && e.key.rfind(key_begins, 0) == 0; });
    return found == open.end() ? nullptr : &*found;
  }
  template <class Op>
  std::size_t count() const {
    return static_cast<std::size_t>(std::ranges::count_if(started, [](const Effect& e) { return std::holds_alternative<Op>(e.operation); }));
  }
  std::size_t acts() const {
    return static_cast<std::size_t>(std::ranges::count_if(started, [](const Effect& e) { return is_irreversible(e.operation); }));
  }
  void answer(std::uint64_t id, Result<Answer> outcome) {
    std::erase_if(open, [&](const Effect& e) { return e.id == id; });
    post(EffectDone{id, now, std::move(outcome)});
  }
  /// Answers the open effect of that kind; false: there is none.
  template <class Op>
  bool answer(Result<Answer> outcome, const std::string& key_begins = {}) {
    const Effect* effect = find<Op>(key_begins);
    if (effect == nullptr) return false;
    answer(effect->id, std::move(outcome));
    return true;
  }
  /// Stores the open status write of a ComputeNode as the API server would; returns what is stored.
  api::ComputeNode store_node(const std::string& name, int version) {
    const Effect* effect = find<WriteNodeStatus>("cn/" + name + "/");
    api::ComputeNode object = std::get<WriteNodeStatus>(effect->operation).object;
    object.metadata.resource_version = std::to_string(version);
    answer(effect->id, Answer(object));
    return object;
  }
};

}  // namespace vmha::testing
