// Checks of single values that the API server makes in CEL and Decode makes here.
#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "api/describe.h"
#include "api/policy.h"

namespace vmha::api {
namespace {

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_lower_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); }
bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

std::optional<int> small_number(std::string_view text, int max) {
  int value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || !is_digit(text.front()) || problem != std::errc{} || end != text.data() + text.size() || value > max) return std::nullopt;
  return value;
}

/// 32, 128 or nullopt.
std::optional<int> address_bits(const std::string& text) {
  std::array<unsigned char, 16> bytes{};
  if (inet_pton(AF_INET, text.c_str(), bytes.data()) == 1) return 32;
  if (inet_pton(AF_INET6, text.c_str(), bytes.data()) == 1) return 128;
  return std::nullopt;
}

}  // namespace

int Share::of(int total) const {
  if (!percent) return std::max(1, value);
  return std::max(1, static_cast<int>(static_cast<std::int64_t>(total) * value / 100));
}

bool is_address_or_range(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::optional<int> bits = address_bits(std::string{text.substr(0, slash)});
  if (!bits) return false;
  return slash == std::string_view::npos || small_number(text.substr(slash + 1), *bits).has_value();
}

bool is_https_origin(std::string_view text) {
  static constexpr std::string_view kScheme = "https://";
  if (!text.starts_with(kScheme)) return false;
  text.remove_prefix(kScheme.size());
  if (text.ends_with('/')) text.remove_suffix(1);
  std::string_view host = text;
  std::string_view port;
  const std::size_t colon = text.rfind(':');
  const std::size_t bracket = text.rfind(']');
  if (colon != std::string_view::npos && (bracket == std::string_view::npos || colon > bracket)) {
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
    if (port.size() > 5 || !small_number(port, 65535)) return false;
  }
  if (host.starts_with('[')) {
    return host.ends_with(']') && address_bits(std::string{host.substr(1, host.size() - 2)}) == 128;
  }
  return !host.empty() && std::ranges::all_of(host, [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_host_and_port(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return false;
  const std::string_view host = text.substr(0, colon);
  const std::string_view port = text.substr(colon + 1);
  if (port.size() > 5 || port.starts_with('0') || !small_number(port, 65535)) return false;
  if (host.starts_with('[')) return host.ends_with(']') && address_bits(std::string{host.substr(1, host.size() - 2)}) == 128;
  return !host.empty() && (is_letter(host.front()) || is_digit(host.front())) &&
         std::ranges::all_of(host, [](char c) { return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-'; });
}

bool is_agent_name(std::string_view text) {
  static constexpr std::string_view kPrefix = "fence_";
  return text.size() > kPrefix.size() && text.starts_with(kPrefix) &&
         std::ranges::all_of(text, [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '_'; });
}

bool switches_power(std::string_view agent) {
  static constexpr std::array<std::string_view, 15> kOthers = {
      "fence_dummy",   "fence_scsi",    "fence_mpath",           "fence_kdump", "fence_sbd",     "fence_watchdog",  "fence_evacuate",  "fence_compute",
      "fence_brocade", "fence_ifmib",   "fence_heuristics_ping", "fence_sanbox2", "fence_cisco_mds", "fence_crosslink", "fence_ack_manual"};
  return std::ranges::find(kOthers, agent) == kOthers.end();
}

bool is_parameter_name(std::string_view text) {
  return !text.empty() && is_letter(text.front()) &&
         std::ranges::all_of(text, [](char c) { return is_letter(c) || is_digit(c) || c == '_' || c == '-'; });
}

bool is_reserved_parameter(std::string_view name) {
  static constexpr std::array<std::string_view, 9> kReserved = {"action",  "option", "nodename",    "domain",     "help",
                                                                "version", "quiet",  "ssh_options", "ssh-options"};
  if (std::ranges::find(kReserved, name) != kReserved.end() || name.starts_with("debug") || name.starts_with("verbose")) return true;
  return name.ends_with("_path") || name.ends_with("-path") || name.ends_with("_script") || name.ends_with("-script");
}

bool has_control_character(std::string_view text) {
  return std::ranges::any_of(text, [](unsigned char c) { return c < 0x20 || c == 0x7f; });
}

bool is_uuid(std::string_view text) {
  static constexpr std::string_view kShape = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
  return std::ranges::equal(text, kShape, [](char c, char shape) { return shape == '-' ? c == '-' : is_lower_hex(c); });
}

bool is_object_name(std::string_view text) {
  const auto inner = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.'; };
  const auto outer = [](char c) { return (c >= 'a' && c <= 'z') || is_digit(c); };
  return !text.empty() && outer(text.front()) && outer(text.back()) && std::ranges::all_of(text, inner);
}

}  // namespace vmha::api
