#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "reconcilers/effects.h"
#include "simulation/ceph.h"
#include "simulation/checkers.h"
#include "simulation/kubernetes.h"
#include "simulation/nova.h"
#include "simulation/power.h"

namespace vmha::sim {

/// Who asks: a process that may die, freeze, or lose its lease while a call of it is under way.
class Process {
 public:
  virtual ~Process() = default;
  [[nodiscard]] virtual std::size_t replica() const = 0;
  [[nodiscard]] virtual std::uint64_t life() const = 0;  ///< another one: that process is gone
  [[nodiscard]] virtual bool is_frozen() const = 0;
  [[nodiscard]] virtual bool reaches_api() const = 0;
  /// When an act begun now has to be over; nullopt: it must not begin (controller/term.h).
  [[nodiscard]] virtual std::optional<Instant> act_until() const = 0;
  /// Now, or when it is thawed, or never.
  virtual void when_it_runs(std::uint64_t life, std::function<void()> what) = 0;
};

/// Turns an effect into happenings: it leaves, takes effect, is answered; each late, lost or failing with small probability. Refuses what the shell
/// would not send (controller/performer.cc): what is late, and acts outside the leader's term.
class Performer {
 public:
  struct World {
    Scheduler& clock;
    Machines& machines;
    Ceph& ceph;
    Nova& nova;
    Power& power;
    Kubernetes& kubernetes;
    Checkers& checkers;
    const Timeline& timeline;
  };
  explicit Performer(World world) : w_(world) {}

  void perform(const Effect& effect, Process& process, std::function<void(EffectDone)> answer);

  unsigned faults_per_mille = 0;
  std::uint64_t faults = 0;

 private:
  struct Doing;
  struct Call;
  void send(const std::shared_ptr<Call>& call);
  void act(const std::shared_ptr<Call>& call);
  void answer(const std::shared_ptr<Call>& call, Instant at, Result<Answer> outcome);
  [[nodiscard]] std::optional<Error> not_served(const Operation& operation, const Process& process) const;
  Result<Answer> take_effect(const Operation& operation, std::size_t replica);
  [[nodiscard]] Duration latency(const Operation& operation);

  World w_;
};

}  // namespace vmha::sim
