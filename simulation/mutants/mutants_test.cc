// The checkers can fail: each broken variant of the decisions is found within a bounded number of seeds.
#include <algorithm>
#include <set>
#include <string>

#include <fmt/core.h>
#include <gtest/gtest.h>

#include "simulation/mutants/active.h"
#include "simulation/run.h"

namespace vmha::sim {
namespace {

class MutantTest : public testing::TestWithParam<int> {
 protected:
  void TearDown() override { active_mutant = 0; }
};

TEST_P(MutantTest, IsFound) {
  const Mutant& mutant = mutants()[static_cast<std::size_t>(GetParam()) - 1];
  active_mutant = GetParam();
  std::uint64_t tried = 0;
  std::set<std::string> others;
  for (std::uint64_t seed = 1; seed <= mutant.seeds; ++seed) {
    for (const std::string& profile : mutant.profiles) {
      ++tried;
      const RunResult result = run(RunOptions{*profile_named(profile), seed});
      if (result.violations.empty()) continue;
      const std::string rule = rule_of(result.violations.front());
      if (std::find(mutant.rules.begin(), mutant.rules.end(), rule) == mutant.rules.end()) {
        others.insert(rule);
        continue;
      }
      fmt::print("{:32} found by {} after {:3} seeds ({}): {}\n", mutant.name, rule, tried, profile, result.violations.front());
      return;
    }
  }
  FAIL() << mutant.name << " (" << mutant.what << ") was not found in " << tried << " runs; they violated " << testing::PrintToString(others);
}

INSTANTIATE_TEST_SUITE_P(All, MutantTest, testing::Range(1, static_cast<int>(mutants().size()) + 1), [](const auto& tested) {
  std::string name = mutants()[static_cast<std::size_t>(tested.param) - 1].name;
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
});

TEST(MutantsTest, WithNoneOfThemActiveTheSameWorldsHold) {
  for (const Mutant& mutant : mutants())
    for (const std::string& profile : mutant.profiles) EXPECT_TRUE(run(RunOptions{*profile_named(profile), 1}).violations.empty()) << profile;
}

}  // namespace
}  // namespace vmha::sim
