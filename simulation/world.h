#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "simulation/checkers.h"
#include "simulation/controller.h"
#include "simulation/plan.h"
#include "simulation/run.h"

namespace vmha::sim {

/// How a host fails.
enum class Failure { kPowerLost, kMainsLost, kFrozen, kCut };
inline constexpr std::size_t kFailures = 4;

/// Everything of one run, wired together.
class World {
 public:
  explicit World(const RunOptions& options);
  RunResult run();

 private:
  /// What a profile needs of its cloud.
  struct Shape {
    std::size_t hosts = 5;
    std::size_t racks = 1;
    std::size_t cells = 1;
    std::size_t replicas = 1;
    int servers_on_victims = 4;   ///< at most
    bool one_server_each = false;
    bool many_states = false;     ///< servers paused, in ERROR, shelved, ...
    bool storage_only = true;     ///< some policies use the storage fence alone
    bool small_timeouts = false;  ///< evacuation.timeoutSeconds within the run
  };
  [[nodiscard]] Shape shape();
  void make_hosts(const Shape& shape);
  void make_policy(const Shape& shape);
  void make_servers(const Shape& shape);
  void write_on();
  void report_kubelets();
  [[nodiscard]] NovaHost name_of(std::size_t index) const;
  [[nodiscard]] NovaHost any_other();                       ///< a host that is to live
  [[nodiscard]] std::vector<ServerId> servers_on(const NovaHost& host) const;
  [[nodiscard]] Duration between(int low, int high) {
    return milliseconds(low * 1000 + static_cast<int>(plan_rng_.below(static_cast<std::uint64_t>(high - low) * 1000 + 1)));
  }

  // What goes wrong. Each adds to the plan.
  void plan_it();
  void plan_host_loss(const NovaHost& host, Duration after, std::vector<Bmc> controllers);
  void plan_host_loss(const NovaHost& host, Duration after, Failure failure, Bmc controller);
  void plan_crashes();
  void plan_quiet();
  void plan_hard();
  void plan_destination();
  void plan_conductor();
  void plan_moves();
  void plan_tenants();
  void plan_no_room();
  void plan_leaders();
  void plan_api_trouble();
  void plan_cells();
  void plan_storage_trouble();
  void plan_power_trouble();
  void plan_hands_off();
  void plan_anything();
  void plan_rack(std::size_t lost);
  void plan_site();
  void plan_flapping_switch();
  void plan_window(Duration after, int low, int high, const std::string& words, std::function<void()> begin, std::function<void()> end);

  // What happens then.
  void lose(const NovaHost& host, Failure failure, Bmc controller);
  void heal(const NovaHost& host);
  void kill_a_destination(const nova::Migration& record, Failure failure);
  void tenant_asks(const ServerId& server, TenantWish wish);
  void excuse(const ServerId& server, const std::string& why);
  void excuse_moving(const NovaHost& host);
  // The end: repairs, and people (repair.cc).
  void must_be_judged_by_now();
  void repair();
  void reboot_by_hand();
  void help_on();
  void help_host(const NovaHost& host);
  void help_servers();
  [[nodiscard]] bool is_settled();
  void say_how_it_stands() const;

  RunOptions options_;
  Scheduler clock_;
  Rng plan_rng_;  ///< of its own, so that a fault left out changes no other
  Timeline timeline_;
  LeaderLease lease_;
  Machines machines_;
  Ceph ceph_;
  Nova nova_;
  Power power_;
  Kubernetes kubernetes_;
  Checkers checkers_;
  Performer performer_;
  std::vector<std::unique_ptr<Controller>> controllers_;
  Plan plan_;

  std::size_t hosts_ = 0;
  std::vector<NovaHost> victims_;
  std::map<NovaHost, Failure> lost_;
  std::set<NovaHost> healed_early_;
  std::set<ServerId> in_danger_;   ///< of a destination that may be killed
  bool kills_destination_ = false;
  Failure destination_failure_ = Failure::kPowerLost;
  bool must_be_judged_ = true;     ///< nothing of the plan excuses a dead host without a fence
  bool every_host_is_helped_ = false;
  Duration repair_after_{0};       ///< the last fault
  std::string story_;
  std::uint64_t struck_ = 0;
  std::optional<Instant> failed_at_;
  std::optional<Instant> repaired_at_;
  std::optional<Instant> settled_since_;
  std::optional<Duration> recovered_after_;
};

}  // namespace vmha::sim
