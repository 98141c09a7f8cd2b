#include "clients/kube/lease_step.h"

#include <algorithm>
#include <utility>

namespace vmha::kube::election {
namespace {

bool is_ours(const State& state) { return state.seen && state.seen->holder == state.identity; }

/// When the others' Lease has run out, by our own clock since we last saw it move.
Instant expiry(const State& state) {
  const Duration written = seconds(std::max(0, state.seen->duration_seconds));
  return state.seen_at + std::max(state.times.duration, written);
}

bool is_free(const State& state, Instant now) {
  if (!state.seen || is_ours(state)) return true;
  if (state.seen->holder.empty()) return true;
  return now >= expiry(state);
}

Instant give_up(const State& state) { return state.renewed_at + state.times.renew_deadline; }

Step finish(State state, std::string reason) {
  state.leading = false;
  return {std::move(state), Finish{std::move(reason)}};
}

Step wait(State state, Instant now) {
  Instant until = now + state.times.retry;
  if (state.leading) until = std::min(until, give_up(state));
  return {std::move(state), Wait{until}};
}

Step write(State state, Instant now, WallTime wall) {
  LeaseRecord record;
  if (state.seen) record = *state.seen;
  if (!state.leading) {
    // A term of its own also after a release, and after an answer of ours that got lost.
    record.transitions = state.seen ? state.seen->transitions + 1 : 0;
    record.acquire_time = to_rfc3339_micro(wall);
  }
  record.holder = state.identity;
  record.renew_time = to_rfc3339_micro(wall);
  record.duration_seconds = static_cast<int>(std::chrono::ceil<seconds>(state.times.duration).count());
  if (!state.exists) record.resource_version.clear();
  const Instant deadline = state.leading ? give_up(state) : now + state.times.renew_deadline / 2;
  return {std::move(state), Write{std::move(record), deadline}};
}

Step on(State state, const Tick& tick) {
  if (state.leading && tick.now >= give_up(state)) return finish(std::move(state), "the Lease could not be renewed in time");
  // The holder writes without reading first: who else wrote makes it a conflict. After a doubtful write it does read (exists is false then).
  if (state.leading && state.exists) return write(std::move(state), tick.now, tick.wall);
  return {std::move(state), Read{}};
}

Step on(State state, const ReadDone& read) {
  if (state.leading && read.now >= give_up(state)) return finish(std::move(state), "the Lease could not be renewed in time");
  if (read.record) {
    if (!state.seen || *state.seen != *read.record) state.seen_at = read.now;
    state.seen = *read.record;
    state.exists = true;
    if (state.leading && !is_ours(state)) {
      const std::string other = state.seen->holder.empty() ? "nobody" : state.seen->holder;
      return finish(std::move(state), "the Lease is held by " + other);
    }
  } else if (read.record.error().kind == ErrorKind::kNotFound) {
    state.exists = false;
  } else {
    return wait(std::move(state), read.now);
  }
  if (state.leading || is_free(state, read.now)) return write(std::move(state), read.now, read.wall);
  return wait(std::move(state), read.now);
}

Step on(State state, const WriteDone& written) {
  if (written.record) {
    state.seen = *written.record;
    state.seen_at = written.started;
    state.exists = true;
    if (written.record->holder != state.identity) return finish(std::move(state), "released");
    if (state.leading && written.now >= give_up(state)) return finish(std::move(state), "the Lease could not be renewed in time");
    state.leading = true;
    state.renewed_at = written.started;
    return wait(std::move(state), written.now);
  }
  // Who has the Lease is open now (conflict, or the answer is lost): read before the next write.
  state.exists = false;
  const bool conflict = written.record.error().kind == ErrorKind::kConflict;
  if (state.leading && conflict) return {std::move(state), Read{}};
  return wait(std::move(state), written.now);
}

Step on(State state, const Stop& stop) {
  if (!state.leading || !state.exists || stop.now >= give_up(state)) return finish(std::move(state), "stopped");
  LeaseRecord record = *state.seen;
  record.holder.clear();
  record.renew_time = to_rfc3339_micro(stop.wall);
  record.duration_seconds = 1;  // as client-go's ReleaseOnCancel
  const Instant deadline = give_up(state);
  state.leading = false;
  return {std::move(state), Write{std::move(record), deadline}};
}

}  // namespace

State start(std::string identity, LeaseTimes times) {
  State state;
  state.identity = std::move(identity);
  state.times = times;
  return state;
}

Step step(State state, const Input& input) {
  return std::visit([&state](const auto& what) { return on(std::move(state), what); }, input);
}

std::optional<LeaseTerm> term(const State& state) {
  if (!state.leading) return std::nullopt;
  return LeaseTerm{state.identity, state.seen->transitions, state.renewed_at + state.times.renew_deadline - state.times.margin};
}

}  // namespace vmha::kube::election
