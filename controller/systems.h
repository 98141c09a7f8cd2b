#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "api/compute_node.h"
#include "base/result.h"
#include "clients/ceph/client.h"
#include "clients/kube/client.h"
#include "clients/openstack/nova.h"
#include "clients/power/redfish.h"
#include "controller/config.h"
#include "controller/telemetry.h"

namespace vmha::controller {

/// The outside systems, connected when they are first needed and again after a failure: a cloud that is down when vmha starts is no reason to die.
/// Thread rule: any thread; one connects at a time, and for kRetryAfter after a failure the others get its error.
class Systems {
 public:
  Systems(const Config& config, kube::Client& kubernetes, Telemetry& telemetry);

  Result<std::shared_ptr<openstack::Nova>> nova(Instant deadline);
  Result<std::shared_ptr<ceph::Client>> ceph(Instant deadline);
  /// Credentials and CA come from Secrets of the watched namespace, read again after kSecretFresh; while the API server is away the last ones serve.
  Result<std::shared_ptr<power::Redfish>> redfish(const api::RedfishAccess& access);

  kube::Client& kubernetes() { return kubernetes_; }
  [[nodiscard]] const Config& config() const { return config_; }

 private:
  static constexpr Duration kRetryAfter = seconds(2);
  static constexpr Duration kSecretFresh = seconds(30);

  template <class T>
  struct Connection {
    std::mutex mutex;
    std::shared_ptr<T> client;
    std::optional<Error> failure;
    Instant retry_at{};
  };
  struct Controller {
    std::shared_ptr<power::Redfish> client;
    power::RedfishTarget target;
    Instant read_at{};
  };
  template <class T, class Connect>
  Result<std::shared_ptr<T>> get(Connection<T>& connection, Connect connect);
  Result<power::RedfishTarget> target_of(const api::RedfishAccess& access);

  const Config& config_;
  kube::Client& kubernetes_;
  Telemetry& telemetry_;
  Connection<openstack::Nova> nova_;
  Connection<ceph::Client> ceph_;
  std::mutex power_mutex_;
  std::map<std::string, Controller> controllers_;  ///< by endpoint, system and secret names
};

}  // namespace vmha::controller
