#include <algorithm>
#include <cctype>

#include "clients/http/connection.h"

namespace vmha::http {

namespace {

bool is_port(const std::string& text) {
  return !text.empty() && text.size() <= 5 && std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isdigit(c) != 0; }) &&
         std::stoi(text) > 0 && std::stoi(text) < 65536;
}

bool is_clean(const std::string& text) {
  return std::none_of(text.begin(), text.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
}

}  // namespace

std::string Endpoint::authority() const { return (host.find(':') == std::string::npos ? host : "[" + host + "]") + ":" + port; }

Result<Endpoint> parse_endpoint(const std::string& url) {
  Endpoint endpoint;
  std::string rest;
  if (url.starts_with("https://")) {
    rest = url.substr(8);
  } else if (url.starts_with("http://")) {
    endpoint.tls = false;
    rest = url.substr(7);
  } else {
    return fail(ErrorKind::kInvalid, "the address must start with https:// or http://");
  }
  const auto slash = rest.find_first_of("/?#");
  std::string authority = rest.substr(0, slash);
  if (slash != std::string::npos) endpoint.prefix = rest.substr(slash);
  if (authority.find('@') != std::string::npos) return fail(ErrorKind::kInvalid, "the address must not hold credentials (user@host)");
  if (!is_clean(url)) return fail(ErrorKind::kInvalid, "the address must not hold spaces or control characters");
  if (endpoint.prefix.find_first_of("?#") != std::string::npos) {
    return fail(ErrorKind::kInvalid, "address {}: must end with the path, without ? or #", url);
  }
  while (endpoint.prefix.ends_with('/')) endpoint.prefix.pop_back();

  endpoint.port = endpoint.tls ? "443" : "80";
  if (authority.starts_with('[')) {
    const auto close = authority.find(']');
    if (close == std::string::npos) return fail(ErrorKind::kInvalid, "address {}: the bracket of the IPv6 address is not closed", url);
    endpoint.host = authority.substr(1, close - 1);
    authority.erase(0, close + 1);
  } else {
    const auto colon = std::min(authority.find(':'), authority.size());
    endpoint.host = authority.substr(0, colon);
    authority.erase(0, colon);
  }
  if (!authority.empty()) {
    if (authority[0] != ':' || !is_port(authority.substr(1))) {
      return fail(ErrorKind::kInvalid, "address {}: the port must be a number from 1 to 65535", url);
    }
    endpoint.port = authority.substr(1);
  }
  if (endpoint.host.empty()) return fail(ErrorKind::kInvalid, "address {}: the host is missing", url);
  return endpoint;
}

}  // namespace vmha::http
