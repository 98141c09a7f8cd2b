#pragma once

#include <optional>
#include <string>
#include <vector>

#include "api/compute_node.h"
#include "api/policy.h"
#include "base/time.h"

/// What is known about the life of one host at one moment, ready to be judged. Filled by engine/evidence from ages on our own clock.
namespace vmha::computenode {

/// One of nova's heartbeat and the node's Lease: a value that moves while the host lives.
struct Heartbeat {
  bool configured = false;              ///< there is such a source for this host
  bool readable = false;                ///< the last poll of the whole source worked, recently enough, and no gate is shut
  std::string unreadable_reason;        ///< "API did not answer", "every compute service is silent", ...
  std::optional<Duration> quiet;        ///< how long ago we saw it move; measured from our first look until a move was seen
  Duration usual_interval{0};           ///< longest usual interval between two moves, of this host and of the middle one of its cell; 0: not known yet
  Duration watched{0};                  ///< how long we have been watching it without a gap (nothing is Stale before a full interval)
  std::optional<Instant> proven_alive;  ///< lower bound of the latest instant at which the host was surely alive; absent: no move was seen yet
};

struct StorageEvidence {
  bool configured = false;              ///< guests of the host acknowledged a ping before, so silence means something; or have not been asked yet
  bool readable = false;                ///< canary acknowledged in the latest round, latest round recent
  std::string unreadable_reason;
  bool guests_known = false;            ///< nova's list of the host's servers was read after suspicion began (or is recent while all is well)
  int running_guests = 0;               ///< ACTIVE, running, no task, no migration, acknowledged before
  int missed_rounds = 0;                ///< rounds in a row in which no sampled guest acknowledged while the canary did
  std::optional<Instant> all_asked_since;  ///< every running guest was asked at or after this instant, and none has acknowledged since
  std::optional<Instant> proven_alive;  ///< when the latest acknowledged ping from one of this host's own addresses was sent
};

struct PowerEvidence {
  bool configured = false;              ///< at least one device that was once seen On while the host was alive
  bool readable = false;                ///< the newest readings worked and said On or Off; no power evidence never holds back a verdict
  std::optional<Instant> first_off;     ///< start of the unbroken run of Off readings, of all devices of a level; absent: not Off
  std::optional<Instant> last_off;
  bool off_confirmed = false;           ///< at least two Off readings at least kOffConfirm apart, the last one recent
  std::string detail;
};

inline constexpr Duration kOffConfirm = seconds(2);  ///< protocol: two Off readings 2 s apart
inline constexpr Duration kOffRunGap = seconds(5);   ///< a longer gap between an answer and the next question ends a run of Off: it may hide an On
/// A reading was true at some moment between question and answer. Of a controller that needs long its age counts from the answer, but no answer is
/// waited for longer than this without the rest counting as age: a machine that was switched on in between is not yet past its firmware.
inline constexpr Duration kLongestAnswer = seconds(10);

struct HostEvidence {
  Heartbeat nova;
  Heartbeat lease;
  StorageEvidence storage;
  PowerEvidence power;
  bool foreign_forced_down = false;     ///< forced_down without a fence of ours: not ours to judge
};

/// The judgement of one instant. `confirmed` adds how long it has held.
struct Judgement {
  api::VerdictValue value = api::VerdictValue::kUnknown;
  std::string detail;                   ///< why, for people; holds no number that changes every pass
  std::vector<api::Evidence> evidence;  ///< one for each of the four sources
  bool power_off = false;               ///< Dead because power reads Off: needs no confirmation
  bool wrong_device = false;            ///< power reads Off while another source proves life later
  bool suspect = false;                 ///< something has gone silent: look closer (ping all guests, read power, list servers)
  bool counts_as_suspect = false;       ///< against the storm budget: a round of pings was missed, or power reads Off; a late heartbeat alone is none
  bool without_storage = false;         ///< Dead without storage evidence: confirmWithoutStorageSeconds applies
  bool confirmed = false;               ///< may lead to something irreversible; set by engine/evidence, which knows since when it holds
};

/// Pure: the verdict table of the protocol. Guarantee: Unknown evidence of a configured source never contributes to Dead.
[[nodiscard]] Judgement judge(const HostEvidence& evidence, const api::Detection& detection, Instant now);

/// How long a judgement must hold before it is confirmed: zero for power_off; never shorter than the longest usual interval used.
[[nodiscard]] Duration confirmation_time(const Judgement& judgement, const HostEvidence& evidence, const api::HAPolicySpec& policy);

}  // namespace vmha::computenode
