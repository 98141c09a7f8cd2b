#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "simulation/scheduler.h"
#include "simulation/timeline.h"

namespace vmha::sim {

/// A QEMU process: one life of a server's guest on one host.
struct Guest {
  ServerId server;
  NovaHost host;
  Address address;
  std::uint64_t nonce = 0;
  ImageId image;
  std::optional<ImageId> volume;        ///< multi-attached: other guests have it open, too
  Instant started;
  std::optional<Instant> ended;         ///< the process is gone
  std::optional<Instant> silent_since;  ///< it lives, but its host is frozen or cut from the storage
  bool closed = false;                  ///< it ended in good order: its watch went with it
  bool refused = false;                 ///< it got ESHUTDOWN once: librbd gives up for good
  bool paused = false;                  ///< its CPUs stand still: librbd's threads go on, nothing is written
  bool incoming = false;                ///< the destination's half of a live migration before the handover: it writes nothing
};

struct Host {
  NovaHost name;
  Address address;
  std::string uuid;
  std::string rack;
  std::string cell = "nova";
  bool kubernetes = false;
  int boots = 1;
  bool on = true;
  bool mains = true;     ///< else nothing switches it on
  bool frozen = false;
  bool control = true;   ///< control network
  bool storage = true;   ///< storage network
  bool agent = true;     ///< nova-compute runs
  bool resumes = false;  ///< resume_guests_state_on_host_boot: what ran there is started again
  std::size_t room = 1000;              ///< servers that nova's scheduler lets it have
  std::optional<Instant> failed_since;  ///< ground truth: it may be fenced from here

  [[nodiscard]] bool runs() const { return on && !frozen; }
  [[nodiscard]] bool serves() const { return runs() && control && agent; }  ///< nova-compute works and is heard
  [[nodiscard]] std::string boot_id() const { return name.value + "-boot-" + std::to_string(boots); }
};

/// The ground truth: hosts and guest processes. The core never sees this.
class Machines {
 public:
  Machines(Scheduler& clock, const Timeline& timeline) : clock_(clock), timeline_(timeline) {}

  Host& add(Host host);
  [[nodiscard]] Host& host(const NovaHost& name) { return hosts_.at(name); }
  [[nodiscard]] std::map<NovaHost, Host>& hosts() { return hosts_; }
  [[nodiscard]] std::deque<Guest>& guests() { return guests_; }
  [[nodiscard]] std::vector<Guest*> guests_of(const ServerId& server);
  /// The living process of that server there, or null.
  [[nodiscard]] Guest* guest_on(const ServerId& server, const NovaHost& host);

  Guest& start_guest(const ServerId& server, const NovaHost& host);
  void stop_guest(const ServerId& server, const NovaHost& host);
  void power_off(const NovaHost& name, const char* why);
  /// The host boots: nova-compute and kubelet run some seconds later, its guests do not.
  void power_on(const NovaHost& name, const char* why);
  void freeze(const NovaHost& name, bool frozen);
  void cut(const NovaHost& name, bool control, bool storage);  ///< true: that network works
  void kill_agent(const NovaHost& name);
  void start_agent(const NovaHost& name);
  /// Two hosts come up with each other's address on the storage network, and their guests with them.
  void swap_addresses(const NovaHost& one, const NovaHost& other);

  [[nodiscard]] bool reaches_storage(const Guest& guest) const {
    const Host& where = hosts_.at(guest.host);
    return !guest.ended && where.runs() && where.storage;
  }
  [[nodiscard]] bool reaches_storage_from(const NovaHost& host) const { return hosts_.at(host).runs() && hosts_.at(host).storage; }
  std::function<void(const NovaHost&)> booted;  ///< its services start
  std::function<std::optional<ImageId>(const ServerId&)> volume_of;

 private:
  void note_silence(const Host& host);

  Scheduler& clock_;
  const Timeline& timeline_;
  std::map<NovaHost, Host> hosts_;
  std::deque<Guest> guests_;
  std::uint64_t next_nonce_ = 1000;
};

}  // namespace vmha::sim
