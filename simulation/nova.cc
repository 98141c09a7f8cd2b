#include "simulation/nova.h"

#include <algorithm>

#include <fmt/core.h>

namespace vmha::sim {
namespace {

std::string uuid(Rng& rng) {
  const std::uint64_t a = rng.next();
  const std::uint64_t b = rng.next();
  return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32U, (a >> 16U) & 0xffffU, a & 0xfffU, b >> 52U, b & 0xffffffffffffU);
}

void rest_as(nova::Server& server, bool stopped) {
  server.vm_state = stopped ? "stopped" : "active";
  server.status = stopped ? "SHUTOFF" : "ACTIVE";
  server.power_state = stopped ? 4 : 1;
  server.task_state.clear();
}

}  // namespace

void Nova::add_service(const NovaHost& host) {
  nova::Service service;
  service.id = ServiceId{uuid(clock_.rng())};
  service.host = host;
  service.zone = "nova";
  services_.emplace(host, Service{service, clock_.now()});
  touch(services_.at(host));
  clock_.after(clock_.between(milliseconds(0), kReportEvery), [this, host] { report(host); });
}

ServerId Nova::add_server(const std::string& name, const NovaHost& host, bool running) {
  nova::Server server;
  server.id = ServerId{uuid(clock_.rng())};
  server.name = name;
  server.host = host;
  server.project_id = "project";
  server.image_id = "image";
  rest_as(server, !running);
  servers_.emplace(server.id, server);
  if (running) machines_.start_guest(server.id, host);
  return server.id;
}

void Nova::touch(Service& service) { service.service.updated_at = to_rfc3339(std::chrono::floor<seconds>(clock_.wall())); }

void Nova::report(const NovaHost& host) {
  const Host& machine = machines_.host(host);
  if (machine.runs() && machine.control && machine.agent && bus) {
    services_.at(host).reported = clock_.now();
    touch(services_.at(host));
  }
  clock_.after(kReportEvery + clock_.between(milliseconds(0), milliseconds(60)), [this, host] { report(host); });
}

bool Nova::is_up(const Service& service) const { return !service.service.forced_down && clock_.now() - service.reported < kServiceDownTime; }

void Nova::compute_started(const NovaHost& host) {
  clock_.after(clock_.between(milliseconds(500), milliseconds(2500)), [this, host] {
    for (nova::Migration& m : migrations_)
      if (m.source == host && m.status == "done") m.status = "completed";
  });
}

std::vector<nova::Service> Nova::services() const {
  std::vector<nova::Service> list;
  for (const auto& [host, service] : services_) {
    list.push_back(service.service);
    list.back().up = is_up(service);
  }
  return list;
}

std::vector<nova::Server> Nova::servers(const std::optional<NovaHost>& host) const {
  std::vector<nova::Server> list;
  for (const auto& [id, server] : servers_)
    if (!host || server.host == *host) list.push_back(server);
  return list;
}

Result<nova::Server> Nova::server(const ServerId& id) const {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return fail(ErrorKind::kNotFound, "no server {}", id.value);
  return found->second;
}

std::vector<nova::Migration> Nova::migrations(const NovaHost& host) const {
  std::vector<nova::Migration> list;
  std::copy_if(migrations_.begin(), migrations_.end(), std::back_inserter(list),
               [&](const nova::Migration& m) { return m.source == host || m.destination == host; });
  return list;
}

int Nova::finished_evacuations(const ServerId& server) const {
  return static_cast<int>(std::count_if(migrations_.begin(), migrations_.end(), [&](const nova::Migration& m) {
    return m.server == server && (m.status == "done" || m.status == "completed");
  }));
}

Nova::Service* Nova::find(const ServiceId& id) {
  const auto found = std::find_if(services_.begin(), services_.end(), [&](const auto& entry) { return entry.second.service.id == id; });
  return found == services_.end() ? nullptr : &found->second;
}

const nova::Service* Nova::service(const ServiceId& id) const {
  const auto found = std::find_if(services_.begin(), services_.end(), [&](const auto& entry) { return entry.second.service.id == id; });
  return found == services_.end() ? nullptr : &found->second.service;
}

Result<Done> Nova::set_forced_down(const ServiceId& id, bool forced_down) {
  Service* service = find(id);
  if (service == nullptr) return fail(ErrorKind::kNotFound, "no service {}", id.value);
  const NovaHost& host = service->service.host;
  const bool left = std::any_of(migrations_.begin(), migrations_.end(), [&](const nova::Migration& m) { return m.source == host && m.status == "done"; });
  if (!forced_down && left) return fail(ErrorKind::kInvalid, "Unable to force up host {}: `done` evacuation migration records remain", host.value);
  service->service.forced_down = forced_down;
  touch(*service);
  timeline_.say("nova", "{}: forced_down={}", host.value, forced_down);
  return Done{};
}

Result<Done> Nova::disable(const ServiceId& id, const std::string& reason) {
  Service* service = find(id);
  if (service == nullptr) return fail(ErrorKind::kNotFound, "no service {}", id.value);
  service->service.enabled = false;
  service->service.disabled_reason = reason;
  touch(*service);
  timeline_.say("nova", "{} disabled: {}", service->service.host.value, reason);
  return Done{};
}

Result<Done> Nova::enable(const ServiceId& id) {
  Service* service = find(id);
  if (service == nullptr) return fail(ErrorKind::kNotFound, "no service {}", id.value);
  service->service.enabled = true;
  service->service.disabled_reason.clear();
  touch(*service);
  timeline_.say("nova", "{} enabled", service->service.host.value);
  return Done{};
}

Result<Done> Nova::lock(const ServerId& id, const std::string& reason) {
  nova::Server& server = servers_.at(id);
  server.locked = true;
  server.locked_reason = reason;
  return Done{};
}

Result<Done> Nova::unlock(const ServerId& id) {
  nova::Server& server = servers_.at(id);
  server.locked = false;
  server.locked_reason.clear();
  return Done{};
}

Result<Done> Nova::start(const ServerId& id) {
  nova::Server& server = servers_.at(id);
  if (server.vm_state != "stopped" || !server.task_state.empty()) return fail(ErrorKind::kConflict, "Cannot 'start' instance {}", id.value);
  server.task_state = "powering-on";
  clock_.after(seconds(1), [this, id] {
    nova::Server& starting = servers_.at(id);
    if (starting.task_state != "powering-on" || !machines_.host(starting.host).runs()) return;
    machines_.start_guest(id, starting.host);
    rest_as(starting, false);
  });
  return Done{};
}

Result<Done> Nova::stop(const ServerId& id) {
  nova::Server& server = servers_.at(id);
  if (server.vm_state != "active" || !server.task_state.empty()) return fail(ErrorKind::kConflict, "Cannot 'stop' instance {}", id.value);
  server.task_state = "powering-off";
  clock_.after(seconds(1), [this, id] {
    nova::Server& stopping = servers_.at(id);
    if (stopping.task_state != "powering-off") return;
    machines_.stop_guest(id, stopping.host);
    rest_as(stopping, true);
  });
  return Done{};
}

}  // namespace vmha::sim
