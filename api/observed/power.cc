#include "api/observed/power.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace vmha::power {
namespace {

constexpr std::size_t kDigits = 32;

/// The 32 digits; empty if it is no UUID.
std::string digits_of(const std::string& uuid) {
  std::string digits;
  for (const char c : uuid)
    if (c != '-') digits += c;
  const bool hex = std::ranges::all_of(digits, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
  return hex && digits.size() == kDigits ? digits : std::string();
}

/// The digits [from, from + count) with their bytes in reverse.
std::string reversed(const std::string& digits, std::size_t from, std::size_t count) {
  std::string result;
  for (std::size_t i = count; i > 0; i -= 2) result += digits.substr(from + i - 2, 2);
  return result;
}

std::string as_smbios(const std::string& digits) { return reversed(digits, 0, 8) + reversed(digits, 8, 4) + reversed(digits, 12, 4) + digits.substr(16); }
std::string as_ipmi(const std::string& digits) { return reversed(digits, 0, kDigits); }

}  // namespace

bool same_system(const std::string& uuid, const std::string& other) {
  if (uuid == other) return true;
  const std::string one = digits_of(uuid);
  const std::string two = digits_of(other);
  if (one.empty() || two.empty()) return false;
  const std::array<std::string, 5> spellings = {one, as_smbios(one), as_ipmi(one), as_ipmi(as_smbios(one)), as_smbios(as_ipmi(one))};
  return std::ranges::find(spellings, two) != spellings.end();
}

std::string system_key(const std::string& uuid) {
  std::string spelling = digits_of(uuid);
  if (spelling.empty()) return uuid;
  // The two changes, by turns, come back to where they began after eight.
  std::string smallest = spelling;
  for (int i = 0; i < 8; ++i) {
    spelling = i % 2 == 0 ? as_smbios(spelling) : as_ipmi(spelling);
    smallest = std::min(smallest, spelling);
  }
  return smallest;
}

}  // namespace vmha::power
