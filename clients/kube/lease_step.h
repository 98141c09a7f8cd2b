#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/result.h"
#include "base/time.h"

/// Leader election over one coordination.k8s.io/v1 Lease, as a value. The rules are client-go's (tools/leaderelection), with three
/// differences on the safe side: a Lease that vanished counts as unchanged until it would have expired, a term's number goes on from the last one
/// seen, and the longer of our own and the written duration is waited for.
namespace vmha::kube {

struct LeaseTimes {
  Duration duration = seconds(15);        ///< a holder that was not seen to renew for this long has lost the Lease
  Duration renew_deadline = seconds(10);  ///< a holder that could not renew for this long gives up
  Duration retry = seconds(2);            ///< between two attempts, of the holder and of the others
  Duration margin = seconds(2);           ///< destructive work ends this long before renew_deadline
};

/// The spec of a Lease and its version. Times are verbatim: they are compared for equality only, so no clock of another machine counts.
struct LeaseRecord {
  std::string holder;  ///< empty: released
  int transitions = 0;
  int duration_seconds = 0;
  std::string acquire_time;
  std::string renew_time;
  std::string resource_version;
  bool operator==(const LeaseRecord&) const = default;
};

/// One time of leading. (identity, transitions) is never used again.
struct LeaseTerm {
  std::string identity;
  int transitions = 0;
  Instant safe_until;  ///< start of the last successful renewal + renew_deadline - margin: nothing destructive from then on
  bool operator==(const LeaseTerm&) const = default;
};

namespace election {

struct State {
  std::string identity;  ///< unique for each start of a process
  LeaseTimes times;
  std::optional<LeaseRecord> seen;  ///< the last record read or written, also after it vanished
  bool exists = false;              ///< it was there when last looked at
  Instant seen_at;                  ///< when `seen` was first seen like this
  bool leading = false;
  Instant renewed_at;               ///< while leading: start of the last successful write
};

// ---- what can come in
struct Tick { Instant now; WallTime wall; };                             ///< time to try
struct ReadDone { Result<LeaseRecord> record; Instant now; WallTime wall; };  ///< kNotFound: there is none
struct WriteDone { Result<LeaseRecord> record; Instant started; Instant now; };
struct Stop { Instant now; WallTime wall; };                             ///< a clean stop
using Input = std::variant<Tick, ReadDone, WriteDone, Stop>;

// ---- what to do next
struct Read {};
struct Write {
  LeaseRecord record;  ///< resource_version is the precondition; empty: create
  Instant deadline;    ///< no answer by then is of any use
};
struct Wait { Instant until; };                ///< then Tick
struct Finish { std::string reason; };         ///< lost, or stopped with nothing to release
using Action = std::variant<Read, Write, Wait, Finish>;

struct Step {
  State state;
  Action action;
};

[[nodiscard]] State start(std::string identity, LeaseTimes times);
/// Pure. Guarantee: `leading` turns true only by a write of ours that succeeded, and false for ever by Finish.
[[nodiscard]] Step step(State state, const Input& input);
/// The term while leading.
[[nodiscard]] std::optional<LeaseTerm> term(const State& state);

}  // namespace election
}  // namespace vmha::kube
