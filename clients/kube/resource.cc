#include "clients/kube/resource.h"

#include "clients/http/client.h"

namespace vmha::kube {

std::string Resource::collection_path() const {
  std::string path = group.empty() ? "/api/" : "/apis/" + http::escape(group) + "/";
  path += http::escape(version) + "/";
  if (!ns.empty()) path += "namespaces/" + http::escape(ns) + "/";
  return path + http::escape(plural);
}

std::string Resource::object_path(std::string_view name, std::string_view subresource) const {
  std::string path = collection_path() + "/" + http::escape(name);
  if (!subresource.empty()) path += "/" + http::escape(subresource);
  return path;
}

std::string Resource::text() const { return group.empty() ? plural : plural + "." + group; }

}  // namespace vmha::kube
