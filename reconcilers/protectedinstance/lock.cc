#include "reconcilers/protectedinstance/facts.h"
#include "reconcilers/protectedinstance/pass.h"

/// The lock's end: whatever became of the recovery, the tenant gets the server back.
namespace vmha::protectedinstance {

void release_lock(Pass& pass) {
  auto& recovery = pass.status().recovery;
  if (!pass.view.server || (recovery && is_unfinished(*recovery))) return;
  const bool said = recovery && recovery->locked;
  const nova::Server& server = pass.server();
  // Below microversion 2.73 nova does not say whose lock it is; then what status says decides.
  const bool ours = is_locked_by_vmha(server) || (said && server.locked && server.locked_reason.empty());
  if (!ours && !said) return;
  if (!recovery && !server.task_state.empty()) return;  // status was lost in the middle of a recovery: nova may still be at it
  if (pass.acted_since_read()) return pass.read_server();
  if (!ours) {
    recovery->locked = false;
    return;
  }
  pass.act(UnlockServer{server.id});
  pass.out.wake(pass.view.now + kFollowEvery);
}

}  // namespace vmha::protectedinstance
