#pragma once

#include <mutex>
#include <optional>

#include "base/time.h"
#include "clients/kube/lease_step.h"

namespace vmha::controller {

/// The term of leading, shared by the election thread that renews it and the workers that ask before each irreversible call.
class Term {
 public:
  /// An act begun inside the term may last this much longer: by then the Lease cannot have passed on (10 s - 2 s + 5 s < 15 s).
  static constexpr Duration kActMayOutlive = seconds(5);

  void set(const kube::LeaseTerm& term) {
    const std::lock_guard lock(mutex_);
    safe_until_ = term.safe_until;
  }
  void end() {
    const std::lock_guard lock(mutex_);
    safe_until_.reset();
  }
  /// When an act begun at `now` has to be over; nullopt: it must not begin.
  [[nodiscard]] std::optional<Instant> act_until(Instant now) const {
    const std::lock_guard lock(mutex_);
    if (!safe_until_ || now >= *safe_until_) return std::nullopt;
    return *safe_until_ + kActMayOutlive;
  }

 private:
  mutable std::mutex mutex_;
  std::optional<Instant> safe_until_;
};

}  // namespace vmha::controller
