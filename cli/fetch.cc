#include "cli/fetch.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/names.h"

namespace vmha::cli {
namespace {

using nlohmann::json;

template <class Object>
void keep(Result<Object> decoded, std::vector<Object>& into, std::vector<std::string>& unreadable) {
  if (decoded) into.push_back(std::move(*decoded));
  else unreadable.push_back(decoded.error().message);
}

void take(const json& object, std::string_view kind, Resources& into) {
  if (kind == api::kPolicyKind) keep(api::decode_policy(object), into.policies, into.unreadable);
  else if (kind == api::kComputeNodeKind) keep(api::decode_compute_node(object), into.nodes, into.unreadable);
  else if (kind == api::kProtectedInstanceKind) keep(api::decode_protected_instance(object), into.instances, into.unreadable);
}

Result<Done> list(kube::Client& client, std::string_view plural, std::string_view kind, Resources& into) {
  const kube::Resource resource{std::string(api::kGroup), std::string(api::kVersion), std::string(plural), into.ns};
  kube::ListQuery query;
  do {
    const auto page = client.list_page(resource, query);
    if (!page && page.error().error.kind == ErrorKind::kNotFound)
      return fail(ErrorKind::kNotFound, "the API server does not know {}.{}: install vmha's resource definitions (kubectl apply -f crds/)", plural, api::kGroup);
    if (!page) return tl::unexpected(page.error().error);
    for (const json& object : page->value("items", json::array())) take(object, kind, into);
    query.continue_token = page->value(json::json_pointer("/metadata/continue"), std::string());
  } while (!query.continue_token.empty());
  return Done{};
}

template <class Object>
void sort_by_name(std::vector<Object>& objects) {
  std::ranges::sort(objects, {}, [](const Object& object) { return object.metadata.name; });
}

void sort_all(Resources& resources) {
  sort_by_name(resources.policies);
  sort_by_name(resources.nodes);
  sort_by_name(resources.instances);
}

}  // namespace

const api::HAPolicy* Resources::policy_of(const api::ComputeNode& node) const {
  const auto found = std::ranges::find_if(policies, [&](const api::HAPolicy& policy) { return policy.metadata.name == node.spec.policy; });
  return found == policies.end() ? nullptr : &*found;
}

const api::ComputeNode* Resources::node(const std::string& name) const {
  const auto found = std::ranges::find_if(nodes, [&](const api::ComputeNode& node) { return node.metadata.name == name; });
  return found == nodes.end() ? nullptr : &*found;
}

Result<Resources> fetch(kube::Client& client, const std::string& ns, const std::string& lease_name) {
  Resources resources;
  resources.ns = ns;
  for (const auto& [plural, kind] : {std::pair{api::kPolicyPlural, api::kPolicyKind}, std::pair{api::kComputeNodePlural, api::kComputeNodeKind},
                                     std::pair{api::kProtectedInstancePlural, api::kProtectedInstanceKind}})
    if (const auto listed = list(client, plural, kind, resources); !listed) return tl::unexpected(listed.error());
  sort_all(resources);
  const auto lease = client.get({"coordination.k8s.io", "v1", "leases", ns}, lease_name);
  if (lease) resources.leader = leader_of(*lease);
  else if (lease.error().kind != ErrorKind::kNotFound && lease.error().kind != ErrorKind::kForbidden) return tl::unexpected(lease.error());
  return resources;
}

Result<Resources> from_list(const json& list, const std::string& ns) {
  Resources resources;
  resources.ns = ns;
  for (const json& object : list.value("items", json::array())) {
    const std::string kind = object.value("kind", "");
    if (kind == "Lease") resources.leader = leader_of(object);
    else take(object, kind, resources);
  }
  if (!resources.unreadable.empty()) return fail(ErrorKind::kInvalid, "{}", resources.unreadable.front());
  sort_all(resources);
  return resources;
}

}  // namespace vmha::cli
