#include "api/decode.h"

#include <fmt/format.h>

namespace vmha::api {
namespace {

constexpr std::size_t kMaxShownBytes = 60;  // of a wrong value in an error message

/// The node as JSON text, short enough for one line.
std::string shown(const nlohmann::json& node) {
  std::string text = node.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (text.size() > kMaxShownBytes) text = text.substr(0, kMaxShownBytes) + "...";
  return text;
}

}  // namespace

const nlohmann::json* Decode::find(std::string_view name) const {
  const auto it = node_->find(name);
  return it == node_->end() || it->is_null() ? nullptr : &*it;
}

void Decode::expected(std::string_view what) {
  if (!error_) error_ = Error{ErrorKind::kInvalid, fmt::format("{}: must be {}, is {}", path_, what, shown(*node_))};
}

void Decode::refuse(std::string_view name, std::string_view message) {
  if (!error_) error_ = Error{ErrorKind::kInvalid, fmt::format("{}.{}: {}", path_, name, message)};
}

std::string Decode::list_names(const std::string_view* names, std::size_t count) {
  return fmt::format("{}", fmt::join(names, names + count, ", "));
}

void Decode::read_bool(bool& out) {
  if (!node_->is_boolean()) return expected("true or false");
  out = node_->get<bool>();
}

std::optional<std::int64_t> Decode::read_integer(const FieldOptions& options, std::int64_t largest) {
  const std::int64_t low = options.min.value_or(-largest);
  const std::int64_t high = options.max.value_or(largest);
  if (node_->is_number_integer()) {
    const bool too_big = node_->is_number_unsigned() && node_->get<std::uint64_t>() > static_cast<std::uint64_t>(largest);
    const std::int64_t value = too_big ? 0 : node_->get<std::int64_t>();
    if (!too_big && value >= low && value <= high) return value;
  }
  expected(options.max ? fmt::format("a whole number from {} to {}", low, high)
                       : fmt::format("a whole number{}", options.min ? fmt::format(" not below {}", low) : ""));
  return std::nullopt;
}

void Decode::read_string(std::string& out, const FieldOptions& options) {
  if (!node_->is_string()) return expected("a string");
  const auto& text = node_->get_ref<const std::string&>();
  if (text.size() < options.min_length) return expected(fmt::format("a string of at least {} characters", options.min_length));
  // The API server counts characters, a program bytes: a character has at most 4.
  if (options.max_length > 0 && text.size() > 4 * options.max_length) {
    return expected(fmt::format("a string of at most {} characters", options.max_length));
  }
  out = text;
}

void Decode::read_image(ImageId& out, const FieldOptions& options) {
  std::string text;
  read_string(text, options);
  if (error_) return;
  const std::size_t slash = text.find('/');
  if (slash == std::string::npos || slash == 0 || slash + 1 == text.size()) return expected("<pool>/<image>");
  out = ImageId{text.substr(0, slash), text.substr(slash + 1)};
}

void Decode::read_time(WallTime& out) {
  const std::optional<WallTime> time = node_->is_string() ? parse_rfc3339(node_->get_ref<const std::string&>()) : std::nullopt;
  if (!time) return expected("a time as in 2026-11-22T07:36:38Z");
  out = *time;
}

void Decode::read_share(Share& out) {
  static constexpr std::string_view kExpected = "a number of hosts or a percentage as in \"40%\"";
  if (node_->is_number_integer()) {
    out = Share{static_cast<int>(read_integer({.min = 0, .max = 1'000'000}, 1'000'000).value_or(0)), false};
    return;
  }
  if (!node_->is_string()) return expected(kExpected);
  const auto& text = node_->get_ref<const std::string&>();
  int value = 0;
  if (text.size() < 2 || text.size() > 4 || text.back() != '%') return expected(kExpected);
  for (const char c : std::string_view{text}.substr(0, text.size() - 1)) {
    if (c < '0' || c > '9') return expected(kExpected);
    value = value * 10 + (c - '0');
  }
  out = Share{value, true};
}

void Decode::read_map(std::map<std::string, std::string>& out) {
  if (!node_->is_object()) return expected("an object");
  out.clear();
  for (const auto& [key, value] : node_->items()) {
    if (!value.is_string()) return expected("an object of strings");
    out.emplace(key, value.get_ref<const std::string&>());
  }
}

bool Decode::check_list(const FieldOptions& options) {
  if (!node_->is_array()) return expected("a list"), false;
  if (node_->size() < options.min_items) return expected(fmt::format("a list of at least {} items", options.min_items)), false;
  if (options.max_items > 0 && node_->size() > options.max_items) {
    return expected(fmt::format("a list of at most {} items", options.max_items)), false;
  }
  return true;
}

}  // namespace vmha::api
