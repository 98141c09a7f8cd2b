#include "reconcilers/protectedinstance/pass.h"

#include "api/conditions.h"
#include "reconcilers/protectedinstance/facts.h"

namespace vmha::protectedinstance {

std::string Pass::hands_off() const {
  if (view.policy == nullptr) return "PolicyNotFound";
  if (view.duplicate) return "Duplicate";
  if (view.paused) return "Paused";
  // Of the host it is on: a recovery that ended there only gives the server back, which touches no host.
  const bool landed = stored().recovery && view.server && has_moved(view, *stored().recovery);
  if (view.maintenance && !landed) return "Maintenance";
  if (view.policy->spec.mode == api::PolicyMode::kDryRun) return "DryRun";
  return {};
}

void Pass::wish(std::string lane, Duration timeout, Operation operation) {
  out.wishes.push_back(Wish{std::move(lane), timeout, std::move(operation)});
}

void Pass::act(Operation operation) {
  if (!hands_off().empty() || view.nova_busy || !may_try("nova")) return;
  wish("nova", kActTimeout, std::move(operation));
}

bool Pass::acted_since_read() const {
  const auto found = view.lanes.find("nova");
  return found != view.lanes.end() && view.server && found->second.finished >= view.server->at;
}

bool Pass::may_try(const std::string& lane) {
  const auto found = view.lanes.find(lane);
  if (found == view.lanes.end() || found->second.failures_in_a_row == 0) return true;
  const Instant next = found->second.finished + backoff_after(found->second.failures_in_a_row);
  if (view.now >= next) return true;
  out.wake(next);
  return false;
}

void Pass::read_server() {
  if (may_try("server")) wish("server", kReadTimeout, ReadServer{spec().server_id});
}

void Pass::read_migrations(const NovaHost& host) {
  if (may_try("migrations")) wish("migrations", kReadTimeout, ReadMigrations{host});
}

void Pass::read_disks() {
  if (may_try("disks")) wish("disks", kReadTimeout, ReadDisks{{ServerDisks{spec().server_id, server().volumes}}});
}

void Pass::condition(std::string_view type, api::ConditionStatus status, std::string_view reason, std::string_view message) {
  api::set_condition(out.status.conditions, type, status, reason, message, view.object->metadata.generation, view.wall);
}

void Pass::announce(bool warning, std::string reason, std::string note) {
  out.announcements.push_back(Announcement{warning, std::move(reason), api::cut_message(note)});
}

}  // namespace vmha::protectedinstance
