#include "simulation/ceph.h"

#include <algorithm>
#include <string>

#include <fmt/ranges.h>

namespace vmha::sim {

std::size_t Ceph::group_of(const ImageId& image) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : image.name) hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
  return hash % kPlacementGroups;
}

void Ceph::new_map() {
  const std::uint32_t epoch = ++epoch_;
  for (std::size_t group = 0; group < kPlacementGroups; ++group) {
    const bool lags = clock_.rng().chance(60);
    const Duration delay = lags ? clock_.between(seconds(5), seconds(60)) : clock_.between(milliseconds(0), milliseconds(1600));
    clock_.after(delay, [this, group, epoch] { groups_[group] = std::max(groups_[group], epoch); });
  }
}

void Ceph::blocklist_add(const std::vector<Address>& addresses) {
  new_map();
  for (const Address& address : addresses) {
    if (is_listed(address)) continue;
    entries_.push_back(Entry{address, epoch_, 0});
    timeline_.say("ceph", "{} is in the blocklist, epoch {}", address.value, epoch_);
  }
}

void Ceph::blocklist_remove(const std::vector<Address>& addresses) {
  new_map();
  for (Entry& entry : entries_) {
    if (entry.removed != 0 || std::find(addresses.begin(), addresses.end(), entry.address) == addresses.end()) continue;
    entry.removed = epoch_;
    entry.removed_at = clock_.now();
    timeline_.say("ceph", "{} was taken off the blocklist", entry.address.value);
  }
}

bool Ceph::is_listed(const Address& address) const {
  return std::any_of(entries_.begin(), entries_.end(), [&](const Entry& e) { return e.address == address && e.removed == 0; });
}

std::vector<ceph::BlocklistEntry> Ceph::blocklist() const {
  std::vector<ceph::BlocklistEntry> listed;
  for (const Entry& entry : entries_) {
    if (entry.removed != 0) continue;
    ceph::BlocklistEntry e;
    e.address = entry.address;
    e.until = "2031-01-01T00:00:00.000000+0000";
    e.expires_in_seconds = 4L * 365 * 24 * 3600;
    listed.push_back(e);
  }
  return listed;
}

Result<ceph::BlocklistProof> Ceph::prove() {
  for (std::size_t group = 0; group < kPlacementGroups; ++group)
    if (group != inactive) groups_[group] = std::max(groups_[group], epoch_);
  if (inactive) return fail(ErrorKind::kTimeout, "placement group 2.{:x} did not answer", *inactive);
  timeline_.say("ceph", "every placement group has epoch {}", epoch_);
  return ceph::BlocklistProof{epoch_, static_cast<int>(kPlacementGroups), clock_.now()};
}

bool Ceph::is_refused(const Address& address, const ImageId& image) const { return is_refused_by(group_of(image), address); }

bool Ceph::is_refused_everywhere(const Address& address) const {
  for (std::size_t group = 0; group < kPlacementGroups; ++group)
    if (!is_refused_by(group, address)) return false;
  return true;
}

bool Ceph::is_refused_by(std::size_t group, const Address& address) const {
  const std::uint32_t has = groups_[group];
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& e) { return e.address == address && e.added <= has && (e.removed == 0 || e.removed > has); });
}

bool Ceph::was_cleared_within(const Address& address, Duration age) const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [&](const Entry& e) { return e.address == address && e.removed != 0 && clock_.now() - e.removed_at <= age; });
}

bool Ceph::write(Guest& guest) {
  if (guest.refused || !works || group_of(guest.image) == inactive || !machines_.reaches_storage(guest)) return false;
  if (!is_refused(guest.address, guest.image)) return true;
  guest.refused = true;
  return false;
}

std::vector<ceph::Watcher> Ceph::watchers(const ImageId& image) {
  std::vector<ceph::Watcher> found;
  for (const Guest& guest : machines_.guests()) {
    if ((guest.image != image && guest.volume != image) || guest.closed || guest.refused || is_refused(guest.address, image)) continue;
    const auto lost = guest.ended ? guest.ended : guest.silent_since;
    if (lost && clock_.now() - *lost >= kWatchTimeout) continue;
    found.push_back(ceph::Watcher{guest.address, guest.nonce, guest.nonce + 4000});
  }
  return found;
}

ceph::PingRound Ceph::ping(const std::vector<ImageId>& images, Instant sent) {
  ceph::PingRound round;
  round.sent = sent;
  round.canary_acknowledged = works && quorum;
  if (!round.canary_acknowledged) return round;
  for (const ImageId& image : images) {
    ceph::Ping ping;
    ping.image = image;
    ping.answered = group_of(image) != inactive;
    if (!ping.answered) {
      round.pings.push_back(std::move(ping));
      continue;
    }
    for (const ceph::Watcher& watcher : watchers(image)) {
      const auto& guests = machines_.guests();
      const bool acknowledges =
          std::any_of(guests.begin(), guests.end(), [&](const Guest& g) { return g.nonce == watcher.nonce && machines_.reaches_storage(g); });
      (acknowledges ? ping.acknowledged : ping.silent).push_back(watcher);
    }
    round.pings.push_back(std::move(ping));
  }
  return round;
}

}  // namespace vmha::sim
