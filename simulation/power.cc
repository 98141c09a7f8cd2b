#include "simulation/power.h"

#include <array>
#include <iterator>

namespace vmha::sim {

namespace {

constexpr seconds kStaleFor{6};

}  // namespace

const char* to_string(Bmc behaviour) {
  static constexpr std::array<const char*, kBmcKinds> kWords = {"honest", "slow", "dead", "lying", "pretends to switch off", "stuck at Off", "another host's", "stale"};
  return kWords[static_cast<std::size_t>(behaviour)];
}

void Power::set(const NovaHost& host, Bmc behaviour) {
  if (this->behaviour(host) != behaviour) timeline_.say("bmc", "{}: {}", host.value, to_string(behaviour));
  behaviours_[host] = behaviour;
}

Bmc Power::behaviour(const NovaHost& host) const {
  const auto found = behaviours_.find(host);
  return found == behaviours_.end() ? Bmc::kHonest : found->second;
}

NovaHost Power::behind(const NovaHost& host) const {
  if (behaviour(host) != Bmc::kElsewhere) return host;
  const auto& hosts = machines_.hosts();
  const auto next = std::next(hosts.find(host));
  return next == hosts.end() ? hosts.begin()->first : next->first;
}

Result<power::Reading> Power::read(const NovaHost& host) {
  const Bmc how = behaviour(host);
  if (how == Bmc::kDead) return fail(ErrorKind::kUnavailable, "connection refused");
  const Host& machine = machines_.host(behind(host));
  const auto asked = asked_off_.find(host);
  const bool pretends = how == Bmc::kPretends && asked != asked_off_.end() && clock_.now() - asked->second < seconds(3);
  bool off = !machine.on || pretends || how == Bmc::kStuckOff;
  if (how == Bmc::kStale) {
    const auto [shown, first] = shown_.try_emplace(host, Shown{off, clock_.now()});
    if (!first && clock_.now() - shown->second.at >= kStaleFor) shown->second = Shown{off, clock_.now()};
    off = shown->second.off;
  }
  return power::Reading{off ? power::State::kOff : power::State::kOn, machine.uuid, ""};
}

Result<Done> Power::off(const NovaHost& host) {
  const Bmc how = behaviour(host);
  if (how == Bmc::kDead) return fail(ErrorKind::kUnavailable, "connection refused");
  if (how != Bmc::kPretends || asked_off_.count(host) == 0 || clock_.now() - asked_off_[host] > seconds(3)) asked_off_[host] = clock_.now();
  if (how == Bmc::kLies || how == Bmc::kPretends || how == Bmc::kStuckOff) return Done{};
  const Duration delay = how == Bmc::kSlow ? clock_.between(seconds(3), seconds(12)) : clock_.between(milliseconds(100), milliseconds(1500));
  clock_.after(delay, [this, target = behind(host)] { machines_.power_off(target, "its power controller was asked to"); });
  return Done{};
}

Result<Done> Power::on(const NovaHost& host) {
  const Bmc how = behaviour(host);
  if (how == Bmc::kDead) return fail(ErrorKind::kUnavailable, "connection refused");
  asked_off_.erase(host);
  if (how == Bmc::kLies || how == Bmc::kPretends || how == Bmc::kStuckOff) return Done{};
  clock_.after(clock_.between(milliseconds(100), milliseconds(1500)), [this, target = behind(host)] { machines_.power_on(target, "its power controller was asked to"); });
  return Done{};
}

}  // namespace vmha::sim
