#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/observed/nova.h"
#include "base/result.h"
#include "base/time.h"
#include "clients/openstack/nova.h"

/// Text of nova's and keystone's answers to values. Pure. Errors: kUnavailable when a body is not what the API promises (a proxy's page, a cut
/// answer); a bad element of a list is counted in the Listing instead.
namespace vmha::openstack {

template <class T>
struct Page {
  Listing<T> listing;
  std::string next_marker;  ///< from the link rel=next; empty: this was the last page
};

[[nodiscard]] Result<Listing<nova::Service>> parse_services(std::string_view body);
/// A server that cannot be read but for its id and host is an item with `unreadable` set; others are malformed.
[[nodiscard]] Result<Page<nova::Server>> parse_servers(std::string_view body);
[[nodiscard]] Result<nova::Server> parse_server(std::string_view body);
[[nodiscard]] Result<Page<nova::Migration>> parse_migrations(std::string_view body);

struct Microversion {
  int major = 0;
  int minor = 0;
  auto operator<=>(const Microversion&) const = default;
  [[nodiscard]] std::string text() const { return std::to_string(major) + "." + std::to_string(minor); }
};
struct MicroversionRange {
  Microversion min;
  Microversion max;
};
/// GET on the compute endpoint: {"version": {"id": "v2.1", "min_version": "2.1", "version": "2.93"}}.
[[nodiscard]] Result<MicroversionRange> parse_versions(std::string_view body);

struct Endpoint {
  std::string type;
  std::string interface;
  std::string region;
  std::string url;
  bool operator==(const Endpoint&) const = default;
};
/// POST /v3/auth/tokens (keystone api-ref, identity v3): `token.expires_at - token.issued_at`, both of keystone's clock, and `token.catalog`.
struct TokenAnswer {
  Duration lifetime{0};
  std::vector<Endpoint> catalog;
};
[[nodiscard]] Result<TokenAnswer> parse_token(std::string_view body);

}  // namespace vmha::openstack
