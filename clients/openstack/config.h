#pragma once

#include <string>

#include "base/result.h"

namespace vmha::openstack {

/// How to reach one region of one cloud, and as whom. Holds secrets: never printed, never put in an error.
struct CloudConfig {
  std::string auth_url;  ///< keystone, with or without "/v3"

  // Password: a user (name and its domain, or id) in a project (name and its domain, or id).
  std::string username;
  std::string user_id;
  std::string password;
  std::string user_domain_name;
  std::string user_domain_id;
  std::string project_name;
  std::string project_id;
  std::string project_domain_name;
  std::string project_domain_id;

  // Application credential: id and secret, or name, secret and the user above. It carries its own project.
  std::string application_credential_id;
  std::string application_credential_name;
  std::string application_credential_secret;

  std::string region;                ///< empty: the catalogue must show compute in one region only
  std::string interface = "public";  ///< public internal admin
  std::string ca_pem;                ///< empty: the system's trust store
  std::string client_cert_pem;
  std::string client_key_pem;
  bool insecure = false;  ///< verify: false

  bool operator==(const CloudConfig&) const = default;
  [[nodiscard]] bool uses_application_credential() const { return !application_credential_secret.empty(); }
};

/// Reads one cloud of an openstacksdk clouds.yaml (a secure.yaml beside it is laid over it, as openstacksdk does). auth_type: password,
/// v3password, v3applicationcredential. `region` and `interface` win over the file when not empty. Relative cacert paths count from the
/// file's folder. Errors: kInvalid, always "<file>: <field>: what is wrong; what to do", never a value of `auth`.
[[nodiscard]] Result<CloudConfig> load_clouds_yaml(const std::string& path, const std::string& cloud, const std::string& region = "",
                                                   const std::string& interface = "");

}  // namespace vmha::openstack
