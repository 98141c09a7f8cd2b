#pragma once

#include <optional>

#include "base/time.h"

namespace vmha {

/// Something read from the world and how old it surely is: `at` is when the call left, not when its answer came.
template <class T>
struct Reading {
  T value;
  Instant at;
  /// True when it was asked for at or after `moment`.
  [[nodiscard]] bool is_since(Instant moment) const { return at >= moment; }
  /// True when it is at most `age` old.
  [[nodiscard]] bool is_within(Duration age, Instant now) const { return now - at <= age; }
};

template <class T>
using MaybeReading = std::optional<Reading<T>>;

/// A reading that somebody else keeps; null: never read.
template <class T>
using SharedReading = const Reading<T>*;

/// For MaybeReading and SharedReading.
template <class R>
[[nodiscard]] bool is_fresh(const R& reading, Duration age, Instant now) {
  return reading && reading->is_within(age, now);
}

}  // namespace vmha
