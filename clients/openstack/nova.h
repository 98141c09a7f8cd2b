#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "api/observed/nova.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "clients/http/client.h"
#include "clients/openstack/config.h"

namespace vmha::openstack {

inline constexpr std::size_t kPageSize = 500;             // half of nova's own default maximum, about 1 MB of servers/detail
inline constexpr std::size_t kMaxServers = 200'000;       // four times what one controller is built for
inline constexpr std::size_t kMaxMigrations = 10'000;     // newest first; nova keeps every record for ever
inline constexpr std::size_t kMaxMalformedMessages = 20;  // kept of a list; all are counted

/// One answer to a list call. An element that cannot be read is left out, counted and described (starting with its id if it has one): it must
/// not hide the others, and the caller must not take its absence for "gone".
template <class T>
struct Listing {
  std::vector<T> items;
  std::size_t malformed = 0;
  std::vector<std::string> malformed_messages;  ///< at most kMaxMalformedMessages
  bool truncated = false;                       ///< there is more than the bound asked for
};

/// Which migration records: exactly one of `touches`, `source`, `server`, or none of them (all); `type` and `status` narrow it further.
struct MigrationFilter {
  std::optional<NovaHost> touches = std::nullopt;  ///< source or destination
  std::optional<NovaHost> source = std::nullopt;
  std::optional<ServerId> server = std::nullopt;
  std::string type = {};    ///< evacuation live-migration migration resize; empty: any
  std::string status = {};  ///< one status; empty: any
  std::size_t newest = kMaxMigrations;
};

/// Nova's API as blocking calls, with keystone behind it (token cached and renewed, catalogue, microversion).
/// Lifecycle: connect() once a configuration; destroy it after the last call has returned.
/// Thread rule: any number of threads; one of them renews the token, the others wait for it.
/// Guarantees: a call ends by its deadline (monotonic_now()) plus at most 100 ms; no secret is ever part of an error; an act is sent at most
/// once, but for the one repetition after a 401, which nova answers before it does anything.
/// Errors by HTTP status: 400 and other 4xx kInvalid; 401, 403 kForbidden; 404 kNotFound; 409 kConflict; 413, 429 kThrottled; 5xx and lost
/// answers kUnavailable/kTimeout to a read and kUnknownOutcome to an act (nova may have done it). The text carries nova's message (at most
/// 300 bytes) and its request id.
class Nova {
 public:
  static Result<std::unique_ptr<Nova>> connect(CloudConfig config, http::Client::Observer observer, Instant deadline);
  ~Nova();

  /// "2.93": the highest the cloud and vmha share. Below 2.95 nova restarts an evacuated server that was running.
  [[nodiscard]] std::string microversion() const;

  /// Every nova-compute service of every cell, one call. Of a cell that is down nova gives the host alone: state_known = false, no id.
  Result<Listing<nova::Service>> services(Instant deadline);

  /// All projects' servers whose host is `host`. Caveat: nova leaves servers of a cell that is down out of a filtered list without a word
  /// (api/openstack/compute/servers.py, _is_cell_down_supported): an empty list counts only while services() shows the host's state_known.
  Result<Listing<nova::Server>> servers_on(const NovaHost& host, Instant deadline);

  /// All servers of all projects; same caveat. kInvalid beyond kMaxServers. Lists carry no server_groups, and a `fault` only of
  /// servers in the database that nova-api itself is configured with: an ERROR without one is common, read the server alone for it.
  Result<Listing<nova::Server>> servers(Instant deadline);

  /// One server with its server_groups. kUnavailable if its cell is down.
  Result<nova::Server> server(const ServerId& id, Instant deadline);

  /// Newest first (created_at), as nova sorts them.
  Result<Listing<nova::Migration>> migrations(const MigrationFilter& filter, Instant deadline);
  Result<Listing<nova::Migration>> migrations_from(const NovaHost& host, Instant deadline) { return migrations({.source = host}, deadline); }
  Result<Listing<nova::Migration>> migrations_of(const ServerId& id, Instant deadline) { return migrations({.server = id}, deadline); }
  Result<Listing<nova::Migration>> migrations_touching(const NovaHost& host, Instant deadline) { return migrations({.touches = host}, deadline); }

  /// false: nova answers 400 (kInvalid) while `done` evacuations from the host remain, that is until its nova-compute has restarted.
  Result<Done> force_down(const ServiceId& id, bool forced_down, Instant deadline);
  /// After force_down: disabling a dead host that still looks up waits for its RPC (60 s by default).
  Result<Done> disable(const ServiceId& id, const std::string& reason, Instant deadline);
  Result<Done> enable(const ServiceId& id, Instant deadline);

  Result<Done> lock(const ServerId& id, const std::string& reason, Instant deadline);
  Result<Done> unlock(const ServerId& id, Instant deadline);

  /// Done means that nova took the request, nothing more: "No valid host" and refusals of the destination show later, in the server and its
  /// migration. Not idempotent: never sent while the server has a task or an unfinished migration. 400 the source is still up (kInvalid),
  /// 404 unknown destination (kNotFound), 409 the server's state does not allow it (kConflict).
  Result<Done> evacuate(const ServerId& id, const std::optional<NovaHost>& destination, Instant deadline);

  Result<Done> start(const ServerId& id, Instant deadline);
  Result<Done> stop(const ServerId& id, Instant deadline);
  Result<Done> reset_state_to_error(const ServerId& id, Instant deadline);

  Nova(const Nova&) = delete;
  Nova& operator=(const Nova&) = delete;

 private:
  struct Impl;
  explicit Nova(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmha::openstack
