#include "controller/watches.h"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>

#include "api/codec.h"
#include "api/names.h"
#include "base/log.h"
#include "clients/kube/watcher.h"
#include "controller/history.h"

namespace vmha::controller {

using nlohmann::json;

struct Watches::Shared {
  explicit Shared(Mailbox& m) : mailbox(m) {}
  Mailbox& mailbox;
  std::atomic<int> to_sync{3};  ///< our kinds that were not listed yet
};

namespace {

std::string text_at(const json& object, const json::json_pointer& path) {
  return object.contains(path) && object.at(path).is_string() ? object.at(path).get<std::string>() : std::string();
}

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

kube::Node to_node(const json& object) {
  kube::Node node;
  node.name = text_at(object, "/metadata/name"_json_pointer);
  node.boot_id = text_at(object, "/status/nodeInfo/bootID"_json_pointer);
  node.system_uuid = lower(text_at(object, "/status/nodeInfo/systemUUID"_json_pointer));
  const auto labels = "/metadata/labels"_json_pointer;
  if (!object.contains(labels) || !object.at(labels).is_object()) return node;
  for (const auto& [key, value] : object.at(labels).items())
    if (value.is_string()) node.labels[key] = value.get<std::string>();
  return node;
}

/// An answer that refuses something is an answer: the leases we see are still fresh.
bool is_unreachable(const Error& error) { return error.kind == ErrorKind::kUnavailable || error.kind == ErrorKind::kTimeout; }

using OnApplied = std::function<std::optional<Event>(const json&)>;
using OnDeleted = std::function<Event(const std::string&)>;

/// An object of ours, or nothing and one line in the log that says what is wrong with it.
template <class Changed, class Decode>
OnApplied decoded(Decode decode) {
  return [decode](const json& object) -> std::optional<Event> {
    auto result = decode(object);
    if (result) return Changed{std::move(*result)};
    log::warn("An object cannot be read and is left out", {{"why", result.error().message}});
    return std::nullopt;
  };
}

kube::WatchSink sink(Mailbox& mailbox, OnApplied applied, OnDeleted deleted, std::function<void()> synced, const std::string& what) {
  kube::WatchSink sink;
  sink.applied = [&mailbox, applied = std::move(applied)](const json& object) {
    if (auto event = applied(object)) mailbox.put(std::move(*event));
  };
  sink.deleted = [&mailbox, deleted](const kube::ObjectKey& key) { mailbox.put(deleted(key.name)); };
  sink.replaced = [&mailbox, deleted](const std::vector<kube::ObjectKey>& gone) {
    for (const kube::ObjectKey& key : gone) mailbox.put(deleted(key.name));
  };
  sink.synced = std::move(synced);
  sink.on_alive = [&mailbox] { mailbox.put(ApiServerAlive{monotonic_now()}); };
  sink.on_error = [&mailbox, what](const Error& error) {
    log::warn("A watch failed; it is tried again", {{"resource", what}, {"why", describe(error)}});
    if (is_unreachable(error)) mailbox.put(ApiServerLost{monotonic_now()});
  };
  return sink;
}

/// With an eye on versions that go back.
kube::WatchSink guarded(kube::WatchSink sink, std::function<void()> went_back) {
  const auto history = std::make_shared<History>();
  sink.applied = [history, went_back, applied = std::move(sink.applied)](const json& object) {
    const auto text = [&](const char* path) { return text_at(object, json::json_pointer(path)); };
    if (history->goes_back(text("/metadata/name"), text("/metadata/uid"), text("/metadata/resourceVersion"))) return went_back();
    applied(object);
  };
  sink.deleted = [history, deleted = std::move(sink.deleted)](const kube::ObjectKey& key) {
    history->forget(key.name);
    deleted(key);
  };
  return sink;
}

}  // namespace

Watches::Watches(kube::Client& client, std::string ns, Mailbox& mailbox, std::function<void()> went_back) : shared_(std::make_shared<Shared>(mailbox)) {
  const auto start = [&](kube::Resource resource, kube::WatchSink to) {
    threads_.emplace_back([&client, resource = std::move(resource), to = std::move(to)](const std::stop_token& stop) { kube::run_watch(client, resource, to, stop); });
  };
  const auto ours = [&](std::string_view plural) { return kube::Resource{std::string(api::kGroup), std::string(api::kVersion), std::string(plural), ns}; };
  const auto synced = [shared = shared_] {
    if (--shared->to_sync == 0) shared->mailbox.put(CachesSynced{});
  };
  Mailbox& m = mailbox;
  start(ours(api::kPolicyPlural), sink(m, decoded<PolicyChanged>(api::decode_policy), [](const std::string& n) { return PolicyDeleted{n}; }, synced, "hapolicies"));
  start(ours(api::kComputeNodePlural),
        guarded(sink(m, decoded<NodeChanged>(api::decode_compute_node), [](const std::string& n) { return NodeDeleted{NodeName{n}}; }, synced, "computenodes"),
                went_back));
  start(ours(api::kProtectedInstancePlural),
        sink(m, decoded<InstanceChanged>(api::decode_protected_instance), [](const std::string& n) { return InstanceDeleted{InstanceName{n}}; }, synced, "protectedinstances"));
  start({"", "v1", "nodes", ""}, sink(m, [](const json& o) -> std::optional<Event> { return KubernetesNodeChanged{to_node(o)}; },
                                      [](const std::string& n) { return KubernetesNodeDeleted{n}; }, {}, "nodes"));
  start({"coordination.k8s.io", "v1", "leases", "kube-node-lease"},
        sink(m,
             [](const json& o) -> std::optional<Event> {
               return NodeLeaseObserved{{text_at(o, "/metadata/name"_json_pointer), text_at(o, "/spec/renewTime"_json_pointer)}, monotonic_now()};
             },
             [](const std::string& n) { return NodeLeaseDeleted{n}; }, {}, "leases"));
}

void Watches::stop() {
  for (std::jthread& thread : threads_) thread.request_stop();
}

Watches::~Watches() { stop(); }

}  // namespace vmha::controller
