#include "simulation/kubernetes.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/names.h"

namespace vmha::sim {
namespace {

/// More status writes of one object in a minute than any recovery needs: two passes that contradict each other.
constexpr std::size_t kMostWritesAMinute = 90;

Result<api::HAPolicy> through_codec(const api::HAPolicy& object) { return api::decode_policy(api::encode(object)); }
Result<api::ComputeNode> through_codec(const api::ComputeNode& object) { return api::decode_compute_node(api::encode(object)); }
Result<api::ProtectedInstance> through_codec(const api::ProtectedInstance& object) { return api::decode_protected_instance(api::encode(object)); }

Event event_of(const api::HAPolicy& object) { return PolicyChanged{object}; }
Event event_of(const api::ComputeNode& object) { return NodeChanged{object}; }
Event event_of(const api::ProtectedInstance& object) { return InstanceChanged{object}; }

}  // namespace

void Kubernetes::count_write(const std::string& object) {
  ++status_writes_;
  auto& times = writes_[object];
  times.push_back(clock_.now());
  while (clock_.now() - times.front() > seconds(60)) times.pop_front();
  if (times.size() == kMostWritesAMinute && complain) complain("L1: status of " + object + " is written again and again");
}

template <class T>
Result<T> Kubernetes::store_status(std::map<std::string, T>& objects, const T& object) {
  const auto found = objects.find(object.metadata.name);
  if (found == objects.end()) return fail(ErrorKind::kNotFound, "no {}", object.metadata.name);
  if (found->second.metadata.resource_version != object.metadata.resource_version)
    return fail(ErrorKind::kConflict, "{} is at version {}, not {}", object.metadata.name, found->second.metadata.resource_version, object.metadata.resource_version);
  auto decoded = through_codec(object);
  if (!decoded) {
    if (complain) complain("L2: a status that no API server takes: " + describe(decoded.error()));
    return tl::unexpected(decoded.error());
  }
  if (decoded->status == found->second.status) return found->second;
  found->second.status = std::move(decoded->status);
  found->second.metadata.resource_version = next_version();
  count_write(object.metadata.name);
  changed(event_of(found->second));
  return found->second;
}

template <class T>
Result<T> Kubernetes::create_in(std::map<std::string, T>& objects, T object) {
  if (objects.count(object.metadata.name) > 0) return fail(ErrorKind::kConflict, "{} exists", object.metadata.name);
  object.metadata.uid = "uid-" + std::to_string(++uid_);
  object.metadata.generation = 1;
  object.metadata.resource_version = next_version();
  const T& stored = objects.emplace(object.metadata.name, std::move(object)).first->second;
  changed(event_of(stored));
  return stored;
}

api::HAPolicy Kubernetes::create(api::HAPolicy object) { return *create_in(policies_, std::move(object)); }
Result<api::ComputeNode> Kubernetes::create(api::ComputeNode object) { return create_in(nodes_, std::move(object)); }
Result<api::ProtectedInstance> Kubernetes::create(api::ProtectedInstance object) { return create_in(instances_, std::move(object)); }
Result<api::HAPolicy> Kubernetes::write_status(const api::HAPolicy& object) { return store_status(policies_, object); }
Result<api::ProtectedInstance> Kubernetes::write_status(const api::ProtectedInstance& object) { return store_status(instances_, object); }

Result<api::ComputeNode> Kubernetes::write_status(const api::ComputeNode& object) {
  const auto known = nodes_.find(object.metadata.name);
  const auto state = [](const api::ComputeNodeStatus& status) { return status.fence ? std::string(api::to_string(status.fence->state)) : std::string("none"); };
  const auto before = known == nodes_.end() || !timeline_.is_on() ? api::ComputeNodeStatus{} : known->second.status;
  std::optional<api::ComputeNode> old;
  if (known != nodes_.end() && node_written) old = known->second;
  auto stored = store_status(nodes_, object);
  if (stored && old) node_written(*old, *stored);
  if (stored && timeline_.is_on()) {
    const auto& after = stored->status;
    if (before.verdict.value != after.verdict.value || before.phase != after.phase || state(before) != state(after))
      timeline_.say("status", "{}: {}, {}, fence {}{}", object.metadata.name, api::to_string(after.verdict.value), api::to_string(after.phase), state(after),
                    after.fence ? fmt::format(" (power {}, storage {})", api::to_string(after.fence->power.state), api::to_string(after.fence->storage.state)) : "");
    for (const api::Evidence& evidence : after.verdict.evidence) {
      const auto same = std::find_if(before.verdict.evidence.begin(), before.verdict.evidence.end(), [&](const api::Evidence& e) { return e.source == evidence.source; });
      if (same != before.verdict.evidence.end() && same->state == evidence.state && same->detail == evidence.detail) continue;
      timeline_.say("evidence", "{}: {} {}: {}", object.metadata.name, api::to_string(evidence.source), api::to_string(evidence.state), evidence.detail);
    }
  }
  return stored;
}

Result<api::ComputeNode> Kubernetes::patch(const PatchNodeMetadata& patch) {
  const auto found = nodes_.find(patch.object.metadata.name);
  if (found == nodes_.end()) return fail(ErrorKind::kNotFound, "no {}", patch.object.metadata.name);
  api::ObjectMeta& metadata = found->second.metadata;
  if (metadata.resource_version != patch.object.metadata.resource_version) return fail(ErrorKind::kConflict, "{} has changed", metadata.name);
  const std::string ours(api::kFenceFinalizer);
  if (patch.finalizer) {
    std::erase(metadata.finalizers, ours);
    if (*patch.finalizer) metadata.finalizers.push_back(ours);
  }
  for (const std::string& annotation : patch.remove_annotations) metadata.annotations.erase(annotation);
  metadata.resource_version = next_version();
  api::ComputeNode patched = found->second;
  if (!forget_if_removed(metadata.name)) changed(NodeChanged{patched});
  return patched;
}

bool Kubernetes::forget_if_removed(const std::string& node) {
  const auto found = nodes_.find(node);
  if (!found->second.metadata.deletion_timestamp || !found->second.metadata.finalizers.empty()) return false;
  nodes_.erase(found);
  timeline_.say("person", "ComputeNode {} is gone", node);
  changed(NodeDeleted{NodeName{node}});
  return true;
}

void Kubernetes::remove_node(const NovaHost& node) {
  const auto found = nodes_.find(node.value);
  if (found == nodes_.end()) return;
  found->second.metadata.deletion_timestamp = to_rfc3339(std::chrono::floor<seconds>(clock_.wall()));
  found->second.metadata.resource_version = next_version();
  timeline_.say("person", "deletes ComputeNode {}", node.value);
  if (!forget_if_removed(node.value)) changed(NodeChanged{found->second});
}

Result<Done> Kubernetes::remove(const InstanceName& name, const std::string& uid) {
  const auto found = instances_.find(name.value);
  if (found == instances_.end() || found->second.metadata.uid != uid) return fail(ErrorKind::kNotFound, "no {}", name.value);
  instances_.erase(found);
  changed(InstanceDeleted{name});
  return Done{};
}

void Kubernetes::annotate(const NovaHost& node, std::string_view key, const std::string& value) {
  const auto found = nodes_.find(node.value);
  if (found == nodes_.end()) return;
  api::ComputeNode& object = found->second;
  object.metadata.annotations[std::string(key)] = value;
  object.metadata.resource_version = next_version();
  timeline_.say("person", "{}: {}={}", node.value, key, value);
  changed(NodeChanged{object});
}

void Kubernetes::annotate_instance(const std::string& instance, std::string_view key, const std::string& value) {
  const auto found = instances_.find(instance);
  if (found == instances_.end()) return;
  found->second.metadata.annotations[std::string(key)] = value;
  found->second.metadata.resource_version = next_version();
  timeline_.say("person", "{}: {}={}", instance, key, value);
  changed(InstanceChanged{found->second});
}

void Kubernetes::edit(const NovaHost& node, const std::function<void(api::ComputeNodeSpec&)>& change) {
  const auto found = nodes_.find(node.value);
  if (found == nodes_.end()) return;
  api::ComputeNode& object = found->second;
  change(object.spec);
  ++object.metadata.generation;
  object.metadata.resource_version = next_version();
  timeline_.say("person", "edits ComputeNode {}", node.value);
  changed(NodeChanged{object});
}

void Kubernetes::back_up() {
  nodes_kept_ = nodes_;
  instances_kept_ = instances_;
}

void Kubernetes::restore() {
  nodes_ = nodes_kept_;
  instances_ = instances_kept_;
  for (auto& [name, node] : nodes_) node.metadata.resource_version = next_version();
  for (auto& [name, instance] : instances_) instance.metadata.resource_version = next_version();
  timeline_.say("person", "restored etcd from a backup");
}

void Kubernetes::report(const kube::Node& node) {
  const bool known = kubernetes_nodes_.count(node.name) > 0 && kubernetes_nodes_.at(node.name) == node;
  kubernetes_nodes_.insert_or_assign(node.name, node);
  leases_.insert_or_assign(node.name, kube::NodeLease{node.name, to_rfc3339_micro(clock_.wall())});
  if (!known) changed(KubernetesNodeChanged{node});
  changed(NodeLeaseObserved{leases_.at(node.name), clock_.now()});
}

std::vector<Event> Kubernetes::list() const {
  std::vector<Event> events;
  for (const auto& [name, object] : policies_) events.push_back(event_of(object));
  for (const auto& [name, object] : nodes_) events.push_back(event_of(object));
  for (const auto& [name, object] : instances_) events.push_back(event_of(object));
  for (const auto& [name, node] : kubernetes_nodes_) events.push_back(KubernetesNodeChanged{node});
  for (const auto& [name, lease] : leases_) events.push_back(NodeLeaseObserved{lease, clock_.now()});
  return events;
}

}  // namespace vmha::sim
