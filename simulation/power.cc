#include "simulation/power.h"

namespace vmha::sim {

void Power::set(const NovaHost& host, Bmc behaviour) {
  behaviours_[host] = behaviour;
  static constexpr const char* kWords[] = {"honest", "slow", "dead", "lying"};
  timeline_.say("bmc", "{}: {}", host.value, kWords[static_cast<int>(behaviour)]);
}

Bmc Power::behaviour(const NovaHost& host) const {
  const auto found = behaviours_.find(host);
  return found == behaviours_.end() ? Bmc::kHonest : found->second;
}

Result<power::Reading> Power::read(const NovaHost& host) {
  if (behaviour(host) == Bmc::kDead) return fail(ErrorKind::kUnavailable, "connection refused");
  const Host& machine = machines_.host(host);
  return power::Reading{machine.on ? power::State::kOn : power::State::kOff, machine.uuid, ""};
}

Result<Done> Power::off(const NovaHost& host) {
  if (behaviour(host) == Bmc::kDead) return fail(ErrorKind::kUnavailable, "connection refused");
  asked_off_[host] = clock_.now();
  if (behaviour(host) == Bmc::kLies) return Done{};
  const Duration delay = behaviour(host) == Bmc::kSlow ? clock_.between(seconds(3), seconds(12)) : clock_.between(milliseconds(100), milliseconds(1500));
  clock_.after(delay, [this, host] { machines_.power_off(host, "its power controller was asked to"); });
  return Done{};
}

Result<Done> Power::on(const NovaHost& host) {
  if (behaviour(host) == Bmc::kDead) return fail(ErrorKind::kUnavailable, "connection refused");
  asked_off_.erase(host);
  if (behaviour(host) == Bmc::kLies) return Done{};
  clock_.after(clock_.between(milliseconds(100), milliseconds(1500)), [this, host] { machines_.power_on(host, "its power controller was asked to"); });
  return Done{};
}

}  // namespace vmha::sim
