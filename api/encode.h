#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <nlohmann/json.hpp>

#include "api/conditions.h"
#include "api/describe.h"
#include "api/policy.h"
#include "base/time.h"

namespace vmha::api {

/// "2026-11-22T07:36:38Z", with a fraction only where there is one: what is decoded and encoded again stays the same.
[[nodiscard]] inline std::string time_text(WallTime time) {
  const bool whole = time == std::chrono::floor<std::chrono::seconds>(time);
  return whole ? to_rfc3339(time) : to_rfc3339_micro(time);
}

/// Visitor: makes JSON of a struct. Left out: absent optionals, and empty strings, lists and structs that are not required, so that a
/// server-side apply of the result also takes away what is gone. Only for the .cc files of the kinds.
class Encode {
 public:
  /// Visitors take members by reference to be able to write; this one only reads.
  template <Described T>
  [[nodiscard]] static nlohmann::json object(const T& value) {
    Encode visitor;
    describe(const_cast<T&>(value), visitor);
    return std::move(visitor.out_);
  }

  template <class T>
  void field(std::string_view name, const T& member, const FieldOptions& options) {
    nlohmann::json value = make(member, options);
    const bool empty = value.is_null() || (value.is_string() && value.get_ref<const std::string&>().empty()) ||
                       (value.is_structured() && value.empty());
    if (kIsOptional<T> ? !value.is_null() : (!empty || (options.required && !value.is_null()))) {
      out_[std::string{name}] = std::move(value);
    }
  }

  void derived(std::string_view name, const std::string& text, const FieldOptions&) { out_[std::string{name}] = text; }
  void rule(std::string_view, std::string_view, bool) {}
  void rule_on(std::string_view, std::string_view, std::string_view, bool) {}
  void rule_on_items(std::string_view, std::string_view, std::string_view, bool) {}

 private:
  Encode() : out_(nlohmann::json::object()) {}

  template <class T>
  static nlohmann::json make(const T& value, const FieldOptions& options) {
    if constexpr (std::is_same_v<T, bool> || std::is_integral_v<T> || std::is_same_v<T, std::map<std::string, std::string>>) {
      return value;
    } else if constexpr (std::is_same_v<T, std::chrono::seconds>) {
      return value.count();
    } else if constexpr (std::is_same_v<T, std::string>) {
      return options.cut && value.size() > options.max_length ? cut_message(value, options.max_length) : value;
    } else if constexpr (kIsId<T>) {
      return value.value;
    } else if constexpr (std::is_same_v<T, ImageId>) {
      return value.path();
    } else if constexpr (std::is_same_v<T, WallTime>) {
      return time_text(value);
    } else if constexpr (std::is_same_v<T, Share>) {
      return value.percent ? nlohmann::json(std::to_string(value.value) + "%") : nlohmann::json(value.value);
    } else if constexpr (NamedEnum<T>) {
      return std::string{to_string(value)};
    } else if constexpr (kIsOptional<T>) {
      return value ? make(*value, options) : nlohmann::json{};
    } else if constexpr (kIsVector<T>) {
      return make_list(value, options);
    } else {
      return object(value);
    }
  }

  template <class T>
  static nlohmann::json make_list(const std::vector<T>& values, const FieldOptions& options) {
    nlohmann::json list = nlohmann::json::array();
    for (const T& value : values) {
      if (options.cut && list.size() == options.max_items) break;
      list.push_back(make(value, options));
    }
    return list;
  }

  nlohmann::json out_;
};

}  // namespace vmha::api
