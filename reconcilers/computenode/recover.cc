// Nova is told, and the instances are followed; each ProtectedInstance recovers itself.
#include <fmt/core.h>

#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

constexpr Duration kServersReadEvery = seconds(5);
constexpr Duration kServiceReadEvery = seconds(2);  ///< its mark counts for kProofReadableWithin
constexpr Duration kMigrationsReadEvery = seconds(2);

/// forced_down first: disabling a service that still looks up is a call to the dead host (nova-facts.md, trap 2).
void tell_nova(Pass& pass, const api::Fence& fence, const FenceInForce& proof) {
  const NodeView& view = pass.view;
  if (!view.service) return;  // condition Ready says NovaServiceNotFound
  const auto last = view.lanes.find("nova");
  if (last != view.lanes.end() && !view.service->is_since(last->second.finished)) return pass.wish("services", kReadTimeout, ReadServices{});
  if (!proof.requirement_met || !pass.may_try("nova")) return;
  const nova::Service& service = view.service->value;
  if (!fence.nova_before && !fence_marked(service, NodeName{view.object->metadata.name})) {
    pass.out.status.fence->nova_before = nova_before(pass);  // nova was not readable when the fence was decided
    if (pass.out.status.fence->nova_before) return;          // what the return restores is stored first
  }
  if (!service.forced_down) return pass.wish("nova", kActTimeout, SetForcedDown{service.id, true});
  if (service.enabled || service.disabled_reason != disabled_reason(fence.id))
    pass.wish("nova", kDisableTimeout, DisableService{service.id, disabled_reason(fence.id)});
}

void begin(Pass& pass, const api::Fence& fence) {
  api::NodeRecovery recovery;
  recovery.fence_id = fence.id;
  recovery.started_time = pass.view.wall;
  pass.out.status.recovery = recovery;
  pass.announce(false, "ServiceForcedDown", "nova's service is forced down and disabled");
  pass.announce(false, "RecoveryStarted", fmt::format("fence {}", fence.id.value));
}

void follow(Pass& pass) {
  const NodeView& view = pass.view;
  pass.keep_fresh(view.servers, kServersReadEvery, "servers", ReadHostServers{view.object->nova_host()});
  pass.keep_fresh(view.migrations, kMigrationsReadEvery, "migrations", ReadMigrations{view.object->nova_host()});
  api::NodeRecovery& recovery = *pass.out.status.recovery;
  recovery.total = view.recovery.total;
  recovery.recovered = view.recovery.recovered;
  recovery.failed = view.recovery.failed;
  recovery.skipped = view.recovery.skipped;
  recovery.in_progress = view.recovery.in_progress;
  if (!view.recovery.none_left) recovery.finished_time.reset();  // a person asked for a retry, or a server turned up
  if (!view.recovery.all_known || !view.recovery.none_left || recovery.finished_time) return;
  recovery.finished_time = view.wall;
  pass.announce(recovery.failed > 0, "RecoveryFinished",
                fmt::format("{} of {} instances recovered, {} skipped, {} failed", recovery.recovered, recovery.total, recovery.skipped, recovery.failed));
}

}  // namespace

void recover(Pass& pass) {
  if (!pass.hands_off().empty()) return;
  const auto proof = fence_in_force(pass.view);
  if (!proof) return;
  const api::Fence& fence = *pass.stored().fence;
  pass.keep_fresh(pass.view.service, kServiceReadEvery, "services", ReadServices{});
  tell_nova(pass, fence, *proof);
  const bool begun = pass.stored().recovery && pass.stored().recovery->fence_id == fence.id;
  if (!begun && proof->service_forced_down && proof->requirement_met) begin(pass, fence);
  if (begun) follow(pass);
}

}  // namespace vmha::computenode
