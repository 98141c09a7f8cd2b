#include "controller/systems.h"

#include "clients/kube/secrets.h"
#include "clients/openstack/config.h"

namespace vmha::controller {
namespace {

milliseconds left_until(Instant deadline) {
  return std::max(milliseconds(1), std::chrono::duration_cast<milliseconds>(deadline - monotonic_now()));
}

bool same(const power::RedfishTarget& a, const power::RedfishTarget& b) {
  return a.endpoint == b.endpoint && a.system_id == b.system_id && a.username == b.username && a.password == b.password && a.tls.ca_pem == b.tls.ca_pem &&
         a.tls.insecure_skip_verify == b.tls.insecure_skip_verify;
}

}  // namespace

Systems::Systems(const Settings& settings, kube::Client& kubernetes, Telemetry& telemetry) : settings_(settings), kubernetes_(kubernetes), telemetry_(telemetry) {}

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

Result<power::RedfishTarget> Systems::target_of(const api::RedfishAccess& access) {
  power::RedfishTarget target{access.endpoint, access.system_id, "", "", {}};
  target.tls.insecure_skip_verify = access.insecure_skip_verify;
  const auto credentials = kube::secret(kubernetes_, settings_.now()->watch_namespace, access.credentials_secret.name);
  if (!credentials) return fail(credentials.error(), "credentialsSecret {}", access.credentials_secret.name);
  for (const auto& [key, member] : {std::pair{"username", &target.username}, std::pair{"password", &target.password}}) {
    const auto found = credentials->find(key);
    if (found == credentials->end()) return fail(ErrorKind::kInvalid, "credentialsSecret {}: has no key {}", access.credentials_secret.name, key);
    *member = found->second;
  }
  if (!access.ca_secret) return target;
  const auto ca = kube::secret(kubernetes_, settings_.now()->watch_namespace, access.ca_secret->name);
  if (!ca) return fail(ca.error(), "caSecret {}", access.ca_secret->name);
  const auto found = ca->find("ca.crt");
  if (found == ca->end()) return fail(ErrorKind::kInvalid, "caSecret {}: has no key ca.crt", access.ca_secret->name);
  target.tls.ca_pem = found->second;
  return target;
}

Result<std::shared_ptr<power::Redfish>> Systems::redfish(const api::RedfishAccess& access) {
  const std::string key = access.endpoint + "\n" + access.system_id + "\n" + access.credentials_secret.name + "\n" + (access.ca_secret ? access.ca_secret->name : "");
  Controller known;
  {
    const std::lock_guard lock(power_mutex_);
    known = controllers_[key];
  }
  if (known.client && monotonic_now() - known.read_at < kSecretFresh) return known.client;
  auto target = target_of(access);
  if (!target && known.client && target.error().kind != ErrorKind::kNotFound && target.error().kind != ErrorKind::kInvalid) return known.client;
  if (!target) return tl::unexpected(target.error());
  if (!known.client || !same(known.target, *target)) {
    auto made = power::Redfish::create(*target, telemetry_.observer("redfish"));
    if (!made) return tl::unexpected(made.error());
    known.client = std::move(*made);
    known.target = *target;
  }
  known.read_at = monotonic_now();
  const std::lock_guard lock(power_mutex_);
  controllers_[key] = known;
  return known.client;
}

}  // namespace vmha::controller
