#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <httplib.h>

#include "clients/http/test_certificates.h"

/// Real servers on port 0 of the loopback interface, for tests.
namespace vmha::http::test {

/// Says once that something happened; a handler can wait for it, so that "slow" ends with the test and not after a guess.
class Signal {
 public:
  void set();
  /// True if set; waits at most `limit`.
  bool wait_for(std::chrono::milliseconds limit);

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool set_ = false;
};

/// A cpp-httplib server with TLS. Add the routes, then start().
class TlsServer {
 public:
  TlsServer(const KeyPair& identity, const std::string& client_ca_pem);
  ~TlsServer();
  TlsServer(const TlsServer&) = delete;
  TlsServer& operator=(const TlsServer&) = delete;

  httplib::Server& routes() { return *server_; }
  void start();
  [[nodiscard]] std::string url(const std::string& host = "127.0.0.1") const { return "https://" + host + ":" + std::to_string(port_); }
  Signal stopping;  ///< set before the server waits for its handlers

 private:
  std::unique_ptr<httplib::Server> server_;
  int port_ = 0;
  std::thread thread_;
};

/// A plain TCP listener that plays one script for each connection, in order; connections beyond the scripts are closed.
class RawServer {
 public:
  using Script = std::function<void(int fd)>;
  explicit RawServer(std::vector<Script> scripts);
  ~RawServer();
  RawServer(const RawServer&) = delete;
  RawServer& operator=(const RawServer&) = delete;

  [[nodiscard]] std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int accepted() const { return accepted_; }
  Signal stopping;

 private:
  void serve(const std::stop_token& stop);
  std::vector<Script> scripts_;
  int listener_ = -1;
  int port_ = 0;
  std::atomic<int> accepted_{0};
  std::jthread thread_;
};

/// A port of the loopback interface where nobody listens.
[[nodiscard]] int closed_port();

/// Reads from `fd` until a whole request head (and its Content-Length body) is there.
std::string read_request(int fd);
/// False once the other side is gone.
bool say(int fd, const std::string& text);

}  // namespace vmha::http::test
