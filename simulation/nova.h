#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "api/observed/nova.h"
#include "base/result.h"
#include "simulation/machines.h"
#include "simulation/scheduler.h"

namespace vmha::sim {

/// What a tenant asks of nova.
enum class TenantWish { kStop, kStart, kReboot, kPause, kDelete, kLock, kUnlock, kResize };
inline constexpr std::size_t kWishes = 8;
[[nodiscard]] const char* to_string(TenantWish wish);

/// Nova as nova-facts.md shows it: heartbeats, forced_down, cells, and evacuations and migrations as things that take time, need somebody alive to go
/// on, and are not idempotent.
class Nova {
 public:
  static constexpr milliseconds kReportEvery{1000};
  static constexpr seconds kServiceDownTime{4};

  Nova(Scheduler& clock, Machines& machines, const Timeline& timeline) : clock_(clock), machines_(machines), timeline_(timeline) {}

  void add_service(const NovaHost& host);
  ServerId add_server(const std::string& name, const NovaHost& host, const std::string& vm_state);
  void attach(const ServerId& server, const std::string& volume);
  /// nova-compute of that host starts: it destroys what was evacuated, completes those migrations and ends what it was asked to do before.
  void compute_started(const NovaHost& host);

  [[nodiscard]] std::vector<nova::Service> services() const;
  [[nodiscard]] std::vector<nova::Server> servers(const std::optional<NovaHost>& host) const;
  [[nodiscard]] Result<nova::Server> server(const ServerId& id) const;
  [[nodiscard]] std::vector<nova::Migration> migrations(const NovaHost& host) const;
  [[nodiscard]] const std::map<ServerId, nova::Server>& all() const { return servers_; }
  [[nodiscard]] const std::vector<nova::Migration>& records() const { return migrations_; }
  [[nodiscard]] const nova::Service& service_on(const NovaHost& host) const { return services_.at(host).service; }
  [[nodiscard]] const nova::Service* service(const ServiceId& id) const;
  [[nodiscard]] int finished_evacuations(const ServerId& server) const;

  Result<Done> set_forced_down(const ServiceId& id, bool forced_down);
  Result<Done> disable(const ServiceId& id, const std::string& reason);
  Result<Done> enable(const ServiceId& id);
  Result<Done> lock(const ServerId& id, const std::string& reason);
  Result<Done> unlock(const ServerId& id);
  Result<Done> evacuate(const ServerId& id, const std::optional<NovaHost>& destination);
  Result<Done> start(const ServerId& id);
  Result<Done> stop(const ServerId& id);

  /// A tenant's word; false when nova refused it.
  bool ask(const ServerId& id, TenantWish wish);
  void migrate(const ServerId& id, const NovaHost& destination, bool live);
  /// `openstack server set --state active`, and what nova left of its migrations is ended in its database: a person's last means.
  void end_by_hand(const ServerId& id);
  /// Something of it hangs that nobody works on.
  [[nodiscard]] bool is_stuck(const ServerId& id) const;

  bool api = true;        ///< else 500, or no answer
  bool neutron = true;    ///< else every call that shows servers is a 500 (trap 8)
  bool bus = true;        ///< RabbitMQ
  bool conductor = true;  ///< nova-conductor and -scheduler: one half of what they work on when they die is lost, the other waits
  std::set<std::string> cells_away;  ///< their databases do not answer

  /// Before a request is taken: for the checkers. `running`: the newest earlier evacuation of that server that has not ended and can still go on.
  std::function<void(const nova::Server&, const nova::Migration* running)> evacuation_asked;
  /// A lock of vmha takes the place of one that a tenant set in the seconds before, which vmha cannot have read: nova has no "only if unlocked".
  std::function<void(const ServerId&)> lock_replaced;
  std::function<void(const nova::Migration&)> destination_chosen;  ///< of an evacuation

 private:
  struct Service {
    nova::Service service;
    Instant reported;
  };
  /// What works on a migration, beside its record.
  struct Work {
    bool was_stopped = false;
    bool lost = false;          ///< nobody works on it any more, and nobody will say so
    bool arrived = false;       ///< of an evacuation: its server runs at the destination
    bool handed_over = false;   ///< of a live migration: the guest runs at the destination
    int source_boots = 0;
    int destination_boots = 0;
  };
  using Stage = void (Nova::*)(std::size_t record);

  void report(const NovaHost& host);
  void touch(Service& service);
  [[nodiscard]] bool is_up(const Service& service) const;
  [[nodiscard]] bool is_away(const NovaHost& host) const { return cells_away.count(machines_.host(host).cell) > 0; }
  Service* find(const ServiceId& id);
  [[nodiscard]] const nova::Migration* running_evacuation(const ServerId& id) const;
  [[nodiscard]] std::size_t load(const NovaHost& host) const;
  std::size_t record(const nova::Server& server, const char* type);
  enum class Worker { kWorks, kWaits, kGone };
  [[nodiscard]] Worker worker(const NovaHost& host, int boots) const;
  [[nodiscard]] Worker worker_of(std::size_t record);
  void go_on(std::size_t record, Duration low, Duration high, Stage stage);
  nova::Server* server_of(std::size_t record, const char* task_state);
  void end_in_error(std::size_t record, const char* migration_status, const std::string& fault);
  // The stages of an evacuation, in the order they happen.
  void schedule(std::size_t record);
  void rebuild(std::size_t record);
  void spawn(std::size_t record);
  void spawned(std::size_t record);
  void arrive(std::size_t record);
  void shut_off_again(std::size_t record);
  // Of a live migration.
  void receive(std::size_t record);
  void hand_over(std::size_t record);
  void follow_up(std::size_t record);
  void watch_move(std::size_t record);
  // Of a cold migration or a resize.
  void power_down_there(std::size_t record);
  void take_disks(std::size_t record);
  void boot_there(std::size_t record);
  void confirm(std::size_t record);
  // nova_tenants.cc
  void carry_out(const ServerId& id, const std::string& task);
  void end_task(nova::Server& server, const std::string& task);
  void take_up_servers(const NovaHost& host);

  Scheduler& clock_;
  Machines& machines_;
  const Timeline& timeline_;
  std::map<NovaHost, Service> services_;
  std::map<ServerId, nova::Server> servers_;
  std::vector<nova::Migration> migrations_;
  std::map<ServerId, Instant> locked_by_tenant_;
  std::vector<Work> works_;  ///< of migrations_, in the same order
};

/// As nova shows a server at rest in that vm_state.
void rest_as(nova::Server& server, const std::string& vm_state);

}  // namespace vmha::sim
