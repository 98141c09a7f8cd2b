#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "engine/evidence/evidence_log.h"

/// A small cloud that an EvidenceLog watches, second by second: services report and kubelets renew every 10 s at their own phases, everything is
/// looked at every 2 s, as the engine does it. Tests break parts of it and look at the judgements.
namespace vmha::evidence {

struct TestGuest {
  std::string id;
  std::string status = "ACTIVE";
  std::string task_state;
  int power_state = 1;
  bool process_alive = true;
};

struct TestHost {
  std::string name;
  std::string zone = "nova";
  std::string address;
  bool nova_compute = true;   ///< reports to nova
  bool kubelet = true;
  bool storage = true;        ///< its guests reach Ceph
  bool has_device = true;
  power::State device_reads = power::State::kOn;
  bool disabled = false;
  bool listed = true;         ///< nova has a service of it
  bool state_known = true;
  bool own_fence = false;
  std::string answer_from;    ///< its guests answer from this address, if set
  bool forced_down = false;
  std::vector<TestGuest> guests;
  int reports = 0;
  int renewals = 0;
  std::set<api::VerdictValue> seen;   ///< since the last clear_seen()
  std::optional<Instant> dead_at;     ///< first confirmed Dead
  computenode::Judgement judgement;
};

class TestCloud {
 public:
  explicit TestCloud(int hosts, int guests_each = 3) {
    for (int i = 0; i < hosts; ++i) {
      TestHost host;
      host.name = "compute-" + std::to_string(i);
      host.address = "10.77.0." + std::to_string(10 + i);
      for (int g = 0; g < guests_each; ++g) host.guests.push_back({.id = host.name + "-guest-" + std::to_string(g), .task_state = {}});
      hosts_.push_back(std::move(host));
    }
    log.configure(policy.detection);
  }

  TestHost& operator[](int i) { return hosts_.at(static_cast<std::size_t>(i)); }
  std::vector<TestHost>& hosts() { return hosts_; }

  void run(int for_seconds) {
    for (int i = 0; i < for_seconds; ++i) step();
  }
  /// Runs until the host is judged so, at most `limit` seconds; false: it never was.
  bool run_until(int host, api::VerdictValue value, int limit, bool confirmed = false) {
    for (int i = 0; i < limit; ++i) {
      step();
      const auto& judgement = (*this)[host].judgement;
      if (judgement.value == value && (judgement.confirmed || !confirmed)) return true;
    }
    return false;
  }
  void clear_seen() {
    for (auto& host : hosts_) host.seen.clear();
  }
  /// A new process: it lists the Leases first, and knows nothing else.
  void restart_controller() {
    log = EvidenceLog();
    log.configure(policy.detection);
    for (const auto& host : hosts_) log.observe_lease(host.name, "renewal " + std::to_string(host.renewals), now);
  }
  /// Everything of the host stops, as when its power fails.
  void kill(int host) {
    auto& one = (*this)[host];
    one.nova_compute = one.kubelet = one.storage = false;
    one.device_reads = power::State::kUnknown;  // the controller lost its power too
  }
  /// Renewals of the host that the hanging watch still held are lost.
  void drop_undelivered(int host) {
    std::erase_if(pending_, [&](const auto& renewal) { return renewal.first == (*this)[host].name; });
  }
  bool ever_dead() const {
    for (const auto& host : hosts_) {
      if (host.dead_at) return true;
    }
    return false;
  }
  computenode::HostEvidence evidence(int host) { return log.of({(*this)[host].name}, now); }

  EvidenceLog log;
  api::HAPolicySpec policy;
  Instant now{seconds(10'000)};
  bool bus = true;
  bool nova_api = true;
  bool api_server = true;
  bool canary = true;
  bool leases_delivered = true;     ///< false: the watch hangs; what was renewed arrives when it is true again
  bool kubernetes = true;           ///< the hosts are Kubernetes nodes
  bool addresses_known = true;

 private:
  void step() {
    now += seconds(1);
    ++ticks_;
    for (std::size_t i = 0; i < hosts_.size(); ++i) {
      auto& host = hosts_[i];
      const int beat = ticks_ + static_cast<int>(i) * 3;
      if (host.nova_compute && bus && beat % 10 == 0) ++host.reports;
      if (host.kubelet && api_server && (beat + 5) % 10 == 0) pending_.emplace_back(host.name, "renewal " + std::to_string(++host.renewals));
    }
    if (kubernetes && leases_delivered && api_server) {
      for (const auto& [node, renewal] : pending_) log.observe_lease(node, renewal, now);
      pending_.clear();
    }
    if (ticks_ % 2 == 0) look();
  }

  void look() {
    for (auto& host : hosts_) log.track(ref(host));
    if (nova_api) {
      log.observe_services(services(), now, now + milliseconds(40));
    } else {
      log.observe_services(fail(ErrorKind::kTimeout, "no answer"), now, now + milliseconds(40));
    }
    api_server ? log.api_server_alive(now) : log.api_server_error(now);
    log.observe_pings(round(), now);
    for (auto& host : hosts_) {
      judge(host);
      if (nova_api && (ticks_ % 16 == 0 || log.wants_servers({host.name}, now))) log.observe_host_servers({host.name}, servers(host), now);
      read_disks(host);
      if (host.has_device && (host.judgement.suspect || ticks_ % 30 == 0)) log.observe_power({host.name}, "bmc", reading(host), now, now);
    }
  }

  void judge(TestHost& host) {
    host.judgement = log.judged({host.name}, policy, {}, now, WallTime{now.time_since_epoch()});
    host.seen.insert(host.judgement.value);
    if (host.judgement.value == api::VerdictValue::kDead && host.judgement.confirmed && !host.dead_at) host.dead_at = now;
  }

  HostRef ref(const TestHost& host) const {
    HostRef result{.node = {host.name}, .nova_host = {host.name}, .kubernetes_node = {}, .client_addresses = {}, .devices = {}, .own_fence = host.own_fence};
    if (kubernetes) result.kubernetes_node = host.name;
    if (addresses_known) result.client_addresses = {host.address};
    if (host.has_device) result.devices = {{.name = "bmc", .level = 1, .seen_on = true, .identity = "a"}};
    return result;
  }

  std::vector<nova::Service> services() const {
    std::vector<nova::Service> result;
    for (const auto& host : hosts_) {
      if (!host.listed) continue;
      nova::Service service;
      service.state_known = host.state_known;
      service.id = {"service of " + host.name};
      service.host = {host.name};
      service.zone = host.zone;
      service.enabled = !host.disabled;
      service.forced_down = host.forced_down;
      service.updated_at = "report " + std::to_string(host.reports);
      result.push_back(std::move(service));
    }
    return result;
  }

  static std::vector<nova::Server> servers(const TestHost& host) {
    std::vector<nova::Server> result;
    for (const auto& guest : host.guests) {
      nova::Server server;
      server.id = {guest.id};
      server.host = {host.name};
      server.status = guest.status;
      server.task_state = guest.task_state;
      server.power_state = guest.power_state;
      result.push_back(std::move(server));
    }
    return result;
  }

  void read_disks(const TestHost& host) {
    std::vector<ServerImages> disks;
    for (const auto& id : log.wants_disks({host.name}, 100)) {
      disks.push_back({.server = id, .images = {{.image = {"vms", id.value + "_disk"}, .found = true, .read = true, .watchers = {}, .lock_owner = {}}}});
    }
    log.observe_disks(disks);
  }

  Result<ceph::PingRound> round() {
    ceph::PingRound result{.sent = now, .canary_acknowledged = canary, .pings = {}};
    for (const auto& image : log.next_pings()) {
      ceph::Ping ping{.image = image, .acknowledged = {}, .silent = {}, .answered = true, .image_found = true};
      for (const auto& host : hosts_) {
        for (const auto& guest : host.guests) {
          if (image.name != guest.id + "_disk" || !guest.process_alive || !host.storage || !canary) continue;
          ping.acknowledged.push_back({.address = {host.answer_from.empty() ? host.address : host.answer_from}, .nonce = 1, .client = 1});
        }
      }
      result.pings.push_back(std::move(ping));
    }
    return result;
  }

  static Result<power::Reading> reading(const TestHost& host) {
    if (host.device_reads == power::State::kUnknown) return fail(ErrorKind::kTimeout, "no answer");
    return power::Reading{.state = host.device_reads, .system_uuid = {}, .detail = {}};
  }

  std::vector<TestHost> hosts_;
  std::vector<std::pair<std::string, std::string>> pending_;
  int ticks_ = 0;
};

inline constexpr int kWarmUp = 120;  ///< seconds until intervals are measured and all guests have answered

inline TestCloud warm(int hosts, int guests_each = 3) {
  TestCloud cloud(hosts, guests_each);
  cloud.run(kWarmUp);
  cloud.clear_seen();
  return cloud;
}

}  // namespace vmha::evidence
