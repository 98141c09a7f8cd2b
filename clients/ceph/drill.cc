#include <random>

#include "clients/ceph/operations.h"

namespace vmha::ceph {

Result<Done> drill(Session& session, const std::vector<ImageId>& images, Instant deadline) {
  // TEST-NET-1 (RFC 5737): nobody has such an address. An entry that a crash leaves behind runs out by itself.
  constexpr seconds kDrillExpiry{60};
  std::random_device random;
  const Address nobody{"192.0.2." + std::to_string(1 + random() % 254)};
  if (const auto tried = blocklist_try(session, nobody, kDrillExpiry, deadline); !tried) return tried;
  const auto pools = session.configured_pools();
  if (!pools) return tl::unexpected(pools.error());
  for (const std::string& pool : *pools) {
    const auto round = ping(session, {ImageId{pool, ""}}, deadline);  // our own watch there, and a notify to it
    if (!round) return tl::unexpected(round.error());
    if (!round->canary_acknowledged) return fail(ErrorKind::kTimeout, "notify in pool {}: our canary did not answer", pool);
  }
  const auto reached = reach_all_groups(session, images, deadline);
  if (!reached) return tl::unexpected(reached.error());
  return Done{};
}

}  // namespace vmha::ceph
