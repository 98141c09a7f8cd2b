#include "base/time.h"

#include <fmt/core.h>
#include <time.h>

#include <array>
#include <cctype>
#include <charconv>

namespace vmha {
namespace {

using std::chrono::microseconds;

struct CivilTime {
  std::chrono::year_month_day day;
  std::chrono::hh_mm_ss<microseconds> clock;
};

CivilTime civil(WallTime time) {
  const auto day = std::chrono::floor<std::chrono::days>(time);
  return {std::chrono::year_month_day(day), std::chrono::hh_mm_ss<microseconds>(time - day)};
}

/// The number in text[at, at+digits), or nullopt.
std::optional<int> number(std::string_view text, std::size_t at, std::size_t digits) {
  if (at + digits > text.size()) return std::nullopt;
  int value = 0;
  const char* first = text.data() + at;
  const auto [end, error] = std::from_chars(first, first + digits, value);
  if (error != std::errc() || end != first + digits || *first == '-') return std::nullopt;
  return value;
}

/// Reads ".123456" at `at`; moves `at` behind it.
std::optional<microseconds> fraction(std::string_view text, std::size_t& at) {
  if (at >= text.size() || text[at] != '.') return microseconds(0);
  std::int64_t value = 0;
  int digits = 0;
  for (++at; at < text.size() && std::isdigit(static_cast<unsigned char>(text[at])) != 0; ++at, ++digits)
    if (digits < 6) value = value * 10 + (text[at] - '0');
  if (digits == 0) return std::nullopt;
  for (; digits < 6; ++digits) value *= 10;
  return microseconds(value);
}

std::optional<microseconds> offset(std::string_view text) {
  if (text == "Z" || text == "z") return microseconds(0);
  if (text.size() != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':') return std::nullopt;
  const auto hours = number(text, 1, 2);
  const auto minutes = number(text, 4, 2);
  if (!hours || !minutes || *hours > 23 || *minutes > 59) return std::nullopt;
  const microseconds value = std::chrono::hours(*hours) + std::chrono::minutes(*minutes);
  return text[0] == '+' ? value : -value;
}

}  // namespace

Instant monotonic_now() {
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return Instant(seconds(now.tv_sec) + microseconds(now.tv_nsec / 1000));
}

WallTime wall_now() { return std::chrono::floor<microseconds>(std::chrono::system_clock::now()); }

std::string to_rfc3339(WallTime time) {
  const CivilTime c = civil(time);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", static_cast<int>(c.day.year()), static_cast<unsigned>(c.day.month()),
                     static_cast<unsigned>(c.day.day()), c.clock.hours().count(), c.clock.minutes().count(), c.clock.seconds().count());
}

std::string to_rfc3339_micro(WallTime time) {
  std::string text = to_rfc3339(time);
  text.pop_back();
  return fmt::format("{}.{:06}Z", text, civil(time).clock.subseconds().count());
}

std::optional<WallTime> parse_rfc3339(std::string_view text) {
  const auto year = number(text, 0, 4), month = number(text, 5, 2), day = number(text, 8, 2);
  const auto hour = number(text, 11, 2), minute = number(text, 14, 2), second = number(text, 17, 2);
  if (!year || !month || !day || !hour || !minute || !second) return std::nullopt;
  if (text[4] != '-' || text[7] != '-' || (text[10] != 'T' && text[10] != 't') || text[13] != ':' || text[16] != ':') return std::nullopt;
  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return std::nullopt;
  std::size_t at = 19;
  const auto micro = fraction(text, at);
  const auto zone = micro ? offset(text.substr(at)) : std::nullopt;
  if (!micro || !zone) return std::nullopt;
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(*hour) + std::chrono::minutes(*minute) + seconds(*second) + *micro - *zone;
}

std::string to_text(Duration duration) {
  const double s = std::chrono::duration<double>(duration).count();
  if (s < 10) return fmt::format("{:.1f} s", s);
  if (s < 120) return fmt::format("{:.0f} s", s);
  return fmt::format("{:.0f} min", s / 60);
}

}  // namespace vmha
