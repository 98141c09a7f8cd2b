#include "reconcilers/policy/storm.h"

#include <fmt/core.h>

namespace vmha::policy {

void Storm::update(const std::map<NodeName, HostStanding>& hosts, const api::Storm& limits, Instant now) {
  hosts_ = hosts;
  held_hosts_.clear();
  over_domain_.clear();
  fencing_ = 0;
  max_fencing_ = limits.max_concurrent_fences;
  int unhealthy = 0;
  std::map<std::string, std::pair<int, int>> domains;  // unhealthy, total
  for (const auto& [name, host] : hosts) {
    unhealthy += host.unhealthy ? 1 : 0;
    fencing_ += host.fencing ? 1 : 0;
    if (host.held) held_hosts_.insert(name.value);
    if (host.failure_domain.empty()) continue;
    auto& [sick, total] = domains[host.failure_domain];
    sick += host.unhealthy ? 1 : 0;
    ++total;
  }
  const int budget = limits.max_unhealthy.of(static_cast<int>(hosts.size()));
  over_ = unhealthy > budget;
  room_ = budget - unhealthy;
  domain_room_.clear();
  for (const auto& [domain, count] : domains) {
    const int of_domain = limits.max_unhealthy_per_failure_domain.of(count.second);
    domain_room_[domain] = of_domain - count.first;
    if (count.first > of_domain)
      over_domain_[domain] = fmt::format("{} of {} hosts of failure domain {} are unhealthy, the budget is {}", count.first, count.second, domain, of_domain);
  }
  held_ = !held_hosts_.empty();
  if (!held_) last_over_.reset();
  if (!held_) domain_last_over_.clear();
  if (over_) last_over_ = now;
  for (const auto& [domain, why] : over_domain_) domain_last_over_[domain] = now;
  cooling_ = held_ && last_over_ && now - *last_over_ < limits.cooldown;
  for (const auto& [domain, last] : domain_last_over_)
    if (held_ && now - last < limits.cooldown)
      over_domain_.emplace(domain, fmt::format("the evidence in failure domain {} must be calm for {} s first", domain, limits.cooldown.count()));
  reason_ = over_      ? fmt::format("{} of {} hosts are unhealthy, the budget is {}", unhealthy, hosts.size(), budget)
            : cooling_ ? fmt::format("the evidence must be calm for {} s first", limits.cooldown.count())
                       : std::string();
}

BudgetVerdict Storm::allows(const NodeName& node) const {
  const auto found = hosts_.find(node);
  if (found == hosts_.end()) return {false, "not counted yet"};
  if (over_ || cooling_) return {false, reason_};
  const auto domain = over_domain_.find(found->second.failure_domain);
  if (domain != over_domain_.end()) return {false, domain->second};
  if (!found->second.unhealthy && room_ < 1) return {false, "the budget of unhealthy hosts is used up"};
  const auto room = domain_room_.find(found->second.failure_domain);
  if (!found->second.unhealthy && room != domain_room_.end() && room->second < 1)
    return {false, fmt::format("the budget of failure domain {} is used up", found->second.failure_domain)};
  if (fencing_ >= max_fencing_) return {false, fmt::format("{} fences are being made, the limit is {}", fencing_, max_fencing_)};
  return {true, {}};
}

}  // namespace vmha::policy
