#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/observed/nova.h"
#include "reconcilers/effects.h"
#include "simulation/ceph.h"
#include "simulation/kubernetes.h"
#include "simulation/leader_lease.h"
#include "simulation/machines.h"
#include "simulation/nova.h"
#include "simulation/power.h"

namespace vmha::sim {

/// How a server has to end, for L1.
struct Expected {
  nova::Server before;             ///< as it was while all was well, kept up with what its tenant did since
  bool gone = false;               ///< deleted by its tenant
  std::string excused;             ///< why it need not end as it was, if a person is told: "its tenant resized it in the middle"; empty: no excuse
};

/// What must always hold (protocol.md), judged from the ground truth at every event that could break it. Says what it saw in `violations`.
class Checkers {
 public:
  struct World {
    Scheduler& clock;
    Machines& machines;
    Ceph& ceph;
    Nova& nova;
    Power& power;
    Kubernetes& kubernetes;
    LeaderLease& lease;
  };
  explicit Checkers(World world);

  /// S1: Ceph took a write of this guest.
  void wrote(const Guest& guest);
  /// S2, S3, S4, S6: an act of the core takes effect now.
  void acts(const Operation& operation, std::size_t replica);
  /// What the world looks like before the failure: what L1 restores.
  void remember();
  /// L1, empty when it holds now: else what is missing.
  [[nodiscard]] std::string unfinished() const;
  void violated(const std::string& what);
  /// A fence of it was called and not withdrawn: its servers have to be recovered.
  [[nodiscard]] bool was_fenced(const NovaHost& host) const;
  /// Its recovery has not ended and a person is told why.
  [[nodiscard]] bool is_named_to_a_person(const ServerId& server) const;
  /// Names that server's end from now on.
  Expected& expect(const ServerId& server) { return expected.at(server); }

  bool nothing_may_happen = false;         ///< no act at all, whatever the host
  std::optional<int> budget;               ///< most fences of hosts not yet recovered; absent: a person approved more
  std::set<NovaHost> hands_off;            ///< under maintenance or paused
  std::vector<std::string> violations;
  std::map<std::string, int> acts_done;    ///< by name
  std::set<NovaHost> fenced;
  std::map<ServerId, Expected> expected;

 private:
  void evacuation_asked(const nova::Server& server, const nova::Migration* running);
  void node_written(const api::ComputeNode& before, const api::ComputeNode& after);
  [[nodiscard]] const Host* host_of(const Address& address) const;
  void must_be_fenceable(const NovaHost& host, const char* act);
  void must_be_cycled(const NovaHost& host, const char* act);
  [[nodiscard]] bool is_still_to_be_recovered(const nova::Server& server) const;
  [[nodiscard]] std::string unfinished_server(const Expected& expected) const;
  [[nodiscard]] std::string unfinished_host(const NovaHost& name, const Host& host) const;
  [[nodiscard]] int fences_of(const nova::Server& before) const;

  World w_;
  std::map<NovaHost, int> boots_at_fence_;
};

}  // namespace vmha::sim
