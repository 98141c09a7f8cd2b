// What is looked at all the time, whatever is decided: whole sources, not hosts.
#include <algorithm>

#include "engine/state.h"

namespace vmha {

namespace {

std::vector<ServerDisks> disks_to_read(const std::vector<nova::Server>& servers, std::size_t max) {
  std::vector<ServerDisks> wanted;
  for (const nova::Server& server : servers) {
    if (wanted.size() == max) break;
    wanted.push_back(ServerDisks{server.id, server.volumes});
  }
  return wanted;
}

/// One that is lost keeps the next from starting until then: no longer than a slow one of that size may take.
Duration sweep_timeout(std::size_t servers) { return std::min<Duration>(kListTimeout, kShortSweep + milliseconds(100) * static_cast<int>(servers)); }

bool failed(const MaybeReading<std::string>& drill) { return drill && !drill->value.empty(); }

}  // namespace

Duration Engine::State::poll_interval() const {
  Duration shortest = seconds(60);
  for (const auto& [name, policy] : world.policies) shortest = std::min<Duration>(shortest, policy.spec.detection.poll);
  return std::max<Duration>(shortest, milliseconds(500));
}

bool Engine::State::is_due(const std::string& what, Duration every) {
  Instant& next = next_poll[what];
  if (now < next) return false;
  next = now + every;
  return true;
}

void Engine::State::poll() {
  if (world.policies.empty()) return;  // nobody has said yet what is wanted
  const Duration every = poll_interval();
  if (is_due("services", every)) start(Owner{"", "services"}, kPollTimeout, ReadServices{});
  if (is_due("pings", every)) start(Owner{"", "pings"}, kPingTimeout, PingImages{evidence.next_pings()});
  if (world.services && is_due("servers", kDiscoveryEvery)) start(Owner{"", "servers"}, kListTimeout, ReadAllServers{});
  if (is_due("drill", failed(world.ceph_drill) || !world.ceph_drill ? kFailedDrillEvery : kDrillEvery)) start(Owner{"", "drill"}, kPollTimeout, DrillCeph{});
  if (is_due("blocklist", kBlocklistEvery)) start(Owner{"", "blocklist"}, kPollTimeout, ReadBlocklist{});  // entries without an owner are reported
  if (is_due("addresses", world.cluster_addresses ? kDrillEvery : kFailedDrillEvery)) start(Owner{"", "addresses"}, kPollTimeout, ReadClusterAddresses{});
  if (is_due("policies", kPolicyEvery))
    for (const auto& [name, policy] : world.policies) queue.add("hap/" + name, Queue::Priority::kOrdinary);
  if (!is_due("nodes", milliseconds(500))) return;
  // What is in there that no fence explains; and, while somebody is silent, whether the mons have a quorum.
  const bool suspects = std::ranges::any_of(world.node_memory, [](const auto& memory) { return memory.second.judgement.suspect; });
  const bool old = !world.blocklist || now - world.blocklist->at >= (suspects ? every : kBlocklistEvery);
  if (old && is_due("blocklist", every)) start(Owner{"", "blocklist"}, kPollTimeout, ReadBlocklist{});
  for (const auto& [name, node] : world.nodes) {
    const auto servers = world.servers_of_host.find(node.nova_host());
    if (evidence.wants_servers(name, now)) {
      start(Owner{"", "servers/" + name.value}, kPollTimeout, ReadHostServers{node.nova_host()});
      start(Owner{"", "migrations/" + name.value}, kPollTimeout, ReadMigrations{node.nova_host()});
    }
    NodeMemory& memory = world.node_memory[name];
    const bool unknown_disks = !evidence.wants_disks(name, 1).empty();
    if (servers == world.servers_of_host.end()) continue;
    if (computenode::is_called(node.status.fence)) {
      // No sweep: what is open now says nothing about the clients it had. But a leader that found this fence judges it again, and asks its guests.
      if (unknown_disks && is_due("disks/" + name.value, kFirstSweepsEvery))
        start(Owner{"", "disks/" + name.value}, kListTimeout, ReadDisks{disks_to_read(servers->second.value, kSweepServers)});
      continue;
    }
    if (now < memory.next_sweep && !(unknown_disks && is_due("disks/" + name.value, kFirstSweepsEvery))) continue;
    memory.next_sweep = now + kFirstSweepsEvery;
    const std::size_t count = std::min(servers->second.value.size(), kSweepServers);
    start(Owner{"", "sweep/" + name.value}, sweep_timeout(count), ReadDisks{disks_to_read(servers->second.value, kSweepServers)});
  }
}

}  // namespace vmha
