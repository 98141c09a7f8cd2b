#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include <sys/types.h>

#include <openssl/ossl_typ.h>

#include "base/result.h"
#include "base/time.h"
#include "clients/http/client.h"

/// Sockets and TLS under the HTTP client; nothing outside clients/http includes this.
namespace vmha::http {

inline constexpr Duration kConnectTimeout = seconds(3);
inline constexpr Duration kKeepGoingInterval = milliseconds(500);  // "at least once a second"

struct Endpoint {
  bool tls = true;
  std::string host;  ///< a name, an IPv4 or an IPv6 address without brackets
  std::string port;
  std::string prefix;  ///< put in front of every path; no slash at its end

  /// "host:port", an IPv6 address in brackets: for the Host header and for messages.
  [[nodiscard]] std::string authority() const;
};

/// Reads "https://host:port/prefix". Errors: kInvalid, without echoing a URL that holds credentials.
[[nodiscard]] Result<Endpoint> parse_endpoint(const std::string& url);

using TlsContext = std::shared_ptr<SSL_CTX>;

/// Everything the TLS settings say, once per client. Errors: kInvalid, naming the PEM text that does not parse; never its content.
[[nodiscard]] Result<TlsContext> make_tls_context(const Tls& tls);

/// What one exchange may take. All waiting in a Connection obeys these, whatever the server trickles.
struct Limits {
  Instant deadline = Instant::max();
  std::optional<Duration> idle;      ///< longest pause between two pieces of data
  std::function<bool()> keep_going;  ///< asked at least every kKeepGoingInterval while waiting
};

/// Why reading or writing ended.
enum class End {
  kNone,
  kOrderly,   ///< the server closed the connection properly
  kDeadline,  ///< Limits::deadline
  kIdle,      ///< Limits::idle
  kStopped,   ///< Limits::keep_going
  kBroken,    ///< reset, or cut without the TLS goodbye
  kRejected,  ///< the server's TLS refused our client certificate: it has read nothing of the request
};

/// One connected socket, with TLS if the endpoint says so. Not thread-safe: one exchange at a time.
class Connection {
 public:
  /// Resolves, connects (at most kConnectTimeout) and shakes hands until `deadline`. Name resolution alone is bounded by the system's
  /// resolver, not by us; an IP address needs none. Errors: kUnavailable, kForbidden (certificates); nothing was sent in either case.
  static Result<std::unique_ptr<Connection>> open(const Endpoint& endpoint, const TlsContext& context, Instant deadline);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  /// Starts an exchange: forgets the counters and the end of the last one.
  void begin(Limits limits);
  void set_limits(Limits limits) { limits_ = std::move(limits); }

  /// Bytes read, 0 at an orderly end, -1 otherwise; end() says why. Same for write().
  ssize_t read(char* data, std::size_t size);
  ssize_t write(const char* data, std::size_t size);

  /// False if the server closed it or said something nobody asked for. Reads pending TLS records, so a waiting goodbye is seen.
  [[nodiscard]] bool reusable();

  [[nodiscard]] End end() const { return end_; }
  [[nodiscard]] bool sent_anything() const { return sent_ > 0; }
  [[nodiscard]] bool received_anything() const { return received_ > 0; }
  [[nodiscard]] Instant last_used() const { return last_used_; }

 private:
  explicit Connection(int fd) : fd_(fd) {}
  Result<Done> handshake(const Endpoint& endpoint, const TlsContext& context);
  ssize_t fill(char* data, std::size_t size);
  bool wait(short events);
  bool wait_for_tls(int ssl_error);
  bool rejected_before_reading();
  ssize_t give_up(End end);

  int fd_ = -1;
  SSL* ssl_ = nullptr;
  Limits limits_;
  End end_ = End::kNone;
  std::size_t sent_ = 0;
  std::size_t received_ = 0;
  Instant last_used_{};
  Instant last_data_{};
  std::string buffer_;  ///< httplib reads header lines byte by byte
  std::size_t buffer_at_ = 0;
};

}  // namespace vmha::http
