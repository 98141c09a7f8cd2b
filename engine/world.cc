#include "engine/world.h"

#include <algorithm>
#include <charconv>

namespace vmha {
namespace {

std::optional<std::uint64_t> number(const std::string& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size() ? std::optional(value) : std::nullopt;
}

}  // namespace

bool is_not_older(const std::string& version, const std::string& than) {
  const auto a = number(version);
  const auto b = number(than);
  return !a || !b || *a >= *b;
}

void World::put(api::ComputeNode node) {
  const NodeName name{node.metadata.name};
  const auto old = nodes.find(name);
  if (old != nodes.end()) nodes_of_host[old->second.nova_host()].erase(name);
  nodes_of_host[node.nova_host()].insert(name);
  nodes.insert_or_assign(name, std::move(node));
}

void World::put(api::ProtectedInstance instance) {
  const InstanceName name{instance.metadata.name};
  remove_instance(name);
  instances_of_server[instance.spec.server_id].insert(name);
  if (instance.status.recovery) recovering_from[instance.status.recovery->from].insert(name);
  instances.insert_or_assign(name, std::move(instance));
}

void World::remove_node(const NodeName& name) {
  const auto old = nodes.find(name);
  if (old == nodes.end()) return;
  nodes_of_host[old->second.nova_host()].erase(name);
  nodes.erase(old);
}

void World::remove_instance(const InstanceName& name) {
  const auto old = instances.find(name);
  if (old == instances.end()) return;
  auto& same = instances_of_server[old->second.spec.server_id];
  same.erase(name);
  if (same.empty()) instances_of_server.erase(old->second.spec.server_id);
  if (old->second.status.recovery) recovering_from[old->second.status.recovery->from].erase(name);
  instances.erase(old);
}

void World::put_services(std::vector<nova::Service> list, Instant started) {
  service_of_host.clear();
  for (std::size_t i = 0; i < list.size(); ++i) service_of_host.emplace(list[i].host, i);
  services = Reading<std::vector<nova::Service>>{std::move(list), started};
}

void World::put_servers(const NovaHost& host, std::vector<nova::Server> servers, Instant started) {
  const auto old = servers_of_host.find(host);
  if (old != servers_of_host.end()) {
    if (old->second.at > started) return;
    for (const nova::Server& server : old->second.value) {
      const auto known = host_of_server.find(server.id);
      if (known != host_of_server.end() && known->second == host) host_of_server.erase(known);
    }
  }
  for (const nova::Server& server : servers) {
    host_of_server[server.id] = host;
    for (const std::string& volume : server.volumes) servers_of_volume[volume].insert(server.id);
    gone.erase(server.id);
    const auto single = single_reads.find(server.id);
    if (single != single_reads.end() && single->second.at <= started && server.unreadable.empty()) single_reads.erase(single);
  }
  servers_of_host.insert_or_assign(host, Reading<std::vector<nova::Server>>{std::move(servers), started});
}

void World::put_server(const nova::Server& server, Instant started) {
  const auto known = single_reads.find(server.id);
  if (known != single_reads.end() && known->second.at > started) return;
  gone.erase(server.id);
  host_of_server[server.id] = server.host;
  for (const std::string& volume : server.volumes) servers_of_volume[volume].insert(server.id);
  single_reads.insert_or_assign(server.id, Reading<nova::Server>{server, started});
}

const api::HAPolicy* World::policy_named(const std::string& name) const {
  const auto found = policies.find(name);
  return found == policies.end() ? nullptr : &found->second;
}

const nova::Service* World::service_of(const NovaHost& host) const {
  const auto found = service_of_host.find(host);
  return found == service_of_host.end() ? nullptr : &services->value[found->second];
}

const Reading<std::vector<nova::Server>>* World::list_with(const ServerId& id) const {
  const auto host = host_of_server.find(id);
  if (host == host_of_server.end()) return nullptr;
  const auto list = servers_of_host.find(host->second);
  return list == servers_of_host.end() ? nullptr : &list->second;
}

MaybeReading<nova::Server> World::server(const ServerId& id) const {
  MaybeReading<nova::Server> newest;
  if (const auto single = single_reads.find(id); single != single_reads.end()) newest = single->second;
  const auto* list = list_with(id);
  if (list == nullptr || (newest && newest->at >= list->at)) return newest;
  const auto found = std::find_if(list->value.begin(), list->value.end(), [&](const nova::Server& s) { return s.id == id && s.unreadable.empty(); });
  if (found != list->value.end()) newest = Reading<nova::Server>{*found, list->at};
  return newest;
}

std::map<std::string, std::set<NovaHost>> World::sharers_of(const nova::Server& server) {
  std::map<std::string, std::set<NovaHost>> sharers;
  for (const std::string& volume : server.volumes) {
    std::set<ServerId>& servers = servers_of_volume[volume];
    for (auto id = servers.begin(); id != servers.end();) {
      const auto known = this->server(*id);
      const bool has = known && std::find(known->value.volumes.begin(), known->value.volumes.end(), volume) != known->value.volumes.end();
      if (has && *id != server.id && !known->value.host.empty()) sharers[volume].insert(known->value.host);
      id = has ? std::next(id) : servers.erase(id);
    }
  }
  return sharers;
}

std::string World::unreadable(const ServerId& id) const {
  const auto* list = list_with(id);
  if (list == nullptr) return {};
  const auto found = std::find_if(list->value.begin(), list->value.end(), [&](const nova::Server& s) { return s.id == id; });
  return found == list->value.end() ? std::string() : found->unreadable;
}

std::set<InstanceName> World::instances_of(const api::ComputeNode& node) const {
  std::set<InstanceName> names;
  if (const auto from = recovering_from.find(node.metadata.name); from != recovering_from.end()) names = from->second;
  const auto list = servers_of_host.find(node.nova_host());
  if (list == servers_of_host.end()) return names;
  for (const nova::Server& server : list->second.value) {
    const auto found = instances_of_server.find(server.id);
    if (found != instances_of_server.end()) names.insert(found->second.begin(), found->second.end());
  }
  return names;
}

const api::ComputeNode* World::node_of(const NovaHost& host) const {
  const auto found = nodes_of_host.find(host);
  if (found == nodes_of_host.end() || found->second.empty()) return nullptr;
  return &nodes.at(*found->second.begin());
}

}  // namespace vmha
