#include <gtest/gtest.h>

#include <cstdlib>

#include "base/rng.h"
#include "reconcilers/protectedinstance/testing.h"

/// Random views, near enough to the one in which an evacuation is right that many of them lead to it. What view.h guarantees is checked from the
/// view alone, by other code than the decision's.
namespace vmha::protectedinstance::testing {
namespace {

using api::RecoveryStep;

class Dice {
 public:
  explicit Dice(std::uint64_t seed) : rng_(seed) {}
  bool rarely() { return rng_.chance(30); }
  Duration age() { return milliseconds(static_cast<std::int64_t>(rng_.chance(30) ? rng_.below(30'000) : rng_.below(3000))); }
  template <class T>
  T one_of(std::initializer_list<T> options) {
    return *(options.begin() + static_cast<std::ptrdiff_t>(rng_.below(options.size())));
  }
  std::uint64_t below(std::uint64_t bound) { return rng_.below(bound); }

 private:
  Rng rng_;
};

void roll_status(Dice& dice, Scene& scene) {
  using enum RecoveryStep;
  auto& recovery = *scene.object.status.recovery;
  if (dice.rarely()) recovery.phase = dice.one_of({kIntended, kRequested, kMoved, kAttested, kSkipped, kFailed});
  if (dice.rarely()) recovery.fence_id = FenceId{"compute-1-bbbbb"};
  if (dice.rarely()) scene.object.status.phase = api::InstancePhase::kWaiting;
  if (dice.rarely()) recovery.original_state = dice.one_of<const char*>({"stopped", "error", ""});
  if (dice.rarely()) recovery.migration_id = MigrationUuid{"migration-12"};
  if (dice.rarely()) recovery.from = "compute-9";
  if (dice.rarely()) scene.object.status.recovery.reset();
  if (dice.rarely()) scene.rest.intent_since.reset();
  if (dice.rarely()) scene.rest.intent_since = scene.now - dice.age();
  if (dice.rarely()) scene.rest.leading_since = scene.now - dice.age();
  if (dice.rarely()) {
    const int failures = static_cast<int>(dice.below(3));
    scene.rest.lanes["nova"] = {.finished = scene.now - dice.age(), .failures_in_a_row = failures, .error = "x", .operation = dice.one_of<const char*>({"Evacuate", "LockServer"})};
  }
}

void roll_fence(Dice& dice, Scene& scene) {
  auto& fence = scene.rest.fence;
  if (dice.rarely()) fence->power_proven = false;
  if (dice.rarely()) fence->storage_proven = false;
  if (dice.rarely()) fence->requirement_met = false;
  if (dice.rarely()) fence->service_forced_down = false;
  if (dice.rarely()) fence->addresses.clear();
  if (dice.rarely()) fence->host = kTo;
  if (dice.rarely()) fence.reset();
  if (dice.rarely()) scene.host_facts(2).fence_standing = true;
  if (dice.rarely()) scene.host_facts(2).fence = fence_of(2, FenceId{"compute-2-ccccc"});
  if (dice.rarely() && scene.host_facts(2).fence) scene.host_facts(2).fence->power_proven = false;
}

void roll_world(Dice& dice, Scene& scene) {
  nova::Server& server = scene.server->value;
  if (dice.rarely()) server.host = dice.one_of({kTo, NovaHost{}});
  if (dice.rarely()) server.task_state = dice.one_of<const char*>({"rebuilding", "rebuild_spawning", "powering-off", "migrating", "resize_prep", "deleting"});
  if (dice.rarely()) server.vm_state = dice.one_of<const char*>({"stopped", "error", "paused", "resized"});
  if (dice.rarely()) server.volumes = {"vol-1"};
  if (dice.rarely()) server.locked = false;
  while (dice.below(5) == 0) {
    nova::Migration record = evacuation(static_cast<std::int64_t>(dice.below(20)), dice.one_of<const char*>({"accepted", "pre-migrating", "done", "error", "failed", "completed"}),
                                        dice.one_of<const char*>({"", "compute-2.example", "compute-3.example"}));
    if (dice.below(3) == 0) {
      record.type = "live-migration";
      record.status = dice.one_of<const char*>({"running", "preparing", "accepted", "failed"});
      if (dice.below(2) == 0) server.task_state = "migrating";
    }
    if (dice.rarely()) record.source = kTo;
    scene.migrations->value.push_back(record);
  }
  auto& disk = scene.disks->value[0];
  while (dice.below(8) == 0) disk.watchers.push_back(watcher(dice.one_of<const char*>({"10.77.0.11", "10.77.0.12", "192.0.2.9"})));
  if (dice.rarely()) disk.read = false;
  if (dice.rarely()) disk.found = false;
  if (dice.rarely()) scene.object.status.disks = {{.image = disk.image, .watchers = {"192.0.2.9:0/7", "10.77.0.12:0/7"}, .lock_owner = {}}};
}

void roll_rest(Dice& dice, Scene& scene) {
  scene.server->at = scene.now - dice.age();
  scene.migrations->at = scene.now - dice.age();
  scene.disks->at = scene.now - dice.age();
  if (dice.rarely()) scene.server.reset();
  if (dice.rarely()) scene.migrations.reset();
  if (dice.rarely()) scene.disks.reset();
  if (dice.rarely()) scene.rest.server_gone = true;
  if (dice.rarely()) scene.rest.nova_busy = true;
  if (dice.rarely()) scene.rest.paused = true;
  if (dice.rarely()) scene.rest.maintenance = true;
  if (dice.rarely()) scene.rest.duplicate = true;
  if (dice.rarely()) scene.has_policy = false;
  if (dice.rarely()) scene.policy.spec.mode = api::PolicyMode::kDryRun;
  if (dice.rarely()) scene.object.spec.recovery.on_host_failure = api::HostFailureAction::kLeave;
  if (dice.rarely()) scene.rest.may_start = false;
  if (dice.rarely()) scene.host_facts(3).healthy = false;
}

const FenceInForce* fence_at(const InstanceView& view, const NovaHost& host) {
  for (const HostFacts& facts : view.hosts) {
    if (facts.host == host && facts.fence) return &*facts.fence;
  }
  return nullptr;
}

bool is_healthy(const InstanceView& view, const NovaHost& host) {
  return std::ranges::any_of(view.hosts, [&](const HostFacts& facts) { return facts.host == host && facts.healthy && !facts.fence_standing; });
}

/// A later record of it went well: nova was not at it any more then.
bool is_history(const InstanceView& view, const nova::Migration& record) {
  return std::ranges::any_of(view.migrations->value, [&](const nova::Migration& later) {
    return later.id > record.id && (later.status == "done" || later.status == "completed");
  });
}

void check_intent(const InstanceView& view) {
  const auto& recovery = view.object->status.recovery;
  ASSERT_TRUE(recovery.has_value());
  EXPECT_TRUE(recovery->phase == RecoveryStep::kLocked || recovery->phase == RecoveryStep::kIntended);
  EXPECT_FALSE(recovery->phase == RecoveryStep::kIntended && view.object->status.phase == api::InstancePhase::kWaiting);
  ASSERT_TRUE(view.fence.has_value());
  EXPECT_EQ(recovery->fence_id, view.fence->id);
  EXPECT_TRUE(view.fence->requirement_met && view.fence->service_forced_down);
  EXPECT_TRUE(view.fence->power_proven || view.fence->storage_proven);
  EXPECT_FALSE(view.nova_busy || view.paused || view.maintenance || view.duplicate || view.server_gone);
}

void check_readings(const InstanceView& view) {
  ASSERT_TRUE(view.intent_since && view.server && view.migrations && view.disks);
  for (const Instant at : {view.server->at, view.migrations->at, view.disks->at}) {
    EXPECT_GE(at, *view.intent_since);
    EXPECT_LE(view.now - at, seconds(5));
  }
}

/// Migrations that end by the fence of their destination, whose disks' writers that fence has to cover as well.
void check_world(const InstanceView& view) {
  std::set<Address> fenced = view.fence->addresses;
  bool power = view.fence->power_proven;
  bool left_behind = false;
  for (const nova::Migration& record : view.migrations->value) {
    if (nova::is_final(record)) continue;
    left_behind = true;
    if (record.id <= 12 && view.object->status.recovery->migration_id.value == "migration-12" && record.type == "evacuation" && record.source == kFrom) continue;
    const FenceInForce* destination = fence_at(view, record.destination);
    if (record.type == "live-migration") {
      if (is_history(view, record)) continue;
      const FenceInForce* source = record.source == view.fence->host ? &*view.fence : fence_at(view, record.source);
      if (record.destination == view.fence->host) destination = &*view.fence;
      ASSERT_NE(source, nullptr) << "whoever drives it is not even fenced";
      EXPECT_TRUE(source->power_proven) << "a storage fence does not keep a guest from being handed over";
      if (destination == nullptr || !destination->requirement_met) {
        EXPECT_TRUE(record.destination.empty() || is_healthy(view, record.destination)) << "a guest there could not be seen";
      }
      if (destination != nullptr && destination->requirement_met) fenced.insert(destination->addresses.begin(), destination->addresses.end());
      continue;
    }
    ASSERT_NE(destination, nullptr) << record.status << " to " << record.destination.value;
    EXPECT_EQ(record.type, "evacuation");
    fenced.insert(destination->addresses.begin(), destination->addresses.end());
    power = power && destination->power_proven;
  }
  const nova::Server& server = view.server->value;
  EXPECT_EQ(server.host, view.fence->host);
  const bool host_alone_could = view.fence->power_proven && server.task_state == "powering-off";
  EXPECT_TRUE(left_behind || host_alone_could || server.task_state.empty()) << server.task_state;
  EXPECT_TRUE(server.task_state != "resize_prep" && server.task_state != "deleting");
  bool covered = server.volumes.empty();
  for (const ceph::ImageWatch& disk : view.disks->value) {
    EXPECT_TRUE(!disk.found || disk.read);
    for (const ceph::Watcher& each : disk.watchers) {
      const bool recorded = !view.object->status.disks.empty() && each.address.value == "192.0.2.9";
      EXPECT_TRUE(fenced.contains(each.address) || recorded) << each.address.value;
    }
    if (!disk.found) covered = false;
  }
  EXPECT_TRUE(covered || power);
}

TEST(PropertyTest, WheneverAnEvacuationIsWishedAllGuaranteesHold) {
  constexpr std::uint64_t kRounds = 200'000;
  int wishes = 0;
  for (std::uint64_t seed = 1; seed <= kRounds && !HasFailure(); ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Dice dice(seed);
    Scene scene;
    scene.ready_to_ask();
    scene.rest.intent_since = scene.now - seconds(3);
    roll_world(dice, scene);
    roll_fence(dice, scene);
    roll_status(dice, scene);
    roll_rest(dice, scene);
    const InstanceDecision decision = scene.decided();
    if (wished<Evacuate>(decision) == nullptr) continue;
    ++wishes;
    const InstanceView view = scene.view();
    check_intent(view);
    if (HasFatalFailure()) return;
    check_readings(view);
    if (HasFatalFailure()) return;
    check_world(view);
    EXPECT_EQ(decision.status.recovery->phase, scene.object.status.recovery->phase) << "an act never goes with a change of its intent";
  }
  EXPECT_GT(wishes, 1000) << "else this test says nothing";
}

TEST(PropertyTest, EveryDecisionIsStableOnceItIsStored) {
  // Two passes on one view: the second one changes at most what follows from the first one's intent, the third one nothing the second did not want.
  for (std::uint64_t seed = 1; seed <= 20'000; ++seed) {
    Dice dice(seed);
    Scene scene;
    scene.ready_to_ask();
    roll_world(dice, scene);
    roll_fence(dice, scene);
    roll_status(dice, scene);
    int changes = 0;
    for (int pass = 0; pass < 12; ++pass) {
      const InstanceDecision decision = scene.decided();
      if (!(decision.status == scene.object.status)) ++changes;
      scene.store(decision);
    }
    EXPECT_LE(changes, 6) << "seed " << seed << ": " << scene.object.status.recovery->message;
  }
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
