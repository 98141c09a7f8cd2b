#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "api/observed/ceph.h"
#include "base/result.h"
#include "simulation/machines.h"
#include "simulation/scheduler.h"

namespace vmha::sim {

/// Images, their watches, and a blocklist that OSDs learn of lazily: a placement group refuses a client only once it has the map with the entry
/// (ceph-facts.md: up to 1.6 s after the command returned; one that lags behind in maps: much longer). One of our operations through every
/// group brings them all up to date, and only that is a proof.
class Ceph {
 public:
  static constexpr std::size_t kPlacementGroups = 16;
  static constexpr seconds kWatchTimeout{30};

  Ceph(Scheduler& clock, Machines& machines, const Timeline& timeline) : clock_(clock), machines_(machines), timeline_(timeline) {}

  void blocklist_add(const std::vector<Address>& addresses);
  void blocklist_remove(const std::vector<Address>& addresses);
  [[nodiscard]] std::vector<ceph::BlocklistEntry> blocklist() const;
  [[nodiscard]] bool is_listed(const Address& address) const;
  /// One operation of ours through every placement group; an inactive one does not answer.
  Result<ceph::BlocklistProof> prove();
  /// Every placement group refuses a client of that address.
  [[nodiscard]] bool is_refused_everywhere(const Address& address) const;

  /// A client of that address is refused by the placement group of this image, now.
  [[nodiscard]] bool is_refused(const Address& address, const ImageId& image) const;
  /// Somebody took the address off the list, not longer ago than that: who read the list before may not know it yet.
  [[nodiscard]] bool was_cleared_within(const Address& address, Duration age) const;
  /// A write of the guest: true when Ceph took it.
  bool write(Guest& guest);
  [[nodiscard]] std::vector<ceph::Watcher> watchers(const ImageId& image);
  [[nodiscard]] ceph::PingRound ping(const std::vector<ImageId>& images, Instant sent);

  [[nodiscard]] bool is_inactive(const ImageId& image) const { return group_of(image) == inactive; }

  bool works = true;   ///< mon quorum and OSDs
  bool quorum = true;  ///< of the mons; what has a map goes on without it
  bool rights = true;  ///< of our key to change the blocklist
  bool rights_to_remove = true;  ///< `mon 'profile rbd'` adds and never removes
  std::optional<std::size_t> inactive;  ///< a placement group that serves nobody

 private:
  struct Entry {
    Address address;
    std::uint32_t added = 0;
    std::uint32_t removed = 0;  ///< 0: still listed
    Instant removed_at{};
  };
  void new_map();
  [[nodiscard]] bool is_refused_by(std::size_t group, const Address& address) const;
  static std::size_t group_of(const ImageId& image);

  Scheduler& clock_;
  Machines& machines_;
  const Timeline& timeline_;
  std::uint32_t epoch_ = 100;
  std::array<std::uint32_t, kPlacementGroups> groups_{};
  std::vector<Entry> entries_;
};

}  // namespace vmha::sim
