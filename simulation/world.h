#pragma once

#include <string>
#include <vector>

#include "simulation/checkers.h"
#include "simulation/controller.h"
#include "simulation/run.h"

namespace vmha::sim {

/// Everything of one run, wired together.
class World {
 public:
  explicit World(const RunOptions& options);
  RunResult run();

 private:
  enum class Failure { kPowerLost, kMainsLost, kFrozen, kCut };

  void make_hosts();
  void make_policy();
  void make_servers();
  void write_on();
  void report_kubelets();
  // Profiles: what goes wrong, and who repairs it when.
  void fail_host();
  void repair_host(Failure failure);
  void reboot_by_hand();
  void help_on();
  void arm_crashes(int left, Failure failure);
  void must_be_judged_by_now();
  void prepare_hard();
  void make_it_hard(Failure failure);
  void disturb_quietly();
  [[nodiscard]] bool is_settled();
  [[nodiscard]] NovaHost name_of(std::size_t index) const;
  [[nodiscard]] Host& victim() { return machines_.host(victim_); }

  RunOptions options_;
  Scheduler clock_;
  Timeline timeline_;
  Machines machines_;
  Ceph ceph_;
  Nova nova_;
  Power power_;
  Kubernetes kubernetes_;
  Checkers checkers_;
  Performer performer_;
  Controller controller_;

  std::size_t hosts_ = 0;
  NovaHost victim_;
  std::string story_;
  bool healed_early_ = false;
  bool by_hand_ = false;  ///< an admin clears the blocklist in mid-fence
  std::optional<Instant> failed_at_;
  std::optional<Instant> repaired_at_;
  std::optional<Instant> settled_since_;
  std::optional<Duration> recovered_after_;
};

}  // namespace vmha::sim
