#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <set>
#include <string>

#include "base/ids.h"

namespace vmha {

/// An IP address or CIDR network, IPv4 or IPv6. Text comes in many spellings; only parsed ones may be compared.
struct Network {
  std::array<std::uint8_t, 16> bytes{};  ///< bits behind the prefix are zero
  unsigned prefix = 0;
  bool v6 = false;
  bool operator==(const Network&) const = default;

  [[nodiscard]] bool is_single() const { return prefix == (v6 ? 128U : 32U); }
  [[nodiscard]] bool covers(const Network& other) const;
  [[nodiscard]] bool overlaps(const Network& other) const { return covers(other) || other.covers(*this); }
  /// "10.77.0.11", "10.77.0.8/29", "fd00::11": as inet_ntop and Ceph write it.
  [[nodiscard]] std::string text() const;
};

/// "10.77.0.11", "10.77.0.11/29" (the network 10.77.0.8/29), "FD00:0::11". nullopt for anything else.
[[nodiscard]] std::optional<Network> parse_network(const std::string& text);

/// The one spelling; text that cannot be parsed stays as it is.
[[nodiscard]] Address canonical(const Address& address);

/// The address in a client's text: "10.77.0.11:0/123" and "[fd00::1]:0/5" without port and nonce.
[[nodiscard]] Address address_of_client(const std::string& text);

/// Is the address one of these addresses and networks? What cannot be parsed covers nothing but itself.
[[nodiscard]] bool covers(const std::set<Address>& addresses_or_networks, const Address& address);

}  // namespace vmha
