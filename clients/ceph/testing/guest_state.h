#pragma once

#include <atomic>
#include <cstdint>

namespace vmha::ceph::testing {

/// What a guest process tells, in a file that both sides map. Times in microseconds of monotonic_now().
struct GuestState {
  std::atomic<bool> ready;
  std::atomic<std::uint64_t> attempts;      ///< writes begun
  std::atomic<std::uint64_t> writes;        ///< writes that succeeded
  std::atomic<std::int64_t> last_ok_begin;  ///< when the last of them was begun
  std::atomic<int> error;                   ///< the last error, 0 if none
};
static_assert(std::atomic<std::uint64_t>::is_always_lock_free);

inline constexpr std::uint64_t kGuestObjectBytes = 1U << 22U;  ///< RBD's object size
inline constexpr std::uint64_t kGuestObjects = 16;             ///< a guest's counter goes round these, so it writes to all PGs

}  // namespace vmha::ceph::testing
