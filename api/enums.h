#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string_view>
#include <type_traits>

namespace vmha::api {

/// An enum of the API: `enum_names(E)` beside it lists the CamelCase names in the order of the enumerators, which count from 0.
template <class E>
concept NamedEnum = std::is_enum_v<E> && requires(E value) {
  { enum_names(value).size() } -> std::convertible_to<std::size_t>;
};

/// The name as it stands in YAML: VerdictValue::kAgentDown is "AgentDown".
template <NamedEnum E>
[[nodiscard]] constexpr std::string_view to_string(E value) {
  const auto names = enum_names(value);
  const auto index = static_cast<std::size_t>(value);
  return index < names.size() ? names[index] : std::string_view{"Unknown"};
}

/// The other way round; nullopt for a name this version does not know.
template <NamedEnum E>
[[nodiscard]] constexpr std::optional<E> from_string(std::string_view name) {
  const auto names = enum_names(E{});
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == name) return static_cast<E>(i);
  }
  return std::nullopt;
}

template <std::size_t N>
using EnumNames = std::array<std::string_view, N>;

}  // namespace vmha::api
