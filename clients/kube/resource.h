#pragma once

#include <string>
#include <string_view>

namespace vmha::kube {

/// A kind of object as the API server's paths name it, in one namespace or in all of them.
struct Resource {
  std::string group;      ///< empty: the core group
  std::string version;
  std::string plural;     ///< "computenodes"
  std::string ns = {};    ///< empty: cluster-scoped, or (for lists and watches) every namespace

  /// The same kind in another namespace.
  [[nodiscard]] Resource in(std::string_view other) const { return {group, version, plural, std::string(other)}; }

  /// "/apis/<group>/<version>/namespaces/<ns>/<plural>" (core: "/api/<version>/..."), percent-encoded.
  [[nodiscard]] std::string collection_path() const;
  /// collection_path() + "/<name>[/<subresource>]".
  [[nodiscard]] std::string object_path(std::string_view name, std::string_view subresource = {}) const;
  /// "computenodes.vmha.openstack.org", for messages.
  [[nodiscard]] std::string text() const;
};

/// What names one object among those of one Resource.
struct ObjectKey {
  std::string ns;  ///< empty: cluster-scoped
  std::string name;
  auto operator<=>(const ObjectKey&) const = default;
  [[nodiscard]] std::string text() const { return ns.empty() ? name : ns + "/" + name; }
};

}  // namespace vmha::kube
