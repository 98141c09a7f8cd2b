#pragma once

#include <set>
#include <string>

#include "base/ids.h"
#include "base/time.h"

namespace vmha {

/// What a recovery may rely on at this instant. Made anew in every pass from readings; never from status alone.
struct FenceInForce {
  FenceId id;
  NodeName node;
  NovaHost host;
  std::set<Address> addresses;       ///< the storage fence's; empty if it was skipped
  bool power_proven = false;         ///< power reads Off, read at most kProofReadableWithin ago, run unbroken since the proof
  bool storage_proven = false;       ///< every PG confirmed in this process's life, and all addresses listed at most kProofReadableWithin ago
  bool requirement_met = false;      ///< what the policy requires is among them, and the other method has finished, failed or had its grace
  bool service_forced_down = false;  ///< nova reads forced_down=true and our disabled_reason, read at most kProofReadableWithin ago
};

/// Protocol, Proof: at most 5 s before each evacuate request. A decision takes no older reading than this, and its call leaves within kStartWithin or
/// not at all.
inline constexpr Duration kProofReadableWithin = seconds(4);
inline constexpr Duration kStartWithin = seconds(1);

}  // namespace vmha
