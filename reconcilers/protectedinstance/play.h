#pragma once

#include <functional>
#include <string>
#include <vector>

#include "reconcilers/protectedinstance/testing.h"

/// A small nova and Ceph that do what was measured on real ones, and the part of the engine that matters here: what is stored, what is only
/// remembered, and a crash before any of its steps. For tests.
namespace vmha::protectedinstance::testing {

struct Crash {};

class Play {
 public:
  // What nova does with an evacuation.
  Duration request_delay{};             ///< from the POST until nova stores task and record
  bool answer_is_lost = false;          ///< the first POST's answer
  int fail_first = 0;                   ///< so many evacuations end in `fault`
  std::string fault = "boom";
  int crash_at = -1;                    ///< the step at which the process dies, once; -1: never

  // What happened.
  int posts = 0;
  int posts_during_another = 0;
  int steps = 0;
  int crashes = 0;
  std::vector<std::string> told;

  Play() {
    scene.fenced();
    scene.server.reset();
    scene.migrations.reset();
    scene.disks.reset();
    scene.rest.intent_is_ours = true;
    scene.rest.leading_since = scene.now - seconds(500);
    truth_ = Scene().server->value;
    images_ = {root_disk()};
  }

  Scene scene;
  nova::Server& truth() { return truth_; }
  std::vector<nova::Migration>& records() { return records_; }

  /// Passes, 100 ms apart, until `until` holds; false when it never does.
  bool run(Duration longest, const std::function<bool()>& until) {
    const Instant end = scene.now + longest;
    while (scene.now < end) {
      try {
        pass();
      } catch (const Crash&) {
        restart();
      }
      if (until()) return true;
      scene.now += milliseconds(100);
      let_nova_work();
    }
    return false;
  }
  bool run_to_end() {
    return run(seconds(600), [this] { return is_settled(scene.object, kFence) && !truth_.locked && !scene.object.status.recovery->locked; });
  }

 private:
  struct Work {
    Instant at;
    std::function<void()> act;
  };

  void step() {
    if (steps++ != crash_at) return;
    ++crashes;
    throw Crash{};
  }

  /// All that a process forgets. The lease passes on: a moment in which nobody acts.
  void restart() {
    scene.now += milliseconds(500);
    scene.server.reset();
    scene.migrations.reset();
    scene.disks.reset();
    scene.rest.lanes.clear();
    scene.rest.intent_since = scene.now;
    scene.rest.leading_since = scene.now;
    let_nova_work();
  }

  void pass() {
    const InstanceDecision decision = decide(scene.view());
    if (!(decision.status == scene.object.status)) {
      step();
      const bool same = same_intent(decision.status, scene.object.status);
      scene.object.status = decision.status;
      step();
      if (!same) scene.rest.intent_since = scene.now;
      for (const Announcement& each : decision.announcements) told.push_back(each.reason);
    }
    for (const Wish& wish : decision.wishes) perform(wish);
  }

  void perform(const Wish& wish) {
    if (!is_irreversible(wish.operation)) return read(wish.operation);
    step();
    if (std::holds_alternative<Evacuate>(wish.operation)) return post();
    if (const auto* lock = std::get_if<LockServer>(&wish.operation)) {
      truth_.locked = true;
      truth_.locked_reason = lock->reason;
    } else if (std::holds_alternative<UnlockServer>(wish.operation)) {
      truth_.locked = false;
      truth_.locked_reason.clear();
    } else if (std::holds_alternative<StopServer>(wish.operation)) {
      truth_.vm_state = "stopped";
    } else if (std::holds_alternative<StartServer>(wish.operation)) {
      truth_.vm_state = "active";
    }
    step();
    scene.rest.lanes["nova"] = {.finished = scene.now, .failures_in_a_row = 0, .error = {}, .operation = name_of(wish.operation)};
  }

  void read(const Operation& operation) {
    if (std::holds_alternative<ReadServer>(operation)) scene.server = {truth_, scene.now};
    if (std::holds_alternative<ReadMigrations>(operation)) scene.migrations = {records_, scene.now};
    if (std::holds_alternative<ReadDisks>(operation)) scene.disks = {images_, scene.now};
  }

  void post() {
    ++posts;
    if (evacuating_) ++posts_during_another;
    evacuating_ = true;
    work_.push_back({scene.now + request_delay, [this] { begin_evacuation(); }});
    let_nova_work();
    step();
    const bool lost = answer_is_lost && posts == 1;
    scene.rest.lanes["nova"] = {.finished = scene.now, .failures_in_a_row = lost ? 1 : 0, .error = lost ? "answer lost" : "", .operation = "Evacuate"};
  }

  void begin_evacuation() {
    truth_.task_state = "rebuilding";
    records_.push_back(evacuation(static_cast<std::int64_t>(records_.size()) + 20, "accepted"));
    if (fail_first > 0) {
      --fail_first;
      work_.push_back({scene.now + seconds(2), [this] { records_.back().status = "error"; }});
      work_.push_back({scene.now + seconds(3), [this] { end_in_error(); }});
      return;
    }
    was_stopped_ = truth_.vm_state == "stopped";
    work_.push_back({scene.now + seconds(1), [this] { start_rebuild(); }});
    work_.push_back({scene.now + seconds(4), [this] { truth_.task_state.clear(), truth_.vm_state = "active"; }});  // ACTIVE on the old host
    work_.push_back({scene.now + seconds(5), [this] { move(); }});
  }
  void start_rebuild() {
    records_.back().status = "pre-migrating";
    records_.back().destination = kTo;
    truth_.task_state = "rebuild_spawning";
  }
  void move() {
    truth_.host = kTo;
    records_.back().status = "done";
    evacuating_ = false;
    if (was_stopped_) truth_.vm_state = "stopped";
    if (!was_stopped_) images_ = {root_disk({watcher("10.77.0.12")})};
  }
  void end_in_error() {
    truth_.task_state.clear();
    truth_.vm_state = "error";
    truth_.fault = fault;
    evacuating_ = false;
  }

  void let_nova_work() {
    bool worked = true;
    while (worked) {
      worked = false;
      for (std::size_t i = 0; i < work_.size(); ++i) {
        if (work_[i].at > scene.now) continue;
        const auto act = work_[i].act;
        work_.erase(work_.begin() + static_cast<std::ptrdiff_t>(i));
        act();
        worked = true;
        break;
      }
    }
  }

  nova::Server truth_;
  std::vector<nova::Migration> records_;
  std::vector<ceph::ImageWatch> images_;
  std::vector<Work> work_;
  bool evacuating_ = false;
  bool was_stopped_ = false;
};

}  // namespace vmha::protectedinstance::testing
