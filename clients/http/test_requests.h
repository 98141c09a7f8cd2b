#pragma once

#include <memory>
#include <string>
#include <utility>

#include <gtest/gtest.h>

#include "base/time.h"
#include "clients/http/client.h"
#include "clients/http/test_servers.h"

/// What the tests of the client share.
namespace vmha::http::test {

inline constexpr milliseconds kShort{300};
inline constexpr Duration kSoon = seconds(5);  // far above kShort and far below the seconds a missed deadline would take

inline const KeyPair& ca() {
  static const auto pair = make_ca("vmha test CA");
  return pair;
}

inline Tls trusting() { return {.ca_pem = ca().cert_pem, .client_cert_pem = {}, .client_key_pem = {}, .insecure_skip_verify = false}; }

inline std::unique_ptr<Client> connect(const std::string& url, Tls tls = trusting(), Client::Observer observer = {}) {
  auto client = Client::create(url, std::move(tls), "vmha/test", std::move(observer));
  EXPECT_TRUE(client) << describe(client.error());
  return std::move(*client);
}

inline Request get(std::string path, milliseconds timeout = seconds(20)) {
  Request request;
  request.path = std::move(path);
  request.timeout = timeout;
  return request;
}

inline Request post(std::string path, std::string body, milliseconds timeout = seconds(20)) {
  Request request = get(std::move(path), timeout);
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

}  // namespace vmha::http::test
