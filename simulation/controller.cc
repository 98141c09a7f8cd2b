#include "simulation/controller.h"

#include <algorithm>
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

Controller::Controller(std::size_t replica, Parts parts) : parts_(parts), replica_(replica) {
  kubernetes().watches.push_back([this](const Event& event) { queue_watch(event); });
}

void Controller::start() {
  const std::uint64_t life = ++life_;
  engine_ = std::make_unique<Engine>(EngineOptions{"openstack", clock().rng().next()});
  keys_in_flight_.clear();
  waiting_.clear();
  acts_from_.reset();
  leading_ = false;
  reached_ = reaches_api();
  seen_version_ = 0;
  seen_at_ = clock().now();
  instances_seen_.clear();
  if (reached_) list_again();
  deliver(CachesSynced{});
  tick(life);
  elect(life);
}

void Controller::end_process() {
  engine_.reset();
  ++life_;
  leading_ = false;
  frozen_ = false;
  waiting_.clear();
  clock().after(clock().between(milliseconds(100), seconds(4)), [this, life = life_] {
    if (life != life_) return;
    if (!reaches_api()) return end_process();  // it starts with a list
    start();
  });
}

void Controller::crash() {
  if (!engine_) return;
  parts_.timeline.say("controller", "{} crashed (life {})", replica_, life_);
  ++crashes_;
  end_process();
}

void Controller::pause() {
  if (!engine_ || frozen_) return;
  parts_.timeline.say("controller", "{} is stopped (SIGSTOP)", replica_);
  frozen_ = true;
}

void Controller::thaw() {
  if (!frozen_) return;
  parts_.timeline.say("controller", "{} goes on", replica_);
  frozen_ = false;
  const std::uint64_t life = life_;
  std::deque<std::function<void()>> waiting = std::exchange(waiting_, {});
  // Its threads wake in any order: the one that renews the lease may be the last.
  if (waiting.size() > 1 && clock().rng().chance(500)) std::rotate(waiting.begin(), waiting.begin() + 1 + static_cast<long>(clock().rng().below(waiting.size() - 1)), waiting.end());
  for (auto& what : waiting)
    if (life == life_) when_it_runs(life, std::move(what));
}

void Controller::when_it_runs(std::uint64_t life, std::function<void()> what) {
  if (life != life_ || !engine_) return;
  if (frozen_) return waiting_.push_back(std::move(what));
  what();
}

void Controller::cut_off(bool cut) {
  cut_off_ = cut;
  parts_.timeline.say("controller", "{} {} the API server", replica_, cut ? "does not reach" : "reaches");
}

// ---- Watches

void Controller::list_again() {
  std::set<InstanceName> there;
  for (const Event& event : kubernetes().list()) {
    if (const auto* instance = std::get_if<InstanceChanged>(&event)) there.insert(InstanceName{instance->object.metadata.name});
    deliver(event);
  }
  for (const InstanceName& name : std::exchange(instances_seen_, there))
    if (there.count(name) == 0) deliver(InstanceDeleted{name});
}

void Controller::queue_watch(const Event& event) {
  if (!reaches_api() || !reached_) return;  // a gap: the next list closes it
  Rng& rng = clock().rng();
  const Duration delay = rng.chance(20) ? clock().between(milliseconds(100), milliseconds(1500)) : clock().between(milliseconds(1), milliseconds(40));
  watch_last_ = std::max(watch_last_, clock().now() + delay);
  clock().at(watch_last_, [this, life = life_, event] {
    when_it_runs(life, [this, event] {
      if (!reached_) return;
      if (const auto* lease = std::get_if<NodeLeaseObserved>(&event)) return deliver(NodeLeaseObserved{lease->lease, clock().now()});
      if (const auto* instance = std::get_if<InstanceChanged>(&event)) instances_seen_.insert(InstanceName{instance->object.metadata.name});
      deliver(event);
    });
  });
}

// ---- Leader election

std::optional<Instant> Controller::act_until() const {
  if (!leading_) return std::nullopt;
  const Instant safe_until = renewed_ + LeaderLease::kRenewDeadline - LeaderLease::kMargin;
  if (clock().now() >= safe_until) return std::nullopt;
  return safe_until + LeaderLease::kActMayOutlive;
}

void Controller::elect(std::uint64_t life) {
  if (life != life_ || !engine_) return;
  const bool reached = reaches_api();
  if (reached != reached_) {
    reached_ = reached;
    if (reached) list_again();
    else deliver(ApiServerLost{clock().now()});
    if (life != life_) return;
  }
  if (reached) deliver(ApiServerAlive{clock().now()});
  if (life != life_) return;
  if (leading_) renew();
  else if (reached) try_to_lead();
  if (life != life_) return;
  clock().after(LeaderLease::kRetry, [this, life] {
    when_it_runs(life, [this, life] { elect(life); });
  });
}

void Controller::renew() {
  LeaderLease& lease = parts_.lease;
  if (clock().now() - renewed_ >= LeaderLease::kRenewDeadline) return lose("could not renew its lease");
  if (!reaches_api()) return;
  if (lease.holder != replica_) return lose("found another leader");
  ++lease.version;
  renewed_ = clock().now();
}

void Controller::try_to_lead() {
  LeaderLease& lease = parts_.lease;
  if (lease.version != seen_version_) {
    seen_version_ = lease.version;
    seen_at_ = clock().now();
  }
  const bool free = !lease.holder.has_value();
  if (!free && clock().now() - seen_at_ < LeaderLease::kDuration) return;
  const bool taken_over = !free;
  lease.holder = replica_;
  lease.passed_on = clock().now();
  ++lease.version;
  ++lease.transitions;
  leading_ = true;
  renewed_ = clock().now();
  acts_from_ = taken_over ? clock().now() + kNewLeaderWait : clock().now();
  parts_.timeline.say("controller", "{} leads (life {})", replica_, life_);
  deliver(LeadershipGained{fmt::format("vmha-{}/{}", replica_, lease.transitions), taken_over});
}

void Controller::lose(const char* why) {
  parts_.timeline.say("controller", "{} {}, and ends", replica_, why);
  leading_ = false;
  deliver(LeadershipLost{});
  end_process();
}

// ---- The engine

void Controller::tick(std::uint64_t life) {
  if (life != life_ || !engine_) return;
  clock().after(kTickEvery, [this, life] {
    when_it_runs(life, [this, life] { tick(life); });
  });
  deliver(Tick{});
}

void Controller::deliver(const Event& event) {
  if (!engine_) return;
  ++events_;
  const std::uint64_t life = life_;
  for (const Effect& effect : engine_->on(event, clock().now(), clock().wall() + wall_offset_)) {
    if (life != life_) return;  // it crashed between two effects of one answer
    check(effect);
    perform(effect);
    if (!upset_in_ || !changes_something(effect.operation)) continue;
    if ((*upset_in_)-- != 0) continue;
    upset_in_.reset();
    upset_();
  }
}

void Controller::check(const Effect& effect) {
  Checkers& checkers = parts_.checkers;
  if (!keys_in_flight_.insert(effect.key).second) checkers.violated("two effects in flight with the key " + effect.key);
  if (!is_irreversible(effect.operation)) return;
  if (!acts_from_ || clock().now() < *acts_from_) checkers.violated(fmt::format("S6: {} before this leader may act", name_of(effect.operation)));
  if (!asks_for_the_term_again(effect.operation) && effect.deadline - clock().now() > kLongestAct)
    checkers.violated(fmt::format("S6: {} may outlive the lease", name_of(effect.operation)));
}

void Controller::perform(const Effect& effect) {
  parts_.performer.perform(effect, *this, [this, life = life_, key = effect.key](EffectDone done) {
    when_it_runs(life, [this, key, done = std::move(done)]() mutable {
      keys_in_flight_.erase(key);
      if (done.finished) done.finished = clock().now();  // later than the answer was there, when it was frozen
      deliver(done);
    });
  });
}

}  // namespace vmha::sim
