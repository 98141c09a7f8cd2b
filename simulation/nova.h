#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/observed/nova.h"
#include "base/result.h"
#include "simulation/machines.h"
#include "simulation/scheduler.h"

namespace vmha::sim {

/// Nova as nova-facts.md shows it: heartbeats, forced_down, and evacuation as a thing that takes time and is not idempotent.
class Nova {
 public:
  static constexpr milliseconds kReportEvery{1000};
  static constexpr seconds kServiceDownTime{4};

  Nova(Scheduler& clock, Machines& machines, const Timeline& timeline) : clock_(clock), machines_(machines), timeline_(timeline) {}

  void add_service(const NovaHost& host);
  ServerId add_server(const std::string& name, const NovaHost& host, bool running);
  /// nova-compute of that host starts: it destroys what was evacuated and completes those migrations.
  void compute_started(const NovaHost& host);

  [[nodiscard]] std::vector<nova::Service> services() const;
  [[nodiscard]] std::vector<nova::Server> servers(const std::optional<NovaHost>& host) const;
  [[nodiscard]] Result<nova::Server> server(const ServerId& id) const;
  [[nodiscard]] std::vector<nova::Migration> migrations(const NovaHost& host) const;
  [[nodiscard]] const std::map<ServerId, nova::Server>& all() const { return servers_; }
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

  bool bus = true;  ///< RabbitMQ
  /// Before a request is taken: for the checkers. `running` says that an earlier evacuation of that server has not ended.
  std::function<void(const nova::Server&, bool running)> evacuation_asked;

 private:
  struct Service {
    nova::Service service;
    Instant reported;
  };
  void report(const NovaHost& host);
  void touch(Service& service);
  [[nodiscard]] bool is_up(const Service& service) const;
  Service* find(const ServiceId& id);
  [[nodiscard]] bool is_being_evacuated(const ServerId& id) const;
  // The stages of an evacuation, in the order they happen.
  void schedule(std::size_t record, const std::optional<NovaHost>& wanted, bool was_stopped);
  void rebuild(std::size_t record, bool was_stopped);
  void spawned(std::size_t record, bool was_stopped);
  void arrive(std::size_t record, bool was_stopped);
  static void rest_as_running(nova::Server& server);
  void end_in_error(std::size_t record, const char* migration_status, const std::string& fault);

  Scheduler& clock_;
  Machines& machines_;
  const Timeline& timeline_;
  std::map<NovaHost, Service> services_;
  std::map<ServerId, nova::Server> servers_;
  std::vector<nova::Migration> migrations_;
};

}  // namespace vmha::sim
