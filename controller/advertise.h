#pragma once

#include <string>

#include "controller/config.h"

namespace vmha::controller {

/// Where this process runs, as far as it can know.
struct Whereabouts {
  std::string host_name;
  std::string pod_namespace;  ///< both empty: it is no pod
  std::string pod_name;

  /// POD_NAME and POD_NAMESPACE (the downward API; needed with hostNetwork, where the host's name is not the pod's), else, in a pod, its host name and
  /// the namespace of its service account.
  [[nodiscard]] static Whereabouts from_environment();
};

/// What the leader writes on its Lease (api::kEndpointAnnotation): `advertise` as configured; else "pod:<namespace>/<name>:<port>" in a pod, and
/// "http://<host>:<port>" anywhere else, the host being that of `listen`, or our name where that listens on all addresses.
[[nodiscard]] std::string advertised_endpoint(const Config& config, int port, const Whereabouts& whereabouts);

}  // namespace vmha::controller
