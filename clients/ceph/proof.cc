#include <fmt/core.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "clients/ceph/operations.h"
#include "clients/ceph/text.h"

namespace vmha::ceph {
namespace {

/// How many names are tried for each PG until every one is hit; a hash needs n ln n on average, so this is not reached.
constexpr std::uint32_t kNamesPerPlacementGroup = 100;
constexpr const char* kDataPoolKey = "data_pool_id";

std::string read_right(const std::string& pool) { return "osd 'allow r pool=" + pool + "'"; }

/// Every address listed for long; the expiry stamps, so that an entry removed and added again in between shows.
Result<std::vector<std::string>> require_listed(Session& session, const std::vector<Address>& addresses) {
  const auto entries = blocklist(session);
  if (!entries) return tl::unexpected(entries.error());
  std::vector<std::string> until;
  for (const Address& address : addresses) {
    const BlocklistEntry* entry = find_entry(*entries, address);
    if (entry == nullptr) return fail(ErrorKind::kNotFound, "{} is not on the blocklist", address.value);
    if (seconds(entry->expires_in_seconds) < kFarExpiry)
      return fail(ErrorKind::kNotFound, "{} is on the blocklist only until {}", address.value, entry->until);
    until.push_back(entry->until);
  }
  return until;
}

Result<std::uint32_t> newest_epoch(Session& session) {
  const auto json = session.mon(R"({"prefix":"osd stat","format":"json"})", "osd stat", "mon 'allow r'");
  if (!json) return tl::unexpected(json.error());
  return parse_epoch(*json);
}

Result<std::vector<PoolShape>> all_pools(Session& session) {
  const auto json = session.mon(R"({"prefix":"osd pool ls","detail":"detail","format":"json"})", "osd pool ls detail", "mon 'allow r'");
  if (!json) return tl::unexpected(json.error());
  return parse_pools(*json);
}

/// Ids of the separate data pools of `images`, from their headers. An image that is gone has none.
Result<std::set<std::int64_t>> data_pools(Session& session, const std::vector<ImageId>& images, Instant deadline) {
  std::set<std::int64_t> ids;
  std::optional<Error> error;
  Batch batch(deadline);
  for (const ImageId& image : images)
    on_header(
        batch, session, image, false,
        [](Operation& op, const std::string& header) {
          librados::ObjectReadOperation read;
          read.omap_get_vals_by_keys({kDataPoolKey}, &op.values, nullptr);
          return op.io.aio_operate(header, op.completion, &read, nullptr);
        },
        [&](Header outcome, Operation& op, const std::string&) {
          if (outcome == Header::kMissing && op.answered) return;
          if (outcome != Header::kFound || op.rc < 0) {
            error = error_of(op.rc < 0 ? op.rc : -EIO, "read the header of " + image.path(), read_right(image.pool));
            return;
          }
          const auto value = op.values.find(kDataPoolKey);
          if (value == op.values.end()) return;
          if (const auto id = decode_int64(value->second.to_str())) ids.insert(*id);
          else error = Error{ErrorKind::kUnavailable, "unreadable data_pool_id of " + image.path()};
        });
  batch.run();
  if (error) return tl::unexpected(*error);
  return ids;
}

/// The pools a proof must go through, as the mon shows them now.
Result<std::vector<PoolShape>> pools_to_prove(Session& session, const std::vector<ImageId>& images, const std::set<std::int64_t>& data) {
  std::set<std::string> names{session.config().ephemeral_pool};
  names.insert(session.config().volume_pools.begin(), session.config().volume_pools.end());
  for (const ImageId& image : images) names.insert(image.pool);
  const auto all = all_pools(session);
  if (!all) return all;
  std::vector<PoolShape> pools;
  std::set<std::int64_t> missing = data;
  for (const PoolShape& pool : *all) {
    missing.erase(pool.id);
    if (!names.contains(pool.name) && !data.contains(pool.id)) continue;
    if (pool.tiered) return fail(ErrorKind::kInvalid, "pool {} has a cache tier: its fence cannot be proven", pool.name);
    pools.push_back(pool);
  }
  if (!missing.empty()) return fail(ErrorKind::kNotFound, "data pool {} does not exist", *missing.begin());
  if (pools.empty()) return fail(ErrorKind::kNotFound, "pool {} does not exist", session.config().ephemeral_pool);
  return pools;
}

/// One object name for each PG of the pool by our client's map, by position; empty when that map does not have exactly `pool.pg_num` of them.
std::vector<std::string> names_for_all(librados::IoCtx& io, const PoolShape& pool) {
  std::vector<std::string> names(pool.pg_num);
  std::uint32_t found = 0;
  for (std::uint32_t i = 0; i < pool.pg_num * kNamesPerPlacementGroup && found < pool.pg_num; ++i) {
    std::string name = fmt::format("vmha_proof.{}", i);
    std::uint32_t position = 0;
    if (io.get_object_pg_hash_position2(name, &position) < 0 || position >= pool.pg_num) return {};
    if (!names[position].empty()) continue;
    names[position] = std::move(name);
    ++found;
  }
  return found == pool.pg_num ? names : std::vector<std::string>();
}

/// An operation through every PG of every pool. `false`: our map and the mon's counts differ, so look again.
Result<bool> through_all(Session& session, const std::vector<PoolShape>& pools, Instant deadline, int& placement_groups) {
  std::optional<Error> error;
  Batch batch(deadline);
  placement_groups = 0;
  for (const PoolShape& pool : pools) {
    librados::IoCtx io;
    if (const int rc = session.rados().ioctx_create2(pool.id, io); rc < 0) return tl::unexpected(error_of(rc, "pool " + pool.name, kMonCaps));
    const std::vector<std::string> names = names_for_all(io, pool);
    if (names.empty()) return false;
    for (std::uint32_t position = 0; position < names.size(); ++position, ++placement_groups)
      batch.add(
          io, [name = names[position]](Operation& op) { return op.io.aio_stat(name, op.completion, &op.size, &op.modified); },
          [&error, &pool, position](Operation& op) {
            if (op.rc == 0 || op.rc == -ENOENT) return;  // it answered, and so it has our map
            error = error_of(op.rc, fmt::format("placement group {}.{:x} of pool {}", pool.id, position, pool.name), read_right(pool.name));
          });
  }
  batch.run();
  if (error) return tl::unexpected(*error);
  return true;
}

Result<Done> newest_map(Session& session) {
  // Ignores every timeout of librados; Calls enforces the deadline.
  if (const int rc = session.rados().wait_for_latest_osdmap(); rc < 0) return tl::unexpected(error_of(rc, "wait for the newest OSD map", "mon 'allow r'"));
  return Done{};
}

/// One attempt; nullopt when pools or PGs changed under it.
Result<std::optional<BlocklistProof>> attempt(Session& session, const std::vector<Address>& addresses, const std::vector<ImageId>& images,
                                              Instant deadline) {
  const auto listed = require_listed(session, addresses);
  if (!listed) return tl::unexpected(listed.error());
  const auto epoch = newest_epoch(session);  // read after the list, so not older than the map that has the entries
  if (!epoch) return tl::unexpected(epoch.error());
  if (const auto waited = newest_map(session); !waited) return tl::unexpected(waited.error());
  const auto data = data_pools(session, images, deadline);
  if (!data) return tl::unexpected(data.error());
  const auto pools = pools_to_prove(session, images, *data);
  if (!pools) return tl::unexpected(pools.error());
  BlocklistProof proof;
  proof.osdmap_epoch = *epoch;
  const auto passed = through_all(session, *pools, deadline, proof.placement_groups);
  if (!passed) return tl::unexpected(passed.error());
  const auto pools_after = pools_to_prove(session, images, *data);
  if (!pools_after) return tl::unexpected(pools_after.error());
  const auto listed_after = require_listed(session, addresses);
  if (!listed_after) return tl::unexpected(listed_after.error());
  if (!*passed || *pools_after != *pools || *listed_after != *listed) return std::nullopt;
  proof.proven_at = monotonic_now();
  return proof;
}

}  // namespace

Result<int> reach_all_groups(Session& session, const std::vector<ImageId>& images, Instant deadline) {
  const auto data = data_pools(session, images, deadline);
  if (!data) return tl::unexpected(data.error());
  int groups = 0;
  const auto pools = pools_to_prove(session, images, *data);
  if (!pools) return tl::unexpected(pools.error());
  const auto passed = through_all(session, *pools, deadline, groups);
  if (!passed) return tl::unexpected(passed.error());
  return groups;
}

Result<BlocklistProof> prove_blocklist(Session& session, const std::vector<Address>& addresses, const std::vector<ImageId>& images, Instant deadline) {
  if (addresses.empty()) return fail(ErrorKind::kInvalid, "nothing to prove: no addresses");
  while (monotonic_now() < deadline) {
    const auto proof = attempt(session, addresses, images, deadline);
    if (!proof) return tl::unexpected(proof.error());
    if (*proof) return **proof;
  }
  return fail(ErrorKind::kTimeout, "placement groups or the blocklist kept changing during the proof");
}

Result<std::vector<Address>> cluster_addresses(Session& session) {
  std::vector<Address> addresses = parse_endpoints(session.rados().get_addrs());
  if (addresses.empty()) return fail(ErrorKind::kUnavailable, "our own address '{}' is unreadable", session.rados().get_addrs());
  for (const char* what : {"mon dump", "osd dump"}) {
    const auto json = session.mon(fmt::format(R"({{"prefix":"{}","format":"json"}})", what), what, "mon 'allow r'");
    const auto found = json ? parse_daemon_addresses(*json) : Result<std::vector<Address>>(tl::unexpected(json.error()));
    if (!found) return found;
    addresses.insert(addresses.end(), found->begin(), found->end());
  }
  std::ranges::sort(addresses);
  addresses.erase(std::unique(addresses.begin(), addresses.end()), addresses.end());
  return addresses;
}

}  // namespace vmha::ceph
