// An evacuation in nova: accepted -> pre-migrating -> done; the server passes the task states of a rebuild, is ACTIVE on the old host for a moment,
// and is on the new one only then (nova-facts.md, "Requests"). Conductor and scheduler work on it until it has a destination, then the nova-compute
// there: when that one dies nobody goes on, and nobody says so.
#include <algorithm>

#include <fmt/core.h>

#include "simulation/nova.h"

namespace vmha::sim {

const nova::Migration* Nova::running_evacuation(const ServerId& id) const {
  for (std::size_t i = migrations_.size(); i-- > 0;) {
    const nova::Migration& m = migrations_[i];
    if (m.server == id && m.type == "evacuation" && !nova::is_final(m) && !works_[i].lost) return &m;
  }
  return nullptr;
}

Result<Done> Nova::evacuate(const ServerId& id, const std::optional<NovaHost>& destination) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return fail(ErrorKind::kNotFound, "no server {}", id.value);
  nova::Server& server = found->second;
  if (server.host.empty() || is_away(server.host)) return fail(ErrorKind::kUnavailable, "the cell of {} does not answer", id.value);
  if (evacuation_asked) evacuation_asked(server, running_evacuation(id));
  if (is_up(services_.at(server.host))) return fail(ErrorKind::kInvalid, "Compute service of {} is still in use.", server.host.value);
  if (server.vm_state != "active" && server.vm_state != "stopped" && server.vm_state != "error")
    return fail(ErrorKind::kConflict, "Cannot 'evacuate' instance {} while it is in vm_state {}", id.value, server.vm_state);
  if (destination && services_.count(*destination) == 0) return fail(ErrorKind::kNotFound, "Compute host {} not found.", destination->value);
  const std::size_t made = record(server, "evacuation");
  if (destination) migrations_[made].destination = *destination;
  server.task_state = "rebuilding";
  server.status = "REBUILD";
  server.fault.clear();
  timeline_.say("nova", "evacuation of {} ({}) accepted", server.name, id.value.substr(0, 8));
  go_on(made, milliseconds(100), milliseconds(900), &Nova::schedule);
  return Done{};
}

Nova::Worker Nova::worker_of(std::size_t record) {
  const nova::Migration& m = migrations_[record];
  const Work& work = works_[record];
  if (m.type == "evacuation") {
    if (m.status != "accepted") return worker(m.destination, work.destination_boots);
    if (conductor && bus) return Worker::kWorks;
    return conductor || clock_.rng().chance(900) ? Worker::kWaits : Worker::kGone;
  }
  if (m.type == "live-migration") {
    if (!work.handed_over && m.status == "running") {  // the memory goes from host to host, whatever nova is at
      const Worker source = worker(m.source, work.source_boots);
      const Worker there = worker(m.destination, work.destination_boots);
      return std::max(source, there);
    }
    return worker(m.source, work.source_boots);
  }
  const bool there = m.status == "post-migrating" || m.status == "finished";
  return there ? worker(m.destination, work.destination_boots) : worker(m.source, work.source_boots);
}

void Nova::go_on(std::size_t record, Duration low, Duration high, Stage stage) {
  clock_.after(clock_.between(low, high), [=, this] {
    if (works_[record].lost || nova::is_final(migrations_[record])) return;
    switch (worker_of(record)) {
      case Worker::kWorks: return (this->*stage)(record);
      case Worker::kWaits: return go_on(record, milliseconds(800), milliseconds(1200), stage);
      case Worker::kGone: break;
    }
    works_[record].lost = true;
    timeline_.say("nova", "nobody works on {} {} any more", migrations_[record].type, migrations_[record].uuid.value);
  });
}

/// The server, when it is still in the task this stage follows; else the work ends here, as nova's does on an unexpected task state.
nova::Server* Nova::server_of(std::size_t record, const char* task_state) {
  nova::Migration& m = migrations_[record];
  const auto found = servers_.find(m.server);
  if (found != servers_.end() && found->second.task_state == task_state && found->second.host == m.source) return &found->second;
  m.status = "failed";
  if (found == servers_.end() || found->second.host != m.destination) machines_.stop_guest(m.server, m.destination);
  timeline_.say("nova", "{} {} ends: its server is not as it was left", m.type, m.uuid.value);
  return nullptr;
}

void Nova::end_in_error(std::size_t record, const char* migration_status, const std::string& fault) {
  nova::Migration& m = migrations_[record];
  m.status = migration_status;
  nova::Server& server = servers_.at(m.server);
  rest_as(server, "error");
  server.fault = fault;
  timeline_.say("nova", "{} is in ERROR: {}", server.name, fault);
}

void Nova::schedule(std::size_t record) {
  nova::Migration& m = migrations_[record];
  const auto server = servers_.find(m.server);
  if (server == servers_.end() || server->second.task_state != "rebuilding") {
    m.status = "error";
    return;
  }
  const NovaHost wanted = m.destination;
  std::vector<NovaHost> possible;
  for (const auto& [host, service] : services_) {
    const bool same_cell = machines_.host(host).cell == machines_.host(m.source).cell;
    const std::size_t own = wanted == host ? 1 : 0;
    if (host == m.source || !same_cell || !service.service.enabled || !is_up(service) || load(host) - own >= machines_.host(host).room) continue;
    if (wanted.empty() || host == wanted) possible.push_back(host);
  }
  if (possible.empty()) {
    m.destination = {};
    return end_in_error(record, "error", "No valid host was found. There are not enough hosts available.");
  }
  m.destination = possible[clock_.rng().below(possible.size())];
  m.status = "pre-migrating";
  works_[record].destination_boots = machines_.host(m.destination).boots;
  if (destination_chosen) destination_chosen(m);
  go_on(record, milliseconds(200), milliseconds(1500), &Nova::rebuild);
}

void Nova::rebuild(std::size_t record) {
  const nova::Migration& m = migrations_[record];
  nova::Server* server = server_of(record, "rebuilding");
  if (server == nullptr) return;
  if (machines_.guest_on(m.server, m.destination) != nullptr) return end_in_error(record, "failed", "domain already exists");
  server->task_state = "rebuild_block_device_mapping";
  go_on(record, milliseconds(200), milliseconds(1000), &Nova::spawn);
}

void Nova::spawn(std::size_t record) {
  nova::Server* server = server_of(record, "rebuild_block_device_mapping");
  if (server == nullptr) return;
  server->task_state = "rebuild_spawning";
  machines_.start_guest(server->id, migrations_[record].destination);
  go_on(record, milliseconds(500), milliseconds(3000), &Nova::spawned);
}

void Nova::spawned(std::size_t record) {
  nova::Server* server = server_of(record, "rebuild_spawning");
  if (server == nullptr) return;
  rest_as(*server, "active");
  if (works_[record].was_stopped) server->task_state = "powering-off";
  go_on(record, milliseconds(200), milliseconds(400), &Nova::arrive);
}

void Nova::arrive(std::size_t record) {
  nova::Migration& m = migrations_[record];
  const bool stops = works_[record].was_stopped;
  nova::Server* server = server_of(record, stops ? "powering-off" : "");
  if (server == nullptr) return;
  server->host = m.destination;
  m.status = "done";
  works_[record].arrived = true;
  timeline_.say("nova", "{} runs on {}", server->name, m.destination.value);
  if (stops) clock_.after(clock_.between(milliseconds(200), milliseconds(2000)), [this, record] { shut_off_again(record); });
}

void Nova::shut_off_again(std::size_t record) {
  const nova::Migration& m = migrations_[record];
  const auto found = servers_.find(m.server);
  if (found == servers_.end() || found->second.host != m.destination || found->second.task_state != "powering-off") return;
  switch (worker(m.destination, works_[record].destination_boots)) {
    case Worker::kGone: return;
    case Worker::kWaits: return clock_.after(seconds(1), [this, record] { shut_off_again(record); });
    case Worker::kWorks: break;
  }
  machines_.stop_guest(m.server, m.destination);
  rest_as(found->second, "stopped");
}

}  // namespace vmha::sim
