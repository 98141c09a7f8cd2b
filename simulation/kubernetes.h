#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "api/compute_node.h"
#include "api/policy.h"
#include "api/protected_instance.h"
#include "base/result.h"
#include "engine/event.h"
#include "reconcilers/effects.h"
#include "simulation/scheduler.h"
#include "simulation/timeline.h"

namespace vmha::sim {

/// The API server: three kinds, growing resource versions, writes that are refused when decided on an older version. What is stored went
/// through the codec, as in reality: times lose what JSON cannot hold.
class Kubernetes {
 public:
  Kubernetes(Scheduler& clock, const Timeline& timeline) : clock_(clock), timeline_(timeline) {}

  api::HAPolicy create(api::HAPolicy object);
  Result<api::ComputeNode> create(api::ComputeNode object);
  Result<api::ProtectedInstance> create(api::ProtectedInstance object);
  Result<api::HAPolicy> write_status(const api::HAPolicy& object);
  Result<api::ComputeNode> write_status(const api::ComputeNode& object);
  Result<api::ProtectedInstance> write_status(const api::ProtectedInstance& object);
  Result<api::ComputeNode> patch(const PatchNodeMetadata& patch);
  Result<Done> remove(const InstanceName& name, const std::string& uid);

  /// A person writes an annotation on a ComputeNode.
  void annotate(const NovaHost& node, std::string_view key, const std::string& value);
  /// A person edits the spec of a ComputeNode.
  void edit(const NovaHost& node, const std::function<void(api::ComputeNodeSpec&)>& change);
  /// It goes when its finalizers are gone.
  void remove_node(const NovaHost& node);
  void annotate_instance(const std::string& instance, std::string_view key, const std::string& value);
  /// etcd as it is now is kept; restore() brings it back, as the API server shows it then: everything is newer than before.
  void back_up();
  void restore();
  /// A kubelet reports: its Node (boot id) and its Lease.
  void report(const kube::Node& node);

  [[nodiscard]] const std::map<std::string, api::ComputeNode>& nodes() const { return nodes_; }
  [[nodiscard]] const std::map<std::string, api::ProtectedInstance>& instances() const { return instances_; }
  /// Everything there is, as a list shows it.
  [[nodiscard]] std::vector<Event> list() const;

  std::vector<std::function<void(const Event&)>> watches;  ///< of the replicas
  std::function<void(const api::ComputeNode& before, const api::ComputeNode& after)> node_written;
  std::function<void(const std::string&)> complain;     ///< what no API server would take, or nobody should write
  bool works = true;                                    ///< the API server answers
  [[nodiscard]] std::uint64_t status_writes() const { return status_writes_; }

 private:
  template <class T>
  Result<T> store_status(std::map<std::string, T>& objects, const T& object);
  template <class T>
  Result<T> create_in(std::map<std::string, T>& objects, T object);
  void changed(const Event& event) const {
    for (const auto& watch : watches) watch(event);
  }
  bool forget_if_removed(const std::string& node);
  void count_write(const std::string& object);
  std::string next_version() { return std::to_string(++version_); }

  Scheduler& clock_;
  const Timeline& timeline_;
  std::map<std::string, api::HAPolicy> policies_;
  std::map<std::string, api::ComputeNode> nodes_;
  std::map<std::string, api::ProtectedInstance> instances_;
  std::map<std::string, kube::Node> kubernetes_nodes_;
  std::map<std::string, kube::NodeLease> leases_;
  std::map<std::string, api::ComputeNode> nodes_kept_;
  std::map<std::string, api::ProtectedInstance> instances_kept_;
  std::map<std::string, std::deque<Instant>> writes_;
  std::uint64_t version_ = 100;
  std::uint64_t uid_ = 0;
  std::uint64_t status_writes_ = 0;
};

}  // namespace vmha::sim
