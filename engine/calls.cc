#include "engine/calls.h"

#include <utility>

namespace vmha {

std::string key_of(const Owner& owner, const Operation& operation) {
  if (std::holds_alternative<ReadServices>(operation)) return "nova/services";
  if (std::holds_alternative<ReadAllServers>(operation)) return "nova/servers";
  if (std::holds_alternative<ReadBlocklist>(operation)) return "ceph/blocklist";
  if (const auto* op = std::get_if<ReadHostServers>(&operation)) return "nova/servers/" + op->host.value;
  if (const auto* op = std::get_if<ReadMigrations>(&operation)) return "nova/migrations/" + op->host.value;
  if (const auto* op = std::get_if<ReadServer>(&operation)) return "nova/server/" + op->server.value;
  return owner.object + "/" + owner.lane;
}

std::optional<Effect> Calls::start(Owner owner, std::string key, Operation operation, Instant deadline, std::vector<Announcement> announcements) {
  if (!keys_.insert(key).second) return std::nullopt;
  const std::uint64_t id = next_id_++;
  Effect effect{id, key, deadline, operation};
  calls_.emplace(id, CallInFlight{std::move(key), std::move(owner), std::move(operation), std::move(announcements)});
  return effect;
}

std::optional<CallInFlight> Calls::finish(const EffectDone& done, Instant now) {
  const auto found = calls_.find(done.id);
  if (found == calls_.end()) return std::nullopt;
  CallInFlight call = std::move(found->second);
  calls_.erase(found);
  keys_.erase(call.key);
  if (!call.owner.object.empty()) {
    LaneOutcome& outcome = outcomes_[call.owner.object][call.owner.lane];
    outcome.finished = now;
    outcome.failures_in_a_row = done.outcome ? 0 : outcome.failures_in_a_row + 1;
    outcome.error = done.outcome ? std::string() : describe(done.outcome.error());
    outcome.operation = name_of(call.operation);
  }
  return call;
}

const std::map<std::string, LaneOutcome>& Calls::lanes(const std::string& object) const {
  static const std::map<std::string, LaneOutcome> kNone;
  const auto found = outcomes_.find(object);
  return found == outcomes_.end() ? kNone : found->second;
}

}  // namespace vmha
