#pragma once

#include <memory>

#include "base/result.h"
#include "clients/kube/events.h"
#include "controller/systems.h"
#include "controller/telemetry.h"
#include "controller/term.h"
#include "reconcilers/effects.h"

namespace vmha::controller {

/// Turns one Effect into one blocking client call. Thread rule: any thread; holds no state of its own.
/// Guarantee: an irreversible call begins only inside the leader's term, and its deadline ends before the Lease can pass on.
class Performer {
 public:
  Performer(Systems& systems, kube::EventRecorder& events, const Term& term) : systems_(systems), events_(events), term_(term) {}

  [[nodiscard]] EffectDone perform(const Effect& effect);

 private:
  Systems& systems_;
  kube::EventRecorder& events_;
  const Term& term_;
};

/// Which pool of threads a call belongs to: one slow system never waits before another.
enum class Lane { kKubernetes, kNova, kCeph, kPower };
[[nodiscard]] Lane lane_of(const Operation& operation);

}  // namespace vmha::controller
