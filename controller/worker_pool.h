#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace vmha::controller {

/// Threads for blocking calls to one outside system. Lifecycle: works until destroyed; what is queued then is dropped, what runs is waited for.
/// Thread rule: post() from any thread. Bounded: post() refuses beyond kMaxQueued.
class WorkerPool {
 public:
  static constexpr std::size_t kMaxQueued = 4096;  // effects are one a key: this is more than 1,000 hosts ask for at once

  WorkerPool(std::string name, std::size_t threads);
  ~WorkerPool();
  [[nodiscard]] bool post(std::function<void()> work);

  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

 private:
  void work(const std::stop_token& stop);

  std::mutex mutex_;
  std::condition_variable_any wake_;
  std::deque<std::function<void()>> queue_;
  std::vector<std::jthread> threads_;
};

}  // namespace vmha::controller
