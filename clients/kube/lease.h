#pragma once

#include <functional>
#include <map>
#include <stop_token>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "clients/kube/client.h"
#include "clients/kube/lease_step.h"

namespace vmha::kube {

struct ElectionOptions {
  std::string ns;
  std::string name;      ///< of the Lease
  std::string identity;  ///< "<host>_<random>": new for each start
  LeaseTimes times = {};
  std::map<std::string, std::string> annotations = {};  ///< on the Lease while we hold it; a release takes them off
};

/// Called on the thread of run_election; keep them short: renewals wait for them.
struct ElectionHooks {
  std::function<void(const LeaseTerm&)> on_leading;  ///< once, when the Lease is ours
  std::function<void(const LeaseTerm&)> on_renewed;  ///< the same term with a later safe_until
  std::function<void(const std::string& reason)> on_lost;  ///< once, only after on_leading and only when not stopped: exit at once
  std::function<void(const Error&)> on_error;        ///< an attempt failed; goes on
  std::function<void(const std::string& identity)> on_holder;  ///< who holds the Lease, as last read, whenever that changed; empty: nobody
};

/// Takes part in the election until the Lease is lost or a stop is requested; blocks. On a stop while leading the Lease is released (holder emptied),
/// so that another can take it at once: stop all destructive work first.
void run_election(Client& client, const ElectionOptions& options, const ElectionHooks& hooks, const std::stop_token& stop);

/// The record that a Lease object carries, as far as it can be read. Pure.
[[nodiscard]] LeaseRecord lease_record(const nlohmann::json& lease);

}  // namespace vmha::kube
