#pragma once

#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "api/compute_node.h"
#include "api/policy.h"
#include "api/protected_instance.h"
#include "base/result.h"

/// The resources as JSON. Decoding ignores unknown fields and never throws; Error kInvalid names object, path and what would be right:
/// "ComputeNode openstack/compute-1: spec.fencing.devices[0].level: must be a whole number from 1 to 9, is 0".
namespace vmha::api {

[[nodiscard]] Result<HAPolicy> decode_policy(const nlohmann::json& object);
[[nodiscard]] Result<ComputeNode> decode_compute_node(const nlohmann::json& object);
[[nodiscard]] Result<ProtectedInstance> decode_protected_instance(const nlohmann::json& object);

/// The same from text.
[[nodiscard]] Result<HAPolicy> parse_policy(std::string_view text);
[[nodiscard]] Result<ComputeNode> parse_compute_node(std::string_view text);
[[nodiscard]] Result<ProtectedInstance> parse_protected_instance(std::string_view text);

/// The whole object: apiVersion, kind, metadata, spec, status.
[[nodiscard]] nlohmann::json encode(const HAPolicy& object);
[[nodiscard]] nlohmann::json encode(const ComputeNode& object);
[[nodiscard]] nlohmann::json encode(const ProtectedInstance& object);

/// What creates the object: no status, and of metadata only name, namespace, labels, annotations and finalizers.
[[nodiscard]] nlohmann::json encode_new(const HAPolicy& object);
[[nodiscard]] nlohmann::json encode_new(const ComputeNode& object);
[[nodiscard]] nlohmann::json encode_new(const ProtectedInstance& object);

/// The body of a server-side apply on /status: the whole status (what is left out is taken away), with uid and resourceVersion where
/// known, so that a write decided on an older version or on a deleted namesake ends as a Conflict.
[[nodiscard]] nlohmann::json encode_status(const HAPolicy& object);
[[nodiscard]] nlohmann::json encode_status(const ComputeNode& object);
[[nodiscard]] nlohmann::json encode_status(const ProtectedInstance& object);

}  // namespace vmha::api
