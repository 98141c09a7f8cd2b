#include "controller/run.h"

#include <signal.h>
#include <sys/random.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <map>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "api/explanation.h"
#include "api/names.h"
#include "base/log.h"
#include "clients/kube/events.h"
#include "clients/kube/lease.h"
#include "controller/advertise.h"
#include "controller/endpoints.h"
#include "controller/mailbox.h"
#include "controller/performer.h"
#include "controller/questions.h"
#include "controller/reconfigure.h"
#include "controller/systems.h"
#include "controller/telemetry.h"
#include "controller/term.h"
#include "controller/watches.h"
#include "controller/worker_pool.h"
#include "engine/engine.h"

namespace vmha::controller {
namespace {

constexpr Duration kLoopMustTickWithin = seconds(30);  ///< /livez; a pass over everything takes well under a second
constexpr Duration kSnapshotEvery = seconds(1);
constexpr Duration kAnswerWithin = seconds(2);         ///< the loop comes by every kTickEvery

std::uint64_t random_seed() {
  std::uint64_t seed = 0;
  if (getrandom(&seed, sizeof seed, 0) != sizeof seed) seed = static_cast<std::uint64_t>(monotonic_now().time_since_epoch().count());
  return seed;
}

/// "<host name>_<random>": new for each start.
std::string make_identity() {
  char name[256] = "vmha";
  gethostname(name, sizeof name - 1);
  return fmt::format("{}_{:08x}", name, static_cast<std::uint32_t>(random_seed()));
}

sigset_t stop_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  return set;
}

/// The engine's thread and everything that feeds it.
class Process {
 public:
  Process(Settings& settings, kube::Client& client, Telemetry& telemetry)
      : settings_(settings), config_(*settings.now()), client_(client), telemetry_(telemetry), systems_(settings, client, telemetry), identity_(make_identity()),
        recorder_(client, "vmha.openstack.org/controller", identity_), performer_(systems_, recorder_, term_), engine_({config_.watch_namespace, random_seed()}) {}

  int run();

  [[nodiscard]] bool ticks() const { return monotonic_now() - Instant(Duration(last_tick_.load())) < kLoopMustTickWithin; }
  [[nodiscard]] bool synced() const { return synced_; }
  /// Where others reach our endpoints; call before run().
  void advertise(std::string endpoint) { endpoint_ = std::move(endpoint); }
  /// For a person, from any thread: 200 with the explanation, 404, or 503 that says who leads.
  [[nodiscard]] HttpAnswer explain(const std::string& node);

 private:
  void loop();
  void end(const char* what, const std::string& why);
  void elect(const std::stop_token& stop);
  void send(Effect effect);
  void finish(const Effect& effect, EffectDone done);

  Settings& settings_;
  const Config config_;  // as at the start
  kube::Client& client_;
  Telemetry& telemetry_;
  Systems systems_;
  Term term_;
  std::string identity_;
  Mailbox mailbox_;
  kube::EventRecorder recorder_;
  Performer performer_;
  Engine engine_;
  Questions questions_;
  std::string endpoint_;
  std::atomic<bool> leading_{false};
  std::mutex holder_mutex_;
  std::string holder_;  ///< of the Lease, as last read; not told without an election
  std::atomic<bool> stopping_{false};
  std::atomic<bool> lost_{false};
  std::atomic<bool> synced_{false};
  std::atomic<Duration::rep> last_tick_{monotonic_now().time_since_epoch().count()};
  // Threads a system: Redfish controllers of a lost rack answer after their timeouts only, all at once.
  WorkerPool kubernetes_{"kubernetes", 8};
  WorkerPool nova_{"nova", 12};
  WorkerPool ceph_{"ceph", 8};
  WorkerPool power_{"power", 40};
};

void Process::send(Effect effect) {
  WorkerPool& pool = [&]() -> WorkerPool& {
    switch (lane_of(effect.operation)) {
      case Lane::kKubernetes: return kubernetes_;
      case Lane::kCeph: return ceph_;
      case Lane::kPower: return power_;
      case Lane::kNova: break;
    }
    return nova_;
  }();
  const std::uint64_t id = effect.id;
  const bool posted = pool.post([this, effect = std::move(effect)] { finish(effect, performer_.perform(effect)); });
  if (!posted) mailbox_.put(EffectDone{id, monotonic_now(), fail(ErrorKind::kTimeout, "not sent: too many calls are waiting")});
}

void Process::finish(const Effect& effect, EffectDone done) {
  const Duration took = monotonic_now() - done.started;
  telemetry_.effect(effect, done.outcome, took);
  if (!done.outcome) {
    const bool usual = done.outcome.error().kind == ErrorKind::kConflict || done.outcome.error().kind == ErrorKind::kNotFound;
    log::write(usual ? log::Level::kDebug : log::Level::kWarn, "A call failed", {{"call", name_of(effect.operation)}, {"key", effect.key}, {"why", describe(done.outcome.error())}});
  } else if (is_irreversible(effect.operation)) {
    log::info("A call was made", {{"call", name_of(effect.operation)}, {"key", effect.key}, {"took", to_text(took)}});
  }
  if (done.outcome && std::holds_alternative<WriteNodeStatus>(effect.operation))
    if (const auto* after = std::get_if<api::ComputeNode>(&*done.outcome)) telemetry_.stored(*after);
  if (done.outcome && std::holds_alternative<WriteInstanceStatus>(effect.operation))
    if (const auto* after = std::get_if<api::ProtectedInstance>(&*done.outcome)) telemetry_.stored(*after);
  mailbox_.put(std::move(done));
}

void Process::loop() {
  Instant next_snapshot{};
  while (!stopping_) {
    const auto event = mailbox_.take(kTickEvery);
    const Instant now = monotonic_now();
    last_tick_ = now.time_since_epoch().count();
    if (event && std::holds_alternative<CachesSynced>(*event)) synced_ = true;
    questions_.answer([&](const NodeName& node) { return engine_.explain(node, now, wall_now()); });
    if (const auto* changed = event ? std::get_if<NodeChanged>(&*event) : nullptr) telemetry_.seen(changed->object);
    if (const auto* changed = event ? std::get_if<InstanceChanged>(&*event) : nullptr) telemetry_.seen(changed->object);
    for (Effect& effect : engine_.on(event ? *event : Event(Tick{}), now, wall_now())) send(std::move(effect));
    if (now < next_snapshot) continue;
    next_snapshot = now + kSnapshotEvery;
    telemetry_.snapshot(engine_.snapshot(now));
  }
}

/// Whoever started this process starts it again; its next life knows nothing of this one.
void Process::end(const char* what, const std::string& why) {
  term_.end();
  lost_ = true;
  log::error(what, {{"why", why}});
  kill(getpid(), SIGTERM);
}

void Process::elect(const std::stop_token& stop) {
  kube::ElectionHooks hooks;
  hooks.on_leading = [this](const kube::LeaseTerm& term) {
    term_.set(term);
    telemetry_.leading(true);
    leading_ = true;
    log::info("Leading", {{"identity", term.identity}, {"term", term.transitions}});
    mailbox_.put(LeadershipGained{fmt::format("{}/{}", term.identity, term.transitions), term.transitions > 0});
  };
  hooks.on_renewed = [this](const kube::LeaseTerm& term) {
    term_.set(term);
    mailbox_.put(ApiServerAlive{monotonic_now()});
  };
  hooks.on_lost = [this](const std::string& reason) {
    leading_ = false;
    telemetry_.leading(false);
    end("The leader's Lease is lost: exiting", reason);
  };
  hooks.on_error = [this](const Error& error) {
    log::warn("The leader's Lease could not be read or written", {{"why", describe(error)}});
    if (error.kind != ErrorKind::kConflict && error.kind != ErrorKind::kForbidden && error.kind != ErrorKind::kInvalid) mailbox_.put(ApiServerLost{monotonic_now()});
  };
  hooks.on_holder = [this](const std::string& identity) {
    const std::lock_guard lock(holder_mutex_);
    holder_ = identity;
  };
  const std::map<std::string, std::string> annotations = {{std::string(api::kEndpointAnnotation), endpoint_}};
  kube::run_election(client_, {config_.watch_namespace, config_.leader_election.lease_name, identity_, {}, annotations}, hooks, stop);
}

HttpAnswer Process::explain(const std::string& node) {
  const auto refuse = [this](int status, const std::string& why) {
    nlohmann::json body = {{"error", why}};
    const std::lock_guard lock(holder_mutex_);
    if (!holder_.empty()) body["leader"] = holder_;
    return HttpAnswer{status, body.dump() + "\n"};
  };
  if (!leading_) return refuse(503, "this process does not lead");
  if (!synced_) return refuse(503, "caches are not synced yet");
  const auto explanation = questions_.ask(NodeName{node}, kAnswerWithin);
  if (explanation) return {200, api::encode(*explanation).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n"};
  return refuse(explanation.error().kind == ErrorKind::kNotFound ? 404 : 503, explanation.error().message);
}

int Process::run() {
  Watches watches(client_, config_.watch_namespace, mailbox_, [this] { end("The API server went back in time: exiting to start anew", "a ComputeNode is older than it was; was etcd restored from a backup?"); });
  std::jthread events([this](const std::stop_token& stop) { recorder_.run(stop); });
  std::jthread loop_thread([this] { loop(); });
  std::jthread election;
  if (config_.leader_election.enabled) {
    election = std::jthread([this](const std::stop_token& stop) { elect(stop); });
  } else {
    term_.set({identity_, 0, Instant::max() - seconds(3600)});
    leading_ = true;
    telemetry_.leading(true);
    mailbox_.put(LeadershipGained{identity_ + "/0", false});
  }
  Reconfigure reconfigure(settings_, systems_);
  std::jthread settings_thread([&](const std::stop_token& stop) { reconfigure.run(stop); });
  const sigset_t set = stop_signals();
  int received = 0;
  sigwait(&set, &received);
  log::info("Stopping", {{"signal", received}});
  term_.end();  // no act begins from here on; what runs ends by its deadline
  stopping_ = true;
  mailbox_.close();
  loop_thread.join();
  watches.stop();
  settings_thread.request_stop();
  election.request_stop();
  if (election.joinable()) election.join();
  events.request_stop();
  return lost_ ? 1 : 0;
}

}  // namespace

void block_signals() {
  const sigset_t set = stop_signals();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  signal(SIGPIPE, SIG_IGN);
}

int run(Settings& settings, const kube::Config& kubernetes, const std::string& version) {
  Telemetry telemetry(version);
  auto client = kube::Client::create(kubernetes, "vmha/" + version, telemetry.kubernetes_observer(kubernetes.server));
  if (!client) {
    std::fprintf(stderr, "vmha-controller: %s\n", client.error().message.c_str());
    return 2;
  }
  const Config config = *settings.now();
  Process process(settings, **client, telemetry);
  auto endpoints = Endpoints::start(*parse_listen(config.listen), {[&] { return process.ticks(); },
                                                                   [&] { return process.synced() ? std::string() : std::string("caches are not synced yet"); },
                                                                   [&] { return telemetry.text(); },
                                                                   [&](const std::string& node) { return process.explain(node); }});
  if (!endpoints) {
    std::fprintf(stderr, "vmha-controller: %s\n", endpoints.error().message.c_str());
    return 2;
  }
  process.advertise(advertised_endpoint(config, (*endpoints)->port(), Whereabouts::from_environment()));
  log::info("Started", {{"version", version}, {"namespace", config.watch_namespace}, {"port", (*endpoints)->port()}});
  return process.run();
}

}  // namespace vmha::controller
