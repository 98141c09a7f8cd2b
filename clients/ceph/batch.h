#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <rados/librados.hpp>
#include <string>

#include "base/time.h"

namespace vmha::ceph {

/// One asynchronous operation. It owns all that librados writes to, because an answer may come after everybody stopped waiting.
struct Operation {
  librados::IoCtx io;
  librados::bufferlist input, output;
  std::list<obj_watch_t> watchers;
  std::map<std::string, librados::bufferlist> values;
  std::uint64_t handle = 0;
  std::uint64_t size = 0;
  time_t modified = 0;
  std::shared_ptr<void> keep;  ///< other things it writes to
  int rc = 0;              ///< the operation's result, or -ETIMEDOUT if it was never answered
  bool answered = false;   ///< false: nothing came back in time

  Operation() : completion(librados::Rados::aio_create_completion()) {}
  ~Operation() { completion->release(); }
  Operation(const Operation&) = delete;
  Operation& operator=(const Operation&) = delete;

  librados::AioCompletion* completion;
};

/// Purpose: many operations, at most kMaxPingsInFlight at a time, one deadline. Lifecycle: add(), run() once, gone. Used by one thread.
/// Guarantees: each `then` is called exactly once, in run(), by its thread; operations added there still belong to this run. After the deadline nothing
/// is submitted any more and what is left ends with answered=false.
class Batch {
 public:
  using Submit = std::function<int(Operation&)>;  ///< hands `completion` to librados; a negative result ends the operation with that error
  using Then = std::function<void(Operation&)>;

  explicit Batch(Instant deadline);

  void add(librados::IoCtx io, Submit submit, Then then);
  void run();
  [[nodiscard]] Instant deadline() const { return deadline_; }

 private:
  struct Item {
    librados::IoCtx io;
    std::shared_ptr<Operation> operation;  ///< null until it is submitted
    Submit submit;
    Then then;
  };
  /// Shared with the callbacks, which may outlive the batch.
  struct Finished {
    std::mutex mutex;
    std::condition_variable some;
    std::deque<std::size_t> items;
  };
  struct Callback {
    std::shared_ptr<Finished> finished;
    std::shared_ptr<Operation> operation;
    std::size_t item;
  };

  static Operation& operation_of(Item& item);
  static void completed(librados::completion_t, void* argument);
  void submit(std::size_t index);
  void fill();
  void finish(std::size_t index, bool answered);

  const Instant deadline_;
  std::shared_ptr<Finished> finished_;
  std::deque<std::size_t> waiting_;
  std::map<std::size_t, Item> items_;  ///< not yet finished, by number
  std::size_t next_ = 0;
  std::size_t in_flight_ = 0;
};

}  // namespace vmha::ceph
