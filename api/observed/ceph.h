#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

/// What Ceph shows, as plain values: the Ceph client returns them, the core decides on them.
namespace vmha::ceph {

/// One watch on an image's header: "10.77.0.11:0/123" is address 10.77.0.11, nonce 123 (the port of a client is always 0).
struct Watcher {
  Address address;
  std::uint64_t nonce = 0;
  std::uint64_t client = 0;  ///< client.<id>, the same number in a storage ping's acknowledgement
  auto operator<=>(const Watcher&) const = default;
};

/// The answer to one storage ping (a notify on rbd_header.<id>, timeout 1 s).
struct Ping {
  ImageId image;
  std::vector<Watcher> acknowledged;  ///< with the address by which list_watchers knows that client
  std::vector<Watcher> silent;        ///< listed, but did not acknowledge: proves nothing
  bool answered = false;              ///< the OSD answered the notify itself (also when nobody acknowledged)
  bool image_found = true;            ///< false: no such image (deleted)
  bool operator==(const Ping&) const = default;
};

/// One round of pings. `canary_acknowledged` separates silent guests from a storage that cannot answer: when false, nothing else in here counts.
struct PingRound {
  Instant sent;                       ///< before the first notify left
  bool canary_acknowledged = false;   ///< of every pool asked
  std::vector<Ping> pings;
};

/// One image's header as the inventory sees it.
struct ImageWatch {
  ImageId image;
  bool found = false;                 ///< the image exists in the protected Ceph
  bool read = false;                  ///< the watch list could be read; false is Unknown, never "no watcher"
  std::vector<Watcher> watchers;
  std::optional<Watcher> lock_owner;  ///< of rbd_lock; cooperative, so only a hint
  bool operator==(const ImageWatch&) const = default;
};

struct BlocklistEntry {
  Address address;
  std::uint64_t nonce = 0;            ///< 0: the whole address ("ip:0/0")
  std::string range;                  ///< "10.77.0.8/29" for a range entry, else empty
  std::string until;                  ///< as Ceph prints it; for people
  std::int64_t expires_in_seconds = 0;  ///< measured against the clock of the mon's answer where known, else ours
  bool operator==(const BlocklistEntry&) const = default;
};

/// The result of the proof: every placement group of the pools answered an operation of ours at `osdmap_epoch` or later.
struct BlocklistProof {
  std::uint32_t osdmap_epoch = 0;
  int placement_groups = 0;
  Instant proven_at;
  bool operator==(const BlocklistProof&) const = default;
};

}  // namespace vmha::ceph
