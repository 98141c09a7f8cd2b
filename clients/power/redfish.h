#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "api/observed/power.h"
#include "base/result.h"
#include "clients/http/client.h"
#include "clients/power/order.h"

namespace vmha::power {

struct RedfishTarget {
  std::string endpoint;   ///< "https://10.0.0.1"; never http, the password would go over the wire
  std::string system_id;  ///< last part of /redfish/v1/Systems/<id>; empty: the only one the controller has
  std::string username;
  std::string password;
  http::Tls tls;
};

/// One computer system behind a Redfish controller (DMTF DSP0266). Lifecycle: create() does no I/O; the destructor removes the session (at
/// most 2 s). Thread rule: any thread. Every call ends by its deadline and starts from what the controller shows now.
/// Guarantee: an order's success is never a proof of anything; only read() says what is, and two readings prove (protocol.md).
/// Errors: kForbidden (credentials, rights, certificate), kNotFound (no such system, saying which there are), kUnavailable (no
/// connection, 5xx), kTimeout, kThrottled, kInvalid (not Redfish, no ForceOff), kConflict, kUnknownOutcome (an order whose answer was lost).
class Redfish {
 public:
  static Result<std::unique_ptr<Redfish>> create(RedfishTarget target, http::Client::Observer observer = {});
  ~Redfish();

  /// PowerState and UUID. On and Off are read as such, everything else (PoweringOff, Paused, nothing) is kUnknown.
  Result<Reading> read(std::chrono::milliseconds deadline);

  /// Asks for ForceOff, never for a graceful shutdown, and returns once the controller took it. A 400 or 409 is fine if the system reads Off.
  /// `expected_uuid` (any case; empty: not compared): kConflict without acting if the system now shows another one, or none.
  /// `permit` is asked right before the order itself leaves.
  Result<Done> request_off(std::chrono::milliseconds deadline, const std::string& expected_uuid = {}, const Permit& permit = {});

  /// The same for On (or ForceOn, where only that is offered).
  Result<Done> request_on(std::chrono::milliseconds deadline, const std::string& expected_uuid = {}, const Permit& permit = {});

  /// Reachable, credentials accepted, the system there, ForceOff offered and the user's role allows it, as far as the controller lets
  /// this user see roles. Changes nothing. Errors name what a person has to do.
  Result<Drill> drill(std::chrono::milliseconds deadline);

  Redfish(const Redfish&) = delete;
  Redfish& operator=(const Redfish&) = delete;

 private:
  struct Impl;
  explicit Redfish(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmha::power
