#include "base/address.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace vmha {

std::optional<Network> parse_network(const std::string& text) {
  Network network;
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  network.v6 = address.find(':') != std::string::npos;
  const unsigned longest = network.v6 ? 128 : 32;
  network.prefix = longest;
  if (inet_pton(network.v6 ? AF_INET6 : AF_INET, address.c_str(), network.bytes.data()) != 1) return std::nullopt;
  if (slash != std::string::npos) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, network.prefix);
    if (error != std::errc{} || stop != end || network.prefix > longest) return std::nullopt;
  }
  for (unsigned bit = network.prefix; bit < 128; ++bit)
    network.bytes[bit / 8] = static_cast<std::uint8_t>(network.bytes[bit / 8] & ~(0x80U >> (bit % 8)));
  return network;
}

bool Network::covers(const Network& other) const {
  if (v6 != other.v6 || prefix > other.prefix) return false;
  for (unsigned bit = 0; bit < prefix; ++bit) {
    const unsigned mask = 0x80U >> (bit % 8);
    if ((bytes[bit / 8] & mask) != (other.bytes[bit / 8] & mask)) return false;
  }
  return true;
}

std::string Network::text() const {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  inet_ntop(v6 ? AF_INET6 : AF_INET, bytes.data(), buffer.data(), buffer.size());
  return is_single() ? std::string(buffer.data()) : std::string(buffer.data()) + "/" + std::to_string(prefix);
}

Address canonical(const Address& address) {
  const auto network = parse_network(address.value);
  return network ? Address{network->text()} : address;
}

Address address_of_client(const std::string& text) {
  const auto colon = text.rfind(':');
  std::string address = colon == std::string::npos ? text : text.substr(0, colon);
  if (address.size() >= 2 && address.front() == '[' && address.back() == ']') address = address.substr(1, address.size() - 2);
  return Address{address};
}

bool covers(const std::set<Address>& addresses_or_networks, const Address& address) {
  if (addresses_or_networks.count(address) > 0) return true;
  const auto asked = parse_network(address.value);
  return asked && std::any_of(addresses_or_networks.begin(), addresses_or_networks.end(), [&](const Address& each) {
           const auto network = parse_network(each.value);
           return network && network->covers(*asked);
         });
}

}  // namespace vmha
