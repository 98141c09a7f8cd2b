#include "api/schema.h"

#include <stdexcept>

namespace vmha::api {

void Schema::add_rule(Json& schema, std::string_view cel, std::string_view message) {
  schema["x-kubernetes-validations"].push_back({{"rule", cel}, {"message", message}});
}

Schema::Json Schema::integer(std::string_view format, const FieldOptions& options) {
  Json schema = {{"type", "integer"}, {"format", format}};
  if (options.min) schema["minimum"] = *options.min;
  if (options.max) schema["maximum"] = *options.max;
  return schema;
}

Schema::Json Schema::string(std::string_view name, const FieldOptions& options) {
  if (options.max_length == 0) throw std::logic_error(std::string{name} + " has no max_length");
  Json schema = {{"type", "string"}};
  if (options.min_length > 0) schema["minLength"] = options.min_length;
  schema["maxLength"] = options.max_length;
  return schema;
}

Schema::Json Schema::list(std::string_view name, Json items, const FieldOptions& options) {
  if (options.max_items == 0) throw std::logic_error(std::string{name} + " has no max_items");
  Json schema = {{"type", "array"}};
  if (options.min_items > 0) schema["minItems"] = options.min_items;
  schema["maxItems"] = options.max_items;
  if (!options.key.empty()) {
    schema["x-kubernetes-list-type"] = "map";
    schema["x-kubernetes-list-map-keys"] = {options.key};
  } else {
    schema["x-kubernetes-list-type"] = options.set ? "set" : "atomic";
  }
  schema["items"] = std::move(items);
  return schema;
}

Schema::Json Schema::defaults_inside(const Json& schema) {
  Json defaults = Json::object();
  for (const auto& [name, property] : schema.at("properties").items()) {
    if (property.contains("default")) defaults[name] = property.at("default");
  }
  return defaults;
}

Schema::Json Schema::finish() {
  Json schema = {{"type", "object"}};
  if (!required_.empty()) schema["required"] = required_;
  schema["properties"] = std::move(properties_);
  if (own_.contains("x-kubernetes-validations")) schema["x-kubernetes-validations"] = std::move(own_["x-kubernetes-validations"]);
  return schema;
}

}  // namespace vmha::api
