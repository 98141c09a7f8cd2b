#pragma once

#include <compare>
#include <functional>
#include <string>

namespace vmha {

/// A string that means one thing. Two ids of different kinds do not compare or convert.
template <class Tag>
struct Id {
  std::string value;
  auto operator<=>(const Id&) const = default;
  [[nodiscard]] bool empty() const { return value.empty(); }
};

using NovaHost = Id<struct NovaHostTag>;        ///< `host` of a nova-compute service; compared exactly, never by short name
using ServiceId = Id<struct ServiceIdTag>;      ///< UUID of a nova service record
using ServerId = Id<struct ServerIdTag>;        ///< UUID of a nova server
using MigrationUuid = Id<struct MigrationTag>;  ///< UUID of a nova migration record
using FenceId = Id<struct FenceIdTag>;          ///< "<node>-<5 random characters>", never reused
using Address = Id<struct AddressTag>;          ///< an IP address without port or nonce, as Ceph prints it
using NodeName = Id<struct NodeNameTag>;        ///< metadata.name of a ComputeNode
using InstanceName = Id<struct InstanceNameTag>;  ///< metadata.name of a ProtectedInstance

/// An RBD image: "<pool>/<name>".
struct ImageId {
  std::string pool;
  std::string name;
  auto operator<=>(const ImageId&) const = default;
  [[nodiscard]] std::string path() const { return pool + "/" + name; }
};

}  // namespace vmha

template <class Tag>
struct std::hash<vmha::Id<Tag>> {
  std::size_t operator()(const vmha::Id<Tag>& id) const noexcept { return std::hash<std::string>{}(id.value); }
};
