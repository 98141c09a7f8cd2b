#include "simulation/world.h"

#include <fmt/core.h>

#include "api/conditions.h"
#include "api/names.h"

namespace vmha::sim {
namespace {

constexpr seconds kLongestRun{1800};
constexpr seconds kStaysSettled{8};

}  // namespace

World::World(const RunOptions& options)
    : options_(options),
      clock_(options.seed * 2654435761U + static_cast<std::uint64_t>(options.profile)),
      plan_rng_(options.seed * 0x9e3779b1U + 0x10001U * static_cast<std::uint64_t>(options.profile) + 7),
      timeline_(clock_, options.trace),
      machines_(clock_, timeline_),
      ceph_(clock_, machines_, timeline_),
      nova_(clock_, machines_, timeline_),
      power_(clock_, machines_, timeline_),
      kubernetes_(clock_, timeline_),
      checkers_(Checkers::World{clock_, machines_, ceph_, nova_, power_, kubernetes_, lease_}),
      performer_(Performer::World{clock_, machines_, ceph_, nova_, power_, kubernetes_, checkers_, timeline_}) {
  machines_.booted = [this](const NovaHost& host) { nova_.compute_started(host); };
  machines_.volume_of = [this](const ServerId& id) {
    const auto found = nova_.all().find(id);
    const bool has = found != nova_.all().end() && !found->second.volumes.empty();
    return has ? std::optional(ImageId{"volumes", "volume-" + found->second.volumes.front()}) : std::nullopt;
  };
}

NovaHost World::name_of(std::size_t index) const { return NovaHost{fmt::format("compute-{}", index + 1)}; }

NovaHost World::any_other() {
  for (;;) {
    const NovaHost host = name_of(plan_rng_.below(hosts_));
    if (std::find(victims_.begin(), victims_.end(), host) == victims_.end()) return host;
  }
}

std::vector<ServerId> World::servers_on(const NovaHost& host) const {
  std::vector<ServerId> found;
  for (const auto& [id, server] : nova_.all())
    if (server.host == host) found.push_back(id);
  return found;
}

World::Shape World::shape() {
  Shape shape;
  shape.hosts = 4 + plan_rng_.below(3);
  switch (options_.profile) {
    case Profile::kTwoHosts:
    case Profile::kDestination: shape.hosts = 6; break;
    case Profile::kMoving:
      shape.small_timeouts = true;
      break;
    case Profile::kTenants:
      shape.many_states = shape.small_timeouts = true;
      break;
    case Profile::kLeaders: shape.replicas = 2; break;
    case Profile::kCells:
      shape.hosts = 8;
      shape.cells = 2;
      break;
    case Profile::kAnything:
      shape.hosts = 6;
      shape.many_states = shape.small_timeouts = true;
      shape.replicas = 2;
      break;
    case Profile::kRackAtBudget:
      shape.hosts = 100;
      shape.racks = 0;  // 40, and the rest
      shape.one_server_each = true;
      break;
    case Profile::kRackOverBudget:
      shape.hosts = 100;
      shape.racks = 0;
      shape.one_server_each = true;
      break;
    case Profile::kSite: shape.hosts = 6; break;
    default: break;
  }
  return shape;
}

void World::make_hosts(const Shape& shape) {
  Rng& rng = clock_.rng();
  hosts_ = shape.hosts;
  const bool learned = rng.chance(500);  // client addresses: learned from watchers, or told
  const bool resumes = rng.chance(300);
  for (std::size_t i = 0; i < hosts_; ++i) {
    Host host;
    host.name = name_of(i);
    host.address = Address{fmt::format("10.77.{}.{}", (i + 11) / 250, 1 + (i + 10) % 250)};
    host.uuid = fmt::format("00000000-0000-4000-8000-{:012x}", i + 1);
    host.kubernetes = i + 1 != hosts_;  // the last one is no Kubernetes node
    host.resumes = resumes;
    if (shape.racks == 0) host.rack = i < 41 ? "rack-1" : "rack-2";
    if (shape.cells > 1) host.cell = i % 2 == 0 ? "cell-1" : "cell-2";
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

void World::make_policy(const Shape& shape) {
  Rng& rng = clock_.rng();
  api::HAPolicy policy;
  policy.metadata.name = std::string(api::kDefaultPolicy);
  policy.metadata.namespace_ = "openstack";
  api::HAPolicySpec& spec = policy.spec;
  spec.mode = api::PolicyMode::kEnforce;
  spec.discovery.compute_nodes = api::DiscoveryMode::kManual;
  spec.detection.poll = seconds(shape.hosts > 20 ? 2 : 1);
  spec.detection.nova_stale = seconds(shape.hosts > 20 ? 6 : 4);
  spec.detection.node_lease_stale = seconds(6);
  spec.detection.confirm = seconds(3);
  spec.return_.healthy = seconds(5);
  if (shape.small_timeouts) spec.evacuation.timeout = seconds(60);
  const bool all_kubernetes = std::all_of(victims_.begin(), victims_.end(), [&](const NovaHost& host) { return machines_.host(host).kubernetes; });
  switch (rng.below(6)) {
    case 0: spec.fencing.methods = {api::FenceMethod::kPower}; break;
    case 1:
      if (all_kubernetes && shape.storage_only) spec.fencing.methods = {api::FenceMethod::kStorage};  // else nothing would prove its power cycle
      break;
    case 2: spec.fencing.require = api::RequiredProof::kHost; break;
    default: break;
  }
  checkers_.budget = spec.storm.max_unhealthy.of(static_cast<int>(hosts_));
  (void)kubernetes_.create(policy);
}

void World::make_servers(const Shape& shape) {
  Rng& rng = clock_.rng();
  int made = 0;
  const auto add = [&](const NovaHost& host, const char* state) { return nova_.add_server(fmt::format("vm-{}", ++made), host, state); };
  if (shape.one_server_each) {
    for (std::size_t i = 0; i < hosts_; ++i) add(name_of(i), "active");
    return;
  }
  for (const NovaHost& victim : victims_) {
    const auto running = 2 + rng.below(static_cast<std::uint64_t>(shape.servers_on_victims));
    for (std::uint64_t i = 0; i < running; ++i) add(victim, "active");
    add(victim, "stopped");
    if (!shape.many_states) continue;
    for (const char* state : {"paused", "error", "rescued", "suspended", "shelved_offloaded"})
      if (rng.chance(500)) add(victim, state);
    const ServerId one = add(victim, "active");
    const ServerId other = add(name_of(rng.below(hosts_)), "active");
    for (const ServerId& server : {one, other}) nova_.attach(server, "shared-" + victim.value);
  }
  for (std::size_t i = 0; i < hosts_; ++i) {
    if (std::find(victims_.begin(), victims_.end(), name_of(i)) != victims_.end()) continue;
    for (std::uint64_t k = rng.below(3); k > 0; --k) add(name_of(i), rng.chance(800) ? "active" : "stopped");
  }
}

/// Every guest writes its counter, again and again.
void World::write_on() {
  for (Guest& guest : machines_.guests())
    if (!guest.ended && !guest.refused && !guest.paused && !guest.incoming && ceph_.write(guest)) checkers_.wrote(guest);
  clock_.after(clock_.between(milliseconds(100), milliseconds(400)), [this] { write_on(); });
}

/// A kubelet renews every 2 s here (the lab's pace) while it reaches the API server; after a boot it comes with nova-compute.
void World::report_kubelets() {
  for (const auto& [name, host] : machines_.hosts()) {
    const bool kubelet = host.kubernetes && host.runs() && host.control && (host.agent || host.boots == 1);
    if (!kubelet || !kubernetes_.works) continue;
    kube::Node node{name.value, host.boot_id(), host.uuid, {}};
    if (!host.rack.empty()) node.labels["topology.kubernetes.io/rack"] = host.rack;
    kubernetes_.report(node);
  }
  clock_.after(clock_.between(milliseconds(1900), milliseconds(2100)), [this] { report_kubelets(); });
}

bool World::is_settled() {
  if (!failed_at_) return false;
  const auto evacuated = [&](const NovaHost& victim) { return checkers_.fenced.count(victim) > 0 && nova_.servers(victim).empty(); };
  if (!recovered_after_ && !victims_.empty() && std::all_of(victims_.begin(), victims_.end(), evacuated)) recovered_after_ = clock_.now() - *failed_at_;
  if (!repaired_at_ || clock_.now() < *repaired_at_ || !checkers_.unfinished().empty()) {
    settled_since_.reset();
    return false;
  }
  if (!settled_since_) settled_since_ = clock_.now();
  return clock_.now() - *settled_since_ >= kStaysSettled;
}

/// For the end of a timeline: what status says of what is not as it was.
void World::say_how_it_stands() const {
  if (!timeline_.is_on()) return;
  for (const auto& [name, node] : kubernetes_.nodes()) {
    const auto* held = api::find_condition(node.status.conditions, api::condition::kHeld);
    timeline_.say("stands", "{}: {}, {}, fence {}; {}", name, api::to_string(node.status.verdict.value), api::to_string(node.status.phase),
                  node.status.fence ? api::to_string(node.status.fence->state) : "none", held == nullptr ? "" : held->reason + ": " + held->message);
  }
  for (const auto& [name, instance] : kubernetes_.instances()) {
    const auto& recovery = instance.status.recovery;
    const auto server = nova_.server(instance.spec.server_id);
    if (!recovery && server && server->task_state.empty()) continue;
    const auto* recovered = api::find_condition(instance.status.conditions, api::condition::kRecovered);
    timeline_.say("stands", "{}: {}/{} on {}, {} {}: {}; {}", name, server ? server->vm_state : "gone", server ? server->task_state : "", server ? server->host.value : "",
                  api::to_string(instance.status.phase), recovery ? api::to_string(recovery->phase) : "", recovery ? recovery->message : "",
                  recovered == nullptr ? "" : recovered->reason + ": " + recovered->message);
  }
  for (const nova::Migration& m : nova_.records())
    timeline_.say("stands", "{} {} of {} from {} to {}: {}", m.type, m.uuid.value, m.server.value.substr(0, 8), m.source.value, m.destination.value, m.status);
}

RunResult World::run() {
  const Shape of = shape();
  hosts_ = of.hosts;
  victims_ = {name_of(plan_rng_.below(hosts_))};
  if (options_.profile == Profile::kTwoHosts) victims_.push_back(any_other());
  make_hosts(of);
  make_policy(of);
  make_servers(of);
  checkers_.remember();
  checkers_.nothing_may_happen = true;  // until something fails
  plan_it();
  write_on();
  report_kubelets();
  for (std::size_t i = 0; i < of.replicas; ++i) {
    controllers_.push_back(std::make_unique<Controller>(i, Controller::Parts{clock_, kubernetes_, performer_, checkers_, timeline_, lease_}));
    controllers_.back()->start();
  }
  const Duration calm = clock_.between(seconds(40), seconds(60));
  RunResult result;
  for (std::size_t i = 0; i < plan_.faults().size(); ++i) {
    const Plan::Fault& fault = plan_.faults()[i];
    result.plan.push_back(fmt::format("{} s: {}", std::chrono::duration_cast<seconds>(fault.after).count(), fault.words));
    if (options_.drop.count(i) > 0) continue;
    result.story += (result.story.empty() ? "" : "; ") + result.plan.back();
    clock_.after(calm + fault.after, [this, &fault] {
      ++struck_;
      timeline_.say("fault", "{}", fault.words);
      fault.strike();
    });
  }
  clock_.after(calm, [this] { failed_at_ = clock_.now(); });
  clock_.after(calm + plan_.last() + repair_after_, [this] { repair(); });
  Instant look = clock_.now() + calm;
  const Instant end = clock_.now() + kLongestRun + plan_.last();
  bool settled = false;
  while (!settled && checkers_.violations.empty() && clock_.step(end)) {
    if (clock_.now() < look) continue;
    look = clock_.now() + milliseconds(500);
    settled = is_settled();
  }
  if (!settled && checkers_.violations.empty()) checkers_.violated("L1: " + checkers_.unfinished());
  if (!checkers_.violations.empty()) say_how_it_stands();
  result.violations = checkers_.violations;
  result.hosts = static_cast<int>(hosts_);
  for (const auto& [name, host] : machines_.hosts()) result.fences += checkers_.was_fenced(name) ? 1 : 0;
  for (const auto& [id, server] : nova_.all()) result.recoveries += nova_.finished_evacuations(id);
  for (const auto& controller : controllers_) {
    result.events += controller->events();
    result.crashes += controller->crashes();
  }
  result.faults = performer_.faults + struck_;
  result.status_writes = kubernetes_.status_writes();
  result.simulated = clock_.now() - Scheduler::kStart;
  result.recovered_after = recovered_after_;
  return result;
}

RunResult run(const RunOptions& options) { return World(options).run(); }

}  // namespace vmha::sim
