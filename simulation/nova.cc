#include "simulation/nova.h"

#include <algorithm>
#include <array>

#include <fmt/core.h>

namespace vmha::sim {
namespace {

std::string uuid(Rng& rng) {
  const std::uint64_t a = rng.next();
  const std::uint64_t b = rng.next();
  return fmt::format("{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}", a >> 32U, (a >> 16U) & 0xffffU, a & 0xfffU, b >> 52U, b & 0xffffffffffffU);
}

/// vmha decides on readings of a server that are at most so old, and its call takes a second.
constexpr seconds kReadingAge{5};

bool has_process(const std::string& vm_state) { return vm_state == "active" || vm_state == "paused" || vm_state == "rescued" || vm_state == "error"; }

}  // namespace

void rest_as(nova::Server& server, const std::string& vm_state) {
  struct Look { const char* vm_state; const char* status; int power_state; };
  static constexpr std::array<Look, 8> kLooks = {{{"active", "ACTIVE", 1}, {"stopped", "SHUTOFF", 4}, {"paused", "PAUSED", 3}, {"error", "ERROR", 1},
                                                  {"rescued", "RESCUE", 1}, {"suspended", "SUSPENDED", 4}, {"shelved_offloaded", "SHELVED_OFFLOADED", 4},
                                                  {"resized", "VERIFY_RESIZE", 1}}};
  const auto look = std::find_if(kLooks.begin(), kLooks.end(), [&](const Look& each) { return each.vm_state == vm_state; });
  server.vm_state = vm_state;
  server.status = look->status;
  server.power_state = look->power_state;
  server.task_state.clear();
}

void Nova::add_service(const NovaHost& host) {
  nova::Service service;
  service.id = ServiceId{uuid(clock_.rng())};
  service.host = host;
  service.zone = machines_.host(host).cell;
  services_.emplace(host, Service{service, clock_.now()});
  touch(services_.at(host));
  clock_.after(clock_.between(milliseconds(0), kReportEvery), [this, host] { report(host); });
}

ServerId Nova::add_server(const std::string& name, const NovaHost& host, const std::string& vm_state) {
  nova::Server server;
  server.id = ServerId{uuid(clock_.rng())};
  server.name = name;
  server.host = vm_state == "shelved_offloaded" ? NovaHost{} : host;
  server.project_id = "project";
  server.image_id = "image";
  rest_as(server, vm_state);
  servers_.emplace(server.id, server);
  if (has_process(vm_state)) machines_.start_guest(server.id, host).paused = vm_state == "paused";
  return server.id;
}

void Nova::attach(const ServerId& server, const std::string& volume) {
  nova::Server& attached = servers_.at(server);
  attached.volumes.push_back(volume);
  if (Guest* guest = machines_.guest_on(server, attached.host)) guest->volume = ImageId{"volumes", "volume-" + volume};
}

void Nova::touch(Service& service) { service.service.updated_at = to_rfc3339(std::chrono::floor<seconds>(clock_.wall())); }

void Nova::report(const NovaHost& host) {
  if (machines_.host(host).serves() && bus && !is_away(host)) {
    services_.at(host).reported = clock_.now();
    touch(services_.at(host));
  }
  clock_.after(kReportEvery + clock_.between(milliseconds(0), milliseconds(60)), [this, host] { report(host); });
}

bool Nova::is_up(const Service& service) const { return !service.service.forced_down && clock_.now() - service.reported < kServiceDownTime; }

std::vector<nova::Service> Nova::services() const {
  std::vector<nova::Service> list;
  for (const auto& [host, service] : services_) {
    nova::Service shown = service.service;
    shown.up = is_up(service);
    if (is_away(host)) {  // the record of a cell that does not answer: who it is, and nothing else
      shown = nova::Service{};
      shown.id = service.service.id;
      shown.host = host;
      shown.zone = service.service.zone;
      shown.up = shown.state_known = false;
    }
    list.push_back(shown);
  }
  return list;
}

std::vector<nova::Server> Nova::servers(const std::optional<NovaHost>& host) const {
  std::vector<nova::Server> list;
  for (const auto& [id, server] : servers_) {
    if (host && server.host != *host) continue;
    if (!server.host.empty() && is_away(server.host)) continue;  // without a word
    list.push_back(server);
  }
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
  int count = 0;
  for (std::size_t i = 0; i < migrations_.size(); ++i) count += migrations_[i].server == server && works_[i].arrived ? 1 : 0;
  return count;
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
  if (is_away(host)) return fail(ErrorKind::kUnavailable, "the cell of {} does not answer", host.value);
  const bool left = std::any_of(migrations_.begin(), migrations_.end(),
                                [&](const nova::Migration& m) { return m.type == "evacuation" && m.source == host && m.status == "done"; });
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
  const auto found = servers_.find(id);
  if (found == servers_.end()) return fail(ErrorKind::kNotFound, "no server {}", id.value);
  const auto tenants = locked_by_tenant_.find(id);
  const bool just_now = tenants != locked_by_tenant_.end() && clock_.now() - tenants->second <= kReadingAge;
  if (found->second.locked && found->second.locked_reason.empty() && just_now && lock_replaced) lock_replaced(id);
  found->second.locked = true;
  found->second.locked_reason = reason;
  return Done{};
}

Result<Done> Nova::unlock(const ServerId& id) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return fail(ErrorKind::kNotFound, "no server {}", id.value);
  found->second.locked = false;
  found->second.locked_reason.clear();
  return Done{};
}

Nova::Worker Nova::worker(const NovaHost& name, int boots) const {
  const Host& host = machines_.host(name);
  if (!host.on || host.boots != boots || (!host.agent && !host.frozen)) return Worker::kGone;
  return host.serves() && bus ? Worker::kWorks : Worker::kWaits;
}

std::size_t Nova::record(const nova::Server& server, const char* type) {
  nova::Migration made;
  made.id = static_cast<std::int64_t>(migrations_.size()) + 1;
  made.uuid = MigrationUuid{fmt::format("migration-{}", made.id)};
  made.server = server.id;
  made.source = server.host;
  made.type = type;
  made.status = "accepted";
  made.created_at = to_rfc3339(clock_.wall());
  migrations_.push_back(made);
  Work work;
  work.was_stopped = server.vm_state == "stopped";
  work.source_boots = machines_.host(server.host).boots;
  works_.push_back(work);
  return migrations_.size() - 1;
}

/// Servers nova counts on a host: those there, and those on their way to it.
std::size_t Nova::load(const NovaHost& host) const {
  const auto there = std::count_if(servers_.begin(), servers_.end(), [&](const auto& entry) { return entry.second.host == host; });
  const auto coming = std::count_if(migrations_.begin(), migrations_.end(), [&](const nova::Migration& m) {
    return m.destination == host && !nova::is_final(m) && m.status != "finished";
  });
  return static_cast<std::size_t>(there + coming);
}

}  // namespace vmha::sim
