#include "clients/ceph/batch.h"

#include <cerrno>
#include <utility>

#include "clients/ceph/client.h"

namespace vmha::ceph {

Batch::Batch(Instant deadline) : deadline_(deadline), finished_(std::make_shared<Finished>()) {}

void Batch::add(librados::IoCtx io, Submit submit, Then then) {
  items_.emplace(next_, Item{std::move(io), nullptr, std::move(submit), std::move(then)});
  waiting_.push_back(next_++);
}

/// Only when it is about to be used: a sweep of 50,000 images waits as names, not as 50,000 completions and buffers.
Operation& Batch::operation_of(Item& item) {
  if (!item.operation) {
    item.operation = std::make_shared<Operation>();
    item.operation->io = item.io;
  }
  return *item.operation;
}

/// In a thread of librados. Only passes the number on: a follow-up submitted here could block the very thread that makes room for it.
void Batch::completed(librados::completion_t, void* argument) {
  const std::unique_ptr<Callback> callback(static_cast<Callback*>(argument));
  const std::lock_guard lock(callback->finished->mutex);
  callback->finished->items.push_back(callback->item);
  callback->finished->some.notify_one();
}

void Batch::submit(std::size_t index) {
  Item& item = items_.at(index);
  operation_of(item);
  auto callback = std::make_unique<Callback>(Callback{finished_, item.operation, index});
  item.operation->completion->set_complete_callback(callback.get(), &Batch::completed);
  ++in_flight_;
  const int rc = item.submit(*item.operation);
  if (rc < 0) {  // refused at once: the callback never comes
    item.operation->rc = rc;
    finish(index, true);
    return;
  }
  static_cast<void>(callback.release());  // now the callback's
}

void Batch::finish(std::size_t index, bool answered) {
  auto node = items_.extract(index);
  Operation& operation = operation_of(node.mapped());
  operation.answered = answered;
  if (!answered) operation.rc = -ETIMEDOUT;
  --in_flight_;
  node.mapped().then(operation);
}

void Batch::fill() {
  while (!waiting_.empty() && in_flight_ < static_cast<std::size_t>(kMaxPingsInFlight) && monotonic_now() < deadline_) {
    const std::size_t index = waiting_.front();
    waiting_.pop_front();
    submit(index);
  }
}

void Batch::run() {
  for (fill(); in_flight_ > 0; fill()) {
    std::deque<std::size_t> done;
    {
      std::unique_lock lock(finished_->mutex);
      finished_->some.wait_for(lock, deadline_ - monotonic_now(), [&] { return !finished_->items.empty(); });
      done.swap(finished_->items);
    }
    if (done.empty()) break;  // the deadline
    for (const std::size_t index : done) {
      Operation& operation = *items_.at(index).operation;
      operation.rc = operation.completion->get_return_value();
      finish(index, true);
    }
  }
  while (!items_.empty()) {  // in flight or never sent; their `then` may add more, which end here as well
    ++in_flight_;
    finish(items_.begin()->first, false);
  }
}

}  // namespace vmha::ceph
