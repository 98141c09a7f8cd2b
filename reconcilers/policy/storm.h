#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "api/policy.h"
#include "base/ids.h"
#include "base/time.h"

/// The breaker: how many hosts may be fenced before a person has to look.
namespace vmha::policy {

/// How one host counts against the budget.
struct HostStanding {
  bool unhealthy = false;    ///< suspect, or fenced and not yet recovered
  bool fencing = false;      ///< a fence is being made
  bool held = false;         ///< its fence waits for the budget
  std::string failure_domain;  ///< empty: none known
};

struct BudgetVerdict {
  bool allows = false;
  std::string reason;        ///< why not
};

/// Single thread; no clock. Remembers only since when the evidence has been calm after a hold. A failure domain over its budget holds its own
/// hosts, not those of others.
class Storm {
 public:
  /// Takes the newest standing of all hosts. Call before asking, and at least every poll while something is held.
  void update(const std::map<NodeName, HostStanding>& hosts, const api::Storm& limits, Instant now);

  /// May this host be fenced now? It is itself one of those that count, also if it looks well and a person asked.
  [[nodiscard]] BudgetVerdict allows(const NodeName& node) const;

  [[nodiscard]] bool is_held() const { return held_; }
  [[nodiscard]] const std::string& reason() const { return reason_; }
  [[nodiscard]] const std::set<std::string>& hosts() const { return held_hosts_; }

 private:
  std::map<NodeName, HostStanding> hosts_;
  std::set<std::string> held_hosts_;
  std::map<std::string, std::string> over_domain_;  ///< failure domain -> why it is over its budget
  int room_ = 0;                                        ///< how many more hosts may become unhealthy
  std::map<std::string, int> domain_room_;
  bool held_ = false;
  bool over_ = false;
  bool cooling_ = false;
  int fencing_ = 0;
  int max_fencing_ = 0;
  std::optional<Instant> last_over_;                    ///< only while something is held
  std::map<std::string, Instant> domain_last_over_;     ///< the same for each failure domain
  std::string reason_;
};

}  // namespace vmha::policy
