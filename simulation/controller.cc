#include "simulation/controller.h"

#include <utility>
#include <variant>

#include <fmt/core.h>

namespace vmha::sim {
namespace {

bool changes_something(const Operation& operation) {
  return is_irreversible(operation) || std::holds_alternative<WriteNodeStatus>(operation) || std::holds_alternative<WriteInstanceStatus>(operation) ||
         std::holds_alternative<PatchNodeMetadata>(operation);
}

/// The longest a call of an old leader may be on the wire (kDisableTimeout of the ComputeNode is the longest of all acts).
constexpr seconds kLongestAct{10};

}  // namespace

Controller::Controller(Scheduler& clock, Kubernetes& kubernetes, Performer& performer, Checkers& checkers, const Timeline& timeline)
    : clock_(clock), kubernetes_(kubernetes), performer_(performer), checkers_(checkers), timeline_(timeline) {
  kubernetes_.changed = [this](Event event) { queue_watch(std::move(event)); };
}

void Controller::start(bool taken_over) {
  const std::uint64_t life = ++life_;
  engine_ = std::make_unique<Engine>(EngineOptions{"openstack", clock_.rng().next()});
  keys_in_flight_.clear();
  acts_from_.reset();
  for (const Event& event : kubernetes_.list()) deliver(event);
  deliver(CachesSynced{});
  tick(life);
  renew(life);
  const Duration until = taken_over ? clock_.between(kLease - seconds(2), kLease) : milliseconds(10);
  clock_.after(until, [this, life, taken_over] {
    if (life != life_ || !engine_) return;
    timeline_.say("controller", "leads (life {})", life);
    acts_from_ = taken_over ? clock_.now() + kNewLeaderWait : clock_.now();
    deliver(LeadershipGained{fmt::format("vmha-{}/{}", life, life), taken_over});
  });
}

void Controller::crash() {
  if (!engine_) return;
  timeline_.say("controller", "crashed (life {})", life_);
  engine_.reset();
  ++life_;
  ++crashes_;
  clock_.after(clock_.between(milliseconds(100), seconds(4)), [this, life = life_] {
    if (life == life_) start(true);
  });
}

void Controller::queue_watch(Event event) {
  const Duration delay = clock_.rng().chance(20) ? clock_.between(milliseconds(100), milliseconds(1500)) : clock_.between(milliseconds(1), milliseconds(40));
  watch_last_ = std::max(watch_last_, clock_.now() + delay);
  clock_.at(watch_last_, [this, life = life_, event = std::move(event)] {
    if (life != life_) return;
    if (const auto* lease = std::get_if<NodeLeaseObserved>(&event)) return deliver(NodeLeaseObserved{lease->lease, clock_.now()});
    deliver(event);
  });
}

void Controller::tick(std::uint64_t life) {
  if (life != life_ || !engine_) return;
  clock_.after(kTickEvery, [this, life] { tick(life); });
  deliver(Tick{});
}

void Controller::renew(std::uint64_t life) {
  if (life != life_ || !engine_) return;
  clock_.after(seconds(2), [this, life] { renew(life); });
  deliver(ApiServerAlive{clock_.now()});
}

void Controller::deliver(const Event& event) {
  if (!engine_) return;
  ++events_;
  const std::uint64_t life = life_;
  for (const Effect& effect : engine_->on(event, clock_.now(), clock_.wall())) {
    if (life != life_) return;  // it crashed between two effects of one answer
    check(effect);
    perform(effect);
    if (!crash_in_ || !changes_something(effect.operation)) continue;
    if ((*crash_in_)-- != 0) continue;
    crash_in_.reset();
    crash();
  }
}

void Controller::check(const Effect& effect) {
  if (!keys_in_flight_.insert(effect.key).second) checkers_.violated("two effects in flight with the key " + effect.key);
  if (!is_irreversible(effect.operation)) return;
  if (!acts_from_ || clock_.now() < *acts_from_) checkers_.violated(fmt::format("S6: {} before this leader may act", name_of(effect.operation)));
  if (!asks_for_the_term_again(effect.operation) && effect.deadline - clock_.now() > kLongestAct) checkers_.violated(fmt::format("S6: {} may outlive the lease", name_of(effect.operation)));
}

void Controller::perform(const Effect& effect) {
  const std::uint64_t life = life_;
  performer_.perform(
      effect, [this, life] { return life == life_ && engine_ != nullptr; },
      [this, life, key = effect.key](EffectDone done) {
        if (life != life_ || !engine_) return;
        keys_in_flight_.erase(key);
        deliver(std::move(done));
      });
}

}  // namespace vmha::sim
