// The checkers can fail: each lie that a broken vmha might tell is found within a bounded number of seeds.
#include <gtest/gtest.h>

#include "simulation/run.h"

namespace vmha::sim {
namespace {

/// The words of the first violation that names `rule`; empty: none within that many seeds.
std::string first_violation(Sabotage sabotage, const std::string& rule, std::uint64_t seeds) {
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    const RunResult result = run(RunOptions{Profile::kHostLoss, seed, Timeline::Level::kNothing, sabotage});
    for (const std::string& violation : result.violations)
      if (violation.find(rule) != std::string::npos) return violation;
  }
  return {};
}

TEST(CheckersTest, AProofThatAskedNobodyIsFoundByASecondWriter) { EXPECT_NE(first_violation(Sabotage::kProofUnread, "S1", 60), ""); }

TEST(CheckersTest, AnAcceptedPowerOffTakenForOffIsFoundByASecondWriter) { EXPECT_NE(first_violation(Sabotage::kAcceptedIsOff, "S1", 60), ""); }

TEST(CheckersTest, AnEvacuationSentTwiceIsFound) { EXPECT_NE(first_violation(Sabotage::kEvacuateTwice, "S5", 60), ""); }

TEST(CheckersTest, AReturnThatWasMadeUpIsFoundByTheMissingPowerCycle) { EXPECT_NE(first_violation(Sabotage::kReturnMade, "S4", 60), ""); }

TEST(RunTest, OneSeedGivesOneRun) {
  const RunOptions options{Profile::kHostLossCrash, 7, Timeline::Level::kNothing, Sabotage::kNone};
  const RunResult a = run(options);
  const RunResult b = run(options);
  EXPECT_EQ(a.events, b.events);
  EXPECT_EQ(a.simulated, b.simulated);
  EXPECT_EQ(a.status_writes, b.status_writes);
}

}  // namespace
}  // namespace vmha::sim
