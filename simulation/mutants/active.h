#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace vmha::sim {

/// A deliberately broken build of the decisions (mutants.py), switched on at run time in vmha_mutants_test alone.
struct Mutant {
  std::string name;
  std::string what;
  std::vector<std::string> profiles;  ///< where it has to show
  std::uint64_t seeds = 0;            ///< within how many of each
  std::vector<std::string> rules;     ///< one of these has to be violated
};

extern thread_local int active_mutant;  ///< its number from 1; 0: none
[[nodiscard]] const std::vector<Mutant>& mutants();

}  // namespace vmha::sim
