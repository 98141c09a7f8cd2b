#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "api/observed/power.h"
#include "base/result.h"
#include "clients/power/order.h"
#include "clients/power/program.h"

namespace vmha::power {

struct FenceAgentTarget {
  std::string agent;                                            ///< "fence_apc_snmp"
  std::vector<std::pair<std::string, std::string>> parameters;  ///< what may be read by everybody
  std::vector<std::pair<std::string, std::string>> secrets;     ///< out of the Secret: never in a message
  Folders folders = system_folders();
};

/// One outlet (or machine) behind an agent of fence-agents, called as its API wants it (ClusterLabs FenceAgentAPI.md): parameters as name=value lines on
/// its standard input, nothing on its command line. Lifecycle: create() does no I/O. Thread rule: any thread; metadata is asked for once.
/// Guarantees: `off` that ended well is no proof, only read() says what is; Off is taken only from an agent that says so in words and by its exit
/// code (2 alone is also what a wrong parameter ends with), and only from one that can also reboot: an agent that cannot switches a
/// port of a network or a storage and not the power. An agent has no system UUID; that it was seen On while the host lived is what ties it to the host.
/// Each call ends by its deadline, and the agent with it.
/// Errors: kForbidden (login, rights), kUnavailable, kTimeout, kInvalid (agent missing, parameters, no power agent), kConflict (a UUID is
/// expected, which no agent has), kUnknownOutcome (an order whose end was not seen).
class FenceAgent {
 public:
  static Result<std::unique_ptr<FenceAgent>> create(FenceAgentTarget target);

  Result<Reading> read(std::chrono::milliseconds deadline);

  /// Many agents wait until the outlet reads off (power_timeout, 20 s by default): killed at the deadline, such an order has usually been obeyed.
  Result<Done> request_off(std::chrono::milliseconds deadline, const std::string& expected_uuid = {}, const Permit& permit = {});
  Result<Done> request_on(std::chrono::milliseconds deadline, const std::string& expected_uuid = {}, const Permit& permit = {});

  /// The agent is installed, is a power agent, knows all parameters, logs in and reads. What the account may do cannot be read: rights_known is false.
  Result<Drill> drill(std::chrono::milliseconds deadline);

 private:
  explicit FenceAgent(FenceAgentTarget target) : target_(std::move(target)) {}
  Result<Finished> call(const std::string& action, Instant deadline) const;
  Result<Done> check_agent(Instant deadline);
  Result<Reading> read_until(Instant deadline);
  Result<Drill> drill_until(Instant deadline);
  Result<Done> order(const std::string& action, const std::string& expected_uuid, const Permit& permit, Instant deadline);
  [[nodiscard]] std::vector<std::string> secrets() const;
  [[nodiscard]] tl::unexpected<Error> explain(const Error& error) const;

  FenceAgentTarget target_;
  std::mutex mutex_;
  std::optional<Done> checked_;  ///< the agent was found to be one for power; it does not change while vmha runs
};

/// What an agent's status action said. Pure. Errors: as FenceAgent::read, without `secrets` in them.
[[nodiscard]] Result<Reading> reading_of_agent(const Finished& status, const std::vector<std::string>& secrets);

}  // namespace vmha::power
