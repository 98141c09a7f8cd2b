// Power controllers as the engine sees them: whose they are, and how old their answers.
#include <gtest/gtest.h>

#include "api/conditions.h"
#include "engine/world_for_tests.h"

namespace vmha::testing {
namespace {

api::PowerDevice ipmi(const std::string& endpoint) {
  api::PowerDevice device;
  device.name = "bmc";
  device.type = api::DeviceType::kIpmi;
  device.ipmi = api::IpmiAccess{endpoint, {"bmc"}};
  return device;
}

api::PowerDevice outlet(const std::string& plug, const std::string& wait = "0") {
  api::PowerDevice device;
  device.name = "pdu";
  device.type = api::DeviceType::kFenceAgent;
  device.fence_agent = api::FenceAgentAccess{"fence_apc", {{"ip", "10.0.0.9"}, {"plug", plug}, {"power_wait", wait}}, api::SecretRef{"pdu-" + wait}};
  return device;
}

api::PowerDevice metal(const std::string& name) {
  api::PowerDevice device;
  device.name = "metal";
  device.type = api::DeviceType::kBareMetalHost;
  device.bare_metal_host = api::BareMetalHostRef{name, "metal3"};
  return device;
}

/// Are two ComputeNodes with these devices in conflict?
bool conflict(const api::PowerDevice& one, const api::PowerDevice& other) {
  HandWorld world;
  world.lead();
  for (const auto& [name, device] : {std::pair{"compute-1", one}, std::pair{"compute-2", other}}) {
    api::ComputeNode object = node(name);
    object.spec.fencing.devices = {device};
    world.post(NodeChanged{object});
  }
  world.store_node("compute-1", 8);  // what was decided before it knew of the other one
  world.pass(seconds(2));
  const Effect* write = world.find<WriteNodeStatus>("cn/compute-2/");
  if (write == nullptr) return false;
  const auto* condition = api::find_condition(std::get<WriteNodeStatus>(write->operation).object.status.conditions, api::condition::kConflict);
  return condition != nullptr && condition->status == api::ConditionStatus::kTrue;
}

TEST(PowerConflictTest, TwoHostsBehindOneControllerOfAnyTypeAreInConflict) {
  EXPECT_TRUE(conflict(ipmi("10.0.0.1:623"), ipmi("10.0.0.1:623")));
  EXPECT_TRUE(conflict(outlet("7"), outlet("7")));
  EXPECT_TRUE(conflict(outlet("7", "1"), outlet("7", "5"))) << "how long it waits does not make it another outlet";
  EXPECT_TRUE(conflict(metal("worker-1"), metal("worker-1")));
}

TEST(PowerConflictTest, TwoControllersAreNotInConflict) {
  EXPECT_FALSE(conflict(ipmi("10.0.0.1:623"), ipmi("10.0.0.2:623")));
  EXPECT_FALSE(conflict(outlet("7"), outlet("8"))) << "two outlets of one switch";
  EXPECT_FALSE(conflict(metal("worker-1"), metal("worker-2")));
  EXPECT_FALSE(conflict(ipmi("10.0.0.1:623"), outlet("7")));
}

/// A host whose fence works on its power controller, which takes `answer_time` for everything and is off once it was asked. When is it proven?
std::optional<Duration> proven_after(Duration answer_time, Duration patience) {
  HandWorld world;
  world.lead();
  api::ComputeNode object = fencing_node("compute-1");
  object.spec.fencing.devices = {ipmi("10.0.0.1:623")};
  api::DeviceStatus known;
  known.name = "bmc";
  known.seen_on = known.ready = true;
  object.status.devices = {known};
  object.status.fence->power.state = api::ProofState::kRequested;
  object.status.fence->storage.state = api::ProofState::kSkipped;
  world.post(NodeChanged{object});
  int version = 2;
  bool off = false;
  std::map<std::uint64_t, Instant> due;
  for (const Instant start = world.now; world.now - start < patience; world.pass(kTickEvery)) {
    // One entry of the fence is listed: it is really in force, so that this process goes on with it.
    world.answer<ReadBlocklist>(Answer(std::vector<ceph::BlocklistEntry>{{Address{"10.77.0.1"}, 0, "", "", 400'000'000}}));
    if (const Effect* write = world.find<WriteNodeStatus>("cn/compute-1/"); write != nullptr) {
      const api::ComputeNode stored = world.store_node("compute-1", version++);
      if (stored.status.fence->power.state == api::ProofState::kProven) return world.now - start;
    }
    for (const Effect& effect : std::vector<Effect>(world.open)) {
      const bool reads = std::holds_alternative<ReadPower>(effect.operation);
      if (!reads && !std::holds_alternative<PowerOff>(effect.operation)) continue;
      const Instant asked = due.emplace(effect.id, world.now + answer_time).first->second - answer_time;
      if (world.now < asked + answer_time) continue;
      std::erase_if(world.open, [&](const Effect& e) { return e.id == effect.id; });
      const power::Reading reading{off ? power::State::kOff : power::State::kOn, "", ""};
      if (!reads) off = true;
      world.post(EffectDone{effect.id, asked, reads ? Answer(reading) : Answer(Done{}), world.now});
    }
  }
  return std::nullopt;
}

TEST(SlowControllerTest, AnHonestControllerProvesOffHoweverSlowItIsUpToTenSecondsAnAnswer) {
  constexpr Duration kSlack = seconds(2);  // Off has to hold 5 s after an order; readings leave every half second
  for (const Duration answer : {milliseconds(100), milliseconds(3'000), milliseconds(8'000), milliseconds(9'900)}) {
    const auto took = proven_after(answer, seconds(180));
    ASSERT_TRUE(took) << std::chrono::duration_cast<milliseconds>(answer).count() << " ms an answer";
    EXPECT_LE(*took, seconds(5) + kSlack + 6 * answer) << std::chrono::duration_cast<milliseconds>(answer).count() << " ms an answer";
  }
}

}  // namespace
}  // namespace vmha::testing
