#include "controller/systems.h"

#include "clients/openstack/config.h"

namespace vmha::controller {
namespace {

milliseconds left_until(Instant deadline) {
  return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(deadline - monotonic_now()));
}

}  // namespace

Systems::Systems(const Settings& settings, kube::Client& kubernetes, Telemetry& telemetry)
    : settings_(settings), kubernetes_(kubernetes), telemetry_(telemetry),
      power_(kubernetes, telemetry.observer("redfish")) {}

template <class T, class Connect>
Result<std::shared_ptr<T>> Systems::get(Connection<T>& connection, Connect connect) {
  // Held while connecting: the others would only connect a second time, and each of them has a thread of a bounded pool.
  const std::lock_guard lock(connection.mutex);
  if (connection.client) return connection.client;
  if (connection.failure && monotonic_now() < connection.retry_at) return tl::unexpected(*connection.failure);
  auto made = connect();
  if (!made) {
    connection.failure = made.error();
    connection.retry_at = monotonic_now() + kRetryAfter;
    return tl::unexpected(made.error());
  }
  connection.client = std::move(*made);
  return connection.client;
}

template <class T, class Connect>
Result<Done> Systems::renew(Connection<T>& connection, Connect connect) {
  {
    const std::lock_guard lock(connection.mutex);
    if (!connection.client) return Done{};
  }
  auto made = connect();
  if (!made) return tl::unexpected(made.error());
  std::shared_ptr<T> old;  // ends after the lock: what it has open may take a moment to close
  const std::lock_guard lock(connection.mutex);
  old = std::exchange(connection.client, std::move(*made));
  return Done{};
}

Result<std::unique_ptr<openstack::Nova>> Systems::connect_nova(Instant deadline) const {
  const auto config = settings_.now();
  const auto& c = config->openstack;
  auto cloud = openstack::load_clouds_yaml(c.clouds_file, c.cloud, c.region, c.interface);
  if (!cloud) return tl::unexpected(cloud.error());
  return openstack::Nova::connect(*cloud, telemetry_.observer("nova"), deadline);
}

Result<std::unique_ptr<ceph::Client>> Systems::connect_ceph(Instant deadline) const {
  const auto config = settings_.now();
  const auto& c = config->ceph;
  return ceph::Client::connect({c.conf_file, c.keyring_file, c.user, c.ephemeral_pool, c.volume_pools}, left_until(deadline));
}

Result<std::shared_ptr<openstack::Nova>> Systems::nova(Instant deadline) {
  return get(nova_, [&] { return connect_nova(deadline); });
}

Result<std::shared_ptr<ceph::Client>> Systems::ceph(Instant deadline) {
  return get(ceph_, [&] { return connect_ceph(deadline); });
}

Result<Done> Systems::renew_nova(Instant deadline) {
  return renew(nova_, [&] { return connect_nova(deadline); });
}

Result<Done> Systems::renew_ceph(Instant deadline) {
  return renew(ceph_, [&] { return connect_ceph(deadline); });
}

Result<PowerController> Systems::power(const api::PowerDevice& device) { return power_.find(device, settings_.now()->watch_namespace); }

}  // namespace vmha::controller
