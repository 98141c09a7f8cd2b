#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "cli/fetch.h"
#include "cli/table.h"

/// The page of `kubectl vmha timeline`: what happened for one fence, in order, from status and from events.
namespace vmha::cli {

struct Moment {
  WallTime time;
  std::string object;  ///< "cn/compute-1", "pi/db-0"
  std::string what;    ///< an event's reason, or the name of the time in status
  std::string detail;
  bool from_status = false;  ///< status is kept as long as the resource; events are gone after an hour by default
  bool is_warning = false;
};

struct Timeline {
  std::string fence_id, node;
  std::vector<Moment> moments;   ///< oldest first
  bool has_events = false;       ///< any event of it was found
};

/// `events`: items of an events.k8s.io/v1 EventList of the namespace. kNotFound: neither a status nor an event knows this fence.
[[nodiscard]] Result<Timeline> timeline_of(const Resources& resources, const nlohmann::json& events, const std::string& fence_id);
/// All events of the namespace, in pages. Errors: as kube::Client.
[[nodiscard]] Result<nlohmann::json> fetch_events(kube::Client& client, const std::string& ns);

/// Times are shown as seconds since the first moment, too.
[[nodiscard]] std::string timeline_text(const Timeline& timeline, const Paint& paint);
/// Field names as in docs/kubectl-plugin.md.
[[nodiscard]] nlohmann::ordered_json timeline_json(const Timeline& timeline);

}  // namespace vmha::cli
