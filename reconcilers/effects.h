#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "api/compute_node.h"
#include "api/observed/ceph.h"
#include "api/observed/kube.h"
#include "api/observed/nova.h"
#include "api/observed/power.h"
#include "api/policy.h"
#include "api/protected_instance.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

/// Everything the core can ask of the world, as values. The shell turns one into one blocking client call; the simulator into a
/// scheduled event that may be late, lost, doubled or fail. Reads may be repeated at will; acts follow an intent that is already in status.
namespace vmha {

// ---- Reads -----------------------------------------------------------------------------------------------------------------

struct ReadServices {};                                  ///< -> vector<nova::Service>
struct ReadAllServers {};                                ///< -> vector<nova::Server>, discovery
struct ReadHostServers { NovaHost host; };               ///< -> vector<nova::Server>
struct ReadServer { ServerId server; };                  ///< -> nova::Server; kNotFound when deleted
struct ReadMigrations { NovaHost host; };                ///< -> vector<nova::Migration> with that source or destination
struct PingImages { std::vector<ImageId> images; };      ///< -> ceph::PingRound; the canary is always in it

struct ServerDisks {                                     ///< which images make up a server
  ServerId server;
  std::vector<std::string> volumes;                      ///< cinder volume ids from nova
};
struct ReadDisks { std::vector<ServerDisks> servers; };  ///< -> vector<ServerImages>: all <ephemeralPool>/<uuid>_disk* and the volumes

struct ReadBlocklist {};                                 ///< -> vector<ceph::BlocklistEntry>
struct ReadClusterAddresses {};                          ///< -> vector<Address>: mons, OSDs, vmha itself
struct ReadPower { NodeName node; api::PowerDevice device; };    ///< -> power::Reading
struct DrillPower { NodeName node; api::PowerDevice device; };   ///< -> power::Drill: reachable, credentials, rights; acts on nothing
struct DrillCeph {};                                     ///< -> Done: blocklist add and rm rights, tried on an unused address

// ---- Acts on the world: the shell refuses them once the lease term is over (is_irreversible) ----------------------------------

/// -> Done: "asked", never a proof. kConflict without acting when the controller now shows another system than `expected_uuid` (empty: not known).
struct PowerOff { NodeName node; api::PowerDevice device; std::string expected_uuid; };
struct PowerOn { NodeName node; api::PowerDevice device; std::string expected_uuid; };  ///< -> Done; as PowerOff
struct BlocklistAdd { std::vector<Address> addresses; };           ///< -> Done
struct BlocklistRemove { std::vector<Address> addresses; };        ///< -> Done
struct ProveBlocklist { std::vector<Address> addresses; std::vector<ImageId> images; };  ///< -> ceph::BlocklistProof (a read)
struct SetForcedDown { ServiceId service; bool forced_down; };     ///< -> Done
struct DisableService { ServiceId service; std::string reason; };  ///< -> Done
struct EnableService { ServiceId service; };                       ///< -> Done
struct LockServer { ServerId server; std::string reason; };        ///< -> Done
struct UnlockServer { ServerId server; };                          ///< -> Done
struct Evacuate { ServerId server; std::optional<NovaHost> destination; };  ///< -> Done: "accepted", never a proof
struct StartServer { ServerId server; };                           ///< -> Done
struct StopServer { ServerId server; };                            ///< -> Done

// ---- Acts on our own resources ---------------------------------------------------------------------------------------------

/// Server-side apply of a whole object's status with the resourceVersion the decision was made on. -> the object as stored.
struct WritePolicyStatus { api::HAPolicy object; };
struct WriteNodeStatus { api::ComputeNode object; };
struct WriteInstanceStatus { api::ProtectedInstance object; };
/// Finalizer and annotations, a merge patch with resourceVersion. -> the object as stored.
struct PatchNodeMetadata {
  api::ComputeNode object;                     ///< name and resourceVersion count
  std::optional<bool> finalizer;               ///< true: set ours, false: take it off
  std::vector<std::string> remove_annotations;
};
struct CreateNode { api::ComputeNode object; };            ///< discovery
struct CreateInstance { api::ProtectedInstance object; };  ///< discovery
struct DeleteNode { NodeName name; std::string uid; };     ///< discovered ones only
struct DeleteInstance { InstanceName name; std::string uid; };

/// events.k8s.io/v1. Best effort: its loss changes nothing.
struct EmitEvent {
  std::string kind;  ///< ComputeNode | ProtectedInstance | HAPolicy
  std::string name;
  std::string uid;
  bool warning = false;
  std::string reason;  ///< from the list in the API reference, e.g. HostDead
  std::string action;
  std::string note;
};

using Operation =
    std::variant<ReadServices, ReadAllServers, ReadHostServers, ReadServer, ReadMigrations, PingImages, ReadDisks, ReadBlocklist,
                 ReadClusterAddresses, ReadPower, DrillPower, DrillCeph, ProveBlocklist, PowerOff, PowerOn, BlocklistAdd, BlocklistRemove, SetForcedDown,
                 DisableService, EnableService, LockServer, UnlockServer, Evacuate, StartServer, StopServer, WritePolicyStatus, WriteNodeStatus,
                 WriteInstanceStatus, PatchNodeMetadata, CreateNode, CreateInstance, DeleteNode, DeleteInstance, EmitEvent>;

/// True for acts on hosts, Ceph and Nova: only the leader may start them, and only while its term surely lasts past their deadline.
[[nodiscard]] bool is_irreversible(const Operation& operation);
/// True for orders of power: they read first what they are about, which may take longer than a term lasts, and ask for the term once more right
/// before the order itself leaves, which then has no longer than any other act.
[[nodiscard]] bool asks_for_the_term_again(const Operation& operation);
[[nodiscard]] const char* name_of(const Operation& operation);

struct Effect {
  std::uint64_t id = 0;   ///< unique within one process
  std::string key;        ///< at most one effect in flight per key, e.g. "cn/compute-1/power"
  Instant deadline = {};  ///< the shell gives up then and answers kTimeout or kUnknownOutcome
  Operation operation = {};
  Instant start_by = Instant::max();  ///< not to be started later: the readings it was decided on would be too old
};

// ---- Answers ---------------------------------------------------------------------------------------------------------------

struct ServerImages {
  ServerId server;
  std::vector<ceph::ImageWatch> images;
  bool operator==(const ServerImages&) const = default;
};

using Answer = std::variant<Done, std::vector<nova::Service>, std::vector<nova::Server>, nova::Server, std::vector<nova::Migration>, ceph::PingRound,
                            std::vector<ServerImages>, std::vector<ceph::BlocklistEntry>, std::vector<Address>, power::Reading, power::Drill, ceph::BlocklistProof,
                            api::HAPolicy, api::ComputeNode, api::ProtectedInstance>;

struct EffectDone {
  std::uint64_t id = 0;
  Instant started;  ///< when the call really left; a reading is as old as this, not as its answer
  Result<Answer> outcome;
  std::optional<Instant> finished = std::nullopt;  ///< when the answer was there; absent: not known, taken for `started`
};

}  // namespace vmha
