#include "cli/timeline.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>

#include <fmt/core.h>

#include "api/names.h"

namespace vmha::cli {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

/// Events of the suspicion that led to a fence, before it was decided; a fence before this one ends the search earlier.
constexpr std::chrono::minutes kLookBack{10};

std::string text_at(const json& document, const char* pointer) {
  const json value = document.is_object() ? document.value(json::json_pointer(pointer), json()) : json();
  return value.is_string() ? value.get<std::string>() : std::string();
}

/// Events of events.k8s.io/v1; those written through the old API carry their time in a field of their own.
std::optional<Moment> moment_of(const json& event) {
  auto time = parse_rfc3339(text_at(event, "/eventTime"));
  if (!time) time = parse_rfc3339(text_at(event, "/deprecatedLastTimestamp"));
  const std::string kind = text_at(event, "/regarding/kind");
  const bool is_node = kind == api::kComputeNodeKind;
  if (!time || (!is_node && kind != api::kProtectedInstanceKind)) return std::nullopt;
  std::string note = text_at(event, "/note");
  if (const json count = event.value(json::json_pointer("/series/count"), json()); count.is_number_integer())
    note += fmt::format(" ({} times)", count.get<std::int64_t>());
  return Moment{*time, (is_node ? "cn/" : "pi/") + text_at(event, "/regarding/name"), text_at(event, "/reason"), std::move(note), false, text_at(event, "/type") == "Warning"};
}

std::vector<Moment> moments_of(const json& events) {
  std::vector<Moment> found;
  for (const json& event : events)
    if (auto moment = moment_of(event)) found.push_back(std::move(*moment));
  std::ranges::stable_sort(found, {}, &Moment::time);
  return found;
}

bool names(const Moment& moment, const std::string& fence_id) {
  const std::size_t at = moment.detail.find(fence_id);
  if (at == std::string::npos) return false;
  const std::size_t end = at + fence_id.size();  // "compute-1-x7k2q" is not named by "compute-1-x7k2q9"
  return end == moment.detail.size() || (std::isalnum(static_cast<unsigned char>(moment.detail[end])) == 0 && moment.detail[end] != '-');
}

bool ends_a_fence(const Moment& moment, const std::string& host) { return moment.object == host && moment.what == "FenceLifted"; }

struct Window {
  WallTime begin, end;
  [[nodiscard]] bool has(WallTime time) const { return time >= begin && time <= end; }
};

/// From the suspicion to the end of this fence, by the host's own events. `known`: a time at which the fence surely stood.
Window window_of(const std::vector<Moment>& all, const std::string& host, const std::string& fence_id, WallTime known) {
  Window window{known - kLookBack, WallTime::max()};
  for (const Moment& moment : all) {
    if (!ends_a_fence(moment, host)) continue;
    if (moment.time < known && !names(moment, fence_id)) window.begin = std::max(window.begin, moment.time + std::chrono::microseconds(1));
    if (moment.time >= known) {
      window.end = moment.time;
      break;
    }
  }
  return window;
}

void add(std::vector<Moment>& into, const std::optional<WallTime>& time, const std::string& object, const char* what, const std::string& detail, bool is_warning = false) {
  if (time) into.push_back({*time, object, what, detail, true, is_warning});
}

/// What status tells, under the names of the events that tell the same.
std::vector<Moment> from_status(const Resources& resources, const api::ComputeNode* node, const std::string& fence_id) {
  std::vector<Moment> found;
  if (node != nullptr && node->status.fence && node->status.fence->id.value == fence_id) {
    const api::Fence& fence = *node->status.fence;
    const std::string host = "cn/" + node->metadata.name;
    add(found, fence.decided_time, host, "FenceDecided", fmt::format("{}; by {}", fence.reason, fence.decided_by));
    add(found, fence.power.proven_time, host, "PowerOffProven", fmt::format("{}: {}", fence.power.device, fence.power.message));
    add(found, fence.storage.proven_time, host, "StorageFenceProven", fence.storage.message);
    add(found, fence.host_fenced_time, host, "HostFenced", "");
    add(found, fence.data_fenced_time, host, "DataFenced", "");
    add(found, fence.lifted_time, host, "FenceLifted", "");
    if (node->status.recovery && node->status.recovery->fence_id.value == fence_id) {
      const api::NodeRecovery& recovery = *node->status.recovery;
      add(found, recovery.started_time, host, "RecoveryStarted", fmt::format("{} instances", recovery.total));
      add(found, recovery.finished_time, host, "RecoveryFinished", fmt::format("{} recovered, {} failed, {} skipped", recovery.recovered, recovery.failed, recovery.skipped),
          recovery.failed > 0);
    }
  }
  for (const api::ProtectedInstance& instance : resources.instances) {
    const auto& recovery = instance.status.recovery;
    if (!recovery || recovery->fence_id.value != fence_id) continue;
    const bool failed = recovery->phase == api::RecoveryStep::kFailed;
    add(found, recovery->started_time, "pi/" + instance.metadata.name, "InstanceEvacuating", fmt::format("from {}, attempt {}", recovery->from, recovery->attempt));
    add(found, recovery->finished_time, "pi/" + instance.metadata.name, failed ? "InstanceRecoveryFailed" : "InstanceRecovered",
        recovery->to.empty() ? recovery->message : fmt::format("to {}", recovery->to), failed);
  }
  return found;
}

std::set<std::string> instances_of_fence(const Resources& resources, const std::string& fence_id) {
  std::set<std::string> found;
  for (const api::ProtectedInstance& instance : resources.instances)
    if (instance.status.recovery && instance.status.recovery->fence_id.value == fence_id) found.insert("pi/" + instance.metadata.name);
  return found;
}

}  // namespace

Result<Timeline> timeline_of(const Resources& resources, const json& events, const std::string& fence_id) {
  const std::vector<Moment> all = moments_of(events);
  const auto stands = std::ranges::find_if(resources.nodes, [&](const api::ComputeNode& node) { return node.status.fence && node.status.fence->id.value == fence_id; });
  const auto named = std::ranges::find_if(all, [&](const Moment& moment) { return moment.object.starts_with("cn/") && names(moment, fence_id); });
  const api::ComputeNode* node = stands == resources.nodes.end() ? nullptr : &*stands;
  if (node == nullptr && named == all.end())
    return fail(ErrorKind::kNotFound, "nothing is known of a fence {} in namespace {}: no status has it, and events are kept for an hour only (kube-apiserver --event-ttl)", fence_id,
                resources.ns);
  Timeline timeline{fence_id, node != nullptr ? node->metadata.name : named->object.substr(3), {}, false};
  const std::string host = "cn/" + timeline.node;
  const WallTime known = named != all.end() ? named->time : node->status.fence->decided_time.value_or(WallTime{});
  const Window window = window_of(all, host, fence_id, known);
  const std::set<std::string> instances = instances_of_fence(resources, fence_id);
  std::set<std::pair<std::string, std::string>> told;
  for (const Moment& moment : all) {
    const bool is_ours = moment.object == host || instances.contains(moment.object) || moment.detail.starts_with("from " + timeline.node + ",") ||
                         moment.detail.starts_with("from " + timeline.node + " ");
    if (!is_ours || !window.has(moment.time)) continue;
    timeline.moments.push_back(moment);
    told.emplace(moment.object, moment.what);
  }
  timeline.has_events = !timeline.moments.empty();
  for (Moment& moment : from_status(resources, node, fence_id))
    if (!told.contains({moment.object, moment.what})) timeline.moments.push_back(std::move(moment));
  std::ranges::stable_sort(timeline.moments, {}, &Moment::time);
  return timeline;
}

Result<json> fetch_events(kube::Client& client, const std::string& ns) {
  json items = json::array();
  kube::ListQuery query;
  do {
    auto page = client.list_page({"events.k8s.io", "v1", "events", ns}, query);
    if (!page) return tl::unexpected(page.error().error);
    for (json& item : (*page)["items"]) items.push_back(std::move(item));
    query.continue_token = page->value(json::json_pointer("/metadata/continue"), std::string());
  } while (!query.continue_token.empty());
  return items;
}

std::string timeline_text(const Timeline& timeline, const Paint& paint) {
  std::string out = paint(fmt::format("Fence {} of host {}", clean(timeline.fence_id), clean(timeline.node)), Colour::kBold) + "\n";
  if (!timeline.has_events) out += paint("Its events are gone (kept for an hour only); this is what status keeps.", Colour::kWarn) + "\n";
  std::vector<std::vector<Cell>> rows = {{{"TIME"}, {"AFTER"}, {"OBJECT"}, {"WHAT"}, {"DETAIL"}}};
  for (const Moment& moment : timeline.moments) {
    const auto after = std::chrono::duration_cast<std::chrono::milliseconds>(moment.time - timeline.moments.front().time);
    rows.push_back({{to_rfc3339(moment.time)}, {fmt::format("+{:.1f}s", static_cast<double>(after.count()) / 1000.0)}, {moment.object},
                    {moment.what, moment.is_warning ? Colour::kWarn : Colour::kGood}, {moment.detail}});
  }
  return out + table(rows, paint);
}

ordered_json timeline_json(const Timeline& timeline) {
  ordered_json out = {{"kind", "Timeline"}, {"fenceID", timeline.fence_id}, {"host", timeline.node}, {"moments", ordered_json::array()}};
  for (const Moment& moment : timeline.moments)
    out["moments"].push_back({{"time", to_rfc3339_micro(moment.time)}, {"object", moment.object}, {"what", moment.what}, {"detail", moment.detail},
                              {"source", moment.from_status ? "Status" : "Event"}, {"warning", moment.is_warning}});
  return out;
}

}  // namespace vmha::cli
