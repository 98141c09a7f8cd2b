#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>

#include "api/compute_node.h"
#include "base/result.h"
#include "clients/kube/client.h"
#include "clients/power/bare_metal_host.h"
#include "clients/power/fence_agent.h"
#include "clients/power/ipmi.h"
#include "clients/power/redfish.h"

namespace vmha::controller {

/// A power controller of any type. All of them have read, request_off, request_on and drill: std::visit with a generic lambda.
using PowerController =
    std::variant<std::shared_ptr<power::Redfish>, std::shared_ptr<power::Ipmi>, std::shared_ptr<power::FenceAgent>, std::shared_ptr<power::BareMetalHost>>;

/// The power controllers of all hosts. Credentials, authorities and parameters come from Secrets of the watched namespace, read again after
/// `secrets_fresh`; what is remembered of a controller (a session, an agent's metadata) lasts while they are the same. While the API server
/// is away the last ones serve. Thread rule: any thread; no I/O under the mutex.
class PowerControllers {
 public:
  static constexpr Duration kSecretsFresh = seconds(30);

  PowerControllers(kube::Client& kubernetes, http::Client::Observer redfish_observer, Duration secrets_fresh = kSecretsFresh,
                   power::Folders folders = power::system_folders())
      : kubernetes_(kubernetes), observer_(std::move(redfish_observer)), secrets_fresh_(secrets_fresh), folders_(std::move(folders)) {}

  /// `ns`: where the Secrets are. Errors name the Secret or key that is missing, never a value.
  Result<PowerController> find(const api::PowerDevice& device, const std::string& ns);

 private:
  using Secret = std::map<std::string, std::string>;
  struct Secrets {
    Secret credentials;
    Secret more;  ///< authority of Redfish, parameters of an agent
    bool operator==(const Secrets&) const = default;
  };
  struct Known {
    PowerController controller;
    Secrets secrets;
    Instant read_at{};
  };

  Result<Secret> secret(const std::string& ns, const std::string& field, const std::string& name);
  Result<Secrets> secrets_of(const api::PowerDevice& device, const std::string& ns);
  Result<PowerController> make(const api::PowerDevice& device, const Secrets& secrets);
  Result<PowerController> make(const api::RedfishAccess& access, const Secrets& secrets);
  Result<PowerController> make(const api::IpmiAccess& access, const Secrets& secrets);
  Result<PowerController> make(const api::FenceAgentAccess& access, const Secrets& secrets);

  kube::Client& kubernetes_;
  const http::Client::Observer observer_;
  const Duration secrets_fresh_;
  const power::Folders folders_;
  std::mutex mutex_;
  std::map<std::string, Known> known_;  ///< by everything in the device that says how to speak to it
};

}  // namespace vmha::controller
