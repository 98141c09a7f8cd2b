#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>

namespace vmha {

using std::chrono::milliseconds;
using std::chrono::seconds;

/// Our own monotonic time line. Only the controller's shell reads a clock; the core gets every Instant as an argument,
/// so that the simulator can hand it a virtual one. Never compared between machines, never written to status.
struct Monotonic {
  using rep = std::chrono::microseconds::rep;
  using period = std::chrono::microseconds::period;
  using duration = std::chrono::microseconds;
  using time_point = std::chrono::time_point<Monotonic>;
  static constexpr bool is_steady = true;
};
using Instant = Monotonic::time_point;
using Duration = Monotonic::duration;

/// CLOCK_BOOTTIME: goes on while the machine is suspended, so that a lease cannot look fresh after a resume.
[[nodiscard]] Instant monotonic_now();

/// Wall-clock time, for people and for Kubernetes objects only; it decides nothing.
using WallTime = std::chrono::sys_time<std::chrono::microseconds>;
[[nodiscard]] WallTime wall_now();

/// "2026-11-22T07:36:38Z" (metav1.Time) and "2026-11-22T07:36:38.000000Z" (metav1.MicroTime), RFC 3339 in UTC.
[[nodiscard]] std::string to_rfc3339(WallTime time);
[[nodiscard]] std::string to_rfc3339_micro(WallTime time);

/// Reads RFC 3339 with 'Z' or a numeric offset and any number of fraction digits; nullopt for anything else.
[[nodiscard]] std::optional<WallTime> parse_rfc3339(std::string_view text);

/// "1.2 s", "45 s", "3 min": for messages.
[[nodiscard]] std::string to_text(Duration duration);

}  // namespace vmha
