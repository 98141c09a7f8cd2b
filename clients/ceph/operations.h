#pragma once

#include <string>
#include <vector>

#include "clients/ceph/session.h"

/// What Client does, as functions on a session that end at `deadline` where librados lets them; Client's Calls enforce it where it does not.
namespace vmha::ceph {

Result<PingRound> ping(Session& session, const std::vector<ImageId>& images, Instant deadline);
Result<std::vector<ImageId>> images_of(Session& session, const std::vector<ServerId>& servers, Instant deadline);
Result<std::vector<ImageWatch>> watches(Session& session, const std::vector<ImageId>& images, Instant deadline);

Result<std::vector<BlocklistEntry>> blocklist(Session& session);
Result<Done> blocklist_add(Session& session, const std::vector<Address>& addresses, Instant deadline);
Result<Done> blocklist_remove(Session& session, const std::vector<Address>& addresses, Instant deadline);
/// One entry by itself, whole address; what the drill tries.
Result<Done> blocklist_try(Session& session, const Address& address, std::chrono::seconds expiry, Instant deadline);
Result<BlocklistProof> prove_blocklist(Session& session, const std::vector<Address>& addresses, const std::vector<ImageId>& images, Instant deadline);

/// An operation through every PG that a proof for `images` needs; how many there were.
Result<int> reach_all_groups(Session& session, const std::vector<ImageId>& images, Instant deadline);
Result<Done> drill(Session& session, const std::vector<ImageId>& images, Instant deadline);
Result<std::vector<Address>> cluster_addresses(Session& session);

/// The whole-address entry (or the network) that is `address`, if it is listed.
[[nodiscard]] const BlocklistEntry* find_entry(const std::vector<BlocklistEntry>& entries, const Address& address);

}  // namespace vmha::ceph
