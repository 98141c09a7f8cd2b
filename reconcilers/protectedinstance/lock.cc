#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/pass.h"

/// The lock's end: whatever became of the recovery, the tenant gets the server back.
namespace vmha::protectedinstance {
namespace {

/// Our own unlock succeeded, and the server was not read since.
bool was_unlocked_after(const Pass& pass, Instant read_at) {
  const auto found = pass.view.lanes.find("nova");
  return found != pass.view.lanes.end() && found->second.failures_in_a_row == 0 && found->second.operation == vmha::name_of(Operation{UnlockServer{}}) &&
         found->second.finished >= read_at;
}

}  // namespace

void release_lock(Pass& pass) {
  auto& recovery = pass.status().recovery;
  if (!pass.view.server || (recovery && is_unfinished(*recovery))) return;
  const bool said = recovery && recovery->locked;
  const nova::Server& server = pass.server();
  // Below microversion 2.73 nova does not say whose lock it is; then what status says decides.
  const bool ours = is_locked_by_vmha(server) || (said && server.locked && server.locked_reason.empty());
  if (!ours) {
    if (said) recovery->locked = false;
    return;
  }
  if (was_unlocked_after(pass, pass.view.server->at)) return pass.read_server();
  pass.act(UnlockServer{server.id});
  pass.out.wake(pass.view.now + kFollowEvery);
}

}  // namespace vmha::protectedinstance
