#include "clients/openstack/parse.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <utility>

#include <nlohmann/json.hpp>

namespace vmha::openstack {
namespace {

using nlohmann::json;

std::string text_of(const json& value) {
  if (value.is_string()) return value.get<std::string>();
  if (value.is_structured()) return value.is_array() ? "[]" : "{}";
  return value.dump();
}

/// Reads one JSON object field by field and keeps the first problem: absent, null and empty are three different things.
class Fields {
 public:
  explicit Fields(const json& object) : object_(object) {
    if (!object.is_object()) problem_ = "not an object";
  }

  [[nodiscard]] const std::string& problem() const { return problem_; }
  void complain(std::string text) {
    if (problem_.empty()) problem_ = std::move(text);
  }

  [[nodiscard]] const json* find(const char* key) const {
    if (!object_.is_object()) return nullptr;
    const auto it = object_.find(key);
    return it == object_.end() ? nullptr : &*it;
  }

  /// Must be there and not empty.
  std::string text(const char* key) {
    std::string value = text_or_null(key);
    if (value.empty()) complain(std::string(key) + " is empty");
    return value;
  }
  /// Must be there; null is "".
  std::string text_or_null(const char* key) {
    if (find(key) == nullptr) complain(std::string(key) + " is absent");
    return optional_text(key);
  }
  /// May be absent or null, both "".
  std::string optional_text(const char* key) {
    const json* value = find(key);
    if (value == nullptr || value->is_null()) return "";
    if (value->is_string()) return value->get<std::string>();
    complain(std::string(key) + " is not a string");
    return "";
  }
  bool boolean(const char* key) {
    const json* value = find(key);
    if (value != nullptr && value->is_boolean()) return value->get<bool>();
    complain(std::string(key) + (value == nullptr ? " is absent" : " is not a boolean"));
    return false;
  }
  std::int64_t integer(const char* key) {
    const json* value = find(key);
    if (value != nullptr && value->is_number_integer()) return value->get<std::int64_t>();
    complain(std::string(key) + (value == nullptr ? " is absent" : " is not an integer"));
    return 0;
  }
  /// May be absent; values that are not strings are kept as JSON text, lists and objects (which nova has none of here) as "[]" and "{}":
  /// writing them out calls itself for every level, and a body can have a million of them.
  std::map<std::string, std::string> optional_map(const char* key) {
    std::map<std::string, std::string> result;
    const json* value = find(key);
    if (value == nullptr || value->is_null()) return result;
    if (!value->is_object()) complain(std::string(key) + " is not an object");
    if (!value->is_object()) return result;
    for (const auto& [name, entry] : value->items()) result[name] = text_of(entry);
    return result;
  }
  std::vector<std::string> optional_texts(const char* key) {
    std::vector<std::string> result;
    const json* value = find(key);
    if (value == nullptr || value->is_null()) return result;
    if (!value->is_array()) complain(std::string(key) + " is not a list");
    for (const json& entry : *value) {
      if (entry.is_string()) result.push_back(entry.get<std::string>());
      if (!entry.is_string()) complain(std::string(key) + " holds something else than strings");
    }
    return result;
  }

 private:
  const json& object_;
  std::string problem_;
};

template <class T>
using ReadOne = T (*)(Fields&);

std::string id_of(const json& element) {
  for (const char* key : {"id", "uuid", "host"}) {
    if (!element.is_object() || !element.contains(key)) continue;
    if (element[key].is_string()) return element[key].get<std::string>().substr(0, 64);
    if (element[key].is_number_integer()) return element[key].dump();
  }
  return "(no id)";
}

/// What is left of an element that cannot be read; nothing: it cannot even be told which one it is.
template <class T>
using Rescue = std::optional<T> (*)(const json&, const std::string& problem);

template <class T>
Listing<T> read_list(const json& list, ReadOne<T> read, Rescue<T> rescue) {
  Listing<T> listing;
  listing.items.reserve(list.size());
  for (const json& element : list) {
    Fields fields(element);
    T value = read(fields);
    if (fields.problem().empty()) {
      listing.items.push_back(std::move(value));
      continue;
    }
    if (auto rest = rescue == nullptr ? std::nullopt : rescue(element, fields.problem())) {
      listing.items.push_back(std::move(*rest));
      continue;
    }
    if (++listing.malformed <= kMaxMalformedMessages) listing.malformed_messages.push_back(id_of(element) + ": " + fields.problem());
  }
  return listing;
}

Result<json> object_with(std::string_view body, const char* key) {
  json parsed = json::parse(body, nullptr, false);
  if (parsed.is_discarded() || !parsed.is_object() || !parsed.contains(key))
    return fail(ErrorKind::kUnavailable, "the answer is not a JSON object with \"{}\" ({} bytes)", key, body.size());
  return parsed;
}

std::string marker_of(const std::string& href) {
  constexpr std::string_view kKey = "marker=";
  for (auto at = href.find(kKey); at != std::string::npos; at = href.find(kKey, at + 1)) {
    if (at == 0 || (href[at - 1] != '?' && href[at - 1] != '&')) continue;
    const auto from = at + kKey.size();
    return href.substr(from, std::min(href.find('&', from), href.size()) - from);
  }
  return "";
}

/// The list `key` and the marker of its next page. nova/api/openstack/common.py _get_collection_links: the link is there when the page is full,
/// which our own limit does not tell (the cloud's max_limit may be lower).
template <class T>
Result<Page<T>> read_page(std::string_view body, const char* key, const char* links, ReadOne<T> read, Rescue<T> rescue = nullptr) {
  const auto parsed = object_with(body, key);
  if (!parsed) return tl::unexpected(parsed.error());
  if (!(*parsed)[key].is_array()) return fail(ErrorKind::kUnavailable, "\"{}\" of the answer is not a list", key);
  Page<T> page{read_list<T>((*parsed)[key], read, rescue), ""};
  const auto it = parsed->find(links);
  if (it == parsed->end() || !it->is_array()) return page;
  for (const json& link : *it) {
    Fields fields(link);
    if (fields.optional_text("rel") != "next") continue;
    const std::string href = fields.optional_text("href");
    page.next_marker = marker_of(href);
    if (page.next_marker.empty()) return fail(ErrorKind::kUnavailable, "the link to the next page has no marker");
  }
  return page;
}

/// nova/api/openstack/compute/services.py _get_service_detail. From a cell that is down: binary, host and status UNKNOWN only.
nova::Service read_service(Fields& in) {
  nova::Service service;
  service.host.value = in.text("host");
  const std::string status = in.text("status");
  if (status == "UNKNOWN") {
    service.state_known = false;
    return service;
  }
  service.id.value = in.text("id");
  const std::string state = in.text("state");
  if (status != "enabled" && status != "disabled") in.complain("status is " + status.substr(0, 32));
  if (state != "up" && state != "down") in.complain("state is " + state.substr(0, 32));
  service.enabled = status == "enabled";
  service.up = state == "up";
  service.forced_down = in.boolean("forced_down");
  service.disabled_reason = in.text_or_null("disabled_reason");
  service.updated_at = in.text_or_null("updated_at");
  service.zone = in.optional_text("zone");
  return service;
}

void read_volumes(Fields& in, nova::Server& server) {
  constexpr const char* kKey = "os-extended-volumes:volumes_attached";
  const json* volumes = in.find(kKey);
  if (volumes == nullptr || !volumes->is_array()) return in.complain(std::string(kKey) + " is absent or not a list");
  for (const json& volume : *volumes) {
    Fields fields(volume);
    server.volumes.push_back(fields.text("id"));
    if (!fields.problem().empty()) in.complain(std::string(kKey) + ": " + fields.problem());
  }
}

/// `image` is "" for a server that boots from a volume, else {"id": ...}; `flavor` has extra_specs from 2.47 where policy shows them.
void read_image_and_flavor(Fields& in, nova::Server& server) {
  const json* image = in.find("image");
  if (image == nullptr) in.complain("image is absent");
  if (image != nullptr && image->is_object()) {
    Fields fields(*image);
    server.image_id = fields.text("id");
    server.image_properties = fields.optional_map("properties");
    in.complain(fields.problem());
  }
  const json* flavor = in.find("flavor");
  if (flavor == nullptr) return;
  Fields fields(*flavor);
  server.flavor_extra_specs = fields.optional_map("extra_specs");
  in.complain(fields.problem());
}

std::string read_fault(Fields& in) {
  const json* fault = in.find("fault");
  if (fault == nullptr || !fault->is_object()) return "";
  Fields fields(*fault);
  return fields.optional_text("message");
}

bool in_a_cell_that_is_down(const Fields& in) {
  const json* status = in.find("status");
  return status != nullptr && *status == "UNKNOWN" && in.find("OS-EXT-STS:vm_state") == nullptr;
}

/// nova/api/openstack/compute/views/servers.py show. Without administrator rights OS-EXT-SRV-ATTR:host is absent: malformed, not "no host".
nova::Server read_server(Fields& in) {
  nova::Server server;
  server.id.value = in.text("id");
  if (in_a_cell_that_is_down(in)) in.complain("its cell is down");
  server.name = in.optional_text("name");
  server.host.value = in.text_or_null("OS-EXT-SRV-ATTR:host");
  server.status = in.text("status");
  server.vm_state = in.text_or_null("OS-EXT-STS:vm_state");
  server.task_state = in.text_or_null("OS-EXT-STS:task_state");
  const json* power = in.find("OS-EXT-STS:power_state");
  const bool not_known_yet = power != nullptr && power->is_null();  // nova's own NOSTATE
  if (!not_known_yet) server.power_state = static_cast<int>(in.integer("OS-EXT-STS:power_state"));
  server.project_id = in.text_or_null("tenant_id");
  server.fault = read_fault(in);
  server.locked = in.boolean("locked");
  server.locked_reason = in.optional_text("locked_reason");
  server.metadata = in.optional_map("metadata");
  server.tags = in.optional_texts("tags");
  server.server_groups = in.optional_texts("server_groups");
  read_volumes(in, server);
  read_image_and_flavor(in, server);
  return server;
}

/// A server of known id and host is unknown for itself only: it must not hide the others. In a cell that is down no host is shown.
std::optional<nova::Server> rescue_server(const json& element, const std::string& problem) {
  Fields in(element);
  nova::Server server;
  server.id.value = in.text("id");
  server.host.value = in.text_or_null("OS-EXT-SRV-ATTR:host");
  server.unreadable = problem;
  return in.problem().empty() && !in_a_cell_that_is_down(in) ? std::optional(server) : std::nullopt;
}

/// nova/api/openstack/compute/migrations.py _output: the fields of objects/migration.py, uuid from 2.59, migration_type from 2.23.
nova::Migration read_migration(Fields& in) {
  nova::Migration migration;
  migration.id = in.integer("id");
  migration.uuid.value = in.text("uuid");
  migration.server.value = in.text("instance_uuid");
  migration.source.value = in.text_or_null("source_compute");
  migration.destination.value = in.text_or_null("dest_compute");
  migration.type = in.text("migration_type");
  migration.status = in.text("status");
  migration.created_at = in.text_or_null("created_at");
  return migration;
}

std::optional<Microversion> to_microversion(std::string_view text) {
  Microversion version;
  const char* end = text.data() + text.size();
  const auto major = std::from_chars(text.data(), end, version.major);
  if (major.ec != std::errc() || major.ptr == end || *major.ptr != '.') return std::nullopt;
  const auto minor = std::from_chars(major.ptr + 1, end, version.minor);
  if (minor.ec != std::errc() || minor.ptr != end) return std::nullopt;
  return version;
}

void read_catalog_service(const json& service, std::vector<Endpoint>& out) {
  Fields fields(service);
  const std::string type = fields.optional_text("type");
  const json* endpoints = fields.find("endpoints");
  if (type.empty() || endpoints == nullptr || !endpoints->is_array()) return;
  for (const json& entry : *endpoints) {
    Fields in(entry);
    Endpoint endpoint{type, in.text("interface"), in.optional_text("region_id"), in.text("url")};
    if (endpoint.region.empty()) endpoint.region = in.optional_text("region");
    if (in.problem().empty()) out.push_back(std::move(endpoint));
  }
}

}  // namespace

Result<Listing<nova::Service>> parse_services(std::string_view body) {
  auto page = read_page<nova::Service>(body, "services", "services_links", read_service);
  if (!page) return tl::unexpected(page.error());
  return std::move(page->listing);
}

Result<Page<nova::Server>> parse_servers(std::string_view body) { return read_page<nova::Server>(body, "servers", "servers_links", read_server, rescue_server); }

Result<nova::Server> parse_server(std::string_view body) {
  const auto parsed = object_with(body, "server");
  if (!parsed) return tl::unexpected(parsed.error());
  Fields fields((*parsed)["server"]);
  nova::Server server = read_server(fields);
  if (!fields.problem().empty()) return fail(ErrorKind::kUnavailable, "server {}: {}", id_of((*parsed)["server"]), fields.problem());
  return server;
}

Result<Page<nova::Migration>> parse_migrations(std::string_view body) {
  return read_page<nova::Migration>(body, "migrations", "migrations_links", read_migration);
}

Result<MicroversionRange> parse_versions(std::string_view body) {
  const auto parsed = object_with(body, "version");
  if (!parsed) return tl::unexpected(parsed.error());
  Fields fields((*parsed)["version"]);
  const auto max = to_microversion(fields.optional_text("version"));
  const auto min = to_microversion(fields.optional_text("min_version"));
  if (!max || !min) return fail(ErrorKind::kInvalid, "the endpoint shows no microversions; it must be nova's v2.1");
  return MicroversionRange{*min, *max};
}

Result<TokenAnswer> parse_token(std::string_view body) {
  const auto parsed = object_with(body, "token");
  if (!parsed) return tl::unexpected(parsed.error());
  Fields token((*parsed)["token"]);
  const auto issued = parse_rfc3339(token.optional_text("issued_at"));
  const auto expires = parse_rfc3339(token.optional_text("expires_at"));
  if (!issued || !expires || *expires <= *issued) return fail(ErrorKind::kUnavailable, "the token's issued_at and expires_at make no lifetime");
  TokenAnswer answer{std::chrono::duration_cast<Duration>(*expires - *issued), {}};
  const json* catalog = token.find("catalog");
  if (catalog == nullptr || !catalog->is_array()) return answer;
  for (const json& service : *catalog) read_catalog_service(service, answer.catalog);
  return answer;
}

}  // namespace vmha::openstack
