#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/compute_node.h"
#include "api/observed/ceph.h"
#include "api/observed/nova.h"
#include "api/observed/power.h"
#include "api/policy.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "reconcilers/computenode/evidence.h"
#include "reconcilers/effects.h"

namespace vmha::evidence {

/// One compute host as its ComputeNode describes it: where to look for its evidence.
struct HostRef {
  struct Device {
    std::string name;
    int level = 1;
    bool seen_on = false;  ///< status.devices[].seenOn; only such a device is evidence
    std::string identity;  ///< anything that changes when the device is edited (its hash): the readings start anew then
    bool operator==(const Device&) const = default;
  };
  NodeName node;
  NovaHost nova_host;
  std::optional<std::string> kubernetes_node;
  std::vector<std::string> client_addresses;  ///< its own Ceph clients: IPs or CIDRs of spec, else learned; empty: not known
  std::vector<Device> devices;
  bool own_fence = false;                     ///< a fence of ours stands: its forced_down is ours
  bool fence_called = false;                  ///< and its first call may have been made: its Lease is expected to be silent
  bool operator==(const HostRef&) const = default;
};

/// What was observed of the life of all hosts, and how old it is.
/// Purpose: turn readings of whole sources into HostEvidence, shut the gates that concern all hosts at once, remember since when a judgement holds.
/// Lifecycle: one for the life of the engine; empty after a start. Nothing in it is ever stored.
/// Thread rule: the engine's thread only. No clock: every method gets its Instants, `started` being when the call left.
/// Guarantees: what could not be read is unreadable, never "not configured"; nothing looks Stale before it was watched for a full stale
/// interval without a gap; memory is bounded by hosts, services, leases and guests that exist, and the constants below.
class EvidenceLog {
 public:
  EvidenceLog();
  ~EvidenceLog();
  EvidenceLog(EvidenceLog&&) noexcept;
  EvidenceLog& operator=(EvidenceLog&&) noexcept;

  /// Of the policy `default`: how often whole sources are looked at decides when one counts as not answering.
  void configure(const api::Detection& detection);
  /// After a start or a change of leader: ages count from here, and judgements begin anew.
  void restart_watch(Instant now);

  /// A ComputeNode was added or changed (cheap when nothing did), or is gone.
  void track(const HostRef& host);
  void forget(const NodeName& node);

  // ---- What was read. A failure is an observation too.
  void observe_services(const Result<std::vector<nova::Service>>& services, Instant started, Instant finished);
  /// One node Lease from a list or watch. renew_time is only compared with its own previous value.
  void observe_lease(const std::string& kubernetes_node, const std::string& renew_time, Instant received);
  void lease_gone(const std::string& kubernetes_node);
  /// Any answer of the Kubernetes API (also a bookmark or a renewed leader lease), and any failure to get one.
  void api_server_alive(Instant at);
  void api_server_error(Instant at);
  /// servers/detail?host=: replaces what is known of that host.
  void observe_host_servers(const NovaHost& host, const std::vector<nova::Server>& servers, Instant started);
  /// All servers of the cloud: the same for every host that is tracked or named in it.
  void observe_all_servers(const std::vector<nova::Server>& servers, Instant started);
  /// os-migrations with that source or destination: a server in an unfinished one is no evidence.
  void observe_host_migrations(const NovaHost& host, const std::vector<nova::Migration>& migrations, Instant started);
  /// Which images make up a server. A server without images in the protected Ceph is no storage evidence.
  void observe_disks(const std::vector<ServerImages>& servers);
  /// Addresses that status remembers at an image from when all was well. After a change of leader they stand in for "acknowledged before": a client of the
  /// host's own that watched the image would acknowledge if it lived (ceph-facts.md, "The storage ping"). They never prove life.
  void recall_watchers(const ImageId& image, const std::set<Address>& addresses);
  void observe_pings(const Result<ceph::PingRound>& round, Instant started);
  /// Whether the newest command to the mons was answered: without a quorum nobody notices a dead OSD, and the silence of guests is Unknown.
  void observe_mons(bool answered);
  void observe_power(const NodeName& node, const std::string& device, const Result<power::Reading>& reading, Instant started, Instant answered);

  // ---- What to look at next.
  /// Images to ping in the next round, unique: a rotating kSampledGuests of every host, and all guests of the suspects, in turn where they have
  /// more than kMaxSuspectImages together.
  [[nodiscard]] std::vector<ImageId> next_pings();
  /// The host is suspect and the list of its servers is older than its silence, or will soon be too old: until it was read again nothing can be
  /// said about its guests. False for a host that is well; observe_all_servers is enough for it.
  [[nodiscard]] bool wants_servers(const NodeName& node, Instant now) const;
  /// Servers of the host whose images are not known yet: ask ReadDisks for them (at most `max`).
  [[nodiscard]] std::vector<ServerId> wants_disks(const NodeName& node, std::size_t max) const;
  /// Age of the newest successful look at a source, for vmha_evidence_age_seconds; nullopt: never.
  [[nodiscard]] std::optional<Duration> age(api::EvidenceSource source, Instant now) const;
  /// Why a whole source is shut for all hosts of `node`'s cell at once; empty: it is not.
  [[nodiscard]] std::string gate(api::EvidenceSource source, const NodeName& node, Instant now) const;

  // ---- What it means.
  [[nodiscard]] computenode::HostEvidence of(const NodeName& node, Instant now) const;
  /// of() judged by the policy, with `confirmed` and the `since` of evidence filled in. Call it in every pass of the host, at least every poll: how
  /// long a judgement holds is known only from asking. `stored` is status.verdict: its `since` are kept where the state is the same after a restart.
  [[nodiscard]] computenode::Judgement judged(const NodeName& node, const api::HAPolicySpec& policy, const api::Verdict& stored, Instant now, WallTime wall);

  /// For how long the newest judgement has held without a break; nullopt: none does.
  [[nodiscard]] std::optional<Duration> held(const NodeName& node, Instant now) const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

inline constexpr std::size_t kSampledGuests = 2;      ///< a host and round while all is well: 1,000 hosts make 2,000 pings
inline constexpr std::size_t kMaxSuspectImages = 512; ///< of all suspects in one round: the silence of so many takes 2 s, 256 being in flight at a time
inline constexpr int kMissedPolls = 3;                ///< a source that did not answer for so many polls is not readable
inline constexpr Duration kShortestBlindness = seconds(15);  ///< but one lost call (the engine waits 8 s for it) blinds nobody
inline constexpr Duration kOffRecent = seconds(5);    ///< an Off reading older than this confirms nothing
inline constexpr std::size_t kRememberedIntervals = 16;      ///< between two moves of a heartbeat

}  // namespace vmha::evidence
