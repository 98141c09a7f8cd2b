#include "api/codec.h"

#include "api/codec_kind.h"

namespace vmha::api {
namespace {

std::string text_at(const nlohmann::json& object, const char* section, const char* name) {
  const auto part = object.find(section);
  if (part == object.end() || !part->is_object()) return {};
  const auto it = part->find(name);
  return it != part->end() && it->is_string() ? it->get<std::string>() : std::string{};
}

}  // namespace

std::string label_of(std::string_view kind, const nlohmann::json& object) {
  if (!object.is_object()) return std::string{kind};
  const std::string name = text_at(object, "metadata", "name");
  const std::string space = text_at(object, "metadata", "namespace");
  return fmt::format("{} {}{}{}", kind, space, space.empty() ? "" : "/", name.empty() ? "(no name)" : name);
}

std::optional<Error> check_envelope(std::string_view kind, const nlohmann::json& object) {
  if (!object.is_object()) return Error{ErrorKind::kInvalid, "must be an object"};
  const auto differs = [&](const char* field, std::string_view wanted) {
    const auto it = object.find(field);
    return it != object.end() && *it != wanted;
  };
  if (differs("apiVersion", kApiVersion)) return Error{ErrorKind::kInvalid, fmt::format("apiVersion: must be {}", kApiVersion)};
  if (differs("kind", kind)) return Error{ErrorKind::kInvalid, fmt::format("kind: must be {}", kind)};
  for (const char* part : {"metadata", "spec"}) {
    const auto it = object.find(part);
    if (it == object.end() || it->is_null()) return Error{ErrorKind::kInvalid, fmt::format("{}: is required", part)};
  }
  return std::nullopt;
}

Result<nlohmann::json> parse_json(std::string_view text) {
  try {
    return nlohmann::json::parse(text);
  } catch (const nlohmann::json::parse_error& problem) {
    return fail(ErrorKind::kInvalid, "not JSON: {}", problem.what());
  }
}

nlohmann::json head(std::string_view kind, const ObjectMeta& metadata, bool create) {
  ObjectMeta kept;
  kept.name = metadata.name;
  kept.namespace_ = metadata.namespace_;
  if (create) {
    kept.labels = metadata.labels;
    kept.annotations = metadata.annotations;
    kept.finalizers = metadata.finalizers;
  } else {
    kept.uid = metadata.uid;
    kept.resource_version = metadata.resource_version;
  }
  nlohmann::json out = {{"apiVersion", kApiVersion}, {"kind", kind}, {"metadata", Encode::object(kept)}};
  out["metadata"].erase("generation");
  return out;
}

}  // namespace vmha::api
