#include "clients/http/client.h"

#include <algorithm>
#include <cctype>
#include <charconv>
#include <condition_variable>
#include <csignal>
#include <mutex>
#include <utility>
#include <vector>

#include <httplib.h>

#include "base/log.h"
#include "clients/http/connection.h"

namespace vmha::http {

namespace {

constexpr std::size_t kMaxIdleConnections = 4;
constexpr std::size_t kMaxHeadLine = 16 * 1024;  // httplib matches the status line with std::regex, which recurses for every character
constexpr std::size_t kMaxHead = 256 * 1024;
constexpr Duration kReuseForReads = seconds(30);
constexpr Duration kReuseForWrites = seconds(2);  // below every usual keep-alive timeout (5 s), so the server does not close it under us

/// httplib's message format over our Connection, which knows deadlines. httplib's own sockets are never opened.
class Protocol : private httplib::ClientImpl {
 public:
  explicit Protocol(const Endpoint& endpoint) : ClientImpl(endpoint.host) { set_url_encode(false); }

  bool run(httplib::Stream& stream, httplib::Request& request, httplib::Response& response, httplib::Error& error) {
    return process_request(stream, request, response, false, error);
  }
};

class StreamOver : public httplib::Stream {
 public:
  explicit StreamOver(Connection& connection) : connection_(connection) {}
  [[nodiscard]] bool is_readable() const override { return true; }
  [[nodiscard]] bool is_writable() const override { return true; }
  ssize_t read(char* data, size_t size) override {
    const ssize_t got = connection_.read(data, size);
    if (!in_head_ || got <= 0) return got;
    // httplib reads the head byte by byte and bounds neither its lines nor their number.
    line_ = data[got - 1] == '\n' ? 0 : line_ + static_cast<std::size_t>(got);
    head_ += static_cast<std::size_t>(got);
    return line_ > kMaxHeadLine || head_ > kMaxHead ? -1 : got;
  }
  void head_ended() { in_head_ = false; }
  ssize_t write(const char* data, size_t size) override { return connection_.write(data, size); }
  void get_remote_ip_and_port(std::string&, int&) const override {}
  void get_local_ip_and_port(std::string&, int&) const override {}
  [[nodiscard]] socket_t socket() const override { return INVALID_SOCKET; }

 private:
  Connection& connection_;
  bool in_head_ = true;
  std::size_t line_ = 0;
  std::size_t head_ = 0;
};

bool is_read(const Request& request) { return request.method == "GET" || request.method == "HEAD"; }

bool has_control(std::string_view text) {
  return std::any_of(text.begin(), text.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; });
}

/// A line break in a header or path would let a value write a second header.
bool is_writable(const Request& request) {
  const bool path_ok = request.path.starts_with('/') && !has_control(request.path) && request.path.find(' ') == std::string::npos;
  const bool headers_ok = std::none_of(request.headers.begin(), request.headers.end(),
                                       [](const auto& header) { return has_control(header.first) || has_control(header.second); });
  const bool method_ok =
      !request.method.empty() && std::all_of(request.method.begin(), request.method.end(), [](unsigned char c) { return std::isupper(c) != 0; });
  return path_ok && headers_ok && method_ok && !has_control(request.content_type);
}

std::string without_query(std::string_view path) { return std::string(path.substr(0, path.find('?'))); }

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

Response to_response(const httplib::Response& from) {
  Response response;
  response.status = from.status;
  for (const auto& [name, value] : from.headers) {
    auto& slot = response.headers[lower(name)];
    slot += slot.empty() ? value : ", " + value;
  }
  return response;
}

bool stays_open(const httplib::Response& response) {
  return response.version == "HTTP/1.1" && lower(response.get_header_value("Connection")).find("close") == std::string::npos;
}

/// What came of one try over one connection.
struct Attempt {
  bool complete = false;  ///< a whole answer
  bool too_large = false;
  bool stopped = false;  ///< the caller ended a stream after its headers
  Response response;
};

void ignore_broken_pipes() {
  // OpenSSL writes without MSG_NOSIGNAL; a server that went away must be an error, not the end of the process.
  static std::once_flag once;
  std::call_once(once, [] {
    struct sigaction current {};
    if (::sigaction(SIGPIPE, nullptr, &current) == 0 && current.sa_handler == SIG_DFL) std::signal(SIGPIPE, SIG_IGN);
  });
}

}  // namespace

struct Client::Impl {
  Endpoint endpoint;
  TlsContext context;
  std::string user_agent;
  Observer observer;

  std::mutex mutex;
  std::condition_variable place_free;
  int running = 0;
  std::vector<std::unique_ptr<Connection>> idle;

  bool take_place(std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex);
    if (!place_free.wait_for(lock, timeout, [this] { return running < kMaxExchanges; })) return false;
    ++running;
    return true;
  }

  void leave_place() {
    {
      const std::lock_guard lock(mutex);
      --running;
    }
    place_free.notify_one();
  }

  std::unique_ptr<Connection> pooled(const Request& request) {
    const Duration limit = is_read(request) ? kReuseForReads : kReuseForWrites;
    while (true) {
      std::unique_ptr<Connection> connection;
      {
        const std::lock_guard lock(mutex);
        if (idle.empty()) return nullptr;
        connection = std::move(idle.back());
        idle.pop_back();
      }
      if (monotonic_now() - connection->last_used() <= limit && connection->reusable()) return connection;
    }
  }

  void keep(std::unique_ptr<Connection> connection) {
    const std::lock_guard lock(mutex);
    if (idle.size() >= kMaxIdleConnections) idle.erase(idle.begin());
    idle.push_back(std::move(connection));
  }

  [[nodiscard]] httplib::Request to_wire(const Request& request) const {
    httplib::Request wire;
    wire.method = request.method;
    wire.path = endpoint.prefix + request.path;
    wire.body = request.body;
    for (const auto& [name, value] : request.headers) wire.headers.emplace(name, value);
    wire.headers.emplace("Host", endpoint.authority());
    wire.headers.emplace("User-Agent", user_agent);
    if (!request.body.empty()) wire.headers.emplace("Content-Type", request.content_type);
    return wire;
  }

  /// Without `on_status_ok` the body is collected; with it (streams) it is asked at the headers of a 200 and `on_data` gets the pieces.
  Attempt run(Connection& connection, const Request& request, const std::function<void()>& on_status_ok,
              const std::function<bool(std::string_view)>& on_data) {
    Attempt attempt;
    httplib::Request wire = to_wire(request);
    httplib::Response answer;
    std::string body;
    bool streaming = false;
    StreamOver stream(connection);
    wire.response_handler = [&](const httplib::Response& headers) {
      stream.head_ended();
      attempt.response = to_response(headers);
      streaming = on_data && headers.status == 200;
      if (streaming) on_status_ok();
      return true;
    };
    wire.content_receiver = [&](const char* data, std::size_t size, std::uint64_t, std::uint64_t) {
      if (streaming) {
        attempt.stopped = !on_data({data, size});
        return !attempt.stopped;
      }
      attempt.too_large = body.size() + size > kMaxBodyBytes;
      if (!attempt.too_large) body.append(data, size);
      return !attempt.too_large;
    };
    httplib::Error error = httplib::Error::Success;
    try {
      attempt.complete = Protocol(endpoint).run(stream, wire, answer, error);
    } catch (const std::exception&) {
      attempt.complete = false;  // httplib's parser (std::regex, allocation): as good as no answer
    }
    if (attempt.complete) {
      attempt.response = to_response(answer);
      attempt.complete = answer.status >= 100;
      if (!stays_open(answer)) attempt.response.headers["connection"] = "close";
    }
    attempt.response.body = std::move(body);
    return attempt;
  }

  [[nodiscard]] tl::unexpected<Error> lost(const Connection& connection, const Attempt& attempt, const Request& request) const {
    const std::string what = fmt::format("{} {} at {}", request.method, without_query(request.path), endpoint.authority());
    const End end = connection.end();
    if (end == End::kRejected) return fail(ErrorKind::kForbidden, "{}: the server refused our client certificate", what);
    if (!connection.sent_anything()) return fail(ErrorKind::kUnavailable, "{}: the connection broke before anything was sent", what);
    const char* why = "the answer is not HTTP, was cut or has endless headers";
    if (attempt.too_large) why = "the answer is larger than 64 MiB";
    if (end == End::kDeadline || end == End::kIdle) why = "no complete answer in time";
    if (end == End::kStopped) why = "stopped before the answer was complete";
    if (end == End::kOrderly || end == End::kBroken) why = "the connection was closed before the answer was complete";
    if (!is_read(request)) return fail(ErrorKind::kUnknownOutcome, "{}: {}", what, why);
    if (attempt.too_large) return fail(ErrorKind::kInvalid, "{}: {}", what, why);
    const bool timed_out = end == End::kDeadline || end == End::kIdle || end == End::kStopped;
    return fail(timed_out ? ErrorKind::kTimeout : ErrorKind::kUnavailable, "{}: {}", what, why);
  }

  Result<Response> exchange(const Request& request, Instant deadline) {
    for (bool fresh = false;; fresh = true) {
      auto connection = fresh ? nullptr : pooled(request);
      const bool reused = connection != nullptr;
      if (!reused) {
        auto opened = Connection::open(endpoint, context, deadline);
        if (!opened) return fail(opened.error(), "{} {}", request.method, without_query(request.path));
        connection = std::move(*opened);
      }
      connection->begin({.deadline = deadline, .idle = std::nullopt, .keep_going = {}});
      Attempt attempt = run(*connection, request, {}, {});
      if (attempt.complete) {
        if (attempt.response.headers["connection"] != "close" && connection->reusable()) keep(std::move(connection));
        return std::move(attempt.response);
      }
      // A kept connection that the server closed meanwhile says nothing about the server: ask once more over a new one, if asking twice is harmless.
      const bool closed = connection->end() == End::kOrderly || connection->end() == End::kBroken;
      const bool harmless = is_read(request) || !connection->sent_anything();
      if (reused && closed && harmless && !connection->received_anything()) continue;
      return lost(*connection, attempt, request);
    }
  }

  Result<Response> watch(const Request& request, std::chrono::milliseconds idle_limit, const std::function<bool(std::string_view)>& on_data,
                         const std::function<bool()>& keep_going) {
    const Instant deadline = monotonic_now() + request.timeout;
    auto connection = Connection::open(endpoint, context, deadline);
    if (!connection) return fail(connection.error(), "{} {}", request.method, without_query(request.path));
    (*connection)->begin({.deadline = deadline, .idle = std::nullopt, .keep_going = keep_going});
    const auto headers_came = [&] { (*connection)->set_limits({.deadline = Instant::max(), .idle = idle_limit, .keep_going = keep_going}); };
    const auto piece = [&](std::string_view data) { return on_data(data) && (!keep_going || keep_going()); };
    Attempt attempt = run(**connection, request, headers_came, piece);
    const End end = (*connection)->end();
    const bool ended_by_us = attempt.response.status == 200 && (attempt.stopped || end == End::kIdle || end == End::kStopped);
    if (attempt.complete || ended_by_us) return std::move(attempt.response);
    return lost(**connection, attempt, request);
  }

  void report(const Request& request, Instant start, const Result<Response>& result) const {
    const Exchange exchange{request.method, request.path, result ? result->status : 0, monotonic_now() - start};
    // No header, no body, and the path without its query: no secret can slip in.
    log::debug("HTTP exchange ended", {{"method", exchange.method},
                                       {"path", without_query(exchange.path)},
                                       {"status", exchange.status},
                                       {"ms", std::chrono::duration_cast<milliseconds>(exchange.took).count()}});
    if (observer) observer(exchange);
  }
};

namespace {

/// What a header proves who we are with; for "Basic x" and "Bearer x" that is x.
std::string credential_in(std::string name, const std::string& value) {
  std::ranges::transform(name, name.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  if (name == "authorization") return value.substr(value.find(' ') + 1);
  return name == "x-auth-token" || name == "x-subject-token" ? value : std::string();
}

/// A careless server or proxy repeats in an error what it was sent, and the texts of errors end in logs, events and status.
void take_out_credentials(const Request& request, Result<Response>& result) {
  constexpr std::size_t kShortest = 4;  // shorter ones cannot be told from text
  if (!result || result->status < 400) return;
  for (const auto& [name, value] : request.headers) {
    const std::string credential = credential_in(name, value);
    if (credential.size() < kShortest) continue;
    std::string& body = result->body;
    for (auto at = body.find(credential); at != std::string::npos; at = body.find(credential, at + 3)) body.replace(at, credential.size(), "***");
  }
}

}  // namespace

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::create(const std::string& base_url, Tls tls, std::string user_agent, Observer observer) {
  ignore_broken_pipes();
  auto impl = std::make_unique<Impl>();
  auto endpoint = parse_endpoint(base_url);
  if (!endpoint) return tl::unexpected(endpoint.error());
  impl->endpoint = std::move(*endpoint);
  if (has_control(user_agent)) return fail(ErrorKind::kInvalid, "the user agent must be one line");
  if (impl->endpoint.tls) {
    auto context = make_tls_context(tls);
    if (!context) return fail(context.error(), "{}", impl->endpoint.authority());
    impl->context = std::move(*context);
  }
  impl->user_agent = std::move(user_agent);
  impl->observer = std::move(observer);
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Result<Response> Client::send(const Request& request) {
  if (!is_writable(request)) {
    return fail(ErrorKind::kInvalid, "{}: the method, path or a header cannot be written as HTTP", impl_->endpoint.authority());
  }
  const Instant start = monotonic_now();
  if (!impl_->take_place(request.timeout)) {
    return fail(ErrorKind::kTimeout, "{} {}: {} exchanges with {} are running already", request.method, without_query(request.path), kMaxExchanges,
                impl_->endpoint.authority());
  }
  const struct Place {
    Impl& impl;
    ~Place() { impl.leave_place(); }
  } place{*impl_};
  auto result = impl_->exchange(request, start + request.timeout);
  take_out_credentials(request, result);
  impl_->report(request, start, result);
  return result;
}

Result<Response> Client::stream(const Request& request, std::chrono::milliseconds idle, const std::function<bool(std::string_view)>& on_data,
                                const std::function<bool()>& keep_going) {
  if (!is_writable(request) || request.method != "GET") {
    return fail(ErrorKind::kInvalid, "{}: a stream is a GET whose path and headers can be written as HTTP", impl_->endpoint.authority());
  }
  const Instant start = monotonic_now();
  auto result = impl_->watch(request, idle, on_data, keep_going);
  take_out_credentials(request, result);
  impl_->report(request, start, result);
  return result;
}

std::string escape(std::string_view text) {
  std::string out;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      out += static_cast<char>(c);
    } else {
      out += fmt::format("%{:02X}", c);
    }
  }
  return out;
}

std::optional<std::chrono::milliseconds> retry_after(const Response& response) {
  const auto header = response.headers.find("retry-after");
  if (header == response.headers.end()) return std::nullopt;
  const std::string& text = header->second;
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return std::chrono::seconds(value);
}

}  // namespace vmha::http
