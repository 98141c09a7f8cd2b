#include "clients/openstack/keystone.h"

#include <algorithm>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "clients/openstack/answer.h"

namespace vmha::openstack {
namespace {

using nlohmann::json;

/// {"id": ...} or {"name": ...}: keystone takes either.
json by_id_or_name(const std::string& id, const std::string& name) { return id.empty() ? json{{"name", name}} : json{{"id", id}}; }

json user_of(const CloudConfig& config) {
  if (!config.user_id.empty()) return {{"id", config.user_id}};
  return {{"name", config.username}, {"domain", by_id_or_name(config.user_domain_id, config.user_domain_name)}};
}

/// Identity API v3, "Password authentication with scoped authorization" and "Authenticating with an application credential" (which must not
/// name a scope: it carries its project).
std::string auth_body(const CloudConfig& config) {
  json auth;
  if (config.uses_application_credential()) {
    json credential = by_id_or_name(config.application_credential_id, config.application_credential_name);
    credential["secret"] = config.application_credential_secret;
    if (config.application_credential_id.empty()) credential["user"] = user_of(config);
    auth["identity"] = {{"methods", {"application_credential"}}, {"application_credential", credential}};
  } else {
    json user = user_of(config);
    user["password"] = config.password;
    auth["identity"] = {{"methods", {"password"}}, {"password", {{"user", user}}}};
    json project = by_id_or_name(config.project_id, config.project_name);
    if (config.project_id.empty()) project["domain"] = by_id_or_name(config.project_domain_id, config.project_domain_name);
    auth["scope"] = {{"project", project}};
  }
  return json{{"auth", auth}}.dump(-1, ' ', false, json::error_handler_t::replace);
}

/// A lost answer or a 5xx leaves no doubt here: asking again is harmless.
Error harmless(Error error) {
  if (error.kind == ErrorKind::kUnknownOutcome) error.kind = ErrorKind::kUnavailable;
  return error;
}

std::string joined(const std::set<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

}  // namespace

const std::string& user_agent() {
  static const std::string text = "vmha/" VMHA_VERSION;
  return text;
}

std::string identity_url(std::string auth_url) {
  while (auth_url.ends_with('/')) auth_url.pop_back();
  if (auth_url.ends_with("/v2.0")) auth_url.resize(auth_url.size() - 5);
  return auth_url.ends_with("/v3") ? auth_url : auth_url + "/v3";
}

Result<milliseconds> time_left(Instant now, Instant deadline) {
  const auto left = std::chrono::floor<milliseconds>(deadline - now);
  if (left <= milliseconds::zero()) return fail(ErrorKind::kTimeout, "no time left before the deadline; nothing was sent");
  return left;
}

Result<std::string> select_endpoint(const std::vector<Endpoint>& catalog, const std::string& type, const std::string& interface,
                                    const std::string& region) {
  std::set<std::string> regions;
  std::set<std::string> interfaces;
  const Endpoint* found = nullptr;
  for (const Endpoint& endpoint : catalog) {
    if (endpoint.type != type) continue;
    interfaces.insert(endpoint.interface);
    if (endpoint.interface != interface) continue;
    regions.insert(endpoint.region);
    if (found == nullptr && (region.empty() || endpoint.region == region)) found = &endpoint;
  }
  if (interfaces.empty()) return fail(ErrorKind::kInvalid, "the catalogue has no {} service; check the project and its rights", type);
  if (regions.empty())
    return fail(ErrorKind::kInvalid, "interface: the catalogue has no {} {} endpoint; it has: {}", interface, type, joined(interfaces));
  if (found == nullptr)
    return fail(ErrorKind::kInvalid, "region: {} has no {} {} endpoint; the catalogue has: {}", region, interface, type, joined(regions));
  if (region.empty() && regions.size() > 1) return fail(ErrorKind::kInvalid, "region: must be given; the catalogue has: {}", joined(regions));
  return found->url;
}

Result<std::unique_ptr<Keystone>> Keystone::create(CloudConfig config, http::Client::Observer observer, Clock clock) {
  const http::Tls tls{config.ca_pem, config.client_cert_pem, config.client_key_pem, config.insecure};
  auto client = http::Client::create(identity_url(config.auth_url), tls, user_agent(), std::move(observer));
  if (!client) return fail(client.error(), "keystone");
  return std::unique_ptr<Keystone>(new Keystone(std::move(config), std::move(*client), std::move(clock)));
}

Keystone::Keystone(CloudConfig config, std::unique_ptr<http::Client> client, Clock clock)
    : config_(std::move(config)), client_(std::move(client)), clock_(std::move(clock)) {}

std::vector<std::string> Keystone::secrets() const {
  std::vector<std::string> all{config_.password, config_.application_credential_secret};
  const std::scoped_lock lock(mutex_);
  if (token_) all.push_back(token_->value);
  return all;
}

Result<Keystone::Token> Keystone::issue(Instant deadline) {
  const Instant asked = clock_();
  const auto timeout = time_left(asked, deadline);
  if (!timeout) return fail(timeout.error(), "keystone");
  const http::Request request{.method = "POST", .path = "/auth/tokens", .headers = {}, .body = auth_body(config_), .timeout = *timeout};
  const std::vector<std::string> secrets{config_.password, config_.application_credential_secret};
  const auto response = client_->send(request);
  if (!response) return fail(redacted(harmless(response.error()), secrets), "keystone");
  if (response->status != 201) return fail(redacted(harmless(error_of(*response, Verb::kRead)), secrets), "keystone");
  const auto value = response->headers.find("x-subject-token");
  if (value == response->headers.end() || value->second.empty()) return fail(ErrorKind::kUnavailable, "keystone: the answer carries no token");
  auto answer = parse_token(response->body);
  if (!answer) return fail(answer.error(), "keystone");
  const Duration margin = std::min(kMaxRenewalMargin, answer->lifetime / 10);
  const Instant expires = asked + answer->lifetime;
  return Token{value->second, expires - margin, expires, std::move(answer->catalog)};
}

bool Keystone::usable(Instant now, const std::string& rejected) const {
  return token_ && now < token_->expires_at && token_->value != rejected;
}

std::optional<Result<std::string>> Keystone::answer_at_once(Instant now, const std::string& rejected) const {
  if (usable(now, rejected) && (now < token_->renew_at || renewing_ || now < quiet_until_)) return token_->value;
  if (!renewing_ && failure_ && now < quiet_until_) return Result<std::string>(tl::unexpected(*failure_));
  return std::nullopt;
}

Result<std::string> Keystone::token(Instant deadline, const std::string& rejected) {
  {
    std::unique_lock lock(mutex_);
    while (true) {
      const Instant now = clock_();
      if (auto answer = answer_at_once(now, rejected)) return std::move(*answer);
      if (!renewing_) break;
      const auto left = time_left(now, deadline);
      if (!left) return fail(left.error(), "waiting for another thread's token");
      renewed_.wait_for(lock, *left);
    }
    renewing_ = true;
  }
  return finish(issue(deadline), rejected);
}

Result<std::string> Keystone::finish(Result<Token> issued, const std::string& rejected) {
  const Instant now = clock_();
  const std::scoped_lock lock(mutex_);
  renewing_ = false;
  renewed_.notify_all();
  if (issued) {
    token_ = std::move(*issued);
    failure_.reset();
    quiet_until_ = Instant{};
    return token_->value;
  }
  const Error error = issued.error();
  if (error.kind != ErrorKind::kTimeout) {  // a time-out says something of this caller's deadline only: the next one tries itself
    failure_ = error;
    quiet_until_ = now + (error.kind == ErrorKind::kForbidden ? kRefusedPause : kRenewalPause);
  }
  if (usable(now, rejected)) return token_->value;
  return tl::unexpected(error);
}

Result<std::string> Keystone::endpoint(const std::string& service_type, Instant deadline) {
  const auto valid = token(deadline);
  if (!valid) return tl::unexpected(valid.error());
  const std::scoped_lock lock(mutex_);
  return select_endpoint(token_->catalog, service_type, config_.interface, config_.region);
}

}  // namespace vmha::openstack
