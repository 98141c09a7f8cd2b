#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace vmha::http {

struct Tls {
  std::string ca_pem;           ///< empty: the system's trust store
  std::string client_cert_pem;  ///< both or none
  std::string client_key_pem;
  bool insecure_skip_verify = false;
};

struct Request {
  std::string method = "GET";
  std::string path;  ///< with query, already percent-encoded
  std::map<std::string, std::string> headers;
  std::string body;
  std::string content_type = "application/json";
  std::chrono::milliseconds timeout = std::chrono::seconds(30);  ///< for the whole exchange
};

struct Response {
  int status = 0;
  std::map<std::string, std::string> headers;  ///< names in lower case
  std::string body;
};

/// What was asked and how it ended, for metrics: never the body, never a header.
struct Exchange {
  std::string_view method;
  std::string_view path;
  int status = 0;  ///< 0: no answer
  std::chrono::microseconds took{0};
};

inline constexpr std::size_t kMaxBodyBytes = 64UL << 20U;  // a page of 500 objects is some MB; more is a fault of the server
inline constexpr int kMaxExchanges = 16;                   // at once per Client, streams not counted; the others wait for a place

/// One HTTP(S) endpoint. Purpose: the one place that knows cpp-httplib, TLS, deadlines and which errors mean what.
/// Thread rule: any number of threads; each exchange has a connection of its own from a small pool.
/// Guarantees: connect takes at most 3 s, an exchange at most Request::timeout, also when the server trickles (the resolution of a name
/// is bounded by the system's resolver alone); a cut body is an error, not an answer. Any HTTP status is a Response; redirects are not followed.
/// A request other than GET or HEAD goes over a connection that was used just now or over a new one, so that a stale one costs no outcome.
/// Errors: kUnavailable (no connection: nothing was sent), kTimeout / kUnavailable for a lost answer to GET or HEAD, kUnknownOutcome for a
/// lost answer to anything else, kTimeout when there was no place within the timeout, kForbidden for a certificate that does not
/// verify or is not accepted, kInvalid for a bad URL, bad TLS settings, a request that cannot be written or a body above kMaxBodyBytes.
/// Nothing of headers or bodies is ever logged or put into an error, and from the body of an answer of 400 or above the request's own credentials
/// (Authorization, X-Auth-Token, X-Subject-Token) are taken out: callers quote it.
class Client {
 public:
  using Observer = std::function<void(const Exchange&)>;

  /// `base_url`: "https://host:port" plus an optional path prefix, put in front of every Request::path.
  static Result<std::unique_ptr<Client>> create(const std::string& base_url, Tls tls, std::string user_agent, Observer observer = {});
  ~Client();

  Result<Response> send(const Request& request);

  /// A GET whose body is handed over in pieces as they arrive (a Kubernetes watch), until the server ends it, `on_data` or `keep_going`
  /// returns false, or nothing came for `idle`. `keep_going` is asked at least once a second. Request::timeout bounds the time until the
  /// headers have come. Returns the status and headers, also after an end by `idle` or by the caller; on a status other than 200
  /// the body is in the Response and on_data is not called. Errors: as send(); kUnavailable for a stream that was cut.
  Result<Response> stream(const Request& request, std::chrono::milliseconds idle, const std::function<bool(std::string_view)>& on_data,
                          const std::function<bool()>& keep_going);

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

/// Percent-encodes everything but unreserved characters (RFC 3986), for path segments and query values.
[[nodiscard]] std::string escape(std::string_view text);

/// Splits "Retry-After: 3" into a duration; nullopt if absent or not a number of seconds.
[[nodiscard]] std::optional<std::chrono::milliseconds> retry_after(const Response& response);

}  // namespace vmha::http
