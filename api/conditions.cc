#include "api/conditions.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

namespace vmha::api {
namespace {

constexpr std::string_view kEllipsis = "...";

bool continues_a_character(char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; }

}  // namespace

void set_condition(std::vector<Condition>& conditions, std::string_view type, ConditionStatus status, std::string_view reason,
                   std::string_view message, std::optional<std::int64_t> observed_generation, WallTime now) {
  auto it = std::ranges::find(conditions, type, &Condition::type);
  const bool is_new = it == conditions.end();
  if (is_new) {
    it = conditions.emplace(conditions.end());
    it->type = std::string{type};
  }
  if (is_new || it->status != status || !it->last_transition_time) {
    it->last_transition_time = std::chrono::floor<std::chrono::seconds>(now);
  }
  it->status = status;
  it->reason = std::string{reason};
  it->message = cut_message(message);
  it->observed_generation = observed_generation;
}

const Condition* find_condition(const std::vector<Condition>& conditions, std::string_view type) {
  const auto it = std::ranges::find(conditions, type, &Condition::type);
  return it == conditions.end() ? nullptr : &*it;
}

bool is_true(const std::vector<Condition>& conditions, std::string_view type) {
  const Condition* found = find_condition(conditions, type);
  return found != nullptr && found->status == ConditionStatus::kTrue;
}

std::string cut_message(std::string_view message, std::size_t max_bytes) {
  if (message.size() <= max_bytes) return std::string{message};
  const std::string_view ellipsis = kEllipsis.substr(0, std::min(kEllipsis.size(), max_bytes));
  std::size_t end = max_bytes - ellipsis.size();
  while (end > 0 && continues_a_character(message[end])) --end;
  return std::string{message.substr(0, end)}.append(ellipsis);
}

std::string join_some(const std::vector<std::string>& items, std::size_t max_bytes) {
  std::string all = fmt::format("{}", fmt::join(items, ", "));
  if (all.size() <= max_bytes) return all;
  std::string text = fmt::format("{} items", items.size());  // when not even the first one fits
  std::string listed;
  for (std::size_t count = 1; count < items.size(); ++count) {
    listed += (count == 1 ? "" : ", ") + items[count - 1];
    const std::string next = fmt::format("{} and {} more", listed, items.size() - count);
    if (next.size() > max_bytes) break;
    text = next;
  }
  return cut_message(text, max_bytes);
}

}  // namespace vmha::api
