#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/describe.h"
#include "api/policy.h"
#include "base/time.h"

namespace vmha::api {

/// Visitor: the OpenAPI v3 structural schema of a struct, in the order of its fields. A string without maxLength or a list without
/// maxItems is refused (std::logic_error): the API server's bound on the cost of CEL rests on them. Only for the .cc files of the kinds.
class Schema {
 public:
  using Json = nlohmann::ordered_json;

  template <Described T>
  [[nodiscard]] static Json object() {
    T value{};
    Schema visitor;
    describe(value, visitor);
    return visitor.finish();
  }

  template <class T>
  void field(std::string_view name, const T& member, const FieldOptions& options) {
    Json schema = {{"description", options.doc}};
    schema.update(type_of<T>(name, options));
    if constexpr (Described<T>) {
      // Defaults inside are applied only where the outer object is there; and rules of a default are evaluated before that, so it is complete.
      Json defaults = defaults_inside(schema);
      if (!defaults.empty()) schema["default"] = std::move(defaults);
    } else if (options.defaulted) {
      schema["default"] = default_of(member);
    }
    if (options.required) required_.push_back(std::string{name});
    properties_[std::string{name}] = std::move(schema);
  }

  void derived(std::string_view name, const std::string& text, const FieldOptions& options) { field(name, text, options); }
  void rule(std::string_view cel, std::string_view message, bool) { add_rule(own_, cel, message); }
  void rule_on(std::string_view name, std::string_view cel, std::string_view message, bool) {
    add_rule(properties_.at(std::string{name}), cel, message);
  }
  void rule_on_items(std::string_view name, std::string_view cel, std::string_view message, bool) {
    add_rule(properties_.at(std::string{name}).at("items"), cel, message);
  }

  static void add_rule(Json& schema, std::string_view cel, std::string_view message);

 private:
  template <class T>
  static Json type_of(std::string_view name, const FieldOptions& options) {
    if constexpr (std::is_same_v<T, bool>) {
      return {{"type", "boolean"}};
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      return integer("int64", options);
    } else if constexpr (std::is_same_v<T, int> || std::is_same_v<T, std::chrono::seconds>) {
      return integer("int32", options);
    } else if constexpr (std::is_same_v<T, std::string> || std::is_same_v<T, ImageId> || kIsId<T>) {
      return string(name, options);
    } else if constexpr (std::is_same_v<T, WallTime>) {
      return {{"type", "string"}, {"format", "date-time"}};
    } else if constexpr (std::is_same_v<T, Share>) {
      return {{"x-kubernetes-int-or-string", true}, {"maxLength", 8}};
    } else if constexpr (NamedEnum<T>) {
      return {{"type", "string"}, {"enum", enum_names(T{})}};
    } else if constexpr (kIsOptional<T>) {
      return type_of<typename T::value_type>(name, options);
    } else if constexpr (kIsVector<T>) {
      return list(name, type_of<typename T::value_type>(name, options), options);
    } else {
      return object<T>();
    }
  }

  template <class T>
  static Json default_of(const T& value) {
    if constexpr (std::is_same_v<T, std::chrono::seconds>) {
      return value.count();
    } else if constexpr (NamedEnum<T>) {
      return std::string{to_string(value)};
    } else if constexpr (std::is_same_v<T, Share>) {
      return value.percent ? Json(std::to_string(value.value) + "%") : Json(value.value);
    } else if constexpr (kIsVector<T>) {
      Json list = Json::array();
      for (const auto& item : value) list.push_back(default_of(item));
      return list;
    } else if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, int> || std::is_same_v<T, std::string>) {
      return value;
    } else {
      throw std::logic_error("a field of this type has no default");
    }
  }

  static Json integer(std::string_view format, const FieldOptions& options);
  static Json string(std::string_view name, const FieldOptions& options);
  static Json list(std::string_view name, Json items, const FieldOptions& options);
  static Json defaults_inside(const Json& schema);
  Json finish();

  Json properties_ = Json::object();
  Json own_ = {{"type", "object"}};
  std::vector<std::string> required_;
};

}  // namespace vmha::api
