#pragma once

#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "clients/http/test_servers.h"
#include "clients/power/redfish.h"

namespace vmha::power::test {

inline constexpr const char* kUser = "vmha";
inline constexpr const char* kPassword = "hunter2-secret";
inline constexpr const char* kUuid = "4c4c4544-0051-3610-8052-b7c04f4d3132";

/// What a controller answers to one "METHOD path"; the first of `answers` is used up while there are others behind it.
struct Answer {
  int status = 200;
  std::string body;
  std::map<std::string, std::string> headers;
};

/// A TLS server that plays the answers of Redfish controllers, in the shape that iLO 5, iDRAC 9 and OpenBMC give them, and writes down
/// what it was asked. Sessions and basic authentication are checked as DSP0266 wants it.
class RecordedController {
 public:
  RecordedController();

  /// Replaces what "GET /redfish/v1/Systems/1" and the like answer.
  void answer(const std::string& request, std::vector<Answer> answers);
  void set_power(const std::string& state);
  void expire_sessions();
  void without_sessions();  ///< the root names no session service, as sushy-tools and small boards

  [[nodiscard]] std::vector<std::string> asked(const std::string& method) const;  ///< "path body" in order
  [[nodiscard]] int open_sessions() const;
  [[nodiscard]] std::vector<std::string> authentications() const;  ///< "Basic" or "Token" of each accepted request
  [[nodiscard]] RedfishTarget target(const std::string& system_id = "1") const;
  [[nodiscard]] http::test::TlsServer& server() { return server_; }

 private:
  void handle(const httplib::Request& request, httplib::Response& response);
  void log_in(const httplib::Request& request, httplib::Response& response);
  bool authenticated(const httplib::Request& request);

  http::test::KeyPair ca_;
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<Answer>> answers_;
  std::vector<std::pair<std::string, std::string>> asked_;
  std::vector<std::string> authentications_;
  std::map<std::string, std::string> tokens_;  // token -> path of the session
  int logins_ = 0;
  http::test::TlsServer server_;  // last: its handlers use everything above until it has stopped
};

/// A ComputerSystem as an iLO 5 shows it, with that PowerState.
[[nodiscard]] std::string system_json(const std::string& power_state);

}  // namespace vmha::power::test
