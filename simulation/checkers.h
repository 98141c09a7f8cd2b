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
#include "simulation/machines.h"
#include "simulation/nova.h"

namespace vmha::sim {

/// What must always hold (protocol.md), judged from the ground truth at every event that could break it. Says what it saw in `violations`.
class Checkers {
 public:
  Checkers(Scheduler& clock, Machines& machines, Ceph& ceph, Nova& nova, Kubernetes& kubernetes);

  /// S1: Ceph took a write of this guest.
  void wrote(const Guest& guest);
  /// S1, S5: nova was asked to evacuate.
  void evacuation_asked(const nova::Server& server, bool running);
  /// S2, S3, S4: an act of the core takes effect now.
  void acts(const Operation& operation);
  /// What the world looks like before the failure: what L1 restores.
  void remember();
  /// L1, empty when it holds now: else what is missing.
  [[nodiscard]] std::string unfinished() const;
  void violated(const std::string& what);
  /// A fence of it was called and not withdrawn: its servers have to be recovered.
  [[nodiscard]] bool was_fenced(const NovaHost& host) const;

  bool nothing_may_happen = false;       ///< the quiet profile: no act at all
  std::vector<std::string> violations;
  std::map<std::string, int> acts_done;  ///< by name
  std::set<NovaHost> fenced;

 private:
  [[nodiscard]] const Host* host_of(const Address& address) const;
  void must_be_fenceable(const NovaHost& host, const char* act);
  void must_be_cycled(const NovaHost& host, const char* act);
  [[nodiscard]] std::string unfinished_server(const nova::Server& before) const;

  Scheduler& clock_;
  Machines& machines_;
  Ceph& ceph_;
  Nova& nova_;
  Kubernetes& kubernetes_;
  std::map<ServerId, nova::Server> before_;
  std::map<NovaHost, int> boots_at_fence_;
};

}  // namespace vmha::sim
