#include "api/compute_node.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "api/codec.h"
#include "api/codec_kind.h"
#include "api/describe_compute_node.h"

namespace vmha::api {
namespace {

std::string lower(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

/// The same origin in one spelling.
std::string origin(std::string endpoint) {
  endpoint = lower(std::move(endpoint));
  if (endpoint.ends_with('/')) endpoint.pop_back();
  static constexpr std::string_view kDefaultPort = ":443";
  if (endpoint.ends_with(kDefaultPort)) endpoint.resize(endpoint.size() - kDefaultPort.size());
  return endpoint;
}

/// Says how the agent works, not what it works on.
bool is_manner(std::string_view parameter) {
  return parameter == "username" || parameter == "delay" || parameter.find("passw") != std::string_view::npos ||
         parameter.ends_with("timeout") || parameter.ends_with("wait") || parameter.starts_with("retry");
}

/// One name for what fence-agents call by several (fencing.py, all_opt and the old names it still takes).
std::string agent_parameter_name(std::string name) {
  static constexpr std::array<std::array<std::string_view, 2>, 5> kOldNames = {
      {{"ipaddr", "ip"}, {"port", "plug"}, {"login", "username"}, {"blade", "plug"}, {"hostname", "ip"}}};
  std::ranges::replace(name, '-', '_');
  for (const auto& [old, now] : kOldNames)
    if (name == old) return std::string{now};
  return name;
}

std::string identity(const FenceAgentAccess& access) {
  std::vector<std::string> parameters;
  for (const AgentParameter& parameter : access.parameters) {
    const std::string name = agent_parameter_name(parameter.name);
    if (!is_manner(name)) parameters.push_back(name + "=" + parameter.value);
  }
  std::ranges::sort(parameters);
  std::string text = access.agent;
  for (const std::string& parameter : parameters) text += " " + parameter;
  // An agent whose whole address is in its Secret: the Secret's name tells two of them apart.
  if (parameters.empty() && access.parameters_secret) text += " of Secret " + access.parameters_secret->name;
  return text;
}

}  // namespace

std::string identity(const PowerDevice& device) {
  if (device.redfish) return origin(device.redfish->endpoint) + " system " + device.redfish->system_id;
  if (device.ipmi) return "ipmi " + lower(device.ipmi->endpoint);
  if (device.fence_agent) return identity(*device.fence_agent);
  if (device.bare_metal_host) return "BareMetalHost " + device.bare_metal_host->namespace_ + "/" + device.bare_metal_host->name;
  return {};
}

Result<ComputeNode> decode_compute_node(const nlohmann::json& object) { return decode_object<ComputeNode>(kComputeNodeKind, object); }

Result<ComputeNode> parse_compute_node(std::string_view text) {
  return parse_json(text).and_then([](const nlohmann::json& object) { return decode_compute_node(object); });
}

nlohmann::json encode(const ComputeNode& object) { return encode_object(kComputeNodeKind, object); }
nlohmann::json encode_new(const ComputeNode& object) { return encode_new_object(kComputeNodeKind, object); }
nlohmann::json encode_status(const ComputeNode& object) { return encode_status_object(kComputeNodeKind, object); }

nlohmann::ordered_json compute_node_schema() {
  return {{"spec", Schema::object<ComputeNodeSpec>()}, {"status", Schema::object<ComputeNodeStatus>()}};
}

}  // namespace vmha::api
