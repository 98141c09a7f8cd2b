#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "api/limits.h"
#include "api/meta.h"
#include "base/time.h"

namespace vmha::api {

/// Sets the condition of that type in place, or appends it. last_transition_time moves to `now` (whole seconds) only when the status
/// changes or the condition is new (Kubernetes API conventions, "Typical status properties"). The message is cut (cut_message).
void set_condition(std::vector<Condition>& conditions, std::string_view type, ConditionStatus status, std::string_view reason,
                   std::string_view message, std::optional<std::int64_t> observed_generation, WallTime now);

/// nullptr if there is none of that type.
[[nodiscard]] const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type);
[[nodiscard]] bool is_true(const std::vector<Condition>& conditions, std::string_view type);

/// At most max_bytes bytes, ending in "..." where something was cut, never in the middle of a UTF-8 character.
[[nodiscard]] std::string cut_message(std::string_view message, std::size_t max_bytes = kMaxMessageBytes);

/// "a, b, c and 12 more": as many items as fit into max_bytes together with the count of the rest.
[[nodiscard]] std::string join_some(const std::vector<std::string>& items, std::size_t max_bytes);

}  // namespace vmha::api
