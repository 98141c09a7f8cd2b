#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/explanation.h"
#include "base/ids.h"
#include "base/time.h"
#include "engine/event.h"
#include "engine/snapshot.h"
#include "reconcilers/effects.h"

namespace vmha {

struct EngineOptions {
  std::string ns;              ///< the namespace objects are created in by discovery
  std::uint64_t seed = 0;      ///< for fence ids: production takes it from the kernel, the simulator from its seed
};

/// Events in, effects out: caches, evidence, queue, budgets, intent -> effect -> record.
/// Lifecycle: one a process; LeadershipLost is final (the shell exits).
/// Thread rule: one thread. No I/O, no clock: `now` (monotonic) and `wall` (for status) never go back between calls; wall decides nothing but the
/// five minutes of a person's fence request.
/// Guarantees: at most one effect in flight per key; no act while a status write of its object is in flight or its intent is not stored; no effect at
/// all without leadership; no act within kNewLeaderWait after a take-over; reads are shared between objects that ask for the same.
class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();

  [[nodiscard]] std::vector<Effect> on(const Event& event, Instant now, WallTime wall);

  /// For metrics, /readyz and tests.
  [[nodiscard]] Snapshot snapshot(Instant now) const;

  /// Why a host is judged as it is and what holds the next step back; nullopt: there is no such ComputeNode. Made by the same decide() on the same
  /// view as a pass makes, and performs nothing. Same thread as on().
  [[nodiscard]] std::optional<api::HostExplanation> explain(const NodeName& node, Instant now, WallTime wall);

  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  struct State;  ///< engine/state.h; internal

 private:
  std::unique_ptr<State> state_;
};

/// An old leader's call that was on the wire when its term ended has been answered or has timed out by then.
inline constexpr Duration kNewLeaderWait = seconds(5);

}  // namespace vmha
