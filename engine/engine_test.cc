#include "engine/engine.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "engine/world_for_tests.h"

namespace vmha::testing {
namespace {

// ---- One effect a key

TEST(EngineTest, AtMostOneEffectIsInFlightForAKey) {
  HandWorld world;
  world.lead();
  for (int i = 1; i <= 3; ++i) world.post(NodeChanged{i == 1 ? fencing_node("compute-1") : node("compute-" + std::to_string(i))});
  for (int step = 0; step < 300; ++step) {
    world.pass(kTickEvery);
    if (step % 7 == 0) world.answer<ReadServices>(Answer(std::vector{service("compute-1"), service("compute-2"), service("compute-3")}));
    std::set<std::string> keys;
    for (const Effect& effect : world.open) EXPECT_TRUE(keys.insert(effect.key).second) << effect.key;
  }
  EXPECT_GT(world.started.size(), 20U);
}

TEST(EngineTest, ReadsThatSeveralAskForAreMadeOnce) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{fencing_node("compute-1")});
  world.post(NodeChanged{fencing_node("compute-2")});
  world.pass(seconds(20));
  EXPECT_EQ(world.count<ReadBlocklist>(), 1U) << "no answer yet: both fences wait for the same one";
  EXPECT_EQ(world.count<ReadServices>(), 1U);
}

TEST(EngineTest, DoubledAndUnknownAnswersChangeNothing) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{node("compute-1")});
  const auto id = world.find<ReadServices>()->id;
  world.answer(id, Answer(std::vector{service("compute-1")}));
  const auto in_flight = world.engine.snapshot(world.now).effects_in_flight;
  world.post(EffectDone{id, world.now, fail(ErrorKind::kTimeout, "late")});
  world.post(EffectDone{999'999, world.now, Answer(std::vector{service("compute-2")})});
  EXPECT_EQ(world.engine.snapshot(world.now).effects_in_flight, in_flight);
  EXPECT_EQ(world.count<CreateNode>(), 0U) << "compute-2 was named only by an answer that nobody asked for";
}

TEST(EngineTest, AnAnswerOfAnotherKindIsAFailureAndNoCrash) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{fencing_node("compute-1")});
  for (int step = 0; step < 50; ++step) {
    const std::vector<Effect> open = world.open;
    for (const Effect& effect : open) world.answer(effect.id, Answer(power::Reading{}));
    world.pass(kTickEvery);
  }
  EXPECT_EQ(world.count<SetForcedDown>(), 0U);
  EXPECT_EQ(world.count<ProveBlocklist>(), 0U);
}

// ---- Status that has lost a fence

TEST(EngineTest, AnEntryOfAKnownHostWithoutAFenceIsAdopted) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{node("compute-1")});
  world.answer<ReadServices>(Answer(std::vector{service("compute-1")}));
  world.answer<ReadClusterAddresses>(Answer(std::vector<Address>{Address{"10.77.9.9"}}));
  ASSERT_NE(world.find<ReadBlocklist>(), nullptr) << "it is looked at also while no fence stands";
  int version = 2;
  std::optional<api::Fence> fence;
  for (int step = 0; step < 50 && !fence; ++step) {
    world.answer<ReadBlocklist>(Answer(std::vector<ceph::BlocklistEntry>{{Address{"10.77.0.1"}, 0, "", "", 100'000'000}}));
    if (world.find<WriteNodeStatus>("cn/compute-1/") != nullptr) fence = world.store_node("compute-1", version++).status.fence;
    world.pass(kTickEvery);
  }
  ASSERT_TRUE(fence);
  EXPECT_TRUE(fence->adopted);
  world.pass(seconds(2));
  EXPECT_EQ(world.acts(), 0U) << "nobody judged this host";
  EXPECT_EQ(world.engine.snapshot(world.now).blocklist_entries.at("fence"), 1);
}

TEST(EngineTest, ALostSweepIsNotWaitedForLong) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{node("compute-1")});
  world.answer<ReadServices>(Answer(std::vector{service("compute-1")}));
  world.pass(seconds(1));
  ASSERT_TRUE(world.answer<ReadAllServers>(Answer(std::vector{server("server-1")})));
  world.pass(seconds(1));
  const auto sweep = std::ranges::find_if(world.open, [](const Effect& e) { return e.key == "/sweep/compute-1"; });
  ASSERT_NE(sweep, world.open.end());
  EXPECT_LT(sweep->deadline - world.now, seconds(8));
}

// ---- Who may act, and when

TEST(EngineTest, NothingIsDoneWithoutLeadershipOrBeforeTheCachesAreSynced) {
  for (const bool leads : {false, true}) {
    HandWorld world;
    world.post(PolicyChanged{policy()});
    world.post(NodeChanged{fencing_node("compute-1")});
    if (leads) world.post(LeadershipGained{"vmha-0/7", false});
    else world.post(CachesSynced{});
    world.pass(seconds(20));
    EXPECT_TRUE(world.started.empty());
    if (leads) world.post(CachesSynced{});
    else world.post(LeadershipGained{"vmha-0/7", false});
    EXPECT_FALSE(world.started.empty());
  }
}

TEST(EngineTest, ATakenOverLeadershipWaitsBeforeItsFirstActAndReadsMeanwhile) {
  for (const bool taken_over : {false, true}) {
    HandWorld world;
    world.post(NodeChanged{fencing_node("compute-1")});
    world.lead(taken_over);
    const Instant led = world.now;
    for (int step = 0; step < 120 && world.acts() == 0; ++step) {
      world.answer<WriteNodeStatus>(fail(ErrorKind::kConflict, "the object has been modified"));
      if (const Effect* write = world.find<WriteNodeStatus>("cn/compute-1/")) world.answer(write->id, fail(ErrorKind::kConflict, "modified"));
      world.answer<ReadClusterAddresses>(Answer(std::vector<Address>{}));
      world.answer<ReadBlocklist>(Answer(std::vector<ceph::BlocklistEntry>{{Address{"10.77.0.1"}, 0, "", "", 1'000'000'000}}));
      world.pass(kTickEvery);
      if (const Effect* write = world.find<WriteNodeStatus>("cn/compute-1/")) {
        auto stored = std::get<WriteNodeStatus>(write->operation).object;
        stored.metadata.resource_version = std::to_string(10 + step);
        world.answer(write->id, Answer(stored));
      }
    }
    ASSERT_GT(world.acts(), 0U);
    EXPECT_EQ(world.now - led >= kNewLeaderWait, taken_over);
    EXPECT_GT(world.count<ReadBlocklist>(), 0U);
  }
}

TEST(EngineTest, LostLeadershipStopsEverythingForGood) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{fencing_node("compute-1")});
  world.pass(seconds(1));
  world.post(LeadershipLost{});
  const std::size_t before = world.started.size();
  while (!world.open.empty()) {
    const Effect effect = world.open.front();
    if (std::holds_alternative<ReadServices>(effect.operation)) world.answer(effect.id, Answer(std::vector{service("compute-9")}));
    else if (const auto* write = std::get_if<WriteNodeStatus>(&effect.operation)) world.answer(effect.id, Answer(write->object));
    else world.answer(effect.id, fail(ErrorKind::kTimeout, "x"));
  }
  world.post(LeadershipGained{"vmha-0/8", false});
  world.pass(seconds(30));
  EXPECT_EQ(world.started.size(), before);
  EXPECT_FALSE(world.engine.snapshot(world.now).leading);
}

// ---- Intent, then act

TEST(EngineTest, NoActLeavesWhileAStatusWriteIsInFlight) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{fencing_node("compute-1")});
  ASSERT_NE(world.find<WriteNodeStatus>("cn/compute-1/"), nullptr);
  for (int step = 0; step < 100; ++step) {
    world.answer<ReadClusterAddresses>(Answer(std::vector<Address>{}));
    world.answer<ReadBlocklist>(Answer(std::vector<ceph::BlocklistEntry>{{Address{"10.77.0.1"}, 0, "", "", 400'000'000}}));
    world.pass(kTickEvery);
    ASSERT_EQ(world.acts(), 0U);
  }
  int version = 2;
  for (int step = 0; step < 100 && world.acts() == 0; ++step) {
    if (world.find<WriteNodeStatus>("cn/compute-1/") != nullptr) world.store_node("compute-1", version++);
    world.answer<ReadBlocklist>(Answer(std::vector<ceph::BlocklistEntry>{{Address{"10.77.0.1"}, 0, "", "", 400'000'000}}));
    world.pass(kTickEvery);
  }
  EXPECT_GT(world.acts(), 0U) << "and once it is stored, it goes on";
}

TEST(EngineTest, AConflictLeadsToAnotherLookAtTheNewerObject) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{node("compute-1", 5)});
  const Effect* write = world.find<WriteNodeStatus>("cn/compute-1/");
  ASSERT_NE(write, nullptr);
  EXPECT_EQ(std::get<WriteNodeStatus>(write->operation).object.metadata.resource_version, "5");
  world.answer(write->id, fail(ErrorKind::kConflict, "the object has been modified"));
  EXPECT_EQ(world.find<WriteNodeStatus>("cn/compute-1/"), nullptr) << "the watch needs a moment";
  world.post(NodeChanged{node("compute-1", 9)});
  world.pass(seconds(1));
  write = world.find<WriteNodeStatus>("cn/compute-1/");
  ASSERT_NE(write, nullptr);
  EXPECT_EQ(std::get<WriteNodeStatus>(write->operation).object.metadata.resource_version, "9");
}

TEST(EngineTest, AnOlderWatchEventNeverOverwritesANewerOwnWrite) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{node("compute-1", 5)});
  world.store_node("compute-1", 8);
  api::ComputeNode older = node("compute-1", 7);
  older.spec.maintenance = true;
  world.post(NodeChanged{older});
  world.pass(seconds(1));
  EXPECT_EQ(world.find<WriteNodeStatus>("cn/compute-1/"), nullptr) << "what is stored is what is wanted: nothing to write";
}

TEST(EngineTest, AnAnswerDoesNotBringADeletedObjectBack) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{node("compute-1", 5)});
  world.post(NodeDeleted{NodeName{"compute-1"}});
  world.store_node("compute-1", 8);
  EXPECT_TRUE(world.engine.snapshot(world.now).verdicts.empty());
}

TEST(EngineTest, WhatAStatusMadeTrueIsToldOnceItIsStored) {
  HandWorld world;
  world.lead();
  api::ComputeNode lifting = fencing_node("compute-1");
  lifting.status.fence->state = api::FenceState::kHeld;
  lifting.status.fence->storage.state = api::ProofState::kPending;
  lifting.status.fence->power.state = api::ProofState::kPending;
  lifting.metadata.annotations[std::string(api::kFenceAnnotation)] = to_rfc3339(kWall);
  world.post(NodeChanged{lifting});
  ASSERT_NE(world.find<WriteNodeStatus>("cn/compute-1/"), nullptr);
  EXPECT_EQ(world.count<EmitEvent>(), 0U);
  world.store_node("compute-1", 2);
  EXPECT_GE(world.count<EmitEvent>(), 1U);
}

// ---- Order

TEST(EngineTest, AFenceNeverWaitsBehindAResync) {
  HandWorld world;
  world.lead();
  for (int i = 0; i < 2000; ++i) world.post(InstanceChanged{instance("a-" + std::to_string(i), "server-" + std::to_string(i))});
  std::vector<nova::Server> servers;
  for (int i = 0; i < 2000; ++i) servers.push_back(server("server-" + std::to_string(i), "compute-9"));
  world.answer<ReadServices>(Answer(std::vector{service("compute-1")}));
  world.pass(seconds(1));
  ASSERT_TRUE(world.answer<ReadAllServers>(Answer(servers)));
  ASSERT_GT(world.engine.snapshot(world.now).queue_depth, 500U) << "else this test says nothing";
  world.post(NodeChanged{fencing_node("compute-1")});
  EXPECT_NE(world.find<WriteNodeStatus>("cn/compute-1/"), nullptr) << "looked at in the very call that brought it";
}

// ---- Discovery

TEST(DiscoveryTest, CreationsAreBoundedAndNeverDoubled) {
  HandWorld world;
  world.lead();
  std::vector<nova::Service> services;
  for (int i = 0; i < 120; ++i) services.push_back(service("compute-" + std::to_string(i)));
  ASSERT_TRUE(world.answer<ReadServices>(Answer(services)));
  EXPECT_EQ(world.count<CreateNode>(), 50U);
  for (int round = 0; round < 5; ++round) {
    world.pass(seconds(2));
    world.answer<ReadServices>(Answer(services));
  }
  EXPECT_EQ(world.count<CreateNode>(), 120U);
}

TEST(DiscoveryTest, NothingIsCreatedOrDeletedWhilePausedOrManual) {
  for (const bool paused : {false, true}) {
    HandWorld world;
    api::HAPolicy object = policy();
    object.metadata.resource_version = "2";
    object.spec.paused = paused;
    if (!paused) object.spec.discovery = {api::DiscoveryMode::kManual, api::DiscoveryMode::kManual, {}};
    world.lead();
    world.post(PolicyChanged{object});
    api::ComputeNode gone = node("compute-2");
    gone.metadata.labels[std::string(api::kDiscoveredLabel)] = "true";
    world.post(NodeChanged{gone});
    api::ProtectedInstance gone_instance = instance("db-0", "server-0");
    gone_instance.metadata.labels[std::string(api::kDiscoveredLabel)] = "true";
    world.post(InstanceChanged{gone_instance});
    for (int round = 0; round < 200; ++round) {
      world.pass(seconds(1));
      world.answer<ReadServices>(Answer(std::vector{service("compute-1")}));
      world.answer<ReadAllServers>(Answer(std::vector{server("server-1")}));
    }
    EXPECT_EQ(world.count<CreateNode>() + world.count<CreateInstance>(), 0U);
    EXPECT_EQ(world.count<DeleteNode>() + world.count<DeleteInstance>(), 0U) << (paused ? "paused" : "manual");
  }
}

TEST(DiscoveryTest, AListThatCannotBeCompleteDeletesNobody) {
  nova::Service away = service("compute-1");
  away.state_known = false;
  for (const auto& list : {std::vector<nova::Service>{}, std::vector{away}}) {
    HandWorld world;
    world.lead();
    api::ComputeNode found = node("compute-3");
    found.metadata.labels[std::string(api::kDiscoveredLabel)] = "true";
    world.post(NodeChanged{found});
    api::ProtectedInstance of_it = instance("db-0", "server-0");
    of_it.metadata.labels[std::string(api::kDiscoveredLabel)] = "true";
    world.post(InstanceChanged{of_it});
    for (int round = 0; round < 100; ++round) {
      world.pass(seconds(1));
      world.answer<ReadServices>(Answer(list));
      world.answer<ReadAllServers>(Answer(std::vector<nova::Server>{}));
    }
    EXPECT_EQ(world.count<DeleteNode>() + world.count<DeleteInstance>(), 0U);
  }
}

TEST(DiscoveryTest, OnlyLabelledObjectsThatAreLongGoneAreDeletedAndNoneWithAFence) {
  HandWorld world;
  world.lead();
  const std::string label(api::kDiscoveredLabel);
  api::ComputeNode by_hand = node("compute-2");
  api::ComputeNode found = node("compute-3");
  found.metadata.labels[label] = "true";
  api::ComputeNode fenced = fencing_node("compute-4");
  fenced.metadata.labels[label] = "true";
  for (const auto& object : {by_hand, found, fenced}) world.post(NodeChanged{object});
  world.answer<ReadServices>(Answer(std::vector{service("compute-1")}));
  EXPECT_EQ(world.count<DeleteNode>(), 0U) << "one look is no look";
  for (int round = 0; round < 100; ++round) {
    world.pass(seconds(1));
    world.answer<ReadServices>(Answer(std::vector{service("compute-1")}));
  }
  std::set<std::string> deleted;
  for (const Effect& effect : world.started)
    if (const auto* op = std::get_if<DeleteNode>(&effect.operation)) deleted.insert(op->name.value + " " + op->uid);
  EXPECT_EQ(deleted, (std::set<std::string>{"compute-3 uid-compute-3"}));
}

}  // namespace
}  // namespace vmha::testing
