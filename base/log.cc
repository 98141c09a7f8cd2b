#include "base/log.h"

#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>

#include "base/time.h"

namespace vmha::log {
namespace {

std::atomic<Format> format_in_use{Format::kText};

spdlog::logger& sink() {
  static spdlog::logger logger = [] {
    spdlog::logger made("vmha", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    made.set_pattern("%v");
    made.set_level(spdlog::level::debug);
    made.flush_on(spdlog::level::debug);
    return made;
  }();
  return logger;
}

spdlog::level::level_enum to_spdlog(Level level) {
  switch (level) {
    case Level::kDebug: return spdlog::level::debug;
    case Level::kInfo: return spdlog::level::info;
    case Level::kWarn: return spdlog::level::warn;
    case Level::kError: return spdlog::level::err;
  }
  return spdlog::level::info;
}

const char* name(Level level) {
  switch (level) {
    case Level::kDebug: return "debug";
    case Level::kInfo: return "info";
    case Level::kWarn: return "warn";
    case Level::kError: return "error";
  }
  return "info";
}

/// A JSON string literal; control characters are escaped so that one record stays one line.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += fmt::format("\\u{:04x}", static_cast<unsigned>(c));
    } else {
      out += c;
    }
  }
  return out + "\"";
}

bool needs_quotes(std::string_view value) { return value.empty() || value.find_first_of(" =\"\\\n\t") != std::string_view::npos; }

}  // namespace

void configure(Level level, Format format) {
  format_in_use = format;
  set_level(level);
}

void set_level(Level level) { sink().set_level(to_spdlog(level)); }

std::string render(Format format, Level level, std::string_view message, const Fields& fields) {
  if (format == Format::kJson) {
    std::string line = fmt::format("\"level\":\"{}\",\"msg\":{}", name(level), quoted(message));
    for (const Field& f : fields) line += fmt::format(",{}:{}", quoted(f.key), quoted(f.value));
    return line;
  }
  std::string line = fmt::format("{:5} {}", name(level), message);
  for (const Field& f : fields) line += fmt::format(" {}={}", f.key, needs_quotes(f.value) ? quoted(f.value) : f.value);
  return line;
}

void write(Level level, std::string_view message, const Fields& fields) {
  if (!sink().should_log(to_spdlog(level))) return;
  const Format format = format_in_use;
  const std::string now = to_rfc3339_micro(wall_now());
  const std::string line = render(format, level, message, fields);
  sink().log(to_spdlog(level), format == Format::kJson ? fmt::format("{{\"ts\":\"{}\",{}}}", now, line) : fmt::format("{} {}", now, line));
}

}  // namespace vmha::log
