#include "base/time.h"

#include <gtest/gtest.h>

namespace vmha {
namespace {

TEST(TimeTest, Rfc3339RoundTrips) {
  const auto time = parse_rfc3339("2026-11-22T07:36:38.123456Z");
  ASSERT_TRUE(time.has_value());
  EXPECT_EQ(to_rfc3339(*time), "2026-11-22T07:36:38Z");
  EXPECT_EQ(to_rfc3339_micro(*time), "2026-11-22T07:36:38.123456Z");
}

TEST(TimeTest, OffsetsAndLongFractionsAreRead) {
  EXPECT_EQ(to_rfc3339_micro(*parse_rfc3339("2026-01-01T01:00:00.5000000009+01:00")), "2026-01-01T00:00:00.500000Z");
}

TEST(TimeTest, AnythingElseIsRefused) {
  for (const char* text : {"", "now", "2026-11-22", "2026-11-22T07:36:38", "2026-13-01T00:00:00Z", "2026-11-22T07:36:38.Z", "2026-11-22T-7:36:38Z",
                           "2026-11-22T07:36:38Zjunk", "2026-02-30T00:00:00Z"})
    EXPECT_FALSE(parse_rfc3339(text).has_value()) << text;
}

TEST(TimeTest, MonotonicTimeDoesNotGoBack) {
  const Instant first = monotonic_now();
  EXPECT_LE(first, monotonic_now());
}

}  // namespace
}  // namespace vmha
