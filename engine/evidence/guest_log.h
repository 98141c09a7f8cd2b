#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "api/observed/ceph.h"
#include "api/observed/nova.h"
#include "api/policy.h"
#include "base/result.h"
#include "engine/evidence/evidence_log.h"
#include "reconcilers/computenode/evidence.h"

namespace vmha::evidence {

inline constexpr Duration kListRecent = std::chrono::minutes(10);  ///< a list of guests older than this is not known, even while all is well
inline constexpr Duration kSuspectListRecent = seconds(30);  ///< of a suspect: a guest that shut down by itself shows in the list within this time
inline constexpr Duration kSuspectListAgain = seconds(10);   ///< so it is read again in time

/// Who runs where, and who of them answered the storage ping. A guest counts for a host only if nova lists it there ACTIVE, running, without task
/// or migration; an acknowledgement counts only from the host's own addresses. What is acknowledged by others alone is neither alive nor silent.
/// A guest is silent at the sent time of the oldest of its images' newest unanswered pings, so that "asked" means all of it.
class GuestLog {
 public:
  void configure(const api::Detection& detection);
  void restart_watch();
  void track(const NovaHost& host, const std::vector<std::string>& client_addresses);
  void forget(const NovaHost& host);
  /// Suspicion decides how fresh the list of guests has to be, and whether a sample or all of them are asked.
  void suspect(const NovaHost& host, std::optional<Instant> since);

  void observe_host(const NovaHost& host, const std::vector<const nova::Server*>& servers, Instant started);
  void observe_all(const std::vector<nova::Server>& servers, Instant started);
  void observe_migrations(const NovaHost& host, const std::vector<nova::Migration>& migrations, Instant started);
  void observe_disks(const std::vector<ServerImages>& servers);
  void recall_watchers(const ImageId& image, const std::set<Address>& addresses);
  void observe_mons(bool answered) { mons_answer_ = answered; }
  void observe_pings(const Result<ceph::PingRound>& round, Instant started);

  [[nodiscard]] computenode::StorageEvidence evidence(const NovaHost& host, Instant now) const;
  /// Its guests missed enough rounds while our canary answered: what a gate of another source asks.
  [[nodiscard]] bool silent(const NovaHost& host, Instant now) const;
  [[nodiscard]] std::string gate(Instant now) const;
  [[nodiscard]] bool wants_list(const NovaHost& host, Instant now) const;
  [[nodiscard]] std::vector<ServerId> without_disks(const NovaHost& host, std::size_t max) const;
  [[nodiscard]] std::vector<ImageId> next_pings();
  [[nodiscard]] std::optional<Instant> last_round() const { return last_good_; }

 private:
  /// `silent_at` and `by_others` are of the newest conclusive ping; neither is set after an acknowledgement of ours.
  struct Image {
    ImageId id;
    bool found = true;
    bool acknowledged = false;          ///< from an address of this host, ever
    std::set<Address> beside;           ///< other clients, which acknowledged together with this host's: a second client on purpose
    std::optional<Instant> silent_at;   ///< sent, and nobody acknowledged, or only those
    std::optional<Instant> by_others;   ///< sent, and only other addresses acknowledged
  };
  struct Guest {
    NovaHost host;
    Instant listed;                     ///< start of the list that showed it there
    bool running = false;               ///< ACTIVE, running, no task
    bool pingable = false;              ///< has a process that holds its images open: running, or paused
    bool disks_known = false;
    std::vector<Image> images;
    std::size_t next_image = 0;
  };
  struct Host {
    bool tracked = false;
    std::set<Address> addresses;
    std::optional<Instant> suspect_since;
    std::optional<Instant> listed;      ///< start of the newest list
    std::vector<ServerId> guests;
    std::set<ServerId> migrating;
    std::optional<Instant> migrations_read;
    std::size_t next_guest = 0;
    int missed_rounds = 0;
    std::optional<Instant> silent_since;  ///< sent time of the first missed round in a row
    bool ever_acknowledged = false;
    std::optional<Instant> proven_alive;
  };
  /// How the guests of one host stand, counted for one evidence.
  struct Count {
    int acknowledged_before = 0;  ///< running, by the host's own addresses; or watched from there when status was written
    int never_asked = 0;          ///< running, but its disks are not known, or one of them never had a conclusive ping
    int elsewhere = 0;            ///< running, but acknowledged by addresses that are not the host's
    bool all_asked = true;        ///< the newest ping of every disk was not acknowledged
    std::optional<Instant> asked_since;  ///< sent time of the oldest of these pings
  };
  /// What one round said about one host.
  struct Tally {
    bool acknowledged = false;
    int silent = 0;
  };

  void place(const nova::Server& server, const NovaHost& host, Instant started);
  void drop(const ServerId& server);
  void set_images(const ServerId& id, Guest& guest, const std::vector<ceph::ImageWatch>& images);
  void unlink(const ServerId& server, const ImageId& image);
  void end_run_without_guests(Host& host) const;
  void break_runs();
  static void note_beside(const ceph::Ping& ping, const Host& host, Image& image);
  void take(const ceph::Ping& ping, Instant sent, std::unordered_map<NovaHost, Tally>& tallies);
  void count_guest(const Guest& guest, const Host& host, Count& count) const;
  [[nodiscard]] bool answered_before(const Image& image, const Host& host) const;
  [[nodiscard]] bool list_is_known(const Host& host, Instant now) const;
  [[nodiscard]] Count count(const Host& host) const;
  /// Asks at most `guests` guests and about `images` images more, going on where the last round ended; says how many images were added.
  std::size_t ask(Host& host, std::size_t guests, std::size_t images, std::set<ImageId>& result);
  void ask_guest(Guest& guest, bool all_images, std::set<ImageId>& result);
  [[nodiscard]] Duration longest_blindness() const;

  api::Detection detection_;
  std::unordered_map<NovaHost, Host> hosts_;
  std::unordered_map<ServerId, Guest> guests_;
  std::map<ImageId, std::vector<ServerId>> images_;  ///< a multi-attached volume has several
  std::map<ImageId, std::set<Address>> recalled_;            ///< of images that guests have, or may get
  std::optional<Instant> last_round_;  ///< newest of all, whatever came of it
  std::optional<Instant> last_good_;   ///< newest with an acknowledged canary
  std::size_t next_suspect_ = 0;       ///< whose turn it is when there are too many guests for one round
  bool mons_answer_ = true;            ///< the newest command; none was asked yet: nothing is known against it
  std::string failure_;                ///< of the newest round; empty: it was good
};

}  // namespace vmha::evidence
