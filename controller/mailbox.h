#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>

#include "base/time.h"
#include "engine/event.h"

namespace vmha::controller {

/// Events on their way to the loop thread. Thread rule: put() from any thread, take() from the loop. Bounded by what makes events: one answer an
/// effect in flight, and watches, which put() holds back while the loop is kMaxWaiting behind.
class Mailbox {
 public:
  static constexpr std::size_t kMaxWaiting = 100'000;

  void put(Event event) {
    std::unique_lock lock(mutex_);
    room_.wait(lock, [this] { return events_.size() < kMaxWaiting || closed_; });
    if (closed_) return;
    events_.push_back(std::move(event));
    lock.unlock();
    arrived_.notify_one();
  }
  /// The next event, or nothing after `patience`.
  std::optional<Event> take(Duration patience) {
    std::unique_lock lock(mutex_);
    if (!arrived_.wait_for(lock, patience, [this] { return !events_.empty() || closed_; }) || events_.empty()) return std::nullopt;
    Event event = std::move(events_.front());
    events_.pop_front();
    lock.unlock();
    room_.notify_one();
    return event;
  }
  void close() {
    {
      const std::lock_guard lock(mutex_);
      closed_ = true;
    }
    arrived_.notify_all();
    room_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable arrived_;
  std::condition_variable room_;
  std::deque<Event> events_;
  bool closed_ = false;
};

}  // namespace vmha::controller
