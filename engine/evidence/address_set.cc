#include "engine/evidence/address_set.h"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>

namespace vmha::evidence {
namespace {

bool same_prefix(const std::array<std::uint8_t, 16>& a, const std::array<std::uint8_t, 16>& b, unsigned bits) {
  const auto whole = static_cast<std::ptrdiff_t>(bits / 8);
  if (!std::equal(a.begin(), a.begin() + whole, b.begin())) return false;
  const unsigned rest = bits % 8;
  if (rest == 0) return true;
  const auto mask = static_cast<std::uint8_t>(0xffU << (8U - rest));
  const auto at = static_cast<std::size_t>(whole);
  return (a[at] & mask) == (b[at] & mask);
}

}  // namespace

bool AddressSet::parse(const std::string& text, Network& network) {
  const auto slash = text.find('/');
  const std::string address = text.substr(0, slash);
  network.v6 = address.find(':') != std::string::npos;
  const unsigned longest = network.v6 ? 128 : 32;
  network.prefix = longest;
  if (inet_pton(network.v6 ? AF_INET6 : AF_INET, address.c_str(), network.bytes.data()) != 1) return false;
  if (slash == std::string::npos) return true;
  const char* const end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, network.prefix);
  return error == std::errc{} && stop == end && network.prefix <= longest;
}

AddressSet::AddressSet(const std::vector<std::string>& addresses_or_networks) {
  for (const auto& text : addresses_or_networks) {
    if (Network network; parse(text, network)) networks_.push_back(network);
  }
}

bool AddressSet::covers(const Address& address) const {
  Network asked;
  if (address.value.find('/') != std::string::npos || !parse(address.value, asked)) return false;
  return std::any_of(networks_.begin(), networks_.end(), [&](const Network& network) {
    return network.v6 == asked.v6 && same_prefix(network.bytes, asked.bytes, network.prefix);
  });
}

}  // namespace vmha::evidence
