#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "reconcilers/protectedinstance/view.h"

/// One pass over one ProtectedInstance: the view, and the decision as it grows. Internal to this room.
namespace vmha::protectedinstance {

inline constexpr Duration kReadTimeout = seconds(10);
inline constexpr Duration kActTimeout = seconds(5);        ///< also the longest an act may outlive a passing lease
inline constexpr Duration kFollowEvery = seconds(1);       ///< a rebuild takes nova 3 to 20 s
inline constexpr Duration kLookAgain = seconds(5);         ///< while something is waited for that no event announces
inline constexpr Duration kRestReadEvery = seconds(300);   ///< sweeps read everything more often; this only covers what they miss
/// A request whose answer was lost has either shown itself by then (nova-api stores task and migration within the call) or did not happen.
inline constexpr Duration kLostRequestWatch = seconds(20);
inline constexpr int kLockTries = 3;                       ///< the lock only keeps tenants off: a recovery does not depend on it

struct Pass {
  const InstanceView& view;
  InstanceDecision out;
  std::string not_recoverable;    ///< the hard gate refused a recovery that was due: why
  bool dry_run_skipped = false;   ///< this pass skipped a recovery because of DryRun

  explicit Pass(const InstanceView& v) : view(v) { out.status = v.object->status; }

  [[nodiscard]] const api::ProtectedInstanceSpec& spec() const { return view.object->spec; }
  [[nodiscard]] const api::ProtectedInstanceStatus& stored() const { return view.object->status; }
  [[nodiscard]] const nova::Server& server() const { return view.server->value; }
  [[nodiscard]] api::ProtectedInstanceStatus& status() { return out.status; }
  /// Empty when acts are allowed; else "PolicyNotFound", "Duplicate", "Paused", "Maintenance" or "DryRun".
  [[nodiscard]] std::string hands_off() const;

  void wish(std::string lane, Duration timeout, Operation operation);
  /// An act on nova: dropped while hands are off, another act is in flight or its last failures ask for a pause.
  void act(Operation operation);
  /// An act of ours ended after the newest reading of the server left: that reading may not show it yet.
  [[nodiscard]] bool acted_since_read() const;
  /// False while the lane's last failures ask for a longer pause.
  [[nodiscard]] bool may_try(const std::string& lane);

  void read_server();
  void read_migrations(const NovaHost& host);
  void read_disks();

  void condition(std::string_view type, api::ConditionStatus status, std::string_view reason, std::string_view message);
  void announce(bool warning, std::string reason, std::string note);
};

// The stages of a recovery, one file each. All read the stored recovery and change out.status.
void begin(Pass& pass);        // start.cc: nothing is intended yet, or not again
void ask_nova(Pass& pass);     // request.cc: Intended, Locked: lock, request
void follow(Pass& pass);       // follow.cc: Requested
void land(Pass& pass);         // land.cc: Moved: the state it had, then the attestation
void rest(Pass& pass);         // rest.cc: no recovery
void release_lock(Pass& pass); // lock.cc: whatever the end was
void summarize(Pass& pass);    // conditions.cc
void tell(Pass& pass);         // announce.cc

// Ends of a stage.
enum class Counts { kYes, kNo };  ///< towards maxAttempts
/// The attempt is over without success: waits for the next one, or Failed after the last.
void fail_attempt(Pass& pass, api::InstanceRecovery recovery, const std::string& why, Counts counts);
void fail_for_good(Pass& pass, api::InstanceRecovery recovery, const std::string& why);
void skip(Pass& pass, api::InstanceRecovery recovery, const std::string& why);
void wait(Pass& pass, api::InstanceRecovery recovery, const std::string& why);

}  // namespace vmha::protectedinstance
