#include "simulation/performer.h"

#include <utility>
#include <variant>

#include <fmt/core.h>

namespace vmha::sim {
namespace {

constexpr Duration kActMayOutlive = seconds(5);  // as controller/term.h has it

template <class T>
Result<Answer> answer_of(Result<T> result) {
  if (!result) return tl::unexpected(result.error());
  return Answer{std::move(*result)};
}

template <class T>
Result<Answer> ok(T value) {
  return Answer{std::move(value)};
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
  Sabotage sabotage;

  Result<Answer> operator()(const ReadServices&) const { return ok(w.nova.services()); }
  Result<Answer> operator()(const ReadAllServers&) const { return ok(w.nova.servers(std::nullopt)); }
  Result<Answer> operator()(const ReadHostServers& op) const { return ok(w.nova.servers(op.host)); }
  Result<Answer> operator()(const ReadServer& op) const { return answer_of(w.nova.server(op.server)); }
  Result<Answer> operator()(const ReadMigrations& op) const {
    auto records = w.nova.migrations(op.host);
    for (nova::Migration& record : records)
      if (sabotage == Sabotage::kReturnMade && record.status == "done") record.status = "completed";
    return ok(std::move(records));
  }
  Result<Answer> operator()(const PingImages& op) const { return ok(w.ceph.ping(op.images, w.clock.now())); }
  Result<Answer> operator()(const ReadDisks& op) const {
    std::vector<ServerImages> all;
    for (const ServerDisks& server : op.servers) {
      const ImageId id{"vms", server.server.value + "_disk"};
      all.push_back(ServerImages{server.server, {ceph::ImageWatch{id, true, true, w.ceph.watchers(id), std::nullopt}}});
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
    auto reading = w.power.read(NovaHost{op.node.value});
    if (sabotage == Sabotage::kAcceptedIsOff && reading && w.power.was_asked_off(NovaHost{op.node.value})) reading->state = power::State::kOff;
    return answer_of(std::move(reading));
  }
  Result<Answer> operator()(const DrillPower& op) const {
    const auto reading = w.power.read(NovaHost{op.node.value});
    if (!reading) return tl::unexpected(reading.error());
    return ok(power::Drill{*reading, true, "its rights can be read"});
  }
  Result<Answer> operator()(const DrillCeph&) const { return !w.ceph.quorum ? no_quorum() : !w.ceph.rights ? no_rights() : ok(Done{}); }
  Result<Answer> operator()(const ProveBlocklist&) const {
    if (!w.ceph.quorum) return no_quorum();
    if (sabotage == Sabotage::kProofUnread) return ok(ceph::BlocklistProof{100, 16, w.clock.now()});
    return ok(w.ceph.prove());
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
    if (!w.ceph.rights) return no_rights();
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

Result<Answer> Performer::take_effect(const Operation& operation) {
  w_.checkers.acts(operation);
  if (is_irreversible(operation)) w_.timeline.say("act", "{}", text_of(operation));
  return std::visit(Doing{w_, sabotage}, operation);
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

void Performer::perform(const Effect& effect, std::function<bool()> alive, std::function<void(EffectDone)> answer) {
  Scheduler& clock = w_.clock;
  Rng& rng = clock.rng();
  const Instant leaves = clock.now() + clock.between(milliseconds(0), milliseconds(5));
  Duration takes = latency(effect.operation);
  const bool faulty = rng.chance(faults_per_mille);
  const std::uint64_t kind = faulty ? rng.below(3) : 9;  // 0: fails before it acts, 1: its answer is lost, 2: late
  if (faulty) ++faults;
  if (kind == 2) takes *= 8;
  const bool is_read = !is_irreversible(effect.operation);
  const Instant acts = leaves + Duration(static_cast<Duration::rep>(rng.below(static_cast<std::uint64_t>(takes.count()) + 1)));
  const Instant answered = leaves + takes;
  const bool twice = sabotage == Sabotage::kEvacuateTwice && std::holds_alternative<Evacuate>(effect.operation);
  const bool lost = kind == 1 || answered > effect.deadline || (twice && rng.chance(500));
  const Error silence{is_read ? ErrorKind::kTimeout : ErrorKind::kUnknownOutcome, "no answer in time"};
  if (twice && lost) {
    clock.at(std::min(acts + seconds(1), effect.deadline), [this, operation = effect.operation] { (void)take_effect(operation); });
  }
  w_.timeline.detail("effect", "{} {}: {}", effect.key, name_of(effect.operation), kind == 0 ? "will fail" : lost ? "its answer gets lost" : "");
  if (kind == 0) {
    const Error broken{ErrorKind::kUnavailable, "connection reset"};
    clock.at(std::min(answered, effect.deadline), [id = effect.id, leaves, answer, broken] { answer(EffectDone{id, leaves, tl::unexpected(broken)}); });
    return;
  }
  const auto act = [this, effect, leaves, answered, lost, alive, answer] {
    if (w_.clock.now() > effect.deadline) return;  // the client gave up: it closed its connection before the request was taken
    if (!alive() && w_.clock.rng().chance(500)) return;
    const auto outcome = take_effect(effect.operation);
    if (!lost && alive()) w_.clock.at(answered, [id = effect.id, leaves, answer, outcome, answered] { answer(EffectDone{id, leaves, outcome, answered}); });
  };
  const bool asks_again = asks_for_the_term_again(effect.operation);
  const Instant asks_at = asks_again ? std::max(leaves, acts - kActMayOutlive) : leaves;
  clock.at(asks_at, [this, asks_again, acts, alive, act] {
    if (!asks_again || alive()) w_.clock.at(acts, act);
  });
  if (lost) clock.at(effect.deadline, [id = effect.id, leaves, answer, silence] { answer(EffectDone{id, leaves, tl::unexpected(silence)}); });
}

}  // namespace vmha::sim
