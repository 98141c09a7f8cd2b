#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "engine/engine.h"
#include "simulation/checkers.h"
#include "simulation/leader_lease.h"
#include "simulation/performer.h"

namespace vmha::sim {

/// One replica of the controller with the real engine: what shell, watches and leader election do. Crashes end its engine; calls that are on the
/// wire then may still take effect. A pause (SIGSTOP) keeps everything that would have reached it until it is thawed. A process that cannot renew its
/// lease gives up and starts anew as a standby.
class Controller : public Process {
 public:
  struct Parts {
    Scheduler& clock;
    Kubernetes& kubernetes;
    Performer& performer;
    Checkers& checkers;
    const Timeline& timeline;
    LeaderLease& lease;
  };
  Controller(std::size_t replica, Parts parts);

  void start();
  void crash();
  /// When so many more effects that change something have been asked for (status writes and acts): in mid-recovery, and between any two steps.
  void upset_after_effects(std::uint64_t effects, std::function<void()> upset) {
    upset_in_ = effects;
    upset_ = std::move(upset);
  }
  void upset_no_more() { upset_in_.reset(); }
  void pause();
  void thaw();
  /// Its way to the API server.
  void cut_off(bool cut);
  /// Its wall clock is set, forwards or back.
  void set_clock(Duration by) { wall_offset_ += by; }

  [[nodiscard]] bool leads() const { return engine_ && leading_; }
  [[nodiscard]] std::uint64_t events() const { return events_; }
  [[nodiscard]] std::uint64_t crashes() const { return crashes_; }

  // For the performer.
  [[nodiscard]] std::size_t replica() const override { return replica_; }
  [[nodiscard]] std::uint64_t life() const override { return life_; }
  [[nodiscard]] bool is_frozen() const override { return frozen_; }
  [[nodiscard]] bool reaches_api() const override { return !cut_off_ && kubernetes().works; }
  [[nodiscard]] std::optional<Instant> act_until() const override;
  void when_it_runs(std::uint64_t life, std::function<void()> what) override;

 private:
  [[nodiscard]] Scheduler& clock() const { return parts_.clock; }
  [[nodiscard]] Kubernetes& kubernetes() const { return parts_.kubernetes; }
  void deliver(const Event& event);
  void perform(const Effect& effect);
  void check(const Effect& effect);
  void tick(std::uint64_t life);
  void elect(std::uint64_t life);
  void try_to_lead();
  void renew();
  void lose(const char* why);
  void end_process();
  void list_again();
  void queue_watch(const Event& event);

  Parts parts_;
  std::size_t replica_;
  std::unique_ptr<Engine> engine_;
  std::uint64_t life_ = 0;
  std::uint64_t events_ = 0;
  std::uint64_t crashes_ = 0;
  std::optional<std::uint64_t> upset_in_;
  std::function<void()> upset_;
  Duration wall_offset_{0};
  bool frozen_ = false;
  bool cut_off_ = false;
  bool reached_ = true;            ///< the API server, when last tried
  std::deque<std::function<void()>> waiting_;  ///< while it is frozen
  Instant watch_last_{};
  std::set<InstanceName> instances_seen_;      ///< what a list afterwards is compared with
  // Leader election, as clients/kube/lease_step.h decides it.
  bool leading_ = false;
  Instant renewed_{};
  std::uint64_t seen_version_ = 0;
  Instant seen_at_{};
  std::optional<Instant> acts_from_;
  std::set<std::string> keys_in_flight_;
};

}  // namespace vmha::sim
