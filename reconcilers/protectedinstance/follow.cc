#include <fmt/core.h>

#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/pass.h"

/// From an evacuation that nova shows to a server on another host. Nothing is asked of nova here.
namespace vmha::protectedinstance {
namespace {

/// Nova says "No valid host was found" in the fault only (nova/exception.py, NoValidHost); there is no code for it.
bool is_no_valid_host(const nova::Server& server) { return server.fault.find("No valid host") != std::string::npos; }

void give_up_attempt(Pass& pass, const api::InstanceRecovery& recovery, const nova::Migration& record) {
  const nova::Server& server = pass.server();
  if (!nova::is_final(record)) {
    return fail_attempt(pass, recovery, fmt::format("its destination {} was fenced", name_of(pass.view, record.destination)), Counts::kYes);
  }
  const bool failed = server.vm_state == "error" && !server.fault.empty();
  // The conductor writes the fault a moment after the states; but where the scheduler finds a host, the record names it.
  const bool nowhere = server.fault.empty() && record.status == "error" && record.destination.empty();
  if (nowhere || (failed && is_no_valid_host(server))) return fail_attempt(pass, recovery, "no valid host: nova's scheduler finds none with room", Counts::kNo);
  const std::string fault = failed ? server.fault : fmt::format("nova's migration {} is {}, and the server is where it was", record.uuid.value, record.status);
  fail_attempt(pass, recovery, fault, Counts::kYes);
}

/// The newest record of this attempt: its own, or a later one that a person asked for.
const nova::Migration* record_of(const Pass& pass, const api::InstanceRecovery& recovery, const Evacuations& records) {
  if (records.running != nullptr) return records.running;
  if (records.newest == nullptr) return nullptr;
  const bool own = records.newest->uuid == recovery.migration_id || is_newer_than(pass.view, *records.newest, recovery.migration_id);
  return own ? records.newest : nullptr;
}

/// Nova says `done` only after the server is on its new host (nova/compute/manager.py, rebuild_instance), and a nova-compute that starts completes
/// whatever evacuation from it nobody ended. So a record that is final, and a server read after it that is still there, are an attempt that failed.
bool ended_without_success(const Pass& pass, const nova::Migration& record) { return is_over(pass.view, record); }

void note_progress(Pass& pass, api::InstanceRecovery recovery, const nova::Migration& record) {
  recovery.migration_id = record.uuid;
  if (!record.destination.empty()) recovery.to = name_of(pass.view, record.destination);
  pass.status().recovery = std::move(recovery);
}

}  // namespace

void follow(Pass& pass) {
  const InstanceView& view = pass.view;
  const api::InstanceRecovery recovery = *pass.stored().recovery;
  const NovaHost from = host_named(view, recovery.from);
  pass.out.wake(view.now + kFollowEvery);
  if (!is_fresh(view.server, kFollowEvery, view.now)) pass.read_server();
  const nova::Migration* record = record_of(pass, recovery, evacuations_from(view, from));
  const bool ended = record != nullptr && ended_without_success(pass, *record);
  if (!ended && !is_fresh(view.migrations, kFollowEvery, view.now)) pass.read_migrations(from);
  if (record == nullptr) return;
  note_progress(pass, recovery, *record);
  if (!ended) return;
  // Nova ends the record before the server's task. So the server counts only if it was read after the record.
  if (!is_current(view.server, view.migrations->at, view.now)) return pass.read_server();
  if (!has_live_task(view, from)) give_up_attempt(pass, *pass.status().recovery, *record);
}

}  // namespace vmha::protectedinstance
