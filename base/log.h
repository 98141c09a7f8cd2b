#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/core.h>

namespace vmha::log {

enum class Level { kDebug, kInfo, kWarn, kError };
enum class Format { kText, kJson };

struct Field {
  std::string key;
  std::string value;
  Field(std::string_view k, std::string_view v) : key(k), value(v) {}
  template <class T>
    requires(!std::is_convertible_v<T, std::string_view>)
  Field(std::string_view k, const T& v) : key(k), value(fmt::format("{}", v)) {}
};
using Fields = std::vector<Field>;

/// Once, before the first thread. Text goes well with a terminal, JSON (one object a line) with a collector. Writes to stderr.
void configure(Level level, Format format);
void set_level(Level level);

/// A static message plus keys: log::info("Host fenced", {{"node", name}, {"attempt", n}}). Thread-safe. No secrets.
void write(Level level, std::string_view message, const Fields& fields);
inline void debug(std::string_view message, const Fields& fields = {}) { write(Level::kDebug, message, fields); }
inline void info(std::string_view message, const Fields& fields = {}) { write(Level::kInfo, message, fields); }
inline void warn(std::string_view message, const Fields& fields = {}) { write(Level::kWarn, message, fields); }
inline void error(std::string_view message, const Fields& fields = {}) { write(Level::kError, message, fields); }

/// One line as it would be written, without time: what the tests look at.
[[nodiscard]] std::string render(Format format, Level level, std::string_view message, const Fields& fields);

}  // namespace vmha::log
