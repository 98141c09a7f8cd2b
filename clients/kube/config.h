#pragma once

#include <string>
#include <vector>

#include "base/result.h"

namespace vmha::kube {

/// How to reach one API server, and as whom. Everything but the token file is read once.
struct Config {
  std::string server;  ///< "https://host:port[/prefix]"
  std::string ca_pem;  ///< empty: the system's trust store
  bool insecure_skip_verify = false;
  std::string client_cert_pem;
  std::string client_key_pem;
  std::string token;       ///< used when there is no token_file
  std::string token_file;  ///< wins over `token`; read again when it changes
  std::string ns = "default";  ///< the context's, or the service account's, namespace
};

/// Where a Config may come from; filled from the process's environment, or by a test.
struct ConfigSources {
  std::string kubeconfig;               ///< a flag: this file and nothing else
  std::string context;                  ///< a flag: instead of current-context
  std::vector<std::string> env_files;   ///< KUBECONFIG, split at ':'; files that do not exist are skipped, the first that names a thing wins
  std::string service_host;             ///< KUBERNETES_SERVICE_HOST
  std::string service_port;             ///< KUBERNETES_SERVICE_PORT
  std::string service_account_folder = "/var/run/secrets/kubernetes.io/serviceaccount";
  std::string home_file;                ///< $HOME/.kube/config

  [[nodiscard]] static ConfigSources from_environment();
};

/// In the order of client-go: the flag, KUBECONFIG, the pod's service account, ~/.kube/config.
/// Errors: kNotFound (no source there), kInvalid (a file that cannot be read or used: the message names file and field; exec plugins,
/// auth-provider, basic auth, proxy-url and tls-server-name are refused by name).
[[nodiscard]] Result<Config> load_config(const ConfigSources& sources);

}  // namespace vmha::kube
