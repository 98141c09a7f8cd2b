#include "controller/performer.h"

#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/names.h"
#include "base/log.h"

namespace vmha::controller {
namespace {

using nlohmann::json;

constexpr const char* kManager = "vmha-controller";
constexpr const char* kDiscoveryManager = "vmha-discovery";

kube::Resource resource(std::string_view plural, const std::string& ns) {
  return {std::string(api::kGroup), std::string(api::kVersion), std::string(plural), ns};
}

template <class T>
Result<Answer> answer(Result<T> result) {
  if (!result) return tl::unexpected(result.error());
  return Answer(std::move(*result));
}

/// A list in which something could not be read is no list: what is missing from it would look gone.
template <class T>
Result<Answer> complete(Result<openstack::Listing<T>> listing, const char* what) {
  if (!listing) return tl::unexpected(listing.error());
  if (listing->malformed > 0)
    return fail(ErrorKind::kInvalid, "{}: {} elements cannot be read, the first: {}", what, listing->malformed,
                listing->malformed_messages.empty() ? "" : listing->malformed_messages.front());
  return Answer(std::move(listing->items));
}

struct Call {
  Systems& systems;
  kube::EventRecorder& events;
  Instant deadline;
  const Term& term;

  [[nodiscard]] milliseconds left() const {
    return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(deadline - monotonic_now()));
  }
  [[nodiscard]] std::string ns() const { return systems.config()->watch_namespace; }

  template <class F>
  Result<Answer> with_nova(F call) const {
    const auto nova = systems.nova(deadline);
    if (!nova) return tl::unexpected(nova.error());
    return call(**nova);
  }
  template <class F>
  Result<Answer> with_ceph(F call) const {
    const auto ceph = systems.ceph(deadline);
    if (!ceph) return tl::unexpected(ceph.error());
    return call(**ceph);
  }
  template <class F>
  Result<Answer> with_power(const api::PowerDevice& device, F call) const {
    const auto controller = systems.power(device);
    if (!controller) return tl::unexpected(controller.error());
    return std::visit([&](const auto& one) { return call(*one); }, *controller);
  }

  // ---- Nova
  Result<Answer> operator()(const ReadServices&) const {
    return with_nova([&](openstack::Nova& nova) -> Result<Answer> {
      auto listing = nova.services(deadline);
      if (!listing) return tl::unexpected(listing.error());
      for (const std::string& message : listing->malformed_messages) log::warn("A compute service could not be read", {{"why", message}});
      return Answer(std::move(listing->items));
    });
  }
  Result<Answer> operator()(const ReadAllServers&) const {
    return with_nova([&](openstack::Nova& nova) { return complete(nova.servers(deadline), "servers"); });
  }
  Result<Answer> operator()(const ReadHostServers& op) const {
    return with_nova([&](openstack::Nova& nova) { return complete(nova.servers_on(op.host, deadline), "servers of the host"); });
  }
  Result<Answer> operator()(const ReadServer& op) const {
    return with_nova([&](openstack::Nova& nova) { return answer(nova.server(op.server, deadline)); });
  }
  Result<Answer> operator()(const ReadMigrations& op) const {
    return with_nova([&](openstack::Nova& nova) { return complete(nova.migrations_touching(op.host, deadline), "migrations"); });
  }
  Result<Answer> operator()(const SetForcedDown& op) const {
    return with_nova([&](openstack::Nova& nova) { return answer(nova.force_down(op.service, op.forced_down, deadline)); });
  }
  Result<Answer> operator()(const DisableService& op) const {
    return with_nova([&](openstack::Nova& nova) { return answer(nova.disable(op.service, op.reason, deadline)); });
  }
  Result<Answer> operator()(const EnableService& op) const {
    return with_nova([&](openstack::Nova& nova) { return answer(nova.enable(op.service, deadline)); });
  }
  Result<Answer> operator()(const LockServer& op) const {
    return with_nova([&](openstack::Nova& nova) { return answer(nova.lock(op.server, op.reason, deadline)); });
  }
  Result<Answer> operator()(const UnlockServer& op) const {
    return with_nova([&](openstack::Nova& nova) { return answer(nova.unlock(op.server, deadline)); });
  }
  Result<Answer> operator()(const Evacuate& op) const {
    return with_nova([&](openstack::Nova& nova) { return answer(nova.evacuate(op.server, op.destination, deadline)); });
  }
  Result<Answer> operator()(const StartServer& op) const {
    return with_nova([&](openstack::Nova& nova) { return answer(nova.start(op.server, deadline)); });
  }
  Result<Answer> operator()(const StopServer& op) const {
    return with_nova([&](openstack::Nova& nova) { return answer(nova.stop(op.server, deadline)); });
  }

  // ---- Ceph
  Result<Answer> operator()(const PingImages& op) const {
    return with_ceph([&](ceph::Client& ceph) { return answer(ceph.ping(op.images, left())); });
  }
  Result<Answer> operator()(const ReadDisks& op) const {
    return with_ceph([&](ceph::Client& ceph) { return read_disks(ceph, op.servers); });
  }
  Result<Answer> operator()(const ReadBlocklist&) const {
    return with_ceph([&](ceph::Client& ceph) { return answer(ceph.blocklist(left())); });
  }
  Result<Answer> operator()(const ReadClusterAddresses&) const {
    return with_ceph([&](ceph::Client& ceph) { return answer(ceph.cluster_addresses(left())); });
  }
  Result<Answer> operator()(const DrillCeph&) const {
    return with_ceph([&](ceph::Client& ceph) { return answer(ceph.drill(left())); });
  }
  Result<Answer> operator()(const ProveBlocklist& op) const {
    return with_ceph([&](ceph::Client& ceph) { return answer(ceph.prove_blocklist(op.addresses, op.images, left())); });
  }
  Result<Answer> operator()(const BlocklistAdd& op) const {
    return with_ceph([&](ceph::Client& ceph) { return answer(ceph.blocklist_add(op.addresses, left())); });
  }
  Result<Answer> operator()(const BlocklistRemove& op) const {
    return with_ceph([&](ceph::Client& ceph) { return answer(ceph.blocklist_remove(op.addresses, left())); });
  }
  /// Every image of each server with its watches, in the order of the servers.
  Result<Answer> read_disks(ceph::Client& ceph, const std::vector<ServerDisks>& servers) const {
    const auto config = systems.config();
    const std::string volume_pool = config->ceph.volume_pools.empty() ? "" : config->ceph.volume_pools.front();
    std::vector<ServerId> ids;
    for (const ServerDisks& server : servers) ids.push_back(server.server);
    auto images = ceph.images_of(ids, left());
    if (!images) return tl::unexpected(images.error());
    std::vector<ServerImages> result;
    std::vector<ImageId> wanted;
    for (const ServerDisks& server : servers) {
      ServerImages of{server.server, {}};
      for (const ImageId& image : *images)
        if (image.name.rfind(server.server.value + "_disk", 0) == 0) of.images.push_back({image, false, false, {}, std::nullopt});
      for (const std::string& volume : server.volumes)
        of.images.push_back({ImageId{volume_pool, "volume-" + volume}, false, false, {}, std::nullopt});
      for (const ceph::ImageWatch& image : of.images) wanted.push_back(image.image);
      result.push_back(std::move(of));
    }
    auto watches = ceph.watches(wanted, left());
    if (!watches) return tl::unexpected(watches.error());
    std::size_t next = 0;
    for (ServerImages& server : result)
      for (ceph::ImageWatch& image : server.images) image = std::move((*watches)[next++]);
    return Answer(std::move(result));
  }

  // ---- Power
  /// An order of power first reads what it is about, which may take longer than a term lasts; only the order itself needs the term.
  [[nodiscard]] power::Permit permit() const {
    return [this]() -> Result<Instant> {
      const auto until = term.act_until(monotonic_now());
      if (!until) return fail(ErrorKind::kTimeout, "not sent, the leader's term is over");
      return *until;
    };
  }
  Result<Answer> operator()(const ReadPower& op) const {
    return with_power(op.device, [&](auto& controller) { return answer(controller.read(left())); });
  }
  Result<Answer> operator()(const DrillPower& op) const {
    return with_power(op.device, [&](auto& controller) { return answer(controller.drill(left())); });
  }
  Result<Answer> operator()(const PowerOff& op) const {
    return with_power(op.device, [&](auto& controller) { return answer(controller.request_off(left(), op.expected_uuid, permit())); });
  }
  Result<Answer> operator()(const PowerOn& op) const {
    return with_power(op.device, [&](auto& controller) { return answer(controller.request_on(left(), op.expected_uuid, permit())); });
  }

  // ---- Kubernetes
  template <class Object, class Decoder>
  Result<Answer> write_status(const Object& object, std::string_view plural, Decoder decode) const {
    auto stored = systems.kubernetes().apply(resource(plural, object.metadata.namespace_), object.metadata.name, api::encode_status(object),
                                             {kManager, object.metadata.resource_version, true}, "status");
    if (!stored) return tl::unexpected(stored.error());
    return answer(decode(*stored));
  }
  Result<Answer> operator()(const WritePolicyStatus& op) const { return write_status(op.object, api::kPolicyPlural, api::decode_policy); }
  Result<Answer> operator()(const WriteNodeStatus& op) const { return write_status(op.object, api::kComputeNodePlural, api::decode_compute_node); }
  Result<Answer> operator()(const WriteInstanceStatus& op) const {
    return write_status(op.object, api::kProtectedInstancePlural, api::decode_protected_instance);
  }
  Result<Answer> operator()(const PatchNodeMetadata& op) const {
    const api::ObjectMeta& metadata = op.object.metadata;
    json patch = {{"metadata", json::object()}};
    if (op.finalizer) {
      json finalizers = json::array();
      for (const std::string& finalizer : metadata.finalizers)
        if (finalizer != api::kFenceFinalizer) finalizers.push_back(finalizer);
      if (*op.finalizer) finalizers.push_back(api::kFenceFinalizer);
      patch["metadata"]["finalizers"] = std::move(finalizers);
    }
    for (const std::string& annotation : op.remove_annotations) patch["metadata"]["annotations"][annotation] = nullptr;
    auto stored = systems.kubernetes().merge_patch(resource(api::kComputeNodePlural, metadata.namespace_), metadata.name, std::move(patch),
                                                   {kManager, metadata.resource_version, {}});
    if (!stored) return tl::unexpected(stored.error());
    return answer(api::decode_compute_node(*stored));
  }
  template <class Object>
  Result<Answer> create(const Object& object, std::string_view plural) const {
    auto stored = systems.kubernetes().create_object(resource(plural, ns()), api::encode_new(object), {kDiscoveryManager, {}, {}});
    if (!stored && stored.error().kind != ErrorKind::kConflict) return tl::unexpected(stored.error());
    return Answer(Done{});  // the watch brings it
  }
  Result<Answer> operator()(const CreateNode& op) const { return create(op.object, api::kComputeNodePlural); }
  Result<Answer> operator()(const CreateInstance& op) const { return create(op.object, api::kProtectedInstancePlural); }
  Result<Answer> remove(std::string_view plural, const std::string& name, const std::string& uid) const {
    const auto removed = systems.kubernetes().remove(resource(plural, ns()), name, {uid, {}});
    if (!removed && removed.error().kind != ErrorKind::kNotFound) return tl::unexpected(removed.error());
    return Answer(Done{});
  }
  Result<Answer> operator()(const DeleteNode& op) const { return remove(api::kComputeNodePlural, op.name.value, op.uid); }
  Result<Answer> operator()(const DeleteInstance& op) const { return remove(api::kProtectedInstancePlural, op.name.value, op.uid); }
  Result<Answer> operator()(const EmitEvent& op) const {
    log::write(op.warning ? log::Level::kWarn : log::Level::kInfo, op.reason, {{"kind", op.kind}, {"name", op.name}, {"note", op.note}});
    events.post({{std::string(api::kApiVersion), op.kind, ns(), op.name, op.uid}, op.warning ? kube::EventType::kWarning : kube::EventType::kNormal, op.reason,
                 op.action, op.note});
    return Answer(Done{});
  }
};

}  // namespace

Lane lane_of(const Operation& operation) {
  return std::visit(
      [](const auto& op) {
        using T = std::decay_t<decltype(op)>;
        if constexpr (std::is_same_v<T, ReadPower> || std::is_same_v<T, DrillPower> || std::is_same_v<T, PowerOff> || std::is_same_v<T, PowerOn>) {
          return Lane::kPower;
        } else if constexpr (std::is_same_v<T, PingImages> || std::is_same_v<T, ReadDisks> || std::is_same_v<T, ReadBlocklist> ||
                             std::is_same_v<T, ReadClusterAddresses> || std::is_same_v<T, DrillCeph> || std::is_same_v<T, ProveBlocklist> ||
                             std::is_same_v<T, BlocklistAdd> || std::is_same_v<T, BlocklistRemove>) {
          return Lane::kCeph;
        } else if constexpr (std::is_same_v<T, WritePolicyStatus> || std::is_same_v<T, WriteNodeStatus> || std::is_same_v<T, WriteInstanceStatus> ||
                             std::is_same_v<T, PatchNodeMetadata> || std::is_same_v<T, CreateNode> || std::is_same_v<T, CreateInstance> ||
                             std::is_same_v<T, DeleteNode> || std::is_same_v<T, DeleteInstance> || std::is_same_v<T, EmitEvent>) {
          return Lane::kKubernetes;
        } else {
          return Lane::kNova;
        }
      },
      operation);
}

EffectDone Performer::perform(const Effect& effect) {
  const Instant started = monotonic_now();
  if (started >= std::min(effect.deadline, effect.start_by))
    return {effect.id, started, fail(ErrorKind::kTimeout, "{}: not sent, its time was over before a thread was free", name_of(effect.operation))};
  Instant deadline = effect.deadline;
  if (is_irreversible(effect.operation)) {
    const auto until = term_.act_until(started);
    if (!until) return {effect.id, started, fail(ErrorKind::kTimeout, "{}: not sent, the leader's term is over", name_of(effect.operation))};
    if (!asks_for_the_term_again(effect.operation)) deadline = std::min(deadline, *until);
  }
  return {effect.id, started, std::visit(Call{systems_, events_, deadline, term_}, effect.operation), monotonic_now()};
}

}  // namespace vmha::controller
