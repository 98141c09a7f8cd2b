#pragma once

#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "api/observed/ceph.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace vmha::ceph {

/// The key vmha needs, for pools `vms` and `volumes` (an image's separate data pool needs its own `allow r pool=...`); measured on Ceph 16.2:
///   ceph auth get-or-create client.vmha mon 'allow r, allow command "osd blocklist"' osd 'allow r pool=vms, allow rw pool=vms
///   object_prefix vmha_canary, allow r pool=volumes, allow rw pool=volumes object_prefix vmha_canary'
/// `rw` is for one object a pool only, vmha's own canary: a watch is a write to the OSD. Nothing here can write to an image.
inline constexpr const char* kMonCaps = R"(allow r, allow command "osd blocklist")";
/// The OSD part of that key, for any pools.
[[nodiscard]] std::string osd_caps(const std::vector<std::string>& pools, const std::vector<std::string>& data_pools = {});

inline constexpr const char* kCanaryObject = "vmha_canary";    ///< created in each pool by the first vmha that pings there
inline constexpr int kMaxPingsInFlight = 256;                   ///< 1,000 hosts asked within a second; also the bound of every other batch
inline constexpr int kMaxLostCalls = 32;                        ///< calls past their deadline whose thread has not come back yet
inline constexpr std::chrono::seconds kPingTimeout{1};          ///< of one notify; below 1 s the OSD would take its default of 30 s
inline constexpr std::chrono::hours kBlocklistExpiry{24 * 365 * 10};  ///< what blocklist_add asks for: a fence is lifted, it never runs out
inline constexpr std::chrono::hours kFarExpiry{24 * 365};       ///< an entry with less left is no fence: replaced by add, refused by the proof

struct Config {
  std::string conf_file;     ///< ceph.conf; empty: librados' default search
  std::string keyring_file;  ///< empty: as ceph.conf says
  std::string user = "vmha"; ///< without "client."
  std::string ephemeral_pool = "vms";
  std::vector<std::string> volume_pools = {"volumes"};  ///< those that do not exist are left out
};

/// One Ceph cluster. Purpose: what vmha reads and does there, by librados alone, with least rights (kMonCaps, osd_caps).
/// Lifecycle: connect() once; librados reconnects by itself. The destructor waits at most 2 s.
/// Thread rule: any number of threads. Each call works on a thread of its own, so its `timeout` holds even where librados blocks for ever;
/// such a lost call keeps its thread until it returns, and from kMaxLostCalls on every call fails at once (kUnavailable).
/// Errors of all: kTimeout (nothing was answered in time; kUnknownOutcome for blocklist_add and blocklist_remove), kUnavailable, kForbidden (the
/// key lacks a right, named in the message; or our own address is on the blocklist), kNotFound (no such pool).
class Client {
 public:
  static Result<std::unique_ptr<Client>> connect(const Config& config, milliseconds timeout);
  ~Client();

  /// One storage ping of each image, plus our own canary in every pool among them (the ephemeral pool when `images` is empty). Always one Ping an
  /// image, in order. An image whose notify or watch list was not answered in time has answered=false: Unknown, not silent. A client that
  /// acknowledged but is no longer listed is left out, as its address is not known. A silent watcher costs kPingTimeout: leave at least 3 s,
  /// more for many suspects (kMaxPingsInFlight at a time).
  /// Source: librbd/ImageWatcher.cc, UnknownPayload is acknowledged and does nothing; krbd's rbd_watch_cb does the same.
  Result<PingRound> ping(const std::vector<ImageId>& images, milliseconds timeout);

  /// All images <ephemeral pool>/<server>_disk* of these servers, sorted; from one listing of the pool's directory (100 ms for 50,000 images).
  Result<std::vector<ImageId>> images_of(const std::vector<ServerId>& servers, milliseconds timeout);

  /// Watchers and lock owner of each image, live, one operation an image, in order. Adds no watcher of its own.
  Result<std::vector<ImageWatch>> watches(const std::vector<ImageId>& images, milliseconds timeout);

  /// Blocklists whole addresses ("10.77.0.11", "fd00::11") or networks ("10.77.0.8/29") until kBlocklistExpiry, and reads that back. An entry with a
  /// short expiry cannot be extended; it is replaced while a single-address range keeps the gap closed. Not a fence yet: see prove_blocklist.
  /// Errors: kInvalid (not an address), kConflict (a network that is listed with a short expiry).
  Result<Done> blocklist_add(const std::vector<Address>& addresses, milliseconds timeout);

  /// Removes the whole-address entries (not those of single clients), and reads that back. Not listed is success.
  /// Errors: kConflict when another entry still covers the address, which is not ours to remove.
  Result<Done> blocklist_remove(const std::vector<Address>& addresses, milliseconds timeout);

  Result<std::vector<BlocklistEntry>> blocklist(milliseconds timeout);

  /// Proof that no client at `addresses` can write any more: every address is listed with a far expiry; then, after the newest OSD map was seen,
  /// one operation of ours through every placement group of all pools configured and all header and data pools of `images`, at that map or a later
  /// one; placement groups counted again and addresses listed again afterwards. A PG takes no operation before it has the sender's map
  /// (osd/PrimaryLogPG.cc, op_must_wait_for_map), so none of them takes the fenced client's operations after that.
  /// Errors: kNotFound (an address is not listed; its expiry is short), kTimeout (a placement group did not answer: named), kInvalid (a cache tier).
  Result<BlocklistProof> prove_blocklist(const std::vector<Address>& addresses, const std::vector<ImageId>& images, milliseconds timeout);

  /// The standing drill of our rights: add and remove a blocklist entry of an address of TEST-NET-1, a notify to our canary in every configured pool,
  /// one operation through every placement group that a proof for `images` would need. kForbidden names what the key lacks.
  Result<Done> drill(milliseconds timeout, const std::vector<ImageId>& images = {});

  /// Addresses of mons, OSDs (public and cluster network) and ourselves: none of them may ever be fenced. Sorted, unique.
  Result<std::vector<Address>> cluster_addresses(milliseconds timeout);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmha::ceph
