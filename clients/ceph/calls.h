#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "base/result.h"
#include "base/time.h"

namespace vmha::ceph {

/// Purpose: deadlines for calls that ignore theirs (rados_wait_for_latest_osdmap blocks for ever while the mon is stopped).
/// Each call works on a thread of its own. One that is late is left to itself: it must own everything it touches (shared_ptr), and it is
/// counted until it returns; from `max_lost` on every call fails at once, so that a hanging cluster cannot eat all threads.
/// Thread rule: any number of threads.
class Calls {
 public:
  explicit Calls(int max_lost) : max_lost_(max_lost), lost_(std::make_shared<std::atomic<int>>(0)) {}

  /// What `work` returned, or an error of kind `when_late` once `deadline` has passed.
  template <class T>
  Result<T> run(const std::string& what, Instant deadline, ErrorKind when_late, std::function<Result<T>()> work) {
    if (lost_->load() >= max_lost_) return fail(ErrorKind::kUnavailable, "{}: {} earlier calls to Ceph still hang", what, lost_->load());
    auto call = std::make_shared<Call<T>>();
    if (!start([call, lost = lost_, job = std::move(work)]() mutable {
          call->result_of(job);
          job = nullptr;  // before the count goes down: what the call owned is gone with it
          call->finish(*lost);
        }))
      return fail(ErrorKind::kUnavailable, "{}: no thread can be started", what);
    std::unique_lock lock(call->mutex);
    call->done.wait_for(lock, deadline - monotonic_now(), [&] { return call->finished; });
    if (call->finished) return std::move(*call->result);
    call->abandoned = true;
    lost_->fetch_add(1);
    return fail(when_late, "{}: no answer from Ceph in time", what);
  }

  [[nodiscard]] int lost() const { return lost_->load(); }

 private:
  template <class T>
  struct Call {
    std::mutex mutex;
    std::condition_variable done;
    std::optional<Result<T>> result;
    bool finished = false;
    bool abandoned = false;

    void result_of(const std::function<Result<T>()>& work) {
      try {
        result = work();
      } catch (const std::exception& e) {  // librados' bufferlist and JSON decoding throw
        result = fail(ErrorKind::kUnavailable, "unreadable answer from Ceph: {}", e.what());
      }
    }
    void finish(std::atomic<int>& lost) {
      const std::lock_guard lock(mutex);
      finished = true;
      if (abandoned) lost.fetch_sub(1);
      done.notify_all();
    }
  };

  static bool start(std::function<void()> body);

  const int max_lost_;
  std::shared_ptr<std::atomic<int>> lost_;
};

}  // namespace vmha::ceph
