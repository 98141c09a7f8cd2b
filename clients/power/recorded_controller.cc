#include "clients/power/recorded_controller.h"

#include <fmt/core.h>

namespace vmha::power::test {

namespace {

constexpr const char* kRoot = R"({"@odata.id":"/redfish/v1/","RedfishVersion":"1.6.0","Systems":{"@odata.id":"/redfish/v1/Systems"},
  "SessionService":{"@odata.id":"/redfish/v1/SessionService"},"AccountService":{"@odata.id":"/redfish/v1/AccountService"},
  "Links":{"Sessions":{"@odata.id":"/redfish/v1/SessionService/Sessions"}}})";
constexpr const char* kBareRoot = R"({"@odata.id":"/redfish/v1/","RedfishVersion":"1.5.0","Systems":{"@odata.id":"/redfish/v1/Systems"}})";
constexpr const char* kSystems = R"({"Members":[{"@odata.id":"/redfish/v1/Systems/1"}],"Members@odata.count":1})";
constexpr const char* kRefused = R"({"error":{"code":"iLO.0.10.ExtendedInfo","@Message.ExtendedInfo":[{"MessageId":"Base.1.4.NoValidSession"}]}})";
constexpr const char* kSessionsPath = "/redfish/v1/SessionService/Sessions";

const std::string kBasic = "Basic dm1oYTpodW50ZXIyLXNlY3JldA==";  // vmha:hunter2-secret

}  // namespace

std::string system_json(const std::string& power_state) {
  return fmt::format(R"({{"@odata.id":"/redfish/v1/Systems/1","Id":"1","UUID":"4C4C4544-0051-3610-8052-B7C04F4D3132","PowerState":"{}",
    "Status":{{"State":"Enabled","Health":"OK"}},"Actions":{{"#ComputerSystem.Reset":{{"target":"/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
    "ResetType@Redfish.AllowableValues":["On","ForceOff","GracefulShutdown","ForceRestart","Nmi","PushPowerButton"]}}}}}})",
                     power_state);
}

RecordedController::RecordedController()
    : ca_(http::test::make_ca("controllers")), server_(http::test::make_leaf(ca_, "bmc-1", {"IP:127.0.0.1"}), {}) {
  answers_["GET /redfish/v1/"] = {{.status = 200, .body = kRoot, .headers = {}}};
  answers_["GET /redfish/v1/Systems"] = {{.status = 200, .body = kSystems, .headers = {}}};
  answers_["POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset"] = {{.status = 204, .body = {}, .headers = {}}};
  set_power("On");
  const auto play = [this](const httplib::Request& request, httplib::Response& response) { handle(request, response); };
  server_.routes().Get(".*", play).Post(".*", play).Delete(".*", play);
  server_.start();
}

void RecordedController::answer(const std::string& request, std::vector<Answer> answers) {
  const std::lock_guard lock(mutex_);
  answers_[request] = std::move(answers);
}

void RecordedController::set_power(const std::string& state) { answer("GET /redfish/v1/Systems/1", {{.status = 200, .body = system_json(state), .headers = {}}}); }

void RecordedController::without_sessions() { answer("GET /redfish/v1/", {{.status = 200, .body = kBareRoot, .headers = {}}}); }

void RecordedController::expire_sessions() {
  const std::lock_guard lock(mutex_);
  tokens_.clear();
}

std::vector<std::string> RecordedController::asked(const std::string& method) const {
  const std::lock_guard lock(mutex_);
  std::vector<std::string> out;
  for (const auto& [verb, what] : asked_) {
    if (verb == method) out.push_back(what);
  }
  return out;
}

int RecordedController::open_sessions() const {
  const std::lock_guard lock(mutex_);
  return static_cast<int>(tokens_.size());
}

std::vector<std::string> RecordedController::authentications() const {
  const std::lock_guard lock(mutex_);
  return authentications_;
}

RedfishTarget RecordedController::target(const std::string& system_id) const {
  RedfishTarget target;
  target.endpoint = server_.url();
  target.system_id = system_id;
  target.username = kUser;
  target.password = kPassword;
  target.tls.ca_pem = ca_.cert_pem;
  return target;
}

bool RecordedController::authenticated(const httplib::Request& request) {
  if (request.get_header_value("Authorization") == kBasic) {
    authentications_.emplace_back("Basic");
    return true;
  }
  if (tokens_.contains(request.get_header_value("X-Auth-Token"))) {
    authentications_.emplace_back("Token");
    return true;
  }
  return false;
}

void RecordedController::log_in(const httplib::Request& request, httplib::Response& response) {
  if (request.body != fmt::format(R"({{"Password":"{}","UserName":"{}"}})", kPassword, kUser)) {
    response.status = 401;
    response.set_content(kRefused, "application/json");
    return;
  }
  const std::string number = std::to_string(++logins_);
  tokens_["token-" + number] = std::string(kSessionsPath) + "/" + number;
  response.status = 201;
  response.set_header("X-Auth-Token", "token-" + number);
  response.set_header("Location", server_.url() + kSessionsPath + "/" + number);  // iLO gives the whole address
}

void RecordedController::handle(const httplib::Request& request, httplib::Response& response) {
  const std::lock_guard lock(mutex_);
  asked_.emplace_back(request.method, request.path + (request.body.empty() ? "" : " " + request.body));
  const auto found = answers_.find(request.method + " " + request.path);
  const bool open = request.path == "/redfish/v1/" || (request.method == "POST" && request.path == kSessionsPath);
  if (!open && !authenticated(request)) {
    response.status = 401;
    response.set_content(kRefused, "application/json");
    return;
  }
  if (found != answers_.end()) {
    const Answer answer = found->second.front();
    if (found->second.size() > 1) found->second.erase(found->second.begin());
    response.status = answer.status;
    for (const auto& [name, value] : answer.headers) response.set_header(name, value);
    response.set_content(answer.body, "application/json");
    return;
  }
  if (open) return log_in(request, response);
  if (request.method == "DELETE") {
    std::erase_if(tokens_, [&](const auto& token) { return token.second == request.path; });
    response.status = 200;
    return;
  }
  response.status = 404;
  response.set_content(R"({"error":{"code":"Base.1.4.GeneralError","@Message.ExtendedInfo":[{"MessageId":"Base.1.4.ResourceMissingAtURI"}]}})", "application/json");
}

}  // namespace vmha::power::test
