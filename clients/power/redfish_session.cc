#include "clients/power/redfish_session.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>
#include <openssl/evp.h>

#include "clients/power/redfish_resource.h"

namespace vmha::power {

using nlohmann::json;

namespace {

constexpr const char* kRoot = "/redfish/v1/";
constexpr const char* kSessions = "/redfish/v1/SessionService/Sessions";
constexpr Duration kLogoutTimeout = seconds(2);
constexpr Duration kBasicAfterFailedLogin = seconds(60);  // a controller without a free place is not asked before every request

std::string base64(const std::string& text) {
  std::vector<unsigned char> out(4 * ((text.size() + 2) / 3) + 1);
  const int size = EVP_EncodeBlock(out.data(), reinterpret_cast<const unsigned char*>(text.data()), static_cast<int>(text.size()));
  return {out.begin(), out.begin() + size};
}

bool is_success(int status) { return status >= 200 && status < 300; }
bool is_redirect(int status) { return status == 301 || status == 302 || status == 307 || status == 308; }

std::string header(const http::Response& response, const std::string& name) {
  const auto found = response.headers.find(name);
  return found == response.headers.end() ? "" : found->second;
}

}  // namespace

RedfishSession::RedfishSession(std::unique_ptr<http::Client> client, std::string username, std::string password)
    : client_(std::move(client)), username_(std::move(username)), password_(std::move(password)) {}

RedfishSession::~RedfishSession() {
  // A session left behind would take one of the controller's few places until it expires there.
  if (ticket_ && !ticket_->token.empty()) remove(*ticket_, monotonic_now() + kLogoutTimeout);
}

Result<http::Response> RedfishSession::request_once(const Ticket& ticket, const std::string& method, const std::string& path, const std::string& body,
                                                    Instant deadline) {
  http::Request request;
  request.method = method;
  request.path = path;
  request.body = body;
  request.headers = {{"Accept", "application/json"}, {"OData-Version", "4.0"}};
  if (!ticket.token.empty()) {
    request.headers["X-Auth-Token"] = ticket.token;
  } else if (!username_.empty()) {
    request.headers["Authorization"] = "Basic " + base64(username_ + ":" + password_);
  }
  const auto left = std::chrono::floor<milliseconds>(deadline - monotonic_now());
  if (left <= milliseconds::zero()) return fail(ErrorKind::kTimeout, "{} {}: no time was left for it", method, path);
  request.timeout = left;
  return client_->send(request);
}

Result<http::Response> RedfishSession::plain(const std::string& method, const std::string& path, const std::string& body, Instant deadline) {
  http::Request request;
  request.method = method;
  request.path = path;
  request.body = body;
  request.headers = {{"Accept", "application/json"}, {"OData-Version", "4.0"}};
  const auto left = std::chrono::floor<milliseconds>(deadline - monotonic_now());
  if (left <= milliseconds::zero()) return fail(ErrorKind::kTimeout, "{} {}: no time was left for it", method, path);
  request.timeout = left;
  auto response = client_->send(request);
  // Neither the root nor a login changes anything about a computer: a lost answer is only a lost answer.
  if (!response && response.error().kind == ErrorKind::kUnknownOutcome) return fail(ErrorKind::kTimeout, "{}", response.error().message);
  return response;
}

Result<RedfishSession::Links> RedfishSession::links(Instant deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (links_) return *links_;
  }
  auto response = plain("GET", kRoot, "", deadline);
  if (!response) return tl::unexpected(response.error());
  Links links;
  if (response->status == 200) {
    const json root = json::parse(response->body, nullptr, false);
    if (!root.is_object()) return fail(ErrorKind::kInvalid, "{} is not a Redfish service: its answer is not JSON; check the endpoint", kRoot);
    if (const auto systems = link(root, "Systems"); !systems.empty()) links.systems = systems;
    links.account_service = link(root, "AccountService");
    if (root.contains("Links")) links.sessions = link(root["Links"], "Sessions");
    if (links.sessions.empty() && !link(root, "SessionService").empty()) links.sessions = kSessions;
  } else if (response->status != 401 && response->status != 403) {
    return refused(*response, kRoot);
  }
  // A service that wants a password even for its root (against DSP0266) cannot make sessions, which are asked for without one: basic.
  const std::lock_guard lock(mutex_);
  links_ = links;
  return links;
}

Result<RedfishSession::Ticket> RedfishSession::ticket(Instant deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (ticket_) return *ticket_;
    if (monotonic_now() < basic_until_) return Ticket{};
  }
  const auto links = this->links(deadline);
  if (!links) return tl::unexpected(links.error());
  if (links->sessions.empty()) return Ticket{};
  const auto made = log_in(links->sessions, deadline);
  if (!made || made->token.empty()) return made;
  bool mine = false;
  Ticket kept;
  {
    const std::lock_guard lock(mutex_);
    mine = !ticket_;
    if (mine) ticket_ = *made;
    kept = *ticket_;
  }
  if (!mine) remove(*made, deadline);  // another thread was first
  return kept;
}

/// DSP0266, "Redfish session login authentication". A ticket without a token means: basic authentication, this time.
Result<RedfishSession::Ticket> RedfishSession::log_in(const std::string& sessions, Instant deadline) {
  const json body = {{"UserName", username_}, {"Password", password_}};
  auto response = plain("POST", sessions, body.dump(-1, ' ', false, json::error_handler_t::replace), deadline);
  if (!response) return tl::unexpected(response.error());
  if (response->status == 401 || response->status == 403) return not_accepted(response->body);
  if (response->status == 404 || response->status == 405 || response->status == 501) {
    const std::lock_guard lock(mutex_);
    if (links_) links_->sessions.clear();
    return Ticket{};
  }
  // Anything else (all sessions taken, a device that is half up) must not keep us from a fence: basic authentication needs no session.
  const std::string token = header(*response, "x-auth-token");
  if (!is_success(response->status) || token.empty()) {
    const std::lock_guard lock(mutex_);
    basic_until_ = monotonic_now() + kBasicAfterFailedLogin;
    return Ticket{};
  }
  Ticket made{token, path_of(header(*response, "location"))};
  if (made.session.empty()) {
    const json session = json::parse(response->body, nullptr, false);
    made.session = path_of(text(session, "@odata.id"));
  }
  return made;
}

/// After a 401. The session is removed with its own token: if it expired that does nothing, if the controller says 401 for want of
/// rights it frees the place.
void RedfishSession::give_back(const Ticket& ticket, Instant deadline) {
  {
    const std::lock_guard lock(mutex_);
    if (!ticket_ || ticket_->token != ticket.token) return;  // another thread was first
    ticket_.reset();
  }
  remove(ticket, deadline);
}

void RedfishSession::remove(const Ticket& ticket, Instant deadline) {
  if (!ticket.session.empty()) static_cast<void>(request_once(ticket, "DELETE", ticket.session, "", deadline));
}

Result<http::Response> RedfishSession::request(const std::string& method, const std::string& path, const std::string& body, Instant deadline) {
  std::string at = path;
  bool renewed = false;
  bool redirected = false;
  while (true) {
    const auto ticket = this->ticket(deadline);
    if (!ticket) return tl::unexpected(ticket.error());
    auto response = request_once(*ticket, method, at, body, deadline);
    if (!response) return response;
    if (response->status == 401) {
      // The controller restarted or the session expired. 401 means that nothing was done, so a POST may be repeated, too.
      if (ticket->token.empty() || renewed) return not_accepted(response->body);
      renewed = true;
      give_back(*ticket, deadline);
      continue;
    }
    // iLO sends .../Systems/1 to .../Systems/1/. Followed once and only by path, so that the password stays with this controller.
    const auto target = is_redirect(response->status) ? path_of(header(*response, "location")) : "";
    const bool may_follow = method == "GET" || response->status == 307 || response->status == 308;
    if (target.empty() || redirected || !may_follow) return response;
    redirected = true;
    at = target;
  }
}

Result<json> RedfishSession::get(const std::string& path, Instant deadline) {
  auto response = request("GET", path, "", deadline);
  if (!response) return tl::unexpected(response.error());
  if (response->status != 200) return refused(*response, path);
  json document = json::parse(response->body, nullptr, false);
  if (!document.is_object()) return fail(ErrorKind::kInvalid, "{}: the answer is not a JSON object", path);
  return document;
}

Result<Done> RedfishSession::post(const std::string& path, const json& body, Instant deadline) {
  auto response = request("POST", path, body.dump(), deadline);
  if (!response) return tl::unexpected(response.error());
  if (!is_success(response->status)) return refused(*response, path);
  return Done{};
}

tl::unexpected<Error> RedfishSession::refused(const http::Response& response, const std::string& what) const {
  const int status = response.status;
  std::string detail = quoted(response.body);
  if (!detail.empty()) detail = " (" + detail + ")";
  if (status == 401) return not_accepted(response.body);
  if (status == 403) return fail(ErrorKind::kForbidden, "user {} may not use {}{}: give it a role with ConfigureComponents", username_, what, detail);
  if (status == 404) return fail(ErrorKind::kNotFound, "{} does not exist{}", what, detail);
  if (status == 409) return fail(ErrorKind::kConflict, "{}: the controller answered 409{}", what, detail);
  if (status == 429 || (status == 503 && http::retry_after(response))) {
    Error error{status == 429 ? ErrorKind::kThrottled : ErrorKind::kUnavailable, fmt::format("{}: the controller is busy: {}{}", what, status, detail),
                http::retry_after(response)};
    return tl::unexpected(std::move(error));
  }
  if (status >= 500) return fail(ErrorKind::kUnavailable, "{}: the controller answered {}{}", what, status, detail);
  return fail(ErrorKind::kInvalid, "{}: the controller answered {}{}", what, status, detail);
}

tl::unexpected<Error> RedfishSession::not_accepted(const std::string& body) const {
  const std::string detail = quoted(body);
  const std::string said = detail.empty() ? "" : " (" + detail + ")";
  return fail(ErrorKind::kForbidden, "the controller does not accept user {} and its password{}: correct the credentials Secret", username_, said);
}

/// Taken out before the text is cut, which could leave half of a password, and again once JSON's escapes are read.
std::string RedfishSession::quoted(const std::string& body) const { return without_secrets(error_text(without_secrets(body))); }

std::string RedfishSession::without_secrets(std::string text) const {
  // A device may echo what it was sent. A password of one or two letters cannot be told from text.
  if (password_.size() < 3) return text;
  for (auto at = text.find(password_); at != std::string::npos; at = text.find(password_, at + 3)) text.replace(at, password_.size(), "***");
  return text;
}

}  // namespace vmha::power
