#include "reconcilers/protectedinstance/addresses.h"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string>

namespace vmha::protectedinstance {
namespace {

struct Bits {
  std::array<unsigned char, 16> bytes{};
  int length = 0;  ///< 32 or 128
};

std::optional<Bits> bits_of(const std::string& address) {
  Bits bits;
  bits.length = address.find(':') == std::string::npos ? 32 : 128;
  if (inet_pton(bits.length == 32 ? AF_INET : AF_INET6, address.c_str(), bits.bytes.data()) != 1) return std::nullopt;
  return bits;
}

bool is_in(const std::string& network, const Bits& address) {
  const auto slash = network.find('/');
  if (slash == std::string::npos) return false;
  const auto base = bits_of(network.substr(0, slash));
  int prefix = -1;
  const char* const end = network.data() + network.size();
  const auto [stop, error] = std::from_chars(network.data() + slash + 1, end, prefix);
  if (!base || base->length != address.length || error != std::errc() || stop != end || prefix < 0 || prefix > base->length) return false;
  for (int bit = 0; bit < prefix; ++bit) {
    const auto at = static_cast<std::size_t>(bit / 8);
    const int mask = 0x80 >> (bit % 8);
    if ((base->bytes[at] & mask) != (address.bytes[at] & mask)) return false;
  }
  return true;
}

}  // namespace

bool covers(const std::set<Address>& addresses_or_networks, const Address& address) {
  if (addresses_or_networks.contains(address)) return true;
  const auto bits = bits_of(address.value);
  return bits && std::ranges::any_of(addresses_or_networks, [&](const Address& each) { return is_in(each.value, *bits); });
}

}  // namespace vmha::protectedinstance
