#include <algorithm>
#include <chrono>

#include "api/names.h"
#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/pass.h"

namespace vmha::protectedinstance {
namespace {

using api::RecoveryStep;

std::string power_state_text(int state) {
  switch (state) {  // nova/objects/fields.py, InstancePowerState
    case 1: return "Running";
    case 3: return "Paused";
    case 4: return "Shutdown";
    case 6: return "Crashed";
    case 7: return "Suspended";
    default: return "NoState";
  }
}

void observe(Pass& pass) {
  api::ProtectedInstanceStatus& status = pass.status();
  status.observed_generation = pass.view.object->metadata.generation;
  if (!pass.view.server) return;
  const nova::Server& server = pass.server();
  status.host = name_of(pass.view, server.host);
  status.vm_state = server.vm_state;
  status.power_state = power_state_text(server.power_state);
  status.task_state = server.task_state;
  status.project_id = server.project_id;
  if (!server.server_groups.empty()) status.server_group = server.server_groups.front();  // lists carry none
}

void be_gone(Pass& pass) {
  auto& recovery = pass.status().recovery;
  if (recovery && is_unfinished(*recovery)) skip(pass, *recovery, "the server was deleted");
  if (recovery) {
    recovery->locked = false;
    if (!recovery->finished_time) recovery->finished_time = std::chrono::floor<seconds>(pass.view.wall);
  }
  pass.status().phase = api::InstancePhase::kGone;
}

/// A person asks for a new round of attempts: any value of the annotation that was not answered yet.
bool is_retried(const Pass& pass) {
  const auto& stored = pass.stored().recovery;
  const std::string asked = retry_token(pass.view.object->metadata);
  return stored->phase == RecoveryStep::kFailed && !asked.empty() && asked != stored->retry;
}

/// A fence in force of the host it is on asks for a recovery that is not under way yet.
bool is_due(const Pass& pass) {
  const auto& fence = pass.view.fence;
  if (!fence || pass.server().host != fence->host) return false;
  const auto& stored = pass.stored().recovery;
  if (!stored || stored->fence_id != fence->id || is_waiting(pass.stored())) return true;
  return stored->phase == RecoveryStep::kSkipped || stored->phase == RecoveryStep::kAttested || is_retried(pass);
}

void go_on(Pass& pass) {
  const api::InstanceRecovery& stored = *pass.stored().recovery;
  const bool moved = has_moved(pass.view, stored);
  if (is_waiting(pass.stored())) return moved ? skip(pass, stored, "moved by someone else before it was evacuated") : begin(pass);
  if (moved) return land(pass);
  switch (stored.phase) {
    case RecoveryStep::kIntended:
    case RecoveryStep::kLocked: return ask_nova(pass);
    case RecoveryStep::kRequested: return follow(pass);
    default: return pass.read_server();  // Moved, but the newest reading shows it where it was: an older answer
  }
}

/// The end of a recovery that went well: attested, and the lock is off.
void conclude(Pass& pass) {
  auto& recovery = pass.status().recovery;
  if (!recovery || recovery->phase != RecoveryStep::kAttested || recovery->locked || recovery->finished_time) return;
  recovery->finished_time = std::chrono::floor<seconds>(pass.view.wall);
  pass.status().phase = api::InstancePhase::kRecovered;
}

bool is_same_step(const api::ProtectedInstanceStatus& a, const api::ProtectedInstanceStatus& b) {
  if (!same_intent(a, b)) return false;
  return !a.recovery || (a.recovery->phase == b.recovery->phase && a.recovery->locked == b.recovery->locked);
}

/// An act follows in the pass that reads its intent back from the store.
void keep_acts_for_what_is_stored(Pass& pass) {
  if (is_same_step(pass.stored(), pass.out.status)) return;
  std::erase_if(pass.out.wishes, [](const Wish& wish) { return is_irreversible(wish.operation); });
}

}  // namespace

std::string retry_token(const api::ObjectMeta& metadata) {
  constexpr std::size_t kLongest = 63;
  const auto found = metadata.annotations.find(std::string(api::kRetryAnnotation));
  if (found == metadata.annotations.end() || found->second.size() <= kLongest) return found == metadata.annotations.end() ? std::string() : found->second;
  std::string token = found->second.substr(0, kLongest);
  while (!token.empty() && (static_cast<unsigned char>(token.back()) & 0x80U) != 0) token.pop_back();  // no half UTF-8 character
  return token;
}

InstanceDecision decide(const InstanceView& view) {
  Pass pass(view);
  const auto& stored = view.object->status.recovery;
  if (view.server_gone) {
    be_gone(pass);
  } else {
    observe(pass);
    if (!view.server) {
      pass.read_server();
    } else if (is_due(pass)) {
      begin(pass);
    } else if (stored && is_unfinished(*stored)) {
      go_on(pass);
    } else {
      rest(pass);
    }
    release_lock(pass);
    conclude(pass);
  }
  summarize(pass);
  tell(pass);
  keep_acts_for_what_is_stored(pass);
  return std::move(pass.out);
}

bool same_intent(const api::ProtectedInstanceStatus& a, const api::ProtectedInstanceStatus& b) {
  if (a.recovery.has_value() != b.recovery.has_value()) return false;
  if (!a.recovery) return true;
  return a.recovery->fence_id == b.recovery->fence_id && a.recovery->attempt == b.recovery->attempt && is_waiting(a) == is_waiting(b);
}

bool is_in_flight(const api::ProtectedInstanceStatus& status) {
  return status.recovery && is_unfinished(*status.recovery) && !is_waiting(status);
}

bool is_settled(const api::ProtectedInstance& instance, const FenceId& fence) {
  if (instance.status.phase == api::InstancePhase::kGone) return true;
  const auto& recovery = instance.status.recovery;
  return recovery && recovery->fence_id == fence && !is_unfinished(*recovery);
}

}  // namespace vmha::protectedinstance
