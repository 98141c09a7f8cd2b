#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "engine/engine.h"
#include "simulation/checkers.h"
#include "simulation/performer.h"

namespace vmha::sim {

/// One replica of the controller with the real engine: what shell, watches and leader election do. Crashes end its engine; calls that are on the
/// wire then may still take effect. Its successor lists everything anew and leads once the lease has run out.
class Controller {
 public:
  Controller(Scheduler& clock, Kubernetes& kubernetes, Performer& performer, Checkers& checkers, const Timeline& timeline);

  void start(bool taken_over);
  void crash();
  /// Crash when so many more effects that change something have been asked for (status writes and acts).
  void crash_after_effects(std::uint64_t effects) { crash_in_ = effects; }
  void crash_never() { crash_in_.reset(); }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::uint64_t crashes() const { return crashes_; }

 private:
  static constexpr seconds kLease{15};

  void deliver(const Event& event);
  void perform(const Effect& effect);
  void check(const Effect& effect);
  void tick(std::uint64_t life);
  void renew(std::uint64_t life);
  void queue_watch(Event event);

  Scheduler& clock_;
  Kubernetes& kubernetes_;
  Performer& performer_;
  Checkers& checkers_;
  const Timeline& timeline_;
  std::unique_ptr<Engine> engine_;
  std::uint64_t life_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t crashes_ = 0;
  std::optional<std::uint64_t> crash_in_;
  Instant watch_last_{};
  std::optional<Instant> acts_from_;
  std::set<std::string> keys_in_flight_;
};

}  // namespace vmha::sim
