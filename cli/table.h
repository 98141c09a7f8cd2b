#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"

/// Text for a terminal: aligned columns, colours that can be left out, ages.
namespace vmha::cli {

enum class Colour { kNone, kGood, kBad, kWarn, kBold, kDim };

struct Cell {
  std::string text;
  Colour colour = Colour::kNone;
};

/// Colours are written only when this is true: a terminal, and NO_COLOR not set.
struct Paint {
  bool on = false;
  [[nodiscard]] std::string operator()(std::string_view text, Colour colour) const;
};

/// A line a row, columns as wide as their widest cell, two spaces between, nothing behind the last. The first row is the head.
/// What comes from a cluster is shown on one line: control characters become spaces.
[[nodiscard]] std::string table(const std::vector<std::vector<Cell>>& rows, const Paint& paint, std::string_view indent = "");

/// One line of text without control characters: no resource can send an escape sequence to a terminal.
[[nodiscard]] std::string clean(std::string_view text);

/// "12s", "3m10s", "2h5m", "4d3h"; as kubectl shows ages.
[[nodiscard]] std::string age(seconds time);

}  // namespace vmha::cli
