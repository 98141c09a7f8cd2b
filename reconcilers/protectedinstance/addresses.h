#pragma once

#include <set>

#include "base/ids.h"

namespace vmha::protectedinstance {

/// Is this client's address one of these addresses and networks ("10.77.0.11", "10.77.0.8/29", "fd00::/64")? What cannot be parsed covers nothing
/// but itself.
[[nodiscard]] bool covers(const std::set<Address>& addresses_or_networks, const Address& address);

}  // namespace vmha::protectedinstance
