#include "simulation/run.h"

namespace vmha::sim {

std::string rule_of(const std::string& violation) {
  const std::size_t text = violation.find(" s: ");
  if (text == std::string::npos) return violation;
  const std::string rule = violation.substr(text + 4);
  const std::size_t colon = rule.find(':');
  return colon == std::string::npos ? rule : rule.substr(0, colon);
}

RunOptions shrink(const RunOptions& failing, const RunResult& result) {
  RunOptions smallest = failing;
  smallest.trace = Timeline::Level::kNothing;
  const std::string rule = rule_of(result.violations.front());
  for (std::size_t i = 0; i < result.plan.size(); ++i) {
    RunOptions without = smallest;
    if (!without.drop.insert(i).second) continue;
    const RunResult again = run(without);
    if (!again.violations.empty() && rule_of(again.violations.front()) == rule) smallest = without;
  }
  return smallest;
}

}  // namespace vmha::sim
