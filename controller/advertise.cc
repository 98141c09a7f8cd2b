#include "controller/advertise.h"

#include <unistd.h>

#include <cstdlib>
#include <fstream>

namespace vmha::controller {
namespace {

constexpr const char* kNamespaceFile = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read before the first thread
  return value == nullptr ? std::string() : std::string(value);
}

std::string first_line(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

bool is_any_address(const std::string& host) { return host == "0.0.0.0" || host == "::"; }

}  // namespace

Whereabouts Whereabouts::from_environment() {
  Whereabouts found;
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  found.host_name = name;
  found.pod_name = environment("POD_NAME");
  found.pod_namespace = environment("POD_NAMESPACE");
  if (environment("KUBERNETES_SERVICE_HOST").empty()) return found;
  if (found.pod_namespace.empty()) found.pod_namespace = first_line(kNamespaceFile);
  if (found.pod_name.empty()) found.pod_name = found.host_name;
  return found;
}

std::string advertised_endpoint(const Config& config, int port, const Whereabouts& whereabouts) {
  if (!config.advertise.empty()) return config.advertise;
  const std::string number = std::to_string(port);
  if (!whereabouts.pod_name.empty() && !whereabouts.pod_namespace.empty()) return "pod:" + whereabouts.pod_namespace + "/" + whereabouts.pod_name + ":" + number;
  const auto listen = parse_listen(config.listen);
  const std::string host = !listen || is_any_address(listen->host) ? whereabouts.host_name : listen->host;
  return "http://" + (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + number;
}

}  // namespace vmha::controller
