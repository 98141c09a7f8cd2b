#include "cli/table.h"

#include <algorithm>

#include <fmt/core.h>

namespace vmha::cli {
namespace {

std::string_view code_of(Colour colour) {
  switch (colour) {
    case Colour::kGood: return "32";
    case Colour::kBad: return "31";
    case Colour::kWarn: return "33";
    case Colour::kBold: return "1";
    case Colour::kDim: return "2";
    case Colour::kNone: break;
  }
  return "";
}

/// Characters, not bytes: of a UTF-8 sequence only its first byte counts.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string Paint::operator()(std::string_view text, Colour colour) const {
  if (!on || colour == Colour::kNone || text.empty()) return std::string(text);
  return fmt::format("\033[{}m{}\033[0m", code_of(colour), text);
}

std::string clean(std::string_view text) {
  std::string out(text);
  std::ranges::replace_if(out, [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; }, ' ');
  return out;
}

std::string table(const std::vector<std::vector<Cell>>& rows, const Paint& paint, std::string_view indent) {
  std::vector<std::size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(row[i].text));
  }
  std::string out;
  for (const auto& row : rows) {
    std::string line(indent);
    std::size_t owed = 0;  // spaces that only count when something follows
    for (std::size_t i = 0; i < row.size(); ++i) {
      const std::string text = clean(row[i].text);
      if (!text.empty()) {
        line += std::string(owed, ' ') + paint(text, row[i].colour);
        owed = 0;
      }
      owed += widths[i] - width(text) + 2;
    }
    out += line + "\n";
  }
  return out;
}

std::string age(seconds time) {
  const auto s = std::max<std::int64_t>(0, time.count());
  if (s < 120) return fmt::format("{}s", s);
  if (s < 3600) return s % 60 == 0 ? fmt::format("{}m", s / 60) : fmt::format("{}m{}s", s / 60, s % 60);
  if (s < 86'400) return s / 60 % 60 == 0 ? fmt::format("{}h", s / 3600) : fmt::format("{}h{}m", s / 3600, s / 60 % 60);
  return s / 3600 % 24 == 0 ? fmt::format("{}d", s / 86'400) : fmt::format("{}d{}h", s / 86'400, s / 3600 % 24);
}

}  // namespace vmha::cli
