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
  Timeline(const Scheduler& clock, bool on) : clock_(clock), on_(on) {}

  template <class... Args>
  void say(const char* who, fmt::format_string<Args...> text, Args&&... args) const {
    if (!on_) return;
    const auto passed = std::chrono::duration_cast<milliseconds>(clock_.now() - Scheduler::kStart).count();
    fmt::print("{:9.3f} s  {:<10} {}\n", static_cast<double>(passed) / 1000.0, who, fmt::format(text, std::forward<Args>(args)...));
  }
  [[nodiscard]] bool is_on() const { return on_; }

 private:
  const Scheduler& clock_;
  bool on_;
};

}  // namespace vmha::sim
