#pragma once

#include <string>
#include <vector>

/// Certificates made on the spot, for tests.
namespace vmha::http::test {

struct KeyPair {
  std::string cert_pem;
  std::string key_pem;
};

/// A self-signed CA.
[[nodiscard]] KeyPair make_ca(const std::string& name);

/// A certificate signed by `ca`. `names` as OpenSSL writes them: "DNS:localhost", "IP:127.0.0.1"; for a client none are needed.
[[nodiscard]] KeyPair make_leaf(const KeyPair& ca, const std::string& name, const std::vector<std::string>& names);

}  // namespace vmha::http::test
