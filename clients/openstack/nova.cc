#include "clients/openstack/nova.h"

#include <algorithm>
#include <utility>

#include <nlohmann/json.hpp>

#include "clients/openstack/answer.h"
#include "clients/openstack/endpoint.h"
#include "clients/openstack/keystone.h"
#include "clients/openstack/parse.h"

namespace vmha::openstack {
namespace {

using nlohmann::json;

constexpr int kListingAttempts = 3;  // a marker's server was deleted between two pages: from the start again, so often

template <class T>
void append(Listing<T>& to, Listing<T>&& page) {
  std::move(page.items.begin(), page.items.end(), std::back_inserter(to.items));
  to.malformed += page.malformed;
  for (std::string& message : page.malformed_messages) {
    if (to.malformed_messages.size() < kMaxMalformedMessages) to.malformed_messages.push_back(std::move(message));
  }
}

}  // namespace

struct Nova::Impl {
  std::unique_ptr<Keystone> keystone;
  std::unique_ptr<http::Client> compute;
  Microversion version;

  Result<http::Response> send(http::Request request, Instant deadline, const std::string& token);
  Result<http::Response> exchange(const http::Request& request, Verb verb, Instant deadline);
  Result<std::string> get(const std::string& path, Instant deadline);
  Result<Done> act(const std::string& method, const std::string& path, const json& body, Instant deadline);
  Result<Done> server_action(const ServerId& id, const char* name, const json& argument, Instant deadline);
  Result<Done> update_service(const ServiceId& id, const json& body, Instant deadline);
  Result<Done> negotiate(Instant deadline);

  template <class T>
  using ParsePage = Result<Page<T>> (*)(std::string_view);
  template <class T>
  Result<Listing<T>> list_once(const std::string& path, std::size_t bound, ParsePage<T> parse, Instant deadline, bool& marker_gone);
  template <class T>
  Result<Listing<T>> list(const std::string& path, std::size_t bound, ParsePage<T> parse, Instant deadline);
};

/// Both header names: OpenStack-API-Version counts from 2.27 on, X-OpenStack-Nova-API-Version before (nova api-guide, microversions).
Result<http::Response> Nova::Impl::send(http::Request request, Instant deadline, const std::string& token) {
  const auto timeout = time_left(monotonic_now(), deadline);
  if (!timeout) return tl::unexpected(timeout.error());
  request.timeout = *timeout;
  request.headers["X-Auth-Token"] = token;
  request.headers["Accept"] = "application/json";
  if (version > Microversion{}) {
    request.headers["OpenStack-API-Version"] = "compute " + version.text();
    request.headers["X-OpenStack-Nova-API-Version"] = version.text();
  }
  return compute->send(request);
}

/// A 401 comes from keystonemiddleware, before nova does anything: that one answer is safe to follow by the same request again.
Result<http::Response> Nova::Impl::exchange(const http::Request& request, Verb verb, Instant deadline) {
  auto token = keystone->token(deadline);
  if (!token) return tl::unexpected(token.error());
  auto response = send(request, deadline, *token);
  if (response && response->status == 401) {
    const std::string rejected = *token;
    token = keystone->token(deadline, rejected);
    if (!token) return tl::unexpected(redacted(token.error(), {rejected}));
    response = send(request, deadline, *token);
  }
  if (response && response->status >= 200 && response->status < 300) return response;
  std::vector<std::string> secrets = keystone->secrets();
  secrets.push_back(*token);  // the cached one may be newer by now
  return tl::unexpected(redacted(response ? error_of(*response, verb) : response.error(), secrets));
}

Result<std::string> Nova::Impl::get(const std::string& path, Instant deadline) {
  http::Request request;
  request.path = path;
  auto response = exchange(request, Verb::kRead, deadline);
  if (!response) return tl::unexpected(response.error());
  return std::move(response->body);
}

Result<Done> Nova::Impl::act(const std::string& method, const std::string& path, const json& body, Instant deadline) {
  http::Request request;
  request.method = method;
  request.path = path;
  request.body = body.dump(-1, ' ', false, json::error_handler_t::replace);
  const auto response = exchange(request, Verb::kAct, deadline);
  if (!response) return tl::unexpected(response.error());
  return Done{};
}

Result<Done> Nova::Impl::server_action(const ServerId& id, const char* name, const json& argument, Instant deadline) {
  if (id.empty()) return fail(ErrorKind::kInvalid, "{}: no server id", name);
  json body = json::object();
  body[name] = argument;
  auto done = act("POST", "/servers/" + http::escape(id.value) + "/action", body, deadline);
  if (!done) return fail(done.error(), "{} server {}", name, id.value);
  return done;
}

Result<Done> Nova::Impl::update_service(const ServiceId& id, const json& body, Instant deadline) {
  if (id.empty()) return fail(ErrorKind::kInvalid, "update service: no service id (is its cell down?)");
  auto done = act("PUT", "/os-services/" + http::escape(id.value), body, deadline);
  if (!done) return fail(done.error(), "update service {}", id.value);
  return done;
}

template <class T>
Result<Listing<T>> Nova::Impl::list_once(const std::string& path, std::size_t bound, ParsePage<T> parse, Instant deadline, bool& marker_gone) {
  Listing<T> all;
  std::string marker;
  std::size_t seen = 0;
  while (true) {
    const std::size_t limit = std::min(kPageSize, bound - seen);
    const std::string at = marker.empty() ? "" : "&marker=" + http::escape(marker);
    const auto body = get(fmt::format("{}limit={}{}", path, limit, at), deadline);
    marker_gone = !body && !marker.empty() && body.error().kind == ErrorKind::kInvalid;
    if (!body) return tl::unexpected(body.error());
    auto page = parse(*body);
    if (!page) return tl::unexpected(page.error());
    seen += page->listing.items.size() + page->listing.malformed;
    append(all, std::move(page->listing));
    if (page->next_marker.empty()) return all;
    if (page->next_marker == marker) return fail(ErrorKind::kUnavailable, "nova gives the same page again and again");
    marker = page->next_marker;
    if (seen >= bound) break;
  }
  all.truncated = true;
  return all;
}

template <class T>
Result<Listing<T>> Nova::Impl::list(const std::string& path, std::size_t bound, ParsePage<T> parse, Instant deadline) {
  for (int attempt = 1;; ++attempt) {
    bool marker_gone = false;
    auto listing = list_once<T>(path, bound, parse, deadline, marker_gone);
    if (listing || !marker_gone) return listing;
    if (attempt == kListingAttempts) return fail(ErrorKind::kUnavailable, "{} listings in a row broke off: {}", attempt, listing.error().message);
  }
}

Result<Done> Nova::Impl::negotiate(Instant deadline) {
  const auto body = get("/", deadline);
  if (!body) return tl::unexpected(body.error());
  const auto range = parse_versions(*body);
  if (!range) return tl::unexpected(range.error());
  const auto chosen = choose_microversion(*range);
  if (!chosen) return tl::unexpected(chosen.error());
  version = *chosen;
  return Done{};
}

Nova::Nova(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Nova::~Nova() = default;

Result<std::unique_ptr<Nova>> Nova::connect(CloudConfig config, http::Client::Observer observer, Instant deadline) {
  const http::Tls tls{config.ca_pem, config.client_cert_pem, config.client_key_pem, config.insecure};
  auto keystone = Keystone::create(std::move(config), observer);
  if (!keystone) return tl::unexpected(keystone.error());
  const auto listed = (*keystone)->endpoint("compute", deadline);
  if (!listed) return tl::unexpected(listed.error());
  const std::string url = compute_url(*listed);
  auto client = http::Client::create(url, tls, user_agent(), std::move(observer));
  if (!client) return fail(client.error(), "nova at {}", url);
  auto impl = std::make_unique<Impl>(Impl{std::move(*keystone), std::move(*client), {}});
  if (const auto done = impl->negotiate(deadline); !done) return fail(done.error(), "nova at {}", url);
  return std::unique_ptr<Nova>(new Nova(std::move(impl)));
}

std::string Nova::microversion() const { return impl_->version.text(); }

Result<Listing<nova::Service>> Nova::services(Instant deadline) {
  const auto body = impl_->get("/os-services?binary=nova-compute", deadline);
  if (!body) return fail(body.error(), "list nova services");
  auto listing = parse_services(*body);
  if (!listing) return fail(listing.error(), "list nova services");
  return listing;
}

Result<Listing<nova::Server>> Nova::servers_on(const NovaHost& host, Instant deadline) {
  if (host.empty()) return fail(ErrorKind::kInvalid, "list servers: no host");
  const std::string path = "/servers/detail?all_tenants=1&host=" + http::escape(host.value) + "&";
  auto listing = impl_->list<nova::Server>(path, kMaxServers, parse_servers, deadline);
  if (!listing) return fail(listing.error(), "list servers on {}", host.value);
  std::erase_if(listing->items, [&](const nova::Server& server) {
    if (server.host == host) return false;
    // nova drops a filter it does not grant (remove_invalid_options): these are not servers of this host.
    if (++listing->malformed > kMaxMalformedMessages) return true;
    listing->malformed_messages.push_back(server.id.value + ": listed for another host than its own");
    return true;
  });
  return listing;
}

Result<Listing<nova::Server>> Nova::servers(Instant deadline) {
  auto listing = impl_->list<nova::Server>("/servers/detail?all_tenants=1&", kMaxServers, parse_servers, deadline);
  if (!listing) return fail(listing.error(), "list servers");
  if (listing->truncated) return fail(ErrorKind::kInvalid, "list servers: there are more than {}; one vmha looks after so many at most", kMaxServers);
  return listing;
}

Result<nova::Server> Nova::server(const ServerId& id, Instant deadline) {
  if (id.empty()) return fail(ErrorKind::kInvalid, "read server: no id");
  const auto body = impl_->get("/servers/" + http::escape(id.value), deadline);
  if (!body) return fail(body.error(), "read server {}", id.value);
  return parse_server(*body);
}

/// nova/db/main/api.py migration_get_all_by_filters: `host` means source or destination and makes `source_compute` void; one status each call.
Result<Listing<nova::Migration>> Nova::migrations(const MigrationFilter& filter, Instant deadline) {
  const int asked = (filter.touches ? 1 : 0) + (filter.source ? 1 : 0) + (filter.server ? 1 : 0);
  if (asked > 1) return fail(ErrorKind::kInvalid, "list migrations: more than one of touches, source, server");
  std::string path = "/os-migrations?";
  if (filter.touches) path += "host=" + http::escape(filter.touches->value) + "&";
  if (filter.source) path += "source_compute=" + http::escape(filter.source->value) + "&";
  if (filter.server) path += "instance_uuid=" + http::escape(filter.server->value) + "&";
  if (!filter.type.empty()) path += "migration_type=" + http::escape(filter.type) + "&";
  if (!filter.status.empty()) path += "status=" + http::escape(filter.status) + "&";
  const std::size_t bound = std::clamp<std::size_t>(filter.newest, 1, kMaxMigrations);
  auto listing = impl_->list<nova::Migration>(path, bound, parse_migrations, deadline);
  if (!listing) return fail(listing.error(), "list migrations");
  return listing;
}

Result<Done> Nova::force_down(const ServiceId& id, bool forced_down, Instant deadline) {
  return impl_->update_service(id, {{"forced_down", forced_down}}, deadline);
}

Result<Done> Nova::disable(const ServiceId& id, const std::string& reason, Instant deadline) {
  return impl_->update_service(id, {{"status", "disabled"}, {"disabled_reason", reason}}, deadline);
}

Result<Done> Nova::enable(const ServiceId& id, Instant deadline) { return impl_->update_service(id, {{"status", "enabled"}}, deadline); }

Result<Done> Nova::lock(const ServerId& id, const std::string& reason, Instant deadline) {
  return impl_->server_action(id, "lock", {{"locked_reason", reason}}, deadline);
}

Result<Done> Nova::unlock(const ServerId& id, Instant deadline) { return impl_->server_action(id, "unlock", nullptr, deadline); }

Result<Done> Nova::evacuate(const ServerId& id, const std::optional<NovaHost>& destination, Instant deadline) {
  json argument = json::object();
  if (destination) argument["host"] = destination->value;
  return impl_->server_action(id, "evacuate", argument, deadline);
}

Result<Done> Nova::start(const ServerId& id, Instant deadline) { return impl_->server_action(id, "os-start", nullptr, deadline); }

Result<Done> Nova::stop(const ServerId& id, Instant deadline) { return impl_->server_action(id, "os-stop", nullptr, deadline); }

Result<Done> Nova::reset_state_to_error(const ServerId& id, Instant deadline) {
  return impl_->server_action(id, "os-resetState", {{"state", "error"}}, deadline);
}

}  // namespace vmha::openstack
