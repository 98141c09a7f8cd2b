#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "reconcilers/decision.h"
#include "reconcilers/effects.h"

namespace vmha {

/// Who asked for an effect, and for what.
struct Owner {
  std::string object;  ///< "cn/compute-1", "pi/db-0", "hap/default", "" for the engine's own polls
  std::string lane;
  auto operator<=>(const Owner&) const = default;
};

struct CallInFlight {
  std::string key;
  Owner owner;
  Operation operation;
  std::vector<Announcement> announcements;  ///< to be made when this status write has been stored
};

/// The effects in flight (at most one per key) and how the last one on each lane of an object ended.
class Calls {
 public:
  /// The effect to perform, or nothing while another one with that key is in flight.
  std::optional<Effect> start(Owner owner, std::string key, Operation operation, Instant deadline, std::vector<Announcement> announcements = {});

  /// The call that ended; nullopt for an id that is not in flight (doubled or unknown answers are dropped).
  std::optional<CallInFlight> finish(const EffectDone& done, Instant now);

  [[nodiscard]] bool is_busy(const std::string& key) const { return keys_.count(key) > 0; }
  [[nodiscard]] const std::map<std::string, LaneOutcome>& lanes(const std::string& object) const;
  void forget(const std::string& object) { outcomes_.erase(object); }
  [[nodiscard]] std::size_t in_flight() const { return calls_.size(); }

 private:
  std::uint64_t next_id_ = 1;
  std::map<std::uint64_t, CallInFlight> calls_;
  std::set<std::string> keys_;
  std::map<std::string, std::map<std::string, LaneOutcome>> outcomes_;
};

/// The key of an effect: reads that several objects share get one key, everything else is the object's own lane.
[[nodiscard]] std::string key_of(const Owner& owner, const Operation& operation);

}  // namespace vmha
