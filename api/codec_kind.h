#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "api/decode.h"
#include "api/describe_meta.h"
#include "api/encode.h"
#include "api/names.h"
#include "api/schema.h"

/// What the .cc files of the kinds share. `Object` has metadata, spec and status.
namespace vmha::api {

/// "ComputeNode openstack/compute-1", as far as the object says.
[[nodiscard]] std::string label_of(std::string_view kind, const nlohmann::json& object);

/// nullopt, or why this is no object of that kind and of our group and version (items of a list may leave both out) with metadata and spec.
[[nodiscard]] std::optional<Error> check_envelope(std::string_view kind, const nlohmann::json& object);

/// Text to JSON; kInvalid with the position if it is none.
[[nodiscard]] Result<nlohmann::json> parse_json(std::string_view text);

/// apiVersion, kind and metadata for a create (labels, annotations, finalizers) or for a status write (uid, resourceVersion).
[[nodiscard]] nlohmann::json head(std::string_view kind, const ObjectMeta& metadata, bool create);

template <class Part>
std::optional<Error> decode_part(const nlohmann::json& object, const char* name, Part& part) {
  const auto it = object.find(name);
  if (it == object.end() || it->is_null()) return std::nullopt;
  Decode visitor(*it, name);
  visitor.read_struct(part);
  return visitor.error();
}

template <class Object>
Result<Object> decode_object(std::string_view kind, const nlohmann::json& object) {
  Object out;
  std::optional<Error> error = check_envelope(kind, object);
  if (!error) error = decode_part(object, "metadata", out.metadata);
  if (!error) error = decode_part(object, "spec", out.spec);
  if (!error) error = decode_part(object, "status", out.status);
  if (error) return fail(*error, "{}", label_of(kind, object));
  return out;
}

template <class Object>
nlohmann::json encode_object(std::string_view kind, const Object& object) {
  nlohmann::json out = {{"apiVersion", kApiVersion}, {"kind", kind}};
  out["metadata"] = Encode::object(object.metadata);
  out["spec"] = Encode::object(object.spec);
  out["status"] = Encode::object(object.status);
  return out;
}

template <class Object>
nlohmann::json encode_new_object(std::string_view kind, const Object& object) {
  nlohmann::json out = head(kind, object.metadata, true);
  out["spec"] = Encode::object(object.spec);
  return out;
}

template <class Object>
nlohmann::json encode_status_object(std::string_view kind, const Object& object) {
  nlohmann::json out = head(kind, object.metadata, false);
  out["status"] = Encode::object(object.status);
  return out;
}

/// The schemas of spec and status: {"spec": ..., "status": ...}. For vmha-crdgen.
[[nodiscard]] nlohmann::ordered_json policy_schema();
[[nodiscard]] nlohmann::ordered_json compute_node_schema();
[[nodiscard]] nlohmann::ordered_json protected_instance_schema();

}  // namespace vmha::api
