#include "base/result.h"

#include <gtest/gtest.h>

namespace vmha {
namespace {

TEST(ResultTest, ContextIsPutInFrontAndTheKindIsKept) {
  Error cause{ErrorKind::kThrottled, "slow down", std::chrono::seconds(3)};
  Result<int> result = fail(cause, "list {}", "servers");
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, ErrorKind::kThrottled);
  EXPECT_EQ(result.error().message, "list servers: slow down");
  EXPECT_EQ(result.error().retry_after, std::chrono::seconds(3));
}

TEST(ResultTest, DescribeNamesTheKind) {
  EXPECT_EQ(describe(Error{ErrorKind::kUnknownOutcome, "answer lost"}), "UnknownOutcome: answer lost");
}

}  // namespace
}  // namespace vmha
