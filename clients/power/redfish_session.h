#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "base/time.h"
#include "clients/http/client.h"

namespace vmha::power {

/// Authenticated requests to one Redfish service. Purpose: sessions and basic authentication, links of the service root, which status
/// means what. Lifecycle: logs in at the first request, keeps the session (controllers have few), removes it when destroyed.
/// Thread rule: any thread; no I/O under the mutex. Errors name what to do and never hold the password or a token.
class RedfishSession {
 public:
  RedfishSession(std::unique_ptr<http::Client> client, std::string username, std::string password);
  ~RedfishSession();  ///< takes at most 2 s
  RedfishSession(const RedfishSession&) = delete;
  RedfishSession& operator=(const RedfishSession&) = delete;

  /// Paths of the service root (DSP0266, "Service root"); with what the standard says where the root does not.
  struct Links {
    std::string systems = "/redfish/v1/Systems";
    std::string sessions;  ///< empty: no sessions, basic authentication
    std::string account_service;
  };
  Result<Links> links(Instant deadline);

  /// A 200 with a JSON object. Errors: 401, 403 kForbidden; 404 kNotFound; 429 kThrottled; 5xx kUnavailable; anything else kInvalid.
  Result<nlohmann::json> get(const std::string& path, Instant deadline);

  /// Any 2xx: the controller took the order, which proves nothing. Errors: as get(), 409 kConflict, kUnknownOutcome (sent, answer lost).
  Result<Done> post(const std::string& path, const nlohmann::json& body, Instant deadline);

  [[nodiscard]] const std::string& username() const { return username_; }

 private:
  /// How a request proves who we are.
  struct Ticket {
    std::string token;    ///< empty: basic authentication
    std::string session;  ///< path of the session resource
  };

  Result<http::Response> request(const std::string& method, const std::string& path, const std::string& body, Instant deadline);
  Result<http::Response> request_once(const Ticket& ticket, const std::string& method, const std::string& path, const std::string& body,
                                      Instant deadline);
  Result<http::Response> plain(const std::string& method, const std::string& path, const std::string& body, Instant deadline);
  Result<Ticket> ticket(Instant deadline);
  Result<Ticket> log_in(const std::string& sessions, Instant deadline);
  void give_back(const Ticket& ticket, Instant deadline);
  void remove(const Ticket& ticket, Instant deadline);
  [[nodiscard]] tl::unexpected<Error> refused(const http::Response& response, const std::string& what) const;
  [[nodiscard]] tl::unexpected<Error> not_accepted(const std::string& body) const;
  [[nodiscard]] std::string quoted(const std::string& body) const;
  [[nodiscard]] std::string without_secrets(std::string text) const;

  const std::unique_ptr<http::Client> client_;
  const std::string username_;
  const std::string password_;

  std::mutex mutex_;
  std::optional<Links> links_;
  std::optional<Ticket> ticket_;
  Instant basic_until_{};  ///< no new login before: the last one was refused for want of a session
};

}  // namespace vmha::power
