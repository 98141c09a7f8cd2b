#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/core.h>
#include <nlohmann/json.hpp>

#include "api/describe.h"
#include "api/policy.h"
#include "base/result.h"
#include "base/time.h"

namespace vmha::api {

/// Visitor: fills a struct from JSON. Absent and null leave a member as it is; unknown fields are ignored (older and newer writers);
/// the first thing that is wrong stops it with a path and what would be right. Only for the .cc files of the kinds.
class Decode {
 public:
  Decode(const nlohmann::json& node, std::string path) : node_(&node), path_(std::move(path)) {}

  [[nodiscard]] const std::optional<Error>& error() const { return error_; }

  template <class T>
  void field(std::string_view name, T& member, const FieldOptions& options) {
    if (error_) return;
    const nlohmann::json* value = find(name);
    if (value == nullptr) {
      if (options.required) refuse(name, "is required");
      return;
    }
    within(*value, fmt::format("{}.{}", path_, name), [&] { read(member, options); });
  }

  void derived(std::string_view, const std::string&, const FieldOptions&) {}

  void rule(std::string_view, std::string_view message, bool holds) {
    if (!error_ && !holds) error_ = Error{ErrorKind::kInvalid, fmt::format("{}: {}", path_, message)};
  }
  void rule_on(std::string_view name, std::string_view, std::string_view message, bool holds) {
    if (!holds) refuse(name, message);
  }
  void rule_on_items(std::string_view name, std::string_view, std::string_view message, bool holds) {
    if (!holds) refuse(name, fmt::format("each item {}", message));
  }

  /// The node itself as a struct; it must be an object.
  template <Described T>
  void read_struct(T& out) {
    if (!node_->is_object()) return expected("an object");
    describe(out, *this);
  }

 private:
  template <class T>
  void read(T& out, const FieldOptions& options) {
    if constexpr (std::is_same_v<T, bool>) {
      read_bool(out);
    } else if constexpr (std::is_same_v<T, std::int64_t>) {
      out = read_integer(options, std::numeric_limits<std::int64_t>::max()).value_or(out);
    } else if constexpr (std::is_same_v<T, int>) {
      out = static_cast<int>(read_integer(options, std::numeric_limits<int>::max()).value_or(out));
    } else if constexpr (std::is_same_v<T, std::chrono::seconds>) {
      out = std::chrono::seconds{read_integer(options, std::numeric_limits<int>::max()).value_or(out.count())};
    } else if constexpr (std::is_same_v<T, std::string>) {
      read_string(out, options);
    } else if constexpr (kIsId<T>) {
      read_string(out.value, options);
    } else if constexpr (std::is_same_v<T, ImageId>) {
      read_image(out, options);
    } else if constexpr (std::is_same_v<T, WallTime>) {
      read_time(out);
    } else if constexpr (std::is_same_v<T, Share>) {
      read_share(out);
    } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
      read_map(out);
    } else if constexpr (NamedEnum<T>) {
      read_enum(out);
    } else if constexpr (kIsOptional<T>) {
      read(out.emplace(), options);
    } else if constexpr (kIsVector<T>) {
      read_list(out, options);
    } else {
      read_struct(out);
    }
  }

  template <NamedEnum E>
  void read_enum(E& out) {
    std::string name;
    read_string(name, {});
    if (error_) return;
    const std::optional<E> value = from_string<E>(name);
    if (!value) {
      const auto names = enum_names(E{});
      return expected("one of " + list_names(names.data(), names.size()));
    }
    out = *value;
  }

  template <class T>
  void read_list(std::vector<T>& out, const FieldOptions& options) {
    out.clear();
    if (!check_list(options)) return;
    FieldOptions item = options;
    item.min = item.max = std::nullopt;
    const nlohmann::json& list = *node_;
    for (std::size_t i = 0; i < list.size() && !error_; ++i) {
      within(list[i], fmt::format("{}[{}]", path_, i), [&] { read(out.emplace_back(), item); });
    }
  }

  template <class F>
  void within(const nlohmann::json& node, std::string path, F&& read_it) {
    const nlohmann::json* outer_node = node_;
    std::string outer_path = std::move(path_);
    node_ = &node;
    path_ = std::move(path);
    read_it();
    node_ = outer_node;
    path_ = std::move(outer_path);
  }

  const nlohmann::json* find(std::string_view name) const;
  void read_bool(bool& out);
  std::optional<std::int64_t> read_integer(const FieldOptions& options, std::int64_t largest);
  void read_string(std::string& out, const FieldOptions& options);
  void read_image(ImageId& out, const FieldOptions& options);
  void read_time(WallTime& out);
  void read_share(Share& out);
  void read_map(std::map<std::string, std::string>& out);
  bool check_list(const FieldOptions& options);
  void expected(std::string_view what);
  void refuse(std::string_view name, std::string_view message);
  static std::string list_names(const std::string_view* names, std::size_t count);

  const nlohmann::json* node_;
  std::string path_;
  std::optional<Error> error_;
};

}  // namespace vmha::api
