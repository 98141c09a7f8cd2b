"""Deliberately broken decisions. Each is one or more edits of a source file of the core; `BROKEN` in the new text is true while that mutant is the
active one. The text that is replaced has to be in its file exactly once, so that this table cannot fall behind the code unnoticed.

mutate.py makes copies of these files for vmha_mutants_test; what production builds never sees them.
"""
from collections import namedtuple

Edit = namedtuple("Edit", "file old new")
# what: for people. profiles: where it has to show; seeds: within how many of each. rules: of which one has to be violated.
Mutant = namedtuple("Mutant", "name what profiles seeds rules edits")

PROOF = "reconcilers/computenode/proof.cc"
PROVE = "reconcilers/computenode/prove.cc"
RETURN = "reconcilers/computenode/return.cc"
DECIDE = "reconcilers/computenode/decide.cc"
RECOVER = "reconcilers/computenode/recover.cc"
VERDICT = "reconcilers/computenode/verdict.cc"
PASS = "reconcilers/computenode/pass.cc"
OBSTACLE = "reconcilers/protectedinstance/obstacle.cc"
REQUEST = "reconcilers/protectedinstance/request.cc"
START = "reconcilers/protectedinstance/start.cc"
FOLLOW = "reconcilers/protectedinstance/follow.cc"
DISKS = "reconcilers/protectedinstance/disks.cc"
FACTS = "reconcilers/protectedinstance/facts.cc"
LOCK = "reconcilers/protectedinstance/lock.cc"
ENDS = "reconcilers/protectedinstance/ends.cc"
ENGINE = "engine/engine.cc"
ANSWERS = "engine/answers.cc"
NODE_PASS = "engine/node_pass.cc"

# Nova's records of evacuations stay unfinished until its compute service restarts: a second guard of every return.
NO_CLEAN_UP = Edit(RETURN, "static constexpr std::array<std::string_view, 7> kUnfinished", "if (BROKEN) return false;\n  static constexpr std::array<std::string_view, 7> kUnfinished")

MUTANTS = [
    Mutant("skip-pg-proof", "a listed address is a fence, whatever the placement groups know", ["host-loss", "hard"], 60, "S1 S7", [
        Edit(PROOF, "if (addresses.empty() || !view.blocklist_proven || !all_listed(view, addresses)) return std::nullopt;",
             "if (BROKEN && !addresses.empty() && all_listed(view, addresses)) return view.blocklist->at;\n"
             "  if (addresses.empty() || !view.blocklist_proven || !all_listed(view, addresses)) return std::nullopt;"),
        Edit(PROVE, "if (fence.storage.state != ProofState::kProven) conclude_storage(pass, fence);",
             "if (BROKEN) fence.storage.state = ProofState::kProven;\n  if (fence.storage.state != ProofState::kProven) conclude_storage(pass, fence);")]),
    Mutant("evacuate-before-the-fence", "recovery starts as soon as the host is judged dead", ["host-loss"], 40, "S1 S7", [
        Edit(PROVE, "if (!requirement_met(pass.view, fence, live_proof(pass.view)) || !may_conclude(pass, fence)) return;",
             "if (!requirement_met(pass.view, fence, live_proof(pass.view)) && !BROKEN) return;"),
        Edit(PROOF, "result.requirement_met = fence->state == api::FenceState::kProven && requirement_met(view, *fence, proof) && hands_off(view).empty();",
             "result.requirement_met = fence->state == api::FenceState::kProven && (BROKEN || requirement_met(view, *fence, proof)) && hands_off(view).empty();"),
        Edit(OBSTACLE, "if (!fence->power_proven && !fence->storage_proven) return", "if (!fence->power_proven && !fence->storage_proven && !BROKEN) return")]),
    Mutant("timeout-is-off", "a power controller that does not answer reads Off", ["host-loss", "hard"], 60, "S1 S7", [
        Edit(ANSWERS, "readings.read_error = reading ? std::string() : describe(reading.error());",
             "if (!reading && BROKEN) return note_power(readings, power::Reading{power::State::kOff, {}, {}}, started, answered);\n"
             "  readings.read_error = reading ? std::string() : describe(reading.error());")]),
    Mutant("accepted-is-off", "a power-off that was accepted is a proof", ["host-loss", "hard"], 60, "S1 S7", [
        Edit(PROOF, "const DeviceReadings& r = found->second;",
             "const DeviceReadings& r = found->second;\n"
             "  if (const auto asked = view.requested.find(\"power/\" + device.name); BROKEN && asked != view.requested.end() && view.now - asked->second > seconds(1)) return asked->second;")]),
    Mutant("trust-status", "a proof that status remembers counts, whatever can be read now", ["hard"], 120, "S1 S7", [
        Edit(PROOF, "proof.power = proof.power_since.has_value();",
             "if (BROKEN && fence->power.state == api::ProofState::kProven) proof.power_since = view.now - seconds(60);\n"
             "  if (BROKEN && fence->storage.state == api::ProofState::kProven) proof.storage_since = view.now - seconds(60);\n"
             "  proof.power = proof.power_since.has_value();")]),
    Mutant("lift-on-expiry", "a fence that stood for two minutes is lifted without a power cycle", ["host-loss"], 60, "S4", [
        Edit(RETURN, "const std::string now = boot_id(view);",
             "if (BROKEN && fence.data_fenced_time && view.wall - *fence.data_fenced_time > seconds(120)) return true;\n  const std::string now = boot_id(view);"),
        NO_CLEAN_UP]),
    Mutant("lift-with-the-same-boot-id", "a boot id is a proof of a power cycle, changed or not", ["host-loss"], 60, "S4", [
        Edit(RETURN, "if (!fence.boot_id.empty() && now == fence.boot_id) return fence.adopted && by_word;",
             "if (!BROKEN && !fence.boot_id.empty() && now == fence.boot_id) return fence.adopted && by_word;"),
        NO_CLEAN_UP]),
    Mutant("request-again", "an evacuation that is not over at once is requested again", ["host-loss"], 40, "S5", [
        Edit(FOLLOW, "const bool ended = record != nullptr && ended_without_success(pass, *record);",
             "const bool ended = record != nullptr && (ended_without_success(pass, *record) || (BROKEN && view.intent_since && view.now - *view.intent_since > milliseconds(800)));"),
        Edit(ENDS, "return std::min(kLongestPause, backoff_after(std::max(tries, 1)));", "return BROKEN ? Duration(0) : std::min<Duration>(kLongestPause, backoff_after(std::max(tries, 1)));"),
        Edit(FOLLOW, "if (!has_live_task(view, from)) give_up_attempt", "if (BROKEN || !has_live_task(view, from)) give_up_attempt"),
        Edit(FOLLOW, "if (!nova::is_final(record)) {", "if (!nova::is_final(record) && !BROKEN) {"),
        Edit(START, "if (adopt(pass, recovery)) return;", "if (!BROKEN && adopt(pass, recovery)) return;"),
        Edit(OBSTACLE, "if (work.empty()) return std::nullopt;", "if (BROKEN || work.empty()) return std::nullopt;"),
        Edit(REQUEST, "if (records.running != nullptr) return records.running;", "if (records.running != nullptr && !BROKEN) return records.running;"),
        Edit(REQUEST, "if (has_live_task(pass.view, from) && is_rebuild", "if (!BROKEN && has_live_task(pass.view, from) && is_rebuild")]),
    Mutant("ignore-a-third-watch", "a disk may be open at any other host when its server is evacuated", ["moving"], 150, "S1", [
        Edit(DISKS, "if (covers(rule.expected, watcher.address) || is_recorded", "if (BROKEN || covers(rule.expected, watcher.address) || is_recorded")]),
    Mutant("ignore-the-budget", "any number of hosts may be fenced", ["rack-over-budget"], 1, "S2 S3", [
        Edit(NODE_PASS, "view.budget_allows = budget.allows;", "view.budget_allows = budget.allows || BROKEN;")]),
    Mutant("forget-the-new-leaders-wait", "a new leader acts at once", ["host-loss-crash"], 60, "S6", [
        Edit(ENGINE, "acts_from = e.taken_over ? now + kNewLeaderWait : now;", "acts_from = e.taken_over && !BROKEN ? now + kNewLeaderWait : now;")]),
    Mutant("unknown-is-stale", "a source that cannot be read has stopped", ["quiet"], 150, "S2 S3", [
        Edit(VERDICT, "if (!heartbeat.readable || !heartbeat.quiet) return Says::kUnknown;",
             "if (!heartbeat.readable || !heartbeat.quiet) return BROKEN ? Says::kStale : Says::kUnknown;"),
        Edit(VERDICT, "if (!storage.configured) return Says::kNone;", "if (BROKEN && !storage.readable) return Says::kStale;\n  if (!storage.configured) return Says::kNone;")]),
    Mutant("silent-storage-is-stale", "pings that nobody can answer are guests that are dead", ["quiet"], 150, "S2 S3", [
        Edit(VERDICT, "if (!storage.readable) return Says::kUnknown;", "if (!storage.readable) return BROKEN ? Says::kStale : Says::kUnknown;")]),
    Mutant("isolated-is-dead", "guests that answer on the storage network do not count", ["quiet"], 60, "S2 S3", [
        Edit(VERDICT, "return {VerdictValue::kIsolated, no_lease", "return {BROKEN ? VerdictValue::kDead : VerdictValue::kIsolated, no_lease")]),
    Mutant("one-reading-of-off", "power reads Off once: it is off", ["hard", "power-trouble"], 120, "S1 S7", [
        Edit(PROOF, "return asked || begun_elsewhere ? kOffHolds : kOffConfirm;", "return BROKEN ? Duration(0) : Duration(asked || begun_elsewhere ? kOffHolds : kOffConfirm);")]),
    Mutant("any-machine-will-do", "the system behind a power controller is not compared", ["hard", "power-trouble"], 120, "S2", [
        Edit(PROOF, "if (uuid.empty()) return true;", "if (uuid.empty() || BROKEN) return true;"),
        Edit(PROOF, "if (status == known.end() || status->system_uuid.empty()) return {};  // a device",
             "if (BROKEN || status == known.end() || status->system_uuid.empty()) return {};  // a device")]),
    Mutant("ignore-maintenance", "pauses and maintenance hold nothing back", ["hands-off"], 40, "S2 S3", [
        Edit(PASS, "std::string hands_off(const NodeView& view) {", "std::string hands_off(const NodeView& view) {\n  if (BROKEN) return {};")]),
    Mutant("never-unlock", "the lock that kept the tenant off stays", ["host-loss"], 10, "L1", [
        Edit(LOCK, "if (!ours && !said) return;", "if (BROKEN || (!ours && !said)) return;")]),
    Mutant("return-too-early", "a host is lifted while servers of it wait", ["no-room", "destination"], 60, "S4", [
        Edit(DECIDE, "if (!settled) return recover(pass);", "if (!settled) recover(pass);\n  if (!settled && !BROKEN) return;"),
        Edit(RETURN, "if (!recovered) return;", "if (!recovered && !BROKEN) return;")]),
    Mutant("a-silent-destination-is-fenced", "an evacuation ends with the health of its destination, not with its fence", ["destination"], 120, "S1 S5", [
        Edit(FACTS, "return destination != nullptr && destination->fence && destination->fence->requirement_met && destination->fence->service_forced_down;",
             "if (BROKEN && destination != nullptr && !destination->healthy) return true;\n"
             "  return destination != nullptr && destination->fence && destination->fence->requirement_met && destination->fence->service_forced_down;")]),
    Mutant("abort-after-the-add", "a fence is given up when its host looks well again, whatever was called for it", ["host-loss", "api-trouble"], 100, "S2 S4 L1", [
        Edit(DECIDE, "if (proof_is_needed(pass, fence)) make_proof(pass);",
             "if (BROKEN && fence.state != FenceState::kLifting && pass.view.judgement.value == api::VerdictValue::kHealthy) {\n"
             "    pass.out.status.fence->state = FenceState::kWithdrawn;\n    return;\n  }\n  if (proof_is_needed(pass, fence)) make_proof(pass);")]),
    Mutant("keep-the-entry", "a fence is lifted and its blocklist entry stays", ["host-loss"], 20, "L1 S2", [
        Edit(RETURN, "if (!any_listed(view, addresses)) return true;", "if (BROKEN || !any_listed(view, addresses)) return true;")]),
    Mutant("never-enable", "a host that is back stays disabled", ["host-loss"], 10, "L1", [
        Edit(RETURN, "if (service.enabled) return true;", "if (BROKEN || service.enabled) return true;")]),
]
