#include "clients/http/connection.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

namespace vmha::http {

namespace {

constexpr std::size_t kBufferSize = 16 * 1024;  // one TLS record

int poll_timeout(Duration left) {
  if (left <= Duration::zero()) return 0;
  return static_cast<int>(std::min<std::int64_t>(std::chrono::ceil<milliseconds>(left).count(), 60'000));
}

/// 0 once connected, otherwise an errno.
int finish_connect(int fd, Instant deadline) {
  while (true) {
    pollfd entry{fd, POLLOUT, 0};
    const Duration left = deadline - monotonic_now();
    const int ready = ::poll(&entry, 1, poll_timeout(left));
    if (ready < 0 && errno != EINTR) return errno;
    if (ready > 0) {
      int error = 0;
      socklen_t size = sizeof error;
      ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
      return error;
    }
    if (monotonic_now() >= deadline) return ETIMEDOUT;
  }
}

/// A connected, non-blocking socket, or -errno.
int connect_one(const addrinfo& address, Instant deadline) {
  const int fd = ::socket(address.ai_family, address.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, address.ai_protocol);
  if (fd < 0) return -errno;
  int error = ::connect(fd, address.ai_addr, address.ai_addrlen) == 0 ? 0 : errno;
  if (error == EINPROGRESS || error == EINTR) error = finish_connect(fd, deadline);
  if (error != 0) {
    ::close(fd);
    return -error;
  }
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  ::setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  return fd;
}

Result<int> connect_any(const Endpoint& endpoint, Instant deadline) {
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(endpoint.host.c_str(), endpoint.port.c_str(), &hints, &found); error != 0) {
    return fail(ErrorKind::kUnavailable, "{}: the name cannot be resolved: {}", endpoint.authority(), ::gai_strerror(error));
  }
  const std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)> addresses(found, &::freeaddrinfo);
  int left = 0;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next) ++left;
  const Instant end = std::min(deadline, monotonic_now() + kConnectTimeout);
  int last = ETIMEDOUT;
  for (const addrinfo* address = found; address != nullptr; address = address->ai_next, --left) {
    const Instant now = monotonic_now();
    if (now >= end) break;
    // A dead address must leave time for the others (a name with an IPv6 and an IPv4 address).
    const int fd = connect_one(*address, now + (end - now) / left);
    if (fd >= 0) return fd;
    last = -fd;
  }
  return fail(ErrorKind::kUnavailable, "{}: no connection: {}", endpoint.authority(), std::strerror(last));
}

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return ::inet_pton(AF_INET, host.c_str(), &ignored) == 1 || ::inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

/// TLS alerts by which a server says that it does not accept our client certificate (RFC 8446, 6.2).
bool is_certificate_alert(unsigned long error) {
  if (ERR_GET_LIB(error) != ERR_LIB_SSL) return false;
  switch (ERR_GET_REASON(error)) {
    case SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED:
    case SSL_R_TLSV1_ALERT_UNKNOWN_CA:
    case SSL_R_TLSV1_ALERT_ACCESS_DENIED:
    case SSL_R_SSLV3_ALERT_BAD_CERTIFICATE:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_EXPIRED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_REVOKED:
    case SSL_R_SSLV3_ALERT_CERTIFICATE_UNKNOWN:
    case SSL_R_SSLV3_ALERT_UNSUPPORTED_CERTIFICATE:
      return true;
    default:
      return false;
  }
}

std::string reason_of(unsigned long error) {
  const char* text = ERR_reason_error_string(error);
  return text == nullptr ? "the connection was closed" : text;
}

}  // namespace

Result<std::unique_ptr<Connection>> Connection::open(const Endpoint& endpoint, const TlsContext& context, Instant deadline) {
  const auto fd = connect_any(endpoint, deadline);
  if (!fd) return tl::unexpected(fd.error());
  std::unique_ptr<Connection> connection(new Connection(*fd));
  connection->begin({.deadline = deadline, .idle = std::nullopt, .keep_going = {}});
  if (endpoint.tls) {
    if (const auto shaken = connection->handshake(endpoint, context); !shaken) return tl::unexpected(shaken.error());
  }
  return connection;
}

Result<Done> Connection::handshake(const Endpoint& endpoint, const TlsContext& context) {
  ERR_clear_error();
  ssl_ = SSL_new(context.get());
  if (ssl_ == nullptr || SSL_set_fd(ssl_, fd_) != 1) return fail(ErrorKind::kUnavailable, "{}: OpenSSL gave no connection", endpoint.authority());
  if (is_address(endpoint.host)) {
    X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl_), endpoint.host.c_str());
  } else {
    SSL_set_tlsext_host_name(ssl_, endpoint.host.c_str());  // a name only: RFC 6066 forbids addresses
    SSL_set_hostflags(ssl_, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    SSL_set1_host(ssl_, endpoint.host.c_str());
  }
  while (true) {
    ERR_clear_error();
    const int result = SSL_connect(ssl_);
    if (result == 1) return Done{};
    const int kind = SSL_get_error(ssl_, result);
    if (kind == SSL_ERROR_WANT_READ || kind == SSL_ERROR_WANT_WRITE) {
      if (wait_for_tls(kind)) continue;
      return fail(ErrorKind::kUnavailable, "{}: the TLS handshake did not end in time", endpoint.authority());
    }
    const unsigned long error = ERR_peek_error();
    ERR_clear_error();
    if (const long verified = SSL_get_verify_result(ssl_); verified != X509_V_OK && SSL_get_verify_mode(ssl_) != SSL_VERIFY_NONE) {
      return fail(ErrorKind::kForbidden, "{}: its certificate does not verify: {}", endpoint.authority(), X509_verify_cert_error_string(verified));
    }
    if (is_certificate_alert(error)) {
      return fail(ErrorKind::kForbidden, "{}: the server refused our client certificate: {}", endpoint.authority(), reason_of(error));
    }
    return fail(ErrorKind::kUnavailable, "{}: the TLS handshake failed: {}", endpoint.authority(), reason_of(error));
  }
}

Connection::~Connection() {
  if (ssl_ != nullptr) {
    // One goodbye, never waited for. After a failed call OpenSSL forbids even that.
    if (end_ == End::kNone || end_ == End::kOrderly) SSL_shutdown(ssl_);
    SSL_free(ssl_);
    ERR_clear_error();
  }
  ::close(fd_);
}

void Connection::begin(Limits limits) {
  limits_ = std::move(limits);
  end_ = End::kNone;
  sent_ = 0;
  received_ = 0;
  last_data_ = monotonic_now();
}

ssize_t Connection::give_up(End end) {
  end_ = end;
  return end == End::kOrderly ? 0 : -1;
}

bool Connection::wait(short events) {
  while (true) {
    if (limits_.keep_going && !limits_.keep_going()) return give_up(End::kStopped) > 0;
    const Instant now = monotonic_now();
    if (now >= limits_.deadline) return give_up(End::kDeadline) > 0;
    if (limits_.idle && now >= last_data_ + *limits_.idle) return give_up(End::kIdle) > 0;
    Duration left = limits_.deadline - now;
    if (limits_.idle) left = std::min(left, last_data_ + *limits_.idle - now);
    if (limits_.keep_going) left = std::min(left, kKeepGoingInterval);
    pollfd entry{fd_, events, 0};
    const int ready = ::poll(&entry, 1, poll_timeout(left));
    if (ready > 0) return true;
    if (ready < 0 && errno != EINTR) return give_up(End::kBroken) > 0;
  }
}

bool Connection::wait_for_tls(int ssl_error) { return wait(ssl_error == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT); }

ssize_t Connection::read(char* data, std::size_t size) {
  if (buffer_at_ == buffer_.size()) {
    buffer_.resize(kBufferSize);
    buffer_at_ = 0;
    const ssize_t got = fill(buffer_.data(), buffer_.size());
    buffer_.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    if (got <= 0) return got;
  }
  const std::size_t count = std::min(size, buffer_.size() - buffer_at_);
  std::memcpy(data, buffer_.data() + buffer_at_, count);
  buffer_at_ += count;
  return static_cast<ssize_t>(count);
}

ssize_t Connection::fill(char* data, std::size_t size) {
  while (true) {
    // Also when data is always there: a server that trickles or floods must not outlive the deadline.
    if (monotonic_now() >= limits_.deadline) return give_up(End::kDeadline);
    ssize_t got = 0;
    short events = POLLIN;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      const int result = SSL_read(ssl_, data, static_cast<int>(size));
      const int kind = SSL_get_error(ssl_, result);
      if (kind == SSL_ERROR_ZERO_RETURN) return give_up(End::kOrderly);
      if (result <= 0 && kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) {
        const bool rejected = is_certificate_alert(ERR_peek_error());
        ERR_clear_error();
        return give_up(rejected && received_ == 0 ? End::kRejected : End::kBroken);
      }
      got = result;
      if (kind == SSL_ERROR_WANT_WRITE) events = POLLOUT;
    } else {
      got = ::recv(fd_, data, size, 0);
      if (got == 0) return give_up(End::kOrderly);
      if (got < 0 && errno != EAGAIN && errno != EINTR) return give_up(End::kBroken);
    }
    if (got > 0) {
      received_ += static_cast<std::size_t>(got);
      last_used_ = last_data_ = monotonic_now();
      return got;
    }
    if (!wait(events)) return -1;
  }
}

ssize_t Connection::write(const char* data, std::size_t size) {
  while (true) {
    if (monotonic_now() >= limits_.deadline) return give_up(End::kDeadline);
    ssize_t put = 0;
    short events = POLLOUT;
    if (ssl_ != nullptr) {
      ERR_clear_error();
      const int result = SSL_write(ssl_, data, static_cast<int>(std::min<std::size_t>(size, 1U << 20U)));
      const int kind = SSL_get_error(ssl_, result);
      if (result <= 0 && kind != SSL_ERROR_WANT_READ && kind != SSL_ERROR_WANT_WRITE) {
        // A record that left in part cannot be read by the server: it does not count as sent.
        return give_up(rejected_before_reading() ? End::kRejected : End::kBroken);
      }
      put = result;
      if (kind == SSL_ERROR_WANT_READ) events = POLLIN;
    } else {
      put = ::send(fd_, data, size, MSG_NOSIGNAL);
      if (put < 0 && errno != EAGAIN && errno != EINTR) return give_up(End::kBroken);
    }
    if (put > 0) {
      sent_ += static_cast<std::size_t>(put);
      last_used_ = monotonic_now();
      return put;
    }
    if (!wait(events)) return -1;
  }
}

bool Connection::rejected_before_reading() {
  // With TLS 1.3 the server judges our certificate after our side of the handshake is over: its alert may wait behind the broken pipe.
  char byte = 0;
  ERR_clear_error();
  const bool rejected = received_ == 0 && SSL_peek(ssl_, &byte, 1) <= 0 && is_certificate_alert(ERR_peek_error());
  ERR_clear_error();
  return rejected;
}

bool Connection::reusable() {
  if (buffer_at_ != buffer_.size() || (end_ != End::kNone)) return false;
  char byte = 0;
  if (ssl_ != nullptr) {
    ERR_clear_error();
    const int result = SSL_peek(ssl_, &byte, 1);
    const bool quiet = result <= 0 && SSL_get_error(ssl_, result) == SSL_ERROR_WANT_READ;
    ERR_clear_error();
    return quiet;
  }
  return ::recv(fd_, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

}  // namespace vmha::http
