#pragma once

#include <optional>
#include <string>

#include "api/explanation.h"
#include "base/result.h"
#include "base/time.h"
#include "clients/kube/client.h"

namespace vmha::cli {

/// Who leads, as its Lease says.
struct Leader {
  std::string identity;  ///< empty: nobody
  std::string endpoint;  ///< api::kEndpointAnnotation; empty: the leader tells none
  std::optional<WallTime> renewed;
};

/// From the document of a coordination.k8s.io/v1 Lease; what it lacks stays empty.
[[nodiscard]] Leader leader_of(const nlohmann::json& lease);

/// Where a leader's answer is fetched from. Exactly one of the two is not empty.
struct Route {
  std::string url;         ///< "http://host:port": directly
  std::string proxy_path;  ///< a path of the API server, which passes it on to the pod
};
/// "http://host:port", "https://..." or "pod:<namespace>/<name>:<port>". kInvalid: anything else.
[[nodiscard]] Result<Route> route_of(const std::string& endpoint);

/// The leader's own explanation. kNotFound: it knows no such host; else why it could not be had. Takes at most kPatience a call.
[[nodiscard]] Result<api::HostExplanation> ask_leader(kube::Client& client, const Leader& leader, const std::string& node);

inline constexpr seconds kPatience{5};

}  // namespace vmha::cli
