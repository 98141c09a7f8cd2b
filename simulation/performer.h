#pragma once

#include <functional>

#include "reconcilers/effects.h"
#include "simulation/ceph.h"
#include "simulation/checkers.h"
#include "simulation/kubernetes.h"
#include "simulation/nova.h"
#include "simulation/power.h"

namespace vmha::sim {

/// A lie that a broken build of vmha would tell. Tests show with them that the checkers see what they are there for.
enum class Sabotage {
  kNone,
  kProofUnread,       ///< ProveBlocklist says yes without asking a placement group
  kAcceptedIsOff,     ///< a power off that was accepted reads as Off
  kEvacuateTwice,     ///< an Evacuate whose answer gets lost is sent again a second later
  kReturnMade,        ///< a node shows a boot id of its own making, and the records that nova still has to clean up look completed
};

/// Turns an effect into happenings: it leaves, takes effect, is answered; each late, lost or failing with small probability.
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

  /// `alive`: the process that asked still runs. What is on the wire when it dies takes effect or not.
  void perform(const Effect& effect, std::function<bool()> alive, std::function<void(EffectDone)> answer);

  unsigned faults_per_mille = 0;
  Sabotage sabotage = Sabotage::kNone;
  std::uint64_t faults = 0;

 private:
  struct Doing;
  Result<Answer> take_effect(const Operation& operation);
  [[nodiscard]] Duration latency(const Operation& operation);

  World w_;
};

}  // namespace vmha::sim
