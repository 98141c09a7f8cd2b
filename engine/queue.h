#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "base/time.h"

namespace vmha {

/// Which objects have to be looked at, and when. A key is in it at most once; the higher priority goes first.
class Queue {
 public:
  enum class Priority { kFence = 0, kRecovery = 1, kOrdinary = 2, kResync = 3 };

  void add(const std::string& key, Priority priority) {
    const auto known = priority_of_.find(key);
    if (known != priority_of_.end()) {
      if (known->second <= priority) return;
      ready_.erase({known->second, key});
    }
    priority_of_[key] = priority;
    ready_.insert({priority, key});
  }

  /// Look at it again then; an earlier wish is kept.
  void wake(const std::string& key, Instant when) {
    const auto [found, fresh] = wake_at_.emplace(key, when);
    if (!fresh && found->second <= when) return;
    if (!fresh) timers_.erase({found->second, key});
    found->second = when;
    timers_.insert({when, key});
  }

  /// Moves what is due to the ready keys.
  void fire(Instant now, Priority priority) {
    while (!timers_.empty() && timers_.begin()->first <= now) {
      const std::string key = timers_.begin()->second;
      timers_.erase(timers_.begin());
      wake_at_.erase(key);
      add(key, priority);
    }
  }

  std::optional<std::string> take() {
    if (ready_.empty()) return std::nullopt;
    const std::string key = ready_.begin()->second;
    ready_.erase(ready_.begin());
    priority_of_.erase(key);
    return key;
  }

  void forget(const std::string& key) {
    if (const auto known = priority_of_.find(key); known != priority_of_.end()) {
      ready_.erase({known->second, key});
      priority_of_.erase(known);
    }
    if (const auto timer = wake_at_.find(key); timer != wake_at_.end()) {
      timers_.erase({timer->second, key});
      wake_at_.erase(timer);
    }
  }

  [[nodiscard]] std::size_t depth() const { return ready_.size(); }

 private:
  std::set<std::pair<Priority, std::string>> ready_;
  std::map<std::string, Priority> priority_of_;
  std::set<std::pair<Instant, std::string>> timers_;
  std::map<std::string, Instant> wake_at_;
};

}  // namespace vmha
