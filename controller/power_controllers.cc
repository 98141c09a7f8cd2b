#include "controller/power_controllers.h"

#include <optional>

#include "clients/kube/secrets.h"

namespace vmha::controller {
namespace {

/// Everything that says how the device is spoken to; two hosts with one identity may still have other credentials.
std::string key_of(const api::PowerDevice& device) {
  std::string key = std::string(api::to_string(device.type)) + "\n" + api::identity(device);
  if (device.redfish) {
    key += "\n" + device.redfish->endpoint + "\n" + device.redfish->credentials_secret.name + "\n" + (device.redfish->ca_secret ? device.redfish->ca_secret->name : "");
    key += device.redfish->insecure_skip_verify ? "\ninsecure" : "";
  }
  if (device.ipmi) key += "\n" + device.ipmi->credentials_secret.name;
  if (device.fence_agent) {
    for (const api::AgentParameter& parameter : device.fence_agent->parameters) key += "\n" + parameter.name + "=" + parameter.value;
    key += "\n" + (device.fence_agent->parameters_secret ? device.fence_agent->parameters_secret->name : "");
  }
  return key;
}

/// Asking again changes nothing before a person has changed something.
bool is_mistake(const Error& error) { return error.kind == ErrorKind::kNotFound || error.kind == ErrorKind::kInvalid; }

Result<std::string> value(const std::map<std::string, std::string>& secret, const std::string& where, const std::string& key) {
  const auto found = secret.find(key);
  if (found == secret.end()) return fail(ErrorKind::kInvalid, "{}: has no key {}", where, key);
  return found->second;
}

template <class T>
Result<PowerController> shared(Result<std::unique_ptr<T>> made) {
  if (!made) return tl::unexpected(made.error());
  return PowerController(std::shared_ptr<T>(std::move(*made)));
}

}  // namespace

Result<PowerControllers::Secret> PowerControllers::secret(const std::string& ns, const std::string& field, const std::string& name) {
  auto found = kube::secret(kubernetes_, ns, name);
  if (!found) return fail(found.error(), "{} {}", field, name);
  return found;
}

Result<PowerControllers::Secrets> PowerControllers::secrets_of(const api::PowerDevice& device, const std::string& ns) {
  struct Wanted {
    const char* field;
    const api::SecretRef* ref;
  };
  const api::SecretRef* credentials = device.redfish ? &device.redfish->credentials_secret : device.ipmi ? &device.ipmi->credentials_secret : nullptr;
  Wanted more{"caSecret", nullptr};
  if (device.redfish && device.redfish->ca_secret) more.ref = &*device.redfish->ca_secret;
  if (device.fence_agent && device.fence_agent->parameters_secret) more = {"parametersSecret", &*device.fence_agent->parameters_secret};
  Secrets secrets;
  if (credentials != nullptr) {
    auto read = secret(ns, "credentialsSecret", credentials->name);
    if (!read) return tl::unexpected(read.error());
    secrets.credentials = std::move(*read);
  }
  if (more.ref != nullptr) {
    auto read = secret(ns, more.field, more.ref->name);
    if (!read) return tl::unexpected(read.error());
    secrets.more = std::move(*read);
  }
  return secrets;
}

Result<PowerController> PowerControllers::make(const api::RedfishAccess& access, const Secrets& secrets) {
  const std::string where = "credentialsSecret " + access.credentials_secret.name;
  auto username = value(secrets.credentials, where, "username");
  if (!username) return tl::unexpected(username.error());
  auto password = value(secrets.credentials, where, "password");
  if (!password) return tl::unexpected(password.error());
  power::RedfishTarget target{access.endpoint, access.system_id, std::move(*username), std::move(*password), {}};
  target.tls.insecure_skip_verify = access.insecure_skip_verify;
  if (access.ca_secret) {
    auto ca = value(secrets.more, "caSecret " + access.ca_secret->name, "ca.crt");
    if (!ca) return tl::unexpected(ca.error());
    target.tls.ca_pem = std::move(*ca);
  }
  return shared(power::Redfish::create(std::move(target), observer_));
}

Result<PowerController> PowerControllers::make(const api::IpmiAccess& access, const Secrets& secrets) {
  const std::string where = "credentialsSecret " + access.credentials_secret.name;
  auto username = value(secrets.credentials, where, "username");
  if (!username) return tl::unexpected(username.error());
  auto password = value(secrets.credentials, where, "password");
  if (!password) return tl::unexpected(password.error());
  return shared(power::Ipmi::create({access.endpoint, std::move(*username), std::move(*password), folders_}));
}

Result<PowerController> PowerControllers::make(const api::FenceAgentAccess& access, const Secrets& secrets) {
  power::FenceAgentTarget target{access.agent, {}, {secrets.more.begin(), secrets.more.end()}, folders_};
  for (const api::AgentParameter& parameter : access.parameters) target.parameters.emplace_back(parameter.name, parameter.value);
  return shared(power::FenceAgent::create(std::move(target)));
}

Result<PowerController> PowerControllers::make(const api::PowerDevice& device, const Secrets& secrets) {
  if (device.redfish) return make(*device.redfish, secrets);
  if (device.ipmi) return make(*device.ipmi, secrets);
  if (device.fence_agent) return make(*device.fence_agent, secrets);
  if (device.bare_metal_host)
    return PowerController(std::make_shared<power::BareMetalHost>(kubernetes_, device.bare_metal_host->namespace_, device.bare_metal_host->name));
  return fail(ErrorKind::kInvalid, "device {}: it does not say how it is spoken to", device.name);
}

Result<PowerController> PowerControllers::find(const api::PowerDevice& device, const std::string& ns) {
  const std::string key = ns + "\n" + key_of(device);
  std::optional<Known> known;
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = known_.find(key); found != known_.end()) known = found->second;
  }
  if (known && monotonic_now() - known->read_at < secrets_fresh_) return known->controller;
  auto secrets = secrets_of(device, ns);
  if (!secrets && known && !is_mistake(secrets.error())) return known->controller;
  if (!secrets) return tl::unexpected(secrets.error());
  if (!known || known->secrets != *secrets) {
    auto made = make(device, *secrets);
    if (!made) return tl::unexpected(made.error());
    known = Known{std::move(*made), std::move(*secrets), {}};
  }
  known->read_at = monotonic_now();
  const std::lock_guard lock(mutex_);
  known_.insert_or_assign(key, *known);
  return known->controller;
}

}  // namespace vmha::controller
