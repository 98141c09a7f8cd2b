#include <fmt/core.h>

#include <algorithm>

#include "clients/ceph/operations.h"
#include "clients/ceph/text.h"

namespace vmha::ceph {
namespace {

enum class Op { kAdd, kRemove };

/// Where changes go, and until when one may be begun: a call whose caller has gone must not start another.
struct Until {
  Session& session;
  Instant deadline;
};

/// Source: mon/MonCommands.h, "osd blocklist". `expiry` counts for kAdd only.
Result<Done> change(Until until, Op op, const Target& target, bool as_range, std::chrono::seconds expiry) {
  const char* verb = op == Op::kAdd ? "add" : "rm";
  const std::string address = as_range ? target.cidr() : target.whole();
  std::string command = fmt::format(R"({{"prefix":"osd blocklist",{}"blocklistop":"{}","addr":"{}")", as_range ? R"("range":"range",)" : "", verb, address);
  if (op == Op::kAdd) command += fmt::format(R"(,"expire":{}.0)", expiry.count());
  if (monotonic_now() >= until.deadline) return fail(ErrorKind::kUnknownOutcome, "osd blocklist {} {}: no time left for it", verb, address);
  const auto done = until.session.mon(command + "}", fmt::format("osd blocklist {} {}", verb, address), std::string("mon '") + kMonCaps + "' for " + verb);
  if (done) return Done{};
  Error error = done.error();
  if (error.kind == ErrorKind::kTimeout) error.kind = ErrorKind::kUnknownOutcome;  // the mon may have got it
  return tl::unexpected(std::move(error));
}

bool far(const BlocklistEntry& entry) { return seconds(entry.expires_in_seconds) >= kFarExpiry; }

bool has_range(const std::vector<BlocklistEntry>& entries, const Target& target) {
  return std::ranges::any_of(entries, [&](const BlocklistEntry& entry) { return entry.range == target.cidr(); });
}

/// Adding again does not extend an entry, and between rm and add the old client would write: a range over the one address keeps it out.
Result<Done> replace_short(Until until, const Target& target) {
  Result<Done> step = change(until, Op::kAdd, target, true, kBlocklistExpiry);
  if (step) step = change(until, Op::kRemove, target, false, {});
  if (step) step = change(until, Op::kAdd, target, false, kBlocklistExpiry);
  if (step) step = change(until, Op::kRemove, target, true, {});
  return step;
}

Result<Done> add_one(Until until, const std::vector<BlocklistEntry>& before, const Address& address) {
  const auto target = parse_target(address);
  if (!target) return tl::unexpected(target.error());
  const BlocklistEntry* entry = find_entry(before, address);
  if (entry == nullptr) return change(until, Op::kAdd, *target, target->network, kBlocklistExpiry);
  if (far(*entry)) return Done{};
  if (!target->network) return replace_short(until, *target);
  return fail(ErrorKind::kConflict, "{} is already listed until {}; remove that entry first", entry->range, entry->until);
}

Result<Done> remove_one(Until until, const std::vector<BlocklistEntry>& before, const Address& address) {
  const auto target = parse_target(address);
  if (!target) return tl::unexpected(target.error());
  if (!target->network)
    if (const auto removed = change(until, Op::kRemove, *target, false, {}); !removed) return removed;
  if (has_range(before, *target)) return change(until, Op::kRemove, *target, true, {});  // a network, or what a replacement left behind
  return Done{};
}

/// An entry that still refuses clients of `target`; those of single clients do not count.
const BlocklistEntry* still_covering(const std::vector<BlocklistEntry>& entries, const Target& target) {
  for (const BlocklistEntry& entry : entries) {
    if (entry.range.empty() && entry.nonce != 0) continue;
    const auto listed = parse_target(entry.range.empty() ? entry.address : Address{entry.range});
    if (listed && listed->covers(target)) return &entry;
  }
  return nullptr;
}

Result<Done> valid(const std::vector<Address>& addresses) {
  for (const Address& address : addresses)
    if (const auto target = parse_target(address); !target) return tl::unexpected(target.error());
  return Done{};
}

Error after_change(const Error& error) {
  Error unknown = error;  // the change was sent; that it cannot be read back does not undo it
  if (unknown.kind != ErrorKind::kForbidden) unknown.kind = ErrorKind::kUnknownOutcome;
  return unknown;
}

}  // namespace

const BlocklistEntry* find_entry(const std::vector<BlocklistEntry>& entries, const Address& address) {
  const auto target = parse_target(address);
  if (!target) return nullptr;
  const auto entry = std::ranges::find_if(entries, [&](const BlocklistEntry& e) {
    return target->network ? e.range == target->cidr() : e.range.empty() && e.nonce == 0 && e.address.value == target->base;
  });
  return entry == entries.end() ? nullptr : &*entry;
}

Result<std::vector<BlocklistEntry>> blocklist(Session& session) {
  const auto json = session.mon(R"({"prefix":"osd blocklist ls","format":"json"})", "osd blocklist ls", "mon 'allow r'");
  if (!json) return tl::unexpected(json.error());
  return parse_blocklist(*json, wall_now());
}

Result<Done> blocklist_add(Session& session, const std::vector<Address>& addresses, Instant deadline) {
  if (const auto checked = valid(addresses); !checked) return checked;  // before the first effect
  const auto before = blocklist(session);
  if (!before) return tl::unexpected(before.error());
  for (const Address& address : addresses)
    if (const auto added = add_one({session, deadline}, *before, address); !added) return added;
  const auto after = blocklist(session);
  if (!after) return tl::unexpected(after_change(after.error()));
  for (const Address& address : addresses) {
    const BlocklistEntry* entry = find_entry(*after, address);
    if (entry == nullptr || !far(*entry)) return fail(ErrorKind::kUnknownOutcome, "{} was added, but the blocklist does not show it", address.value);
  }
  return Done{};
}

Result<Done> blocklist_remove(Session& session, const std::vector<Address>& addresses, Instant deadline) {
  if (const auto checked = valid(addresses); !checked) return checked;
  const auto before = blocklist(session);
  if (!before) return tl::unexpected(before.error());
  for (const Address& address : addresses)
    if (const auto removed = remove_one({session, deadline}, *before, address); !removed) return removed;
  const auto after = blocklist(session);
  if (!after) return tl::unexpected(after_change(after.error()));
  for (const Address& address : addresses) {
    const BlocklistEntry* entry = still_covering(*after, *parse_target(address));
    if (entry == nullptr) continue;
    if (entry->range.empty()) return fail(ErrorKind::kUnknownOutcome, "{} was removed, but is listed again", address.value);
    return fail(ErrorKind::kConflict, "{} is still covered by the blocklist's range {}, which is not ours", address.value, entry->range);
  }
  return Done{};
}

Result<Done> blocklist_try(Session& session, const Address& address, std::chrono::seconds expiry, Instant deadline) {
  const auto target = parse_target(address);
  if (!target) return tl::unexpected(target.error());
  if (const auto added = change({session, deadline}, Op::kAdd, *target, false, expiry); !added) return added;
  return change({session, deadline}, Op::kRemove, *target, false, {});
}

}  // namespace vmha::ceph
