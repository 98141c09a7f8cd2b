#include "clients/ceph/calls.h"

#include <gtest/gtest.h>

#include <latch>
#include <stdexcept>

namespace vmha::ceph {
namespace {

Instant in(milliseconds time) { return monotonic_now() + time; }

TEST(CallsTest, HandsOverWhatTheWorkReturned) {
  Calls calls(2);
  EXPECT_EQ(*calls.run<int>("count", in(seconds(10)), ErrorKind::kTimeout, [] { return 3; }), 3);
  const auto refused = calls.run<int>("count", in(seconds(10)), ErrorKind::kTimeout, [] { return fail(ErrorKind::kForbidden, "no"); });
  EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
  const auto thrown = calls.run<int>("count", in(seconds(10)), ErrorKind::kTimeout, []() -> Result<int> { throw std::runtime_error("end of buffer"); });
  EXPECT_EQ(thrown.error().kind, ErrorKind::kUnavailable);
}

TEST(CallsTest, LostCallsAreBoundedAndComeBack) {
  Calls calls(2);
  auto release = std::make_shared<std::latch>(1);
  for (int i = 0; i < 2; ++i) {
    const auto lost = calls.run<int>("hang", in(milliseconds(20)), ErrorKind::kUnknownOutcome, [release] {
      release->wait();
      return 1;
    });
    EXPECT_EQ(lost.error().kind, ErrorKind::kUnknownOutcome);
  }
  EXPECT_EQ(calls.lost(), 2);
  bool ran = false;
  EXPECT_EQ(calls.run<int>("next", in(seconds(10)), ErrorKind::kTimeout, [&ran] { return ran = true; }).error().kind, ErrorKind::kUnavailable);
  EXPECT_FALSE(ran);
  release->count_down();
  for (const Instant end = in(seconds(10)); calls.lost() > 0 && monotonic_now() < end;) std::this_thread::yield();
  EXPECT_EQ(*calls.run<int>("next", in(seconds(10)), ErrorKind::kTimeout, [] { return 1; }), 1);
}

}  // namespace
}  // namespace vmha::ceph
