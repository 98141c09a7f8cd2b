#pragma once

#include <optional>
#include <string>
#include <vector>

#include "reconcilers/effects.h"

namespace vmha {

/// One thing a decision wants from the world. `lane` names what must not run twice at once for one object ("power", "storage", "nova", "servers"):
/// while an effect of the same object and lane is in flight, a wish for that lane is dropped; the next pass says it again if it is still right.
struct Wish {
  std::string lane;
  Duration timeout;
  Operation operation;
};

/// What a person should be told once, beside the status.
struct Announcement {
  bool warning = false;
  std::string reason;  ///< one of the API reference's event reasons
  std::string note;
};

/// What one pass of a reconciler wants. Statuses are whole; the engine writes one only when it differs from what is stored, and it
/// performs no wish of a pass that changed the intent in status: the act follows in the pass that reads the intent back from the store.
template <class Status>
struct Decision {
  Status status;
  std::vector<Wish> wishes;
  std::vector<Announcement> announcements;  ///< emitted together with the status write that made them true
  std::optional<Instant> wake_at;           ///< look again then, also without an event; only ever moved earlier within a pass
  void wake(Instant when) {
    if (!wake_at || when < *wake_at) wake_at = when;
  }
};

/// The outcome of the latest effect on one lane of one object, as far as it matters for pauses between attempts.
struct LaneOutcome {
  Instant finished;
  int failures_in_a_row = 0;  ///< 0 after a success
  std::string error;          ///< empty after a success
  std::string operation;      ///< name_of
};

/// 1 s, 2 s, 4 s ... 60 s after the n-th failure in a row.
[[nodiscard]] Duration backoff_after(int failures_in_a_row);

}  // namespace vmha
