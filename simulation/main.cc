#include <chrono>
#include <cstdio>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include "simulation/run.h"

namespace {

using namespace vmha;

struct Totals {
  std::uint64_t seeds = 0;
  std::uint64_t hosts = 0;
  std::uint64_t fences = 0;
  std::uint64_t recoveries = 0;
  std::uint64_t faults = 0;
  std::uint64_t crashes = 0;
  std::uint64_t events = 0;
  Duration simulated{0};
};

void add(Totals& totals, const sim::RunResult& result) {
  ++totals.seeds;
  totals.hosts += static_cast<std::uint64_t>(result.hosts);
  totals.fences += result.fenced ? 1U : 0U;
  totals.recoveries += static_cast<std::uint64_t>(result.recoveries);
  totals.faults += result.faults;
  totals.crashes += result.crashes;
  totals.events += result.events;
  totals.simulated += result.simulated;
}

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

void say_violation(const sim::RunOptions& options, const sim::RunResult& result) {
  fmt::print("{}, seed {}: {}\n", sim::to_string(options.profile), options.seed, result.story);
  for (const std::string& violation : result.violations) fmt::print("  {}\n", violation);
  fmt::print("  replay: vmha-sim --profile {} --seed {} --trace\n", sim::to_string(options.profile), options.seed);
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs vmha's engine in simulated clouds that fail, one from each seed, and checks what must always hold."};
  std::uint64_t seeds = 100;
  std::uint64_t first = 1;
  std::uint64_t seed = 0;
  bool trace = false;
  bool effects = false;
  bool each = false;
  std::string name = "host-loss";
  app.add_option("--seeds", seeds, "how many seeds")->capture_default_str();
  app.add_option("--first", first, "the first of them")->capture_default_str();
  app.add_option("--seed", seed, "only this seed");
  app.add_option("--profile", name, "host-loss, host-loss-crash, quiet or hard")->capture_default_str();
  app.add_flag("--trace", trace, "print a timeline");
  app.add_flag("--effects", effects, "print every effect too");
  app.add_flag("--each", each, "print a line for each seed");
  CLI11_PARSE(app, argc, argv);
  const auto profile = sim::profile_named(name);
  if (!profile) {
    fmt::print(stderr, "--profile: must be host-loss, host-loss-crash, quiet or hard, is \"{}\"\n", name);
    return 2;
  }
  if (seed != 0) {
    first = seed;
    seeds = 1;
  }
  using Level = sim::Timeline::Level;
  const Level level = effects ? Level::kEverything : trace ? Level::kHappenings : Level::kNothing;
  Totals totals;
  std::uint64_t bad = 0;
  const auto begun = std::chrono::steady_clock::now();
  for (std::uint64_t i = first; i < first + seeds; ++i) {
    const sim::RunOptions options{*profile, i, level, sim::Sabotage::kNone};
    const sim::RunResult result = sim::run(options);
    add(totals, result);
    if (each)
      fmt::print("seed {}: {}; {:.0f} s, recovered after {:.1f} s, {} events, {} status writes, {} crashes\n", i, result.story, in_seconds(result.simulated),
                 result.recovered_after ? in_seconds(*result.recovered_after) : 0.0, result.events, result.status_writes, result.crashes);
    if (result.violations.empty()) continue;
    ++bad;
    say_violation(options, result);
    std::fflush(stdout);
  }
  const double minutes = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count() / 60.0;
  fmt::print("{}: {} seeds, {} hosts, {:.1f} simulated hours, {} fences, {} recoveries, {} faults, {} crashes, {} events, {:.0f} seeds a minute, {} violated\n", name,
             totals.seeds, totals.hosts, in_seconds(totals.simulated) / 3600.0, totals.fences, totals.recoveries, totals.faults, totals.crashes, totals.events,
             static_cast<double>(totals.seeds) / minutes, bad);
  return bad == 0 ? 0 : 1;
}
