// What tenants ask for, what a nova-compute does of it when it can, and what it finds to be done when it starts.
#include <algorithm>
#include <array>

#include "simulation/nova.h"

namespace vmha::sim {

const char* to_string(TenantWish wish) {
  static constexpr std::array<const char*, kWishes> kWords = {"stops", "starts", "reboots", "pauses", "deletes", "locks", "unlocks", "resizes"};
  return kWords[static_cast<std::size_t>(wish)];
}

bool Nova::ask(const ServerId& id, TenantWish wish) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return false;
  nova::Server& server = found->second;
  if (wish == TenantWish::kUnlock) {
    if (server.locked && !server.locked_reason.empty()) return false;  // an administrator's lock
    server.locked = false;
    return true;
  }
  if (server.locked || server.host.empty() || is_away(server.host)) return false;
  if (wish == TenantWish::kLock) {
    server.locked = true;
    server.locked_reason.clear();
    locked_by_tenant_[id] = clock_.now();
    return true;
  }
  if (wish == TenantWish::kDelete) {
    timeline_.say("tenant", "deletes {}", server.name);
    if (!is_up(services_.at(server.host))) {  // of a host that is down nova deletes in its database (compute/api.py, _local_delete)
      servers_.erase(found);
      return true;
    }
    server.task_state = "deleting";
    carry_out(id, "deleting");
    return true;
  }
  if (!server.task_state.empty()) return false;
  if (wish == TenantWish::kResize) {
    for (const auto& [host, service] : services_)
      if (host != server.host && is_up(service)) {
        migrate(id, host, false);
        return servers_.at(id).task_state == "resize_prep";
      }
    return false;
  }
  const bool starts = wish == TenantWish::kStart;
  if (starts ? server.vm_state != "stopped" : server.vm_state != "active") return false;
  const char* task = starts ? "powering-on" : wish == TenantWish::kStop ? "powering-off" : wish == TenantWish::kReboot ? "rebooting" : "pausing";
  server.task_state = task;
  timeline_.say("tenant", "{} {}", to_string(wish), server.name);
  carry_out(id, task);
  return true;
}

Result<Done> Nova::start(const ServerId& id) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return fail(ErrorKind::kNotFound, "no server {}", id.value);
  if (found->second.vm_state != "stopped" || !found->second.task_state.empty()) return fail(ErrorKind::kConflict, "Cannot 'start' instance {}", id.value);
  found->second.task_state = "powering-on";
  carry_out(id, "powering-on");
  return Done{};
}

Result<Done> Nova::stop(const ServerId& id) {
  const auto found = servers_.find(id);
  if (found == servers_.end()) return fail(ErrorKind::kNotFound, "no server {}", id.value);
  if (found->second.vm_state != "active" || !found->second.task_state.empty()) return fail(ErrorKind::kConflict, "Cannot 'stop' instance {}", id.value);
  found->second.task_state = "powering-off";
  carry_out(id, "powering-off");
  return Done{};
}

/// The nova-compute of its host does it a moment later; when that one is gone the task stays until it starts again.
void Nova::carry_out(const ServerId& id, const std::string& task) {
  const NovaHost host = servers_.at(id).host;
  const int boots = machines_.host(host).boots;
  clock_.after(clock_.between(milliseconds(300), milliseconds(1500)), [=, this] {
    const auto found = servers_.find(id);
    if (found == servers_.end() || found->second.task_state != task || found->second.host != host) return;
    switch (worker(host, boots)) {
      case Worker::kWorks: return end_task(found->second, task);
      case Worker::kWaits: return carry_out(id, task);
      case Worker::kGone: return;
    }
  });
}

void Nova::end_task(nova::Server& server, const std::string& task) {
  Guest* guest = machines_.guest_on(server.id, server.host);
  if (task == "deleting") {
    machines_.stop_guest(server.id, server.host);
    servers_.erase(server.id);
  } else if (task == "powering-off") {
    machines_.stop_guest(server.id, server.host);
    rest_as(server, "stopped");
  } else if (task == "powering-on" || task == "rebooting") {
    machines_.stop_guest(server.id, server.host);
    machines_.start_guest(server.id, server.host);
    rest_as(server, "active");
  } else if (task == "pausing") {
    if (guest != nullptr) guest->paused = true;
    rest_as(server, "paused");
  }
}

void Nova::compute_started(const NovaHost& host) {
  clock_.after(clock_.between(milliseconds(500), milliseconds(2500)), [this, host] {
    const Host& machine = machines_.host(host);
    if (!machine.runs() || !machine.agent) return;
    if (!machine.control || !bus || is_away(host)) return compute_started(host);
    for (std::size_t i = 0; i < migrations_.size(); ++i) {
      nova::Migration& m = migrations_[i];
      if (m.type != "evacuation" || m.source != host) continue;
      const bool left = m.status == "done" || (!nova::is_final(m) && works_[i].lost);
      if (left) machines_.stop_guest(m.server, host);
      if (left) m.status = "completed";
    }
    take_up_servers(host);
  });
}

/// init_instance: tasks that were asked for before are ended; what ran is started again where the host is set to.
void Nova::take_up_servers(const NovaHost& host) {
  std::vector<ServerId> here;
  for (const auto& [id, server] : servers_)
    if (server.host == host) here.push_back(id);
  for (const ServerId& id : here) {
    nova::Server& server = servers_.at(id);
    const std::string task = server.task_state;
    if (task == "deleting" || task == "powering-off") end_task(server, task);
    else if (task == "powering-on" || task == "rebooting" || task == "pausing" || task == "migrating") server.task_state.clear();
    const auto again = servers_.find(id);
    if (again == servers_.end() || again->second.vm_state != "active" || !again->second.task_state.empty()) continue;
    const bool moving = std::any_of(migrations_.begin(), migrations_.end(), [&](const nova::Migration& m) { return m.server == id && !nova::is_final(m); });
    if (machines_.host(host).resumes && !moving && machines_.guest_on(id, host) == nullptr && machines_.guests_of(id).size() > 0) machines_.start_guest(id, host);
  }
}

bool Nova::is_stuck(const ServerId& id) const {
  bool works = false;
  for (std::size_t i = 0; i < migrations_.size(); ++i) {
    const nova::Migration& m = migrations_[i];
    if (m.server != id || nova::is_final(m)) continue;
    if (works_[i].lost) return true;
    works = true;
  }
  return !works && !servers_.at(id).task_state.empty();
}

void Nova::end_by_hand(const ServerId& id) {
  nova::Server& server = servers_.at(id);
  timeline_.say("person", "ends what nova left of {} ({})", server.name, server.task_state.empty() ? "no task" : server.task_state);
  for (std::size_t i = 0; i < migrations_.size(); ++i) {
    nova::Migration& m = migrations_[i];
    if (m.server != id || nova::is_final(m)) continue;
    // The guest that nobody knows of is ended first, where it runs.
    const NovaHost other = server.host == m.source ? m.destination : m.source;
    if (!other.empty() && machines_.host(other).runs()) machines_.stop_guest(id, other);
    m.status = "error";
    works_[i].lost = true;
  }
  rest_as(server, server.vm_state == "resized" || server.vm_state == "error" ? "active" : server.vm_state);
}

}  // namespace vmha::sim
