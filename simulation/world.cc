#include "simulation/world.h"

#include <fmt/core.h>

#include "api/names.h"

namespace vmha::sim {
namespace {

constexpr seconds kLongestRun{1200};
constexpr seconds kStaysSettled{8};

}  // namespace

World::World(const RunOptions& options)
    : options_(options),
      clock_(options.seed * 2654435761U + static_cast<std::uint64_t>(options.profile)),
      timeline_(clock_, options.trace),
      machines_(clock_, timeline_),
      ceph_(clock_, machines_, timeline_),
      nova_(clock_, machines_, timeline_),
      power_(clock_, machines_, timeline_),
      kubernetes_(clock_, timeline_),
      checkers_(clock_, machines_, ceph_, nova_, kubernetes_),
      performer_(Performer::World{clock_, machines_, ceph_, nova_, power_, kubernetes_, checkers_, timeline_}),
      controller_(clock_, kubernetes_, performer_, checkers_, timeline_) {
  performer_.sabotage = options.sabotage;
  machines_.booted = [this](const NovaHost& host) { nova_.compute_started(host); };
}

NovaHost World::name_of(std::size_t index) const { return NovaHost{fmt::format("compute-{}", index + 1)}; }

void World::make_hosts() {
  Rng& rng = clock_.rng();
  hosts_ = 4 + rng.below(3);
  victim_ = name_of(rng.below(hosts_));
  const bool learned = rng.chance(500);  // client addresses: learned from watchers, or told
  for (std::size_t i = 0; i < hosts_; ++i) {
    Host host;
    host.name = name_of(i);
    host.address = Address{fmt::format("10.77.0.{}", 11 + i)};
    host.uuid = fmt::format("00000000-0000-4000-8000-{:012x}", i + 1);
    host.kubernetes = i + 1 != hosts_;  // the last one is no Kubernetes node
    machines_.add(host);
    nova_.add_service(host.name);
    api::ComputeNode node;
    node.metadata.name = host.name.value;
    node.metadata.namespace_ = "openstack";
    if (host.kubernetes) node.spec.kubernetes_node = host.name.value;
    if (!learned) node.spec.storage.client_addresses = {host.address.value};
    api::PowerDevice device;
    device.name = "bmc";
    device.redfish = api::RedfishAccess{fmt::format("https://192.0.2.{}", 11 + i), "1", api::SecretRef{"bmc"}, std::nullopt, false};
    node.spec.fencing.devices.push_back(device);
    (void)kubernetes_.create(node);
  }
}

void World::make_policy() {
  Rng& rng = clock_.rng();
  api::HAPolicy policy;
  policy.metadata.name = std::string(api::kDefaultPolicy);
  policy.metadata.namespace_ = "openstack";
  api::HAPolicySpec& spec = policy.spec;
  spec.mode = api::PolicyMode::kEnforce;
  spec.discovery.compute_nodes = api::DiscoveryMode::kManual;
  spec.detection.poll = seconds(1);
  spec.detection.nova_stale = seconds(4);
  spec.detection.node_lease_stale = seconds(6);
  spec.detection.confirm = seconds(3);
  spec.return_.healthy = seconds(5);
  switch (rng.below(6)) {
    case 0: spec.fencing.methods = {api::FenceMethod::kPower}; break;
    case 1:
      if (victim().kubernetes) spec.fencing.methods = {api::FenceMethod::kStorage};  // else nothing would prove its power cycle
      break;
    case 2: spec.fencing.require = api::RequiredProof::kHost; break;
    default: break;
  }
  (void)kubernetes_.create(policy);
}

void World::make_servers() {
  Rng& rng = clock_.rng();
  int made = 0;
  const auto add = [&](const NovaHost& host, bool running) { nova_.add_server(fmt::format("vm-{}", ++made), host, running); };
  const auto on_victim = 2 + rng.below(4);
  for (std::uint64_t i = 0; i < on_victim; ++i) add(victim_, true);
  add(victim_, false);
  for (std::size_t i = 0; i < hosts_; ++i) {
    if (name_of(i) == victim_) continue;
    for (std::uint64_t k = rng.below(3); k > 0; --k) add(name_of(i), rng.chance(800));
  }
}

/// Every guest writes its counter, again and again.
void World::write_on() {
  for (Guest& guest : machines_.guests())
    if (!guest.ended && !guest.refused && ceph_.write(guest)) checkers_.wrote(guest);
  clock_.after(clock_.between(milliseconds(100), milliseconds(400)), [this] { write_on(); });
}

/// A kubelet renews every 2 s here (the lab's pace) while it reaches the API server; after a boot it comes with nova-compute.
void World::report_kubelets() {
  for (const auto& [name, host] : machines_.hosts()) {
    const bool kubelet = host.kubernetes && host.runs() && host.control && (host.agent || host.boots == 1);
    if (!kubelet) continue;
    const bool made_up = options_.sabotage == Sabotage::kReturnMade && host.failed_since;
    const std::string boot_id = made_up ? fmt::format("boot-{}", clock_.now().time_since_epoch().count()) : host.boot_id();
    kubernetes_.report(kube::Node{name.value, boot_id, host.uuid, {}});
  }
  clock_.after(clock_.between(milliseconds(1900), milliseconds(2100)), [this] { report_kubelets(); });
}

bool World::is_settled() {
  if (!failed_at_) return false;
  const std::string words = checkers_.unfinished();
  if (!recovered_after_ && checkers_.fenced.count(victim_) > 0 && nova_.servers(victim_).empty()) recovered_after_ = clock_.now() - *failed_at_;
  if (!words.empty() || !repaired_at_ || clock_.now() < *repaired_at_) {
    settled_since_.reset();
    return false;
  }
  if (!settled_since_) settled_since_ = clock_.now();
  return clock_.now() - *settled_since_ >= kStaysSettled;
}

RunResult World::run() {
  make_hosts();
  make_policy();
  make_servers();
  checkers_.remember();
  write_on();
  report_kubelets();
  controller_.start(false);
  performer_.faults_per_mille = options_.profile == Profile::kQuiet ? 5 : static_cast<unsigned>(clock_.rng().below(3)) * 15;
  const Duration before = clock_.between(seconds(30), seconds(60));
  checkers_.nothing_may_happen = true;  // until something fails
  clock_.after(before, [this] {
    if (options_.profile == Profile::kQuiet) return disturb_quietly();
    options_.profile == Profile::kHard ? prepare_hard() : fail_host();
  });
  Instant look = clock_.now() + before;
  const Instant end = clock_.now() + kLongestRun;
  bool settled = false;
  while (!settled && checkers_.violations.empty() && clock_.step(end)) {
    if (clock_.now() < look) continue;
    look = clock_.now() + milliseconds(500);
    settled = is_settled();
  }
  if (!settled && checkers_.violations.empty()) checkers_.violated("L1: " + checkers_.unfinished());
  RunResult result;
  result.violations = checkers_.violations;
  result.story = story_;
  result.hosts = static_cast<int>(hosts_);
  result.fenced = checkers_.was_fenced(victim_);
  for (const auto& [id, server] : nova_.all()) result.recoveries += nova_.finished_evacuations(id);
  result.events = controller_.events();
  result.faults = performer_.faults;
  result.crashes = controller_.crashes();
  result.status_writes = kubernetes_.status_writes();
  result.simulated = clock_.now() - Scheduler::kStart;
  result.recovered_after = recovered_after_;
  return result;
}

RunResult run(const RunOptions& options) { return World(options).run(); }

}  // namespace vmha::sim
