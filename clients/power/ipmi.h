#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "api/observed/power.h"
#include "base/result.h"
#include "clients/power/order.h"
#include "clients/power/program.h"

namespace vmha::power {

struct IpmiTarget {
  std::string endpoint;  ///< "10.0.0.1:623"
  std::string username;  ///< at most 16 bytes
  std::string password;  ///< at most 20 bytes
  Folders folders = system_folders();
};

/// One machine behind an IPMI 2.0 controller, spoken to by `ipmitool -I lanplus`. Every call opens a session of its own with the privilege level
/// Operator, the least that may switch power (IPMI 2.0, appendix G, Chassis Control). The password goes through the environment, never on a
/// command line. Lifecycle: create() does no I/O; only the cipher suite that worked is kept between calls. Thread rule: any thread.
/// Guarantee: an order's success is never a proof of anything; only read() says what is. Each call ends by its deadline, and its ipmitool with it.
/// Errors: kForbidden (user, password, rights), kUnavailable (no session), kTimeout, kInvalid (ipmitool missing, cipher not supported),
/// kConflict, kUnknownOutcome (an order whose answer was lost). ipmitool only tells them apart in its words; what is not recognized is kUnavailable.
class Ipmi {
 public:
  static Result<std::unique_ptr<Ipmi>> create(IpmiTarget target);

  /// Chassis power and the system's GUID, in one session. The UUID is spelt in the byte order in which its version field makes sense, as SMBIOS spells
  /// it if several do or none (same_system() knows them all); empty only if the controller says that it has none.
  Result<Reading> read(std::chrono::milliseconds deadline);

  /// `chassis power off`: at once, never a graceful shutdown. `expected_uuid` (empty: not compared): kConflict without acting if the
  /// controller now shows another machine, or none.
  Result<Done> request_off(std::chrono::milliseconds deadline, const std::string& expected_uuid = {}, const Permit& permit = {});
  Result<Done> request_on(std::chrono::milliseconds deadline, const std::string& expected_uuid = {}, const Permit& permit = {});

  /// Reachable, user and password accepted, and the session has a level that may switch power. Changes nothing.
  Result<Drill> drill(std::chrono::milliseconds deadline);

 private:
  explicit Ipmi(IpmiTarget target);
  [[nodiscard]] Result<Finished> ipmitool(const std::string& commands, Instant deadline) const;
  [[nodiscard]] Result<Finished> ipmitool_with(int cipher_suite, const std::string& commands, Instant deadline) const;
  [[nodiscard]] Result<Reading> read_until(Instant deadline) const;
  [[nodiscard]] Result<Drill> drill_until(Instant deadline) const;
  [[nodiscard]] Result<Done> order(const std::string& word, const std::string& done, const std::string& expected_uuid, const Permit& permit, Instant deadline) const;
  [[nodiscard]] tl::unexpected<Error> explain(const Error& error) const;

  IpmiTarget target_;
  mutable std::atomic<int> cipher_suite_;
};

/// What ipmitool said to the commands of Ipmi::read. Pure. Errors: as read(), without `password` in them.
[[nodiscard]] Result<Reading> reading_of_ipmitool(const Finished& finished, const std::string& password);

/// A GUID as sixteen bytes came over the wire, as text in the order that read() names; empty for all zeros or all ones, which no machine has.
[[nodiscard]] std::string uuid_of_guid(const std::string& thirty_two_digits);

}  // namespace vmha::power
