#include "simulation/performer.h"

#include <algorithm>
#include <type_traits>
#include <utility>
#include <variant>

#include <fmt/core.h>

#include "simulation/leader_lease.h"

namespace vmha::sim {
namespace {

template <class T>
Result<Answer> answer_of(Result<T> result) {
  if (!result) return tl::unexpected(result.error());
  return Answer{std::move(*result)};
}

template <class T>
Result<Answer> ok(T value) {
  return Answer{std::move(value)};
}

enum class System { kKubernetes, kNova, kOther };

System system_of(const Operation& operation) {
  return std::visit(
      [](const auto& op) {
        using T = std::decay_t<decltype(op)>;
        constexpr auto is = []<class... Others>() { return (std::is_same_v<T, Others> || ...); };
        if constexpr (is.template operator()<WritePolicyStatus, WriteNodeStatus, WriteInstanceStatus, PatchNodeMetadata, CreateNode, CreateInstance, DeleteNode,
                                             DeleteInstance>()) {
          return System::kKubernetes;
        } else if constexpr (is.template operator()<ReadServices, ReadAllServers, ReadHostServers, ReadServer, ReadMigrations, SetForcedDown, DisableService,
                                                    EnableService, LockServer, UnlockServer, Evacuate, StartServer, StopServer>()) {
          return System::kNova;
        } else {
          return System::kOther;
        }
      },
      operation);
}

bool shows_servers(const Operation& operation) {
  return std::holds_alternative<ReadAllServers>(operation) || std::holds_alternative<ReadHostServers>(operation) || std::holds_alternative<ReadServer>(operation);
}

std::string text_of(const Operation& operation) {
  if (const auto* op = std::get_if<PowerOff>(&operation)) return "PowerOff " + op->node.value;
  if (const auto* op = std::get_if<PowerOn>(&operation)) return "PowerOn " + op->node.value;
  if (const auto* op = std::get_if<Evacuate>(&operation)) return "Evacuate " + op->server.value.substr(0, 8);
  return name_of(operation);
}

}  // namespace

/// One operation's effect on the world, and its answer.
struct Performer::Doing {
  World& w;

  Result<Answer> operator()(const ReadServices&) const { return ok(w.nova.services()); }
  Result<Answer> operator()(const ReadAllServers&) const { return ok(w.nova.servers(std::nullopt)); }
  Result<Answer> operator()(const ReadHostServers& op) const { return ok(w.nova.servers(op.host)); }
  Result<Answer> operator()(const ReadServer& op) const { return answer_of(w.nova.server(op.server)); }
  Result<Answer> operator()(const ReadMigrations& op) const {
    return ok(w.nova.migrations(op.host));
  }
  Result<Answer> operator()(const PingImages& op) const { return ok(w.ceph.ping(op.images, w.clock.now())); }
  [[nodiscard]] ceph::ImageWatch watch_of(const ImageId& image) const {
    if (!w.ceph.works || w.ceph.is_inactive(image)) return ceph::ImageWatch{image, true, false, {}, std::nullopt};
    return ceph::ImageWatch{image, true, true, w.ceph.watchers(image), std::nullopt};
  }
  Result<Answer> operator()(const ReadDisks& op) const {
    std::vector<ServerImages> all;
    for (const ServerDisks& server : op.servers) {
      ServerImages images{server.server, {watch_of(ImageId{"vms", server.server.value + "_disk"})}};
      for (const std::string& volume : server.volumes) images.images.push_back(watch_of(ImageId{"volumes", "volume-" + volume}));
      all.push_back(std::move(images));
    }
    return ok(std::move(all));
  }
  Result<Answer> operator()(const ReadBlocklist&) const {
    if (!w.ceph.quorum) return no_quorum();
    return ok(w.ceph.blocklist());
  }
  static Result<Answer> no_quorum() { return fail(ErrorKind::kTimeout, "no mon answered within 3 s"); }
  static Result<Answer> no_rights() { return fail(ErrorKind::kForbidden, "the key may not change the blocklist"); }
  Result<Answer> operator()(const ReadClusterAddresses&) const { return ok(std::vector<Address>{Address{"10.77.0.1"}, Address{"10.77.0.2"}}); }
  Result<Answer> operator()(const ReadPower& op) const {
    return answer_of(w.power.read(NovaHost{op.node.value}));
  }
  Result<Answer> operator()(const DrillPower& op) const {
    const auto reading = w.power.read(NovaHost{op.node.value});
    if (!reading) return tl::unexpected(reading.error());
    return ok(power::Drill{*reading, true, "its rights can be read"});
  }
  Result<Answer> operator()(const DrillCeph&) const { return !w.ceph.quorum ? no_quorum() : !w.ceph.rights || !w.ceph.rights_to_remove ? no_rights() : ok(Done{}); }
  Result<Answer> operator()(const ProveBlocklist&) const {
    if (!w.ceph.quorum) return no_quorum();
    return answer_of(w.ceph.prove());
  }
  Result<Answer> operator()(const PowerOff& op) const {
    const NovaHost host{op.node.value};
    const auto shown = w.power.read(host);
    if (shown && !op.expected_uuid.empty() && shown->system_uuid != op.expected_uuid) return fail(ErrorKind::kConflict, "it controls system {}", shown->system_uuid);
    if (w.power.behind(host) != host) w.checkers.violated("S2: the controller of " + w.power.behind(host).value + " was asked to switch off");
    return answer_of(w.power.off(host));
  }
  Result<Answer> operator()(const PowerOn& op) const { return answer_of(w.power.on(NovaHost{op.node.value})); }
  Result<Answer> operator()(const BlocklistAdd& op) const {
    if (!w.ceph.quorum) return no_quorum();
    if (!w.ceph.rights) return no_rights();
    w.ceph.blocklist_add(op.addresses);
    return ok(Done{});
  }
  Result<Answer> operator()(const BlocklistRemove& op) const {
    if (!w.ceph.quorum) return no_quorum();
    if (!w.ceph.rights || !w.ceph.rights_to_remove) return no_rights();
    w.ceph.blocklist_remove(op.addresses);
    return ok(Done{});
  }
  Result<Answer> operator()(const SetForcedDown& op) const { return answer_of(w.nova.set_forced_down(op.service, op.forced_down)); }
  Result<Answer> operator()(const DisableService& op) const { return answer_of(w.nova.disable(op.service, op.reason)); }
  Result<Answer> operator()(const EnableService& op) const { return answer_of(w.nova.enable(op.service)); }
  Result<Answer> operator()(const LockServer& op) const { return answer_of(w.nova.lock(op.server, op.reason)); }
  Result<Answer> operator()(const UnlockServer& op) const { return answer_of(w.nova.unlock(op.server)); }
  Result<Answer> operator()(const Evacuate& op) const { return answer_of(w.nova.evacuate(op.server, op.destination)); }
  Result<Answer> operator()(const StartServer& op) const { return answer_of(w.nova.start(op.server)); }
  Result<Answer> operator()(const StopServer& op) const { return answer_of(w.nova.stop(op.server)); }
  Result<Answer> operator()(const WritePolicyStatus& op) const { return answer_of(w.kubernetes.write_status(op.object)); }
  Result<Answer> operator()(const WriteNodeStatus& op) const { return answer_of(w.kubernetes.write_status(op.object)); }
  Result<Answer> operator()(const WriteInstanceStatus& op) const { return answer_of(w.kubernetes.write_status(op.object)); }
  Result<Answer> operator()(const PatchNodeMetadata& op) const { return answer_of(w.kubernetes.patch(op)); }
  Result<Answer> operator()(const CreateNode& op) const {
    if (auto made = w.kubernetes.create(op.object); !made) return tl::unexpected(made.error());
    return ok(Done{});
  }
  Result<Answer> operator()(const CreateInstance& op) const {
    if (auto made = w.kubernetes.create(op.object); !made) return tl::unexpected(made.error());
    return ok(Done{});
  }
  Result<Answer> operator()(const DeleteNode& op) const { return fail(ErrorKind::kForbidden, "{}: nobody deletes nodes here", op.name.value); }
  Result<Answer> operator()(const DeleteInstance& op) const { return answer_of(w.kubernetes.remove(op.name, op.uid)); }
  Result<Answer> operator()(const EmitEvent& op) const {
    w.timeline.say("event", "{} {}: {} {}", op.kind, op.name, op.reason, op.note);
    return ok(Done{});
  }
};

Result<Answer> Performer::take_effect(const Operation& operation, std::size_t replica) {
  w_.checkers.acts(operation, replica);
  if (is_irreversible(operation)) w_.timeline.say("act", "{}", text_of(operation));
  return std::visit(Doing{w_}, operation);
}

Duration Performer::latency(const Operation& operation) {
  Scheduler& clock = w_.clock;
  const auto power_of = [&](const NodeName& node) {
    const Bmc bmc = w_.power.behaviour(NovaHost{node.value});
    if (bmc == Bmc::kSlow) return clock.between(milliseconds(500), milliseconds(9000));
    if (bmc == Bmc::kDead && clock.rng().chance(500)) return Duration(seconds(30));  // packets are dropped: nobody answers
    return clock.between(milliseconds(20), milliseconds(600));
  };
  if (const auto* op = std::get_if<ReadPower>(&operation)) return power_of(op->node);
  if (const auto* op = std::get_if<DrillPower>(&operation)) return power_of(op->node);
  if (const auto* op = std::get_if<PowerOff>(&operation)) return power_of(op->node);
  if (const auto* op = std::get_if<PowerOn>(&operation)) return power_of(op->node);
  if (std::holds_alternative<Evacuate>(operation)) return clock.between(milliseconds(200), milliseconds(1500));
  if (std::holds_alternative<PingImages>(operation)) return clock.between(milliseconds(2), milliseconds(1020));
  if (std::holds_alternative<BlocklistAdd>(operation) || std::holds_alternative<BlocklistRemove>(operation))
    return clock.between(milliseconds(20), milliseconds(940));
  if (const auto* op = std::get_if<DisableService>(&operation)) {
    const nova::Service* service = w_.nova.service(op->service);
    const bool rpc_to_the_dead = service != nullptr && !service->forced_down && !w_.machines.host(service->host).runs();
    return rpc_to_the_dead ? Duration(seconds(60)) : clock.between(milliseconds(20), milliseconds(60));
  }
  return clock.between(milliseconds(3), milliseconds(200));
}

/// One effect on its way.
struct Performer::Call {
  Effect effect;
  Process* process;
  std::uint64_t life;
  std::function<void(EffectDone)> done;
  Instant leaves{};
  Instant acts{};
  Instant answered{};
  Instant deadline{};
  bool lost = false;     ///< its answer

  [[nodiscard]] bool lives() const { return process->life() == life; }
};

void Performer::answer(const std::shared_ptr<Call>& call, Instant at, Result<Answer> outcome) {
  w_.clock.at(at, [call, at, outcome = std::move(outcome)] { call->done(EffectDone{call->effect.id, call->leaves, outcome, at}); });
}

void Performer::perform(const Effect& effect, Process& process, std::function<void(EffectDone)> done) {
  auto call = std::make_shared<Call>(Call{effect, &process, process.life(), std::move(done)});
  w_.clock.after(w_.clock.between(milliseconds(0), milliseconds(5)), [this, call] {
    call->process->when_it_runs(call->life, [this, call] { send(call); });
  });
}

/// The API server a replica does not reach, nova's API and what it needs: a refused connection, a 500, or silence.
std::optional<Error> Performer::not_served(const Operation& operation, const Process& process) const {
  switch (system_of(operation)) {
    case System::kKubernetes:
      if (!process.reaches_api()) return Error{ErrorKind::kUnavailable, "connection refused"};
      break;
    case System::kNova:
      if (!w_.nova.api) return Error{ErrorKind::kUnavailable, "500 Internal Server Error"};
      if (!w_.nova.neutron && shows_servers(operation)) return Error{ErrorKind::kUnavailable, "500: neutron does not answer"};
      break;
    case System::kOther: break;
  }
  return std::nullopt;
}

void Performer::send(const std::shared_ptr<Call>& call) {
  Rng& rng = w_.clock.rng();
  const Effect& effect = call->effect;
  const Instant now = w_.clock.now();
  const bool irreversible = is_irreversible(effect.operation);
  call->leaves = now;
  call->deadline = effect.deadline;
  if (now >= std::min(effect.deadline, effect.start_by)) return answer(call, now, fail(ErrorKind::kTimeout, "not sent, its time was over before a thread was free"));
  if (irreversible) {
    const auto until = call->process->act_until();
    if (!until) return answer(call, now, fail(ErrorKind::kTimeout, "not sent, the leader's term is over"));
    if (!asks_for_the_term_again(effect.operation)) call->deadline = std::min(call->deadline, *until);
  }
  Duration takes = latency(effect.operation);
  const bool faulty = rng.chance(faults_per_mille);
  const std::uint64_t kind = faulty ? rng.below(3) : 9;  // 0: fails before it acts, 1: its answer is lost, 2: late
  if (faulty) ++faults;
  if (kind == 2) takes *= 8;
  call->acts = now + Duration(static_cast<Duration::rep>(rng.below(static_cast<std::uint64_t>(takes.count()) + 1)));
  call->answered = now + takes;
  call->lost = kind == 1 || call->answered > call->deadline;
  w_.timeline.detail("effect", "{} {}: {}", effect.key, name_of(effect.operation), kind == 0 ? "will fail" : call->lost ? "its answer gets lost" : "");
  if (kind == 0) return answer(call, std::min(call->answered, call->deadline), fail(ErrorKind::kUnavailable, "connection reset"));
  if (call->lost) {
    const Error silence{irreversible ? ErrorKind::kUnknownOutcome : ErrorKind::kTimeout, "no answer in time"};
    answer(call, call->deadline, tl::unexpected(silence));
  }
  if (!asks_for_the_term_again(effect.operation)) return w_.clock.at(call->acts, [this, call] { act(call); });
  // It reads first, and asks for the term once more right before the order itself leaves.
  w_.clock.at(std::max(now, call->acts - LeaderLease::kActMayOutlive), [this, call] {
    call->process->when_it_runs(call->life, [this, call] {
      const auto until = call->process->act_until();
      if (until && w_.clock.now() < call->deadline) return w_.clock.at(std::max(call->acts, w_.clock.now()), [this, call] { act(call); });
      if (!call->lost) answer(call, w_.clock.now(), fail(ErrorKind::kTimeout, "not sent, the leader's term is over"));
    });
  });
}

void Performer::act(const std::shared_ptr<Call>& call) {
  // A client that gave up, or died, closed its connection before the request was taken; a frozen one keeps it open.
  if (w_.clock.now() > call->deadline && !call->process->is_frozen()) return;
  if (!call->lives() && w_.clock.rng().chance(500)) return;
  auto unserved = not_served(call->effect.operation, *call->process);
  Result<Answer> outcome = unserved ? Result<Answer>(tl::unexpected(*unserved)) : take_effect(call->effect.operation, call->process->replica());
  if (!call->lost) answer(call, std::max(call->answered, w_.clock.now()), std::move(outcome));
}

}  // namespace vmha::sim
