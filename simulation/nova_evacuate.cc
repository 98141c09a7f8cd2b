// An evacuation in nova: accepted -> pre-migrating -> done; the server passes the task states of a rebuild, is ACTIVE on the old host for a moment,
// and is on the new one only then (nova-facts.md, "Requests").
#include <algorithm>

#include <fmt/core.h>

#include "simulation/nova.h"

namespace vmha::sim {

bool Nova::is_being_evacuated(const ServerId& id) const {
  return std::any_of(migrations_.begin(), migrations_.end(),
                     [&](const nova::Migration& m) { return m.server == id && (m.status == "accepted" || m.status == "pre-migrating"); });
}

Result<Done> Nova::evacuate(const ServerId& id, const std::optional<NovaHost>& destination) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return fail(ErrorKind::kNotFound, "no server {}", id.value);
  nova::Server& server = found->second;
  const bool running = is_being_evacuated(id);
  if (evacuation_asked) evacuation_asked(server, running);
  if (is_up(services_.at(server.host))) return fail(ErrorKind::kInvalid, "Compute service of {} is still in use.", server.host.value);
  if (server.vm_state != "active" && server.vm_state != "stopped" && server.vm_state != "error")
    return fail(ErrorKind::kConflict, "Cannot 'evacuate' instance {} while it is in vm_state {}", id.value, server.vm_state);
  if (destination && services_.count(*destination) == 0) return fail(ErrorKind::kNotFound, "Compute host {} not found.", destination->value);
  nova::Migration record;
  record.id = static_cast<std::int64_t>(migrations_.size()) + 1;
  record.uuid = MigrationUuid{fmt::format("migration-{}", record.id)};
  record.server = id;
  record.source = server.host;
  record.type = "evacuation";
  record.status = "accepted";
  record.created_at = to_rfc3339(clock_.wall());
  migrations_.push_back(record);
  const bool was_stopped = server.vm_state == "stopped";
  server.task_state = "rebuilding";
  server.status = "REBUILD";
  server.fault.clear();
  timeline_.say("nova", "evacuation of {} ({}) accepted", server.name, id.value.substr(0, 8));
  const std::size_t index = migrations_.size() - 1;
  clock_.after(clock_.between(milliseconds(100), milliseconds(900)), [=, this] { schedule(index, destination, was_stopped); });
  return Done{};
}

void Nova::end_in_error(std::size_t record, const char* migration_status, const std::string& fault) {
  nova::Migration& m = migrations_[record];
  m.status = migration_status;
  nova::Server& server = servers_.at(m.server);
  server.vm_state = "error";
  server.status = "ERROR";
  server.task_state.clear();
  server.fault = fault;
  timeline_.say("nova", "{} is in ERROR: {}", server.name, fault);
}

void Nova::schedule(std::size_t record, const std::optional<NovaHost>& wanted, bool was_stopped) {
  nova::Migration& m = migrations_[record];
  std::vector<NovaHost> possible;
  for (const auto& [host, service] : services_)
    if (host != m.source && service.service.enabled && is_up(service) && (!wanted || host == *wanted)) possible.push_back(host);
  if (possible.empty()) return end_in_error(record, "error", "No valid host was found. There are not enough hosts available.");
  m.destination = possible[clock_.rng().below(possible.size())];
  m.status = "pre-migrating";
  clock_.after(clock_.between(milliseconds(200), milliseconds(1500)), [=, this] { rebuild(record, was_stopped); });
}

void Nova::rebuild(std::size_t record, bool was_stopped) {
  const nova::Migration& m = migrations_[record];
  const auto guests = machines_.guests_of(m.server);
  const bool exists = std::any_of(guests.begin(), guests.end(), [&](const Guest* g) { return g->host == m.destination && !g->ended; });
  if (exists) return end_in_error(record, "failed", "domain already exists");
  servers_.at(m.server).task_state = "rebuild_block_device_mapping";
  clock_.after(clock_.between(milliseconds(200), milliseconds(1000)), [=, this] {
    nova::Server& server = servers_.at(migrations_[record].server);
    if (server.task_state != "rebuild_block_device_mapping") return;
    server.task_state = "rebuild_spawning";
    machines_.start_guest(server.id, migrations_[record].destination);
    clock_.after(clock_.between(milliseconds(500), milliseconds(3000)), [=, this] { spawned(record, was_stopped); });
  });
}

void Nova::spawned(std::size_t record, bool was_stopped) {
  nova::Server& server = servers_.at(migrations_[record].server);
  if (server.task_state != "rebuild_spawning") return;
  rest_as_running(server);
  if (was_stopped) server.task_state = "powering-off";
  clock_.after(clock_.between(milliseconds(200), milliseconds(400)), [=, this] { arrive(record, was_stopped); });
}

void Nova::arrive(std::size_t record, bool was_stopped) {
  nova::Migration& m = migrations_[record];
  nova::Server& server = servers_.at(m.server);
  server.host = m.destination;
  m.status = "done";
  timeline_.say("nova", "{} runs on {}", server.name, m.destination.value);
  if (!was_stopped) return;
  clock_.after(clock_.between(milliseconds(200), milliseconds(2000)), [this, id = server.id] {
    nova::Server& stopping = servers_.at(id);
    machines_.stop_guest(id, stopping.host);
    stopping.vm_state = "stopped";
    stopping.status = "SHUTOFF";
    stopping.power_state = 4;
    stopping.task_state.clear();
  });
}

void Nova::rest_as_running(nova::Server& server) {
  server.vm_state = "active";
  server.status = "ACTIVE";
  server.power_state = 1;
  server.task_state.clear();
}

}  // namespace vmha::sim
