#include <gtest/gtest.h>

#include "simulation/run.h"

namespace vmha::sim {
namespace {

TEST(RunTest, OneSeedGivesOneRun) {
  const RunOptions options{Profile::kAnything, 7};
  const RunResult a = run(options);
  const RunResult b = run(options);
  EXPECT_EQ(a.events, b.events);
  EXPECT_EQ(a.simulated, b.simulated);
  EXPECT_EQ(a.status_writes, b.status_writes);
  EXPECT_EQ(a.plan, b.plan);
}

TEST(RunTest, AFaultLeftOutChangesNoOther) {
  RunOptions options{Profile::kAnything, 7};
  const RunResult a = run(options);
  ASSERT_GE(a.plan.size(), 2U);
  options.drop = {1};
  EXPECT_EQ(run(options).plan, a.plan);
}

}  // namespace
}  // namespace vmha::sim
