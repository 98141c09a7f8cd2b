#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "api/compute_node.h"
#include "base/result.h"
#include "clients/ceph/client.h"
#include "clients/kube/client.h"
#include "clients/openstack/nova.h"
#include "controller/power_controllers.h"
#include "controller/settings.h"
#include "controller/telemetry.h"

namespace vmha::controller {

/// The outside systems, connected when they are first needed and again after a failure: a cloud that is down when vmha starts is no reason to die.
/// Thread rule: any thread; one connects at a time, and for kRetryAfter after a failure the others get its error.
class Systems {
 public:
  Systems(const Settings& settings, kube::Client& kubernetes, Telemetry& telemetry);

  Result<std::shared_ptr<openstack::Nova>> nova(Instant deadline);
  Result<std::shared_ptr<ceph::Client>> ceph(Instant deadline);
  Result<PowerController> power(const api::PowerDevice& device);

  kube::Client& kubernetes() { return kubernetes_; }
  [[nodiscard]] std::shared_ptr<const Config> config() const { return settings_.now(); }

  /// Connect with the settings of now; only when that worked is the old connection let go (calls that use it end as they are). Nothing to
  /// do before the first use.
  Result<Done> renew_nova(Instant deadline);
  Result<Done> renew_ceph(Instant deadline);

 private:
  static constexpr Duration kRetryAfter = seconds(2);

  template <class T>
  struct Connection {
    std::mutex mutex;
    std::shared_ptr<T> client;
    std::optional<Error> failure;
    Instant retry_at{};
  };
  template <class T, class Connect>
  Result<std::shared_ptr<T>> get(Connection<T>& connection, Connect connect);

  template <class T, class Connect>
  static Result<Done> renew(Connection<T>& connection, Connect connect);
  Result<std::unique_ptr<openstack::Nova>> connect_nova(Instant deadline) const;
  Result<std::unique_ptr<ceph::Client>> connect_ceph(Instant deadline) const;

  const Settings& settings_;
  kube::Client& kubernetes_;
  Telemetry& telemetry_;
  Connection<openstack::Nova> nova_;
  Connection<ceph::Client> ceph_;
  PowerControllers power_;
};

}  // namespace vmha::controller
