#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/compute_node.h"
#include "api/policy.h"
#include "reconcilers/computenode/evidence.h"
#include "reconcilers/decision.h"
#include "reconcilers/fence_in_force.h"
#include "reconcilers/reading.h"

namespace vmha::computenode {

/// Readings of one power controller, newest run of equal states. Kept by the engine, lost with the process.
struct DeviceReadings {
  MaybeReading<power::Reading> last;      ///< newest successful reading
  std::optional<Instant> first_off;       ///< start of the unbroken run of Off readings; On or an unknown state ends it
  std::optional<Instant> first_off_answered;  ///< of the run's first reading: Off held from then at the latest
  std::optional<Instant> second_off;      ///< start of the run's second reading: it left after the first had said Off
  std::optional<Instant> last_off;
  Duration last_took{};                   ///< from question to answer of the newest successful reading, at most kLongestAnswer
  MaybeReading<std::string> drill;        ///< newest drill: empty text is passed, else why not
  std::string drill_note;                 ///< what the newest drill that passed found
  bool rights_known = false;              ///< by that drill
  std::string read_error;                 ///< of the newest attempt to read; empty: it worked
};

/// A proof of the blocklist made in this process's life.
struct BlocklistProven {
  std::vector<Address> addresses;
  std::vector<ImageId> images;
  ceph::BlocklistProof proof;
};

/// How the host's instances stand, counted over ProtectedInstances and nova's list.
struct RecoveryCount {
  int total = 0, recovered = 0, failed = 0, skipped = 0, in_progress = 0;
  bool all_known = false;                 ///< nova's list of the host was read after the service was forced down, and each matching server has its resource
  bool none_left = false;                 ///< nothing of this fence is still to be recovered, and no evacuation to this host is unfinished
};

struct NodeView {
  Instant now;
  WallTime wall;
  const api::ComputeNode* object = nullptr;   ///< as stored: its status is the persisted intent
  const api::HAPolicy* policy = nullptr;      ///< null: PolicyNotFound
  std::string identity;                       ///< "<leader identity>/<lease transitions>", for decidedBy
  std::string fresh_suffix;                   ///< five random characters for a new fence id
  bool duplicate = false;                     ///< two objects with this novaHost
  std::string conflict;                       ///< shared device or client address: none of them acts; says with whom
  bool cluster_addresses_known = false;       ///< of mons, OSDs and vmha: until then no address is known to be the host's alone
  std::string shared_address;                 ///< a client address of ours is a mon's, an OSD's, another host's or vmha's: no storage fence
  bool paused = false;                        ///< policy, or annotation on it or on this object

  Judgement judgement;
  HostEvidence evidence;
  MaybeReading<nova::Service> service;        ///< of this host, from the newest list
  bool service_missing = false;               ///< a list was read and has no such host
  std::optional<kube::Node> kubernetes_node;
  SharedReading<std::vector<nova::Server>> servers = nullptr;  ///< servers/detail?host=
  SharedReading<std::vector<nova::Migration>> migrations = nullptr;  ///< source or destination is this host
  SharedReading<std::vector<ServerImages>> disks = nullptr;  ///< images of this host's servers, with their watches
  std::optional<std::vector<Address>> inventory;          ///< addresses of the host's clients, the same over two sweeps while Healthy
  std::map<std::string, std::set<Address>> recorded_watchers;  ///< image path -> addresses recorded while all was well (co-attachments)
  std::map<std::string, DeviceReadings> devices;          ///< by device name, of the device as it is in spec now
  std::map<std::string, std::string> shared_systems;      ///< system UUID that devices of other nodes show, too -> their names
  MaybeReading<std::string> ceph_drill;                   ///< newest drill of our Ceph key: empty text is passed
  SharedReading<std::vector<ceph::BlocklistEntry>> blocklist = nullptr;
  std::optional<BlocklistProven> blocklist_proven;
  RecoveryCount recovery;

  bool budget_allows = false;                 ///< storm breaker and maxConcurrentFences leave room for this host
  std::string budget_reason;                  ///< why not
  std::string storm_id;                       ///< of the standing hold; an approval may name it
  std::optional<Instant> returned_healthy_since;  ///< since when the un-forced service has looked healthy (memory of the engine)
  std::map<std::string, LaneOutcome> lanes;   ///< "power/<device>", "storage", "blocklist", "nova", "servers", "migrations", "disks", "metadata"
  /// For the standing fence: "fence", when this process first saw it past Held; a lane, when this process last sent an act on it; "on/<device>", when
  /// it last asked for power on.
  std::map<std::string, Instant> requested;
  bool acted = false;                         ///< this process has judged and begun the standing fence, or sent an act for it
};

inline constexpr std::size_t kFenceSuffix = 5;  ///< random characters behind "<node>-" in a fence id

struct NodeDecision : Decision<api::ComputeNodeStatus> {
  std::optional<PatchNodeMetadata> metadata;  ///< finalizer, used-up annotations
};

/// Pure. Guarantees: a fence begins only from a confirmed judgement that the policy answers with a fence (or a person's word), within the
/// budget, never paused, under maintenance, in DryRun or in Conflict; no call leaves before its intent is stored; no SetForcedDown(true) unless
/// the proof that the policy requires can be read now; nothing is lifted before a proven power cycle and a settled recovery.
[[nodiscard]] NodeDecision decide(const NodeView& view);

/// The fence as a recovery may use it now; nullopt when none stands or it is not proven by readings of this process.
[[nodiscard]] std::optional<FenceInForce> fence_in_force(const NodeView& view);

/// The entry of that whole address (or network), not of one of its clients.
[[nodiscard]] bool is_entry_of(const ceph::BlocklistEntry& entry, const Address& address);

/// Standing: intended, being made, proven or being lifted.
[[nodiscard]] bool is_standing(const std::optional<api::Fence>& fence);
/// It stands, and its first call may have been made. Until then the host is judged, and looked at, as one without a fence.
[[nodiscard]] bool is_called(const std::optional<api::Fence>& fence);

}  // namespace vmha::computenode
