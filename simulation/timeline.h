#pragma once

#include <cstdio>
#include <string>
#include <utility>

#include <fmt/core.h>

#include "simulation/scheduler.h"

namespace vmha::sim {

/// What happened, a line each, for people (--trace).
class Timeline {
 public:
  enum class Level { kNothing, kHappenings, kEverything };
  Timeline(const Scheduler& clock, Level level) : clock_(clock), level_(level) {}

  template <class... Args>
  void say(const char* who, fmt::format_string<Args...> text, Args&&... args) const {
    if (!is_on()) return;
    const auto passed = std::chrono::duration_cast<milliseconds>(clock_.now() - Scheduler::kStart).count();
    fmt::print("{:9.3f} s  {:<10} {}\n", static_cast<double>(passed) / 1000.0, who, fmt::format(text, std::forward<Args>(args)...));
  }
  template <class... Args>
  void detail(const char* who, fmt::format_string<Args...> text, Args&&... args) const {
    if (level_ == Level::kEverything) say(who, text, std::forward<Args>(args)...);
  }
  [[nodiscard]] bool is_on() const { return level_ != Level::kNothing; }

 private:
  const Scheduler& clock_;
  Level level_;
};

}  // namespace vmha::sim
