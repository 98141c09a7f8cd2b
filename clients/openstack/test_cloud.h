#pragma once

#include <atomic>
#include <cctype>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <httplib.h>

#include "clients/openstack/config.h"

namespace vmha::openstack::testing {

/// What one request carried.
struct Seen {
  std::string method;
  std::string target;  ///< path and query as sent
  std::string body;
  std::map<std::string, std::string> headers;  ///< names in lower case
};

struct Answer {
  int status = 200;
  std::string body;
  std::map<std::string, std::string> headers = {};
};

/// A loopback HTTP server that answers as keystone ("/identity/v3") and nova ("/compute/v2.1") would, for what a real cloud does not do on
/// demand: refuse a token, expire one, throttle, break off. What real answers look like is tested with recordings and in the lab.
class TestCloud {
 public:
  using Handler = std::function<Answer(const Seen&)>;

  TestCloud() {
    const auto handle = [this](const httplib::Request& request, httplib::Response& response) { serve(request, response); };
    for (const char* any : {".*"}) server_.Get(any, handle).Post(any, handle).Put(any, handle);
    port_ = server_.bind_to_any_port("127.0.0.1");
    thread_ = std::thread([this] { server_.listen_after_bind(); });
    while (!server_.is_running()) std::this_thread::yield();
  }
  ~TestCloud() {
    server_.stop();
    thread_.join();
  }
  TestCloud(const TestCloud&) = delete;
  TestCloud& operator=(const TestCloud&) = delete;

  [[nodiscard]] std::string base() const { return "http://127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] CloudConfig config() const {
    CloudConfig config;
    config.auth_url = base() + "/identity/v3";
    config.username = "vmha";
    config.password = "s3cret-password";
    config.user_domain_name = "Default";
    config.project_name = "admin";
    config.project_domain_name = "Default";
    config.region = "RegionOne";
    return config;
  }

  /// Answers for nova; without one, a version document at "/" and 404 elsewhere.
  void on_nova(Handler handler) {
    const std::scoped_lock lock(mutex_);
    nova_ = std::move(handler);
  }
  /// Answers for keystone instead of a token, as long as set.
  void on_keystone(Handler handler) {
    const std::scoped_lock lock(mutex_);
    keystone_ = std::move(handler);
  }
  /// A 201 with token "token-<n>" that lives for so long.
  [[nodiscard]] Answer token(const std::string& issued = "2026-11-23T12:00:00.000000Z", const std::string& expires = "2026-11-23T13:00:00.000000Z") {
    const std::string url = base() + "/compute/v2.1";
    const std::string body = R"({"token":{"issued_at":")" + issued + R"(","expires_at":")" + expires +
                             R"(","catalog":[{"type":"compute","endpoints":[{"interface":"public","region_id":"RegionOne","url":")" + url +
                             R"("},{"interface":"internal","region_id":"RegionOne","url":"http://127.0.0.1:1/"}]}]}})";
    return {201, body, {{"X-Subject-Token", "token-" + std::to_string(++tokens_)}}};
  }
  [[nodiscard]] static Answer version() { return {200, R"({"version":{"id":"v2.1","version":"2.96","min_version":"2.1"}})"}; }

  [[nodiscard]] int tokens() const { return tokens_; }
  [[nodiscard]] std::vector<Seen> seen(const std::string& method_and_path) const {
    const std::scoped_lock lock(mutex_);
    std::vector<Seen> found;
    for (const Seen& one : seen_) {
      if ((one.method + " " + one.target).starts_with(method_and_path)) found.push_back(one);
    }
    return found;
  }

 private:
  void serve(const httplib::Request& request, httplib::Response& response) {
    Seen seen{request.method, request.target, request.body, {}};
    for (const auto& [name, value] : request.headers) {
      std::string lower;
      for (const char c : name) lower += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
      seen.headers[lower] = value;
    }
    Handler handler;
    {
      const std::scoped_lock lock(mutex_);
      seen_.push_back(seen);
      handler = request.path.starts_with("/identity") ? keystone_ : nova_;
    }
    const Answer answer = handler ? handler(seen) : fallback(seen);
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name.c_str(), value.c_str());
    response.set_content(answer.body, "application/json");
  }
  Answer fallback(const Seen& seen) {
    if (seen.target == "/identity/v3/auth/tokens") return token();
    if (seen.target == "/compute/v2.1/") return version();
    return {404, R"({"itemNotFound": {"code": 404, "message": "no such thing"}})"};
  }

  httplib::Server server_;
  int port_ = 0;
  std::thread thread_;
  mutable std::mutex mutex_;
  Handler nova_;
  Handler keystone_;
  std::vector<Seen> seen_;
  std::atomic<int> tokens_ = 0;
};

}  // namespace vmha::openstack::testing
