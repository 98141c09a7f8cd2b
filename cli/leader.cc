#include "cli/leader.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "api/names.h"
#include "clients/http/client.h"

namespace vmha::cli {
namespace {

using nlohmann::json;

constexpr const char* kPath = "/explain/computenodes/";

std::string text_at(const json& document, const json::json_pointer& where) {
  const json value = document.is_object() ? document.value(where, json()) : json();
  return value.is_string() ? value.get<std::string>() : std::string();
}

bool is_number(const std::string& text) {
  return !text.empty() && text.size() <= 5 && std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

/// {"error": ..., "leader": ...} of a controller that does not answer the question.
Error refusal(int status, const std::string& body) {
  const json document = json::parse(body, nullptr, false);
  std::string said = text_at(document, json::json_pointer("/error"));
  if (const std::string leader = text_at(document, json::json_pointer("/leader")); !leader.empty()) said += "; " + leader + " holds the Lease";
  const ErrorKind kind = status == 404 ? ErrorKind::kNotFound : ErrorKind::kUnavailable;
  return {kind, said.empty() ? "it answered HTTP " + std::to_string(status) : said};
}

Result<std::string> fetch(const std::string& url, const std::string& node) {
  auto client = http::Client::create(url, {}, "kubectl-vmha");
  if (!client) return tl::unexpected(client.error());
  http::Request request;
  request.path = kPath + http::escape(node);
  request.timeout = kPatience;
  const auto response = (*client)->send(request);
  if (!response) return tl::unexpected(response.error());
  if (response->status != 200) return tl::unexpected(refusal(response->status, response->body));
  return response->body;
}

}  // namespace

Leader leader_of(const json& lease) {
  Leader leader;
  leader.identity = text_at(lease, json::json_pointer("/spec/holderIdentity"));
  leader.renewed = parse_rfc3339(text_at(lease, json::json_pointer("/spec/renewTime")));
  // The name of the annotation has a '/', which a JSON pointer writes as ~1.
  std::string name(api::kEndpointAnnotation);
  name.replace(name.find('/'), 1, "~1");
  leader.endpoint = text_at(lease, json::json_pointer("/metadata/annotations/" + name));
  return leader;
}

Result<Route> route_of(const std::string& endpoint) {
  if (endpoint.starts_with("http://") || endpoint.starts_with("https://")) return Route{endpoint, ""};
  const auto slash = endpoint.find('/');
  const auto colon = endpoint.rfind(':');
  if (!endpoint.starts_with("pod:") || slash == std::string::npos || colon == std::string::npos || colon < slash || slash == 4 || colon == slash + 1 ||
      !is_number(endpoint.substr(colon + 1)))
    return fail(ErrorKind::kInvalid, "the leader's endpoint \"{}\" is neither http(s)://host:port nor pod:<namespace>/<name>:<port>", endpoint);
  const std::string ns = endpoint.substr(4, slash - 4);
  const std::string pod = endpoint.substr(slash + 1, colon - slash - 1);
  return Route{"", "/api/v1/namespaces/" + http::escape(ns) + "/pods/" + http::escape(pod) + ":" + endpoint.substr(colon + 1) + "/proxy"};
}

Result<api::HostExplanation> ask_leader(kube::Client& client, const Leader& leader, const std::string& node) {
  if (leader.identity.empty()) return fail(ErrorKind::kUnavailable, "nobody leads");
  if (leader.endpoint.empty()) return fail(ErrorKind::kUnavailable, "the leader {} tells no endpoint", leader.identity);
  const auto route = route_of(leader.endpoint);
  if (!route) return tl::unexpected(route.error());
  const auto body = route->url.empty() ? client.get_raw(route->proxy_path + kPath + http::escape(node)) : fetch(route->url, node);
  if (!body) return fail(body.error(), "the leader {} at {}", leader.identity, leader.endpoint);
  return api::parse_explanation(*body);
}

}  // namespace vmha::cli
