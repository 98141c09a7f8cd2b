#pragma once

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"

namespace vmha::sim {

/// What goes wrong in a run: each fault has its own time and number, so that one can be left out without changing the others.
class Plan {
 public:
  struct Fault {
    Duration after;                 ///< the calm beginning; may be negative
    Duration lasts;                 ///< what it does is over by itself then
    std::string words;
    std::function<void()> strike;
  };
  void add(Duration after, std::string words, std::function<void()> strike) { add(after, Duration{0}, std::move(words), std::move(strike)); }
  void add(Duration after, Duration lasts, std::string words, std::function<void()> strike) {
    faults_.push_back({after, lasts, std::move(words), std::move(strike)});
  }
  [[nodiscard]] const std::vector<Fault>& faults() const { return faults_; }
  [[nodiscard]] Duration last() const {
    Duration latest{0};
    for (const Fault& fault : faults_) latest = std::max(latest, fault.after + fault.lasts);
    return latest;
  }

 private:
  std::vector<Fault> faults_;
};

}  // namespace vmha::sim
