#include "reconcilers/policy/discovery.h"

#include <cctype>

#include "api/names.h"

namespace vmha::policy {
namespace {

constexpr std::size_t kLabelBytes = 40;
constexpr std::size_t kUuidBytes = 8;  ///< of the server's UUID: keeps names of equal servers apart

api::ObjectMeta discovered(std::string name, const std::string& ns) {
  api::ObjectMeta metadata;
  metadata.name = std::move(name);
  metadata.namespace_ = ns;
  metadata.labels.emplace(api::kDiscoveredLabel, "true");
  return metadata;
}

/// DNS subdomain: labels and dots, as host names are.
std::string to_dns_name(const std::string& text) {
  std::string name;
  std::string label;
  const auto flush = [&] {
    if (label.empty()) return;
    name += (name.empty() ? "" : ".") + to_dns_label(label, 63);
    label.clear();
  };
  for (const char c : text) {
    if (c == '.') {
      flush();
    } else {
      label += c;
    }
  }
  flush();
  return name.empty() ? "host" : name.substr(0, 253);
}

}  // namespace

std::string to_dns_label(const std::string& text, std::size_t max) {
  std::string label;
  for (const char c : text) {
    const auto u = static_cast<unsigned char>(c);
    const char next = std::isalnum(u) != 0 && u < 0x80 ? static_cast<char>(std::tolower(u)) : '-';
    if (next == '-' && (label.empty() || label.back() == '-')) continue;
    if (label.size() == max) break;
    label += next;
  }
  while (!label.empty() && label.back() == '-') label.pop_back();
  return label.empty() ? "server" : label;
}

api::ProtectedInstance instance_for(const nova::Server& server, const std::string& ns) {
  api::ProtectedInstance instance;
  instance.metadata = discovered(to_dns_label(server.name, kLabelBytes) + "-" + server.id.value.substr(0, kUuidBytes), ns);
  instance.spec.server_id = server.id;
  return instance;
}

api::ComputeNode node_for(const nova::Service& service, const std::string& ns) {
  api::ComputeNode node;
  node.metadata = discovered(to_dns_name(service.host.value), ns);
  if (node.metadata.name != service.host.value) node.spec.nova_host = service.host;
  return node;
}

bool is_discovered(const api::ObjectMeta& metadata) {
  const auto found = metadata.labels.find(std::string(api::kDiscoveredLabel));
  return found != metadata.labels.end() && found->second == "true";
}

}  // namespace vmha::policy
