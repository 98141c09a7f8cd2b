#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include <CLI/CLI.hpp>
#include <fmt/core.h>
#include <fmt/ranges.h>

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
  std::uint64_t bad = 0;
  Duration simulated{0};
};

void add(Totals& totals, const sim::RunResult& result) {
  ++totals.seeds;
  totals.hosts += static_cast<std::uint64_t>(result.hosts);
  totals.fences += static_cast<std::uint64_t>(result.fences);
  totals.recoveries += static_cast<std::uint64_t>(result.recoveries);
  totals.faults += result.faults;
  totals.crashes += result.crashes;
  totals.bad += result.violations.empty() ? 0U : 1U;
  totals.simulated += result.simulated;
}

double in_seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

std::string replay(const sim::RunOptions& options) {
  const std::string drop = options.drop.empty() ? std::string() : fmt::format(" --drop {}", fmt::join(options.drop, ","));
  return fmt::format("vmha-sim --profile {} --seed {}{} --trace", sim::to_string(options.profile), options.seed, drop);
}

void say_violation(const sim::RunOptions& options, const sim::RunResult& result, bool shrinks) {
  fmt::print("{}, seed {}: {}\n", sim::to_string(options.profile), options.seed, result.story);
  for (const std::string& violation : result.violations) fmt::print("  {}\n", violation);
  fmt::print("  replay: {}\n", replay(options));
  if (!shrinks) return;
  const sim::RunOptions smallest = sim::shrink(options, result);
  const sim::RunResult again = sim::run(smallest);
  fmt::print("  with {} of {} faults: {}\n  replay: {}\n", result.plan.size() - smallest.drop.size(), result.plan.size(), again.story, replay(smallest));
}

struct Settings {
  std::uint64_t seeds = 100;
  std::uint64_t first = 1;
  unsigned jobs = 1;
  sim::Timeline::Level level = sim::Timeline::Level::kNothing;
  bool each = false;
  bool shrinks = true;
  std::set<std::size_t> drop;
};

/// A hundred hosts cost as much as twenty small clouds.
std::uint64_t seeds_of(sim::Profile profile, std::uint64_t seeds) {
  const bool large = profile == sim::Profile::kRackAtBudget || profile == sim::Profile::kRackOverBudget;
  return large ? std::max<std::uint64_t>(1, seeds / 20) : seeds;
}

/// The seeds of one profile, on several threads; each run has a world of its own.
Totals run_profile(sim::Profile profile, const Settings& settings) {
  Totals totals;
  std::mutex mutex;
  std::atomic<std::uint64_t> next = settings.first;
  const std::uint64_t seeds = seeds_of(profile, settings.seeds);
  const auto work = [&] {
    for (std::uint64_t seed = next++; seed < settings.first + seeds; seed = next++) {
      const sim::RunOptions options{profile, seed, settings.level, settings.drop};
      const sim::RunResult result = sim::run(options);
      const std::lock_guard lock(mutex);
      add(totals, result);
      if (settings.each)
        fmt::print("seed {}: {}; {:.0f} s, recovered after {:.1f} s, {} events, {} status writes, {} crashes\n", seed, result.story, in_seconds(result.simulated),
                   result.recovered_after ? in_seconds(*result.recovered_after) : 0.0, result.events, result.status_writes, result.crashes);
      if (!result.violations.empty()) say_violation(options, result, settings.shrinks && settings.level == sim::Timeline::Level::kNothing);
      std::fflush(stdout);
    }
  };
  std::vector<std::jthread> threads;
  for (unsigned i = 1; i < settings.jobs; ++i) threads.emplace_back(work);
  work();
  threads.clear();
  return totals;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app{"Runs vmha's engine in simulated clouds that fail, one from each seed, and checks what must always hold."};
  Settings settings;
  std::uint64_t seed = 0;
  bool trace = false;
  bool effects = false;
  std::vector<std::size_t> drop;
  std::string name = "host-loss";
  std::string all;
  for (int i = 0; i < sim::kProfiles; ++i) all += std::string(sim::to_string(static_cast<sim::Profile>(i))) + " ";
  app.add_option("--seeds", settings.seeds, "how many seeds")->capture_default_str();
  app.add_option("--first", settings.first, "the first of them")->capture_default_str();
  app.add_option("--seed", seed, "only this seed");
  app.add_option("--profile", name, "all, or one of: " + all)->capture_default_str();
  app.add_option("--jobs", settings.jobs, "threads")->capture_default_str();
  app.add_option("--drop", drop, "leave these faults of the plan out, by number")->delimiter(',');
  app.add_flag("--trace", trace, "print a timeline");
  app.add_flag("--effects", effects, "print every effect too");
  app.add_flag("--each", settings.each, "print a line for each seed");
  app.add_flag("!--no-shrink", settings.shrinks, "do not look for fewer faults that show the same");
  CLI11_PARSE(app, argc, argv);
  std::vector<sim::Profile> profiles;
  for (int i = 0; i < sim::kProfiles; ++i)
    if (const auto profile = static_cast<sim::Profile>(i); name == "all" || name == sim::to_string(profile)) profiles.push_back(profile);
  if (profiles.empty()) {
    fmt::print(stderr, "--profile: must be all or one of {}, is \"{}\"\n", all, name);
    return 2;
  }
  if (seed != 0) {
    settings.first = seed;
    settings.seeds = 1;
  }
  using Level = sim::Timeline::Level;
  settings.level = effects ? Level::kEverything : trace ? Level::kHappenings : Level::kNothing;
  settings.drop = {drop.begin(), drop.end()};
  std::uint64_t bad = 0;
  for (const sim::Profile profile : profiles) {
    const auto begun = std::chrono::steady_clock::now();
    const Totals totals = run_profile(profile, settings);
    const double minutes = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count() / 60.0;
    fmt::print("{}: {} seeds, {} hosts, {:.1f} simulated hours, {} faults, {} crashes, {} fences, {} recoveries, {:.0f} seeds a minute, {} violated\n",
               sim::to_string(profile), totals.seeds, totals.hosts, in_seconds(totals.simulated) / 3600.0, totals.faults, totals.crashes, totals.fences,
               totals.recoveries, static_cast<double>(totals.seeds) / minutes, totals.bad);
    std::fflush(stdout);
    bad += totals.bad;
  }
  return bad == 0 ? 0 : 1;
}
