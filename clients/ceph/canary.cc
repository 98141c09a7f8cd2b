#include <cerrno>
#include <utility>

#include "clients/ceph/session.h"

namespace vmha::ceph {
namespace {

// Short, so that the canary of a vmha that was killed is not waited for in every round of the next one; sound with a tick of 1 s.
constexpr std::uint32_t kWatchSeconds = 5;

std::string right_of(librados::IoCtx& io) {
  return "osd 'allow rw pool=" + io.get_pool_name() + " object_prefix " + kCanaryObject + "'";
}

}  // namespace

void Canary::handle_notify(std::uint64_t notify, std::uint64_t handle, std::uint64_t, librados::bufferlist&) {
  librados::bufferlist nothing;
  io_.notify_ack(kCanaryObject, notify, handle, nothing);
}

void Canary::handle_error(std::uint64_t handle, int) {
  const std::lock_guard lock(mutex_);
  if (handle_ == handle) handle_ = 0;  // the next round watches again
}

Result<Done> Canary::ensure(Instant deadline) {
  std::uint64_t old = 0;
  {
    std::unique_lock lock(mutex_);
    established_.wait_for(lock, deadline - monotonic_now(), [&] { return !establishing_; });
    if (establishing_) return fail(ErrorKind::kTimeout, "watch {}: no answer in time", kCanaryObject);
    if (handle_ != 0 && io_.watch_check(handle_) >= 0) return Done{};
    old = std::exchange(handle_, 0);
    establishing_ = true;
  }
  if (old != 0) {  // without waiting: it is broken
    librados::AioCompletion* completion = librados::Rados::aio_create_completion();
    io_.aio_unwatch(old, completion);
    completion->release();
  }
  const auto watched = watch(deadline);
  const std::lock_guard lock(mutex_);
  establishing_ = false;
  established_.notify_all();
  return watched;
}

void Canary::stop(Instant deadline) {
  std::uint64_t old = 0;
  {
    const std::lock_guard lock(mutex_);
    old = std::exchange(handle_, 0);
  }
  if (old == 0) return;
  Batch batch(deadline);
  batch.add(
      io_, [old](Operation& op) { return op.io.aio_unwatch(old, op.completion); }, [](Operation&) {});
  batch.run();
}

Result<Done> Canary::watch(Instant deadline) {
  int rc = 0;
  const auto attempt = [&](const Batch::Submit& submit, const std::function<void(Operation&)>& then) {
    Batch batch(deadline);
    batch.add(io_, submit, [&](Operation& op) {
      rc = op.rc;
      then(op);
    });
    batch.run();
  };
  const auto watch = [&] {
    attempt([this](Operation& op) { return op.io.aio_watch2(kCanaryObject, op.completion, &op.handle, this, kWatchSeconds); },
            [this](Operation& op) {
              const std::lock_guard lock(mutex_);
              if (op.rc == 0) handle_ = op.handle;
            });
  };
  watch();
  if (rc == -ENOENT) {
    attempt(
        [](Operation& op) {
          librados::ObjectWriteOperation create;
          create.create(false);
          return op.io.aio_operate(kCanaryObject, op.completion, &create);
        },
        [](Operation&) {});
    if (rc == 0) watch();
  }
  if (rc < 0) return tl::unexpected(error_of(rc, "watch " + io_.get_pool_name() + "/" + kCanaryObject, right_of(io_)));
  return Done{};
}

}  // namespace vmha::ceph
