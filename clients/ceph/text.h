#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/observed/ceph.h"
#include "base/result.h"
#include "base/time.h"

/// How Ceph writes things down: addresses, JSON answers of the mon, and the few binary values vmha reads from RBD's objects. Pure functions.
namespace vmha::ceph {

/// A client as Ceph prints it.
struct Endpoint {
  Address address;
  std::uint64_t nonce = 0;
  bool operator==(const Endpoint&) const = default;
};

/// "10.77.0.11:0/123", "v1:10.77.0.11:0/123", "[fd00::11]:0/123", "127.0.0.1:6789"; nullopt for anything else.
[[nodiscard]] std::optional<Endpoint> parse_endpoint(std::string_view text);

/// All addresses of "[v2:10.0.0.1:3300/0,v1:10.0.0.1:6789/0]" or of a single one.
[[nodiscard]] std::vector<Address> parse_endpoints(std::string_view text);

/// What a fence covers: one address, or a network with its host bits zeroed.
struct Target {
  std::string base;  ///< canonical text of the address
  int bits = 0;      ///< length of the prefix; the full length for an address
  bool v6 = false;
  bool network = false;  ///< was written as "address/bits"
  bool operator==(const Target&) const = default;

  [[nodiscard]] std::string cidr() const { return base + "/" + std::to_string(bits); }
  /// "10.77.0.11:0/0", "[fd00::11]:0/0": the whole address. Plain "10.77.0.11" needs more rights than profile rbd has.
  [[nodiscard]] std::string whole() const { return (v6 ? "[" + base + "]" : base) + ":0/0"; }
  /// True when every address of `other` is in this one.
  [[nodiscard]] bool covers(const Target& other) const;
};

/// "10.77.0.11", "fd00::11", "10.77.0.8/29"; strict, because Ceph reads "10.77.0.0/24" as nonce 24. kInvalid for anything else.
[[nodiscard]] Result<Target> parse_target(const Address& address);

/// The two concatenated arrays of `osd blocklist ls --format json`; `now` is what expires_in_seconds is measured from.
[[nodiscard]] Result<std::vector<BlocklistEntry>> parse_blocklist(std::string_view json, WallTime now);

/// What the proof needs to know of a pool, from `osd pool ls detail --format json`.
struct PoolShape {
  std::int64_t id = 0;
  std::string name;
  std::uint32_t pg_num = 0;
  std::uint32_t pgp_num = 0;
  std::uint32_t pg_num_pending = 0;  ///< differs from pg_num while PGs merge
  bool tiered = false;               ///< operations go through a cache tier: PGs of another pool
  bool operator==(const PoolShape&) const = default;
};
[[nodiscard]] Result<std::vector<PoolShape>> parse_pools(std::string_view json);

/// `epoch` of `osd stat --format json`.
[[nodiscard]] Result<std::uint32_t> parse_epoch(std::string_view json);

/// Every address in `mon dump` or `osd dump` (--format json): the addrvec arrays.
[[nodiscard]] Result<std::vector<Address>> parse_daemon_addresses(std::string_view json);

/// A string as Ceph encodes it: length (little endian, 32 bits), bytes. That is the content of rbd_id.<name> and of the directory's entries.
[[nodiscard]] std::optional<std::string> decode_string(std::string_view bytes);

/// A number of 8 bytes, little endian: `data_pool_id` in a header's omap.
[[nodiscard]] std::optional<std::int64_t> decode_int64(std::string_view bytes);

/// The owner in the extended attribute `lock.rbd_lock` of a header (cls/lock/cls_lock_types.h, lock_info_t); `free` when nobody holds it,
/// nullopt when it cannot be decoded.
struct LockOwner {
  bool free = true;
  Watcher owner;
};
[[nodiscard]] std::optional<LockOwner> decode_lock(std::string_view bytes);

}  // namespace vmha::ceph
