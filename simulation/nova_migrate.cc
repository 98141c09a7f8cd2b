// Live and cold migrations in nova, as far as a recovery meets them: what is left of one when a host of it dies.
#include <algorithm>

#include "simulation/nova.h"

namespace vmha::sim {

void Nova::migrate(const ServerId& id, const NovaHost& destination, bool live) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return;
  nova::Server& server = found->second;
  const bool fits = server.vm_state == "active" || (!live && server.vm_state == "stopped");
  if (!fits || !server.task_state.empty() || server.locked || server.host == destination || !is_up(services_.at(server.host)) || !is_up(services_.at(destination))) return;
  const std::size_t made = record(server, live ? "live-migration" : "migration");
  migrations_[made].destination = destination;
  works_[made].destination_boots = machines_.host(destination).boots;
  server.task_state = live ? "migrating" : "resize_prep";
  migrations_[made].status = live ? "preparing" : "pre-migrating";
  timeline_.say("nova", "{}: {} from {} to {} begins", server.name, migrations_[made].type, server.host.value, destination.value);
  go_on(made, milliseconds(200), milliseconds(1500), live ? &Nova::receive : &Nova::power_down_there);
}

// ---- Live

void Nova::receive(std::size_t record) {
  const nova::Migration& m = migrations_[record];
  nova::Server* server = server_of(record, "migrating");
  if (server == nullptr) return;
  if (worker(m.destination, works_[record].destination_boots) != Worker::kWorks || machines_.guest_on(m.server, m.source) == nullptr) {
    migrations_[record].status = "error";
    server->task_state.clear();
    return;
  }
  migrations_[record].status = "running";
  machines_.start_guest(m.server, m.destination).incoming = true;
  watch_move(record);
  go_on(record, seconds(3), seconds(30), &Nova::hand_over);
}

/// QEMU's stream from host to host: when its source is gone the other half ends, and when that is gone the source takes its guest back.
void Nova::watch_move(std::size_t record) {
  clock_.after(clock_.between(milliseconds(500), seconds(4)), [this, record] {
    nova::Migration& m = migrations_[record];
    if (nova::is_final(m) || works_[record].handed_over) return;
    const bool source_gone = worker(m.source, works_[record].source_boots) == Worker::kGone && !machines_.host(m.source).runs();
    if (source_gone) {
      if (Guest* half = machines_.guest_on(m.server, m.destination); half != nullptr && half->incoming && machines_.host(m.destination).runs())
        machines_.stop_guest(m.server, m.destination);
      works_[record].lost = true;
      return;
    }
    const bool there_gone = worker(m.destination, works_[record].destination_boots) == Worker::kGone && !machines_.host(m.destination).runs();
    if (!there_gone || worker(m.source, works_[record].source_boots) != Worker::kWorks) return watch_move(record);
    m.status = "error";
    works_[record].lost = true;
    const auto server = servers_.find(m.server);
    if (server != servers_.end() && server->second.task_state == "migrating") server->second.task_state.clear();
    timeline_.say("nova", "{} {} ended in error: its destination is gone", m.type, m.uuid.value);
  });
}

void Nova::hand_over(std::size_t record) {
  const nova::Migration& m = migrations_[record];
  Guest* half = machines_.guest_on(m.server, m.destination);
  const Guest* guest = machines_.guest_on(m.server, m.source);
  if (half == nullptr || guest == nullptr || half->refused) {  // a source that Ceph refuses still hands its memory over
    if (half != nullptr && half->incoming) machines_.stop_guest(m.server, m.destination);
    migrations_[record].status = "error";
    const auto server = servers_.find(m.server);
    if (server != servers_.end() && server->second.task_state == "migrating") server->second.task_state.clear();
    return;
  }
  machines_.stop_guest(m.server, m.source);
  half->incoming = false;
  half->started = clock_.now();
  works_[record].handed_over = true;
  timeline_.say("guest", "{} goes on on {}", m.server.value.substr(0, 8), m.destination.value);
  go_on(record, milliseconds(200), seconds(3), &Nova::follow_up);
}

/// post_live_migration, at the source: only now does nova know where the guest is.
void Nova::follow_up(std::size_t record) {
  nova::Server* server = server_of(record, "migrating");
  if (server == nullptr) return;
  migrations_[record].status = "completed";
  server->host = migrations_[record].destination;
  server->task_state.clear();
  timeline_.say("nova", "{} was migrated to {}", server->name, server->host.value);
}

// ---- Cold, and resize

void Nova::power_down_there(std::size_t record) {
  nova::Server* server = server_of(record, "resize_prep");
  if (server == nullptr) return;
  migrations_[record].status = "migrating";
  server->task_state = "resize_migrating";
  machines_.stop_guest(server->id, server->host);
  go_on(record, seconds(1), seconds(8), &Nova::take_disks);
}

void Nova::take_disks(std::size_t record) {
  nova::Server* server = server_of(record, "resize_migrating");
  if (server == nullptr) return;
  migrations_[record].status = "post-migrating";
  server->host = migrations_[record].destination;
  server->task_state = "resize_migrated";
  go_on(record, milliseconds(300), seconds(3), &Nova::boot_there);
}

void Nova::boot_there(std::size_t record) {
  nova::Migration& m = migrations_[record];
  const auto found = servers_.find(m.server);
  if (found == servers_.end() || found->second.task_state != "resize_migrated" || found->second.host != m.destination) {
    m.status = "error";
    return;
  }
  rest_as(found->second, "resized");
  if (!works_[record].was_stopped) machines_.start_guest(m.server, m.destination);
  m.status = "finished";
  go_on(record, seconds(2), seconds(10), &Nova::confirm);
}

void Nova::confirm(std::size_t record) {
  nova::Migration& m = migrations_[record];
  const auto found = servers_.find(m.server);
  if (found == servers_.end() || found->second.vm_state != "resized") return;
  m.status = "confirmed";
  rest_as(found->second, works_[record].was_stopped ? "stopped" : "active");
  timeline_.say("nova", "{} was moved to {}", found->second.name, m.destination.value);
}

}  // namespace vmha::sim
