#include "reconcilers/policy/selector.h"

#include <algorithm>

namespace vmha::policy {
namespace {

template <class Map>
bool has(const Map& map, const std::string& key, const std::optional<std::string>& value) {
  const auto found = map.find(key);
  return found != map.end() && (!value || found->second == *value);
}

bool matches_one(const api::InstanceMatch& match, const nova::Server& server) {
  if (match.metadata_key) return has(server.metadata, *match.metadata_key, match.metadata_value);
  if (match.server_tag) return std::find(server.tags.begin(), server.tags.end(), *match.server_tag) != server.tags.end();
  if (match.flavor_extra_spec) return has(server.flavor_extra_specs, match.flavor_extra_spec->key, match.flavor_extra_spec->value);
  if (match.project_id) return server.project_id == *match.project_id;
  return false;
}

}  // namespace

bool matches(const std::vector<api::InstanceMatch>& selector, const nova::Server& server) {
  if (selector.empty()) return true;
  return std::any_of(selector.begin(), selector.end(), [&](const api::InstanceMatch& match) { return matches_one(match, server); });
}

}  // namespace vmha::policy
