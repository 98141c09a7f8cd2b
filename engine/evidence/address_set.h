#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "base/ids.h"

namespace vmha::evidence {

/// IP addresses and CIDR networks, IPv4 and IPv6. What cannot be parsed covers nothing.
class AddressSet {
 public:
  AddressSet() = default;
  explicit AddressSet(const std::vector<std::string>& addresses_or_networks);
  [[nodiscard]] bool empty() const { return networks_.empty(); }
  [[nodiscard]] bool covers(const Address& address) const;

 private:
  struct Network {
    bool v6 = false;
    unsigned prefix = 0;
    std::array<std::uint8_t, 16> bytes{};
  };
  static bool parse(const std::string& text, Network& network);
  std::vector<Network> networks_;
};

}  // namespace vmha::evidence
