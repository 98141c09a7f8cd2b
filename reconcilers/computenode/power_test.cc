// Power: which device is asked, what counts as proven off, and what takes it away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <tuple>

#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::FenceState;
using api::ProofState;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// ---- The right machine

struct DeviceCase {
  std::string name;
  std::function<void(Scene&)> make;
  bool powered_off;
};

class RightMachineTest : public ::testing::TestWithParam<DeviceCase> {};

TEST_P(RightMachineTest, PowerOffGoesOnlyToADeviceThatWasSeenOnAndShowsTheNodesSystem) {
  Scene scene;
  scene.fencing();
  GetParam().make(scene);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<PowerOff>(decision) != nullptr, GetParam().powered_off);
  if (!GetParam().powered_off) {
    EXPECT_FALSE(decision.status.fence->power.message.empty()) << "a person must see why";
  }
  scene.reads_off();
  EXPECT_EQ(live_proof(scene.view()).power, GetParam().powered_off) << "what may be another machine proves nothing by reading Off";
}

INSTANTIATE_TEST_SUITE_P(All, RightMachineTest,
                         ::testing::Values(DeviceCase{"as_it_should_be", [](Scene&) {}, true}, DeviceCase{"never_seen_on", [](Scene& s) { s.object.status.devices[0].seen_on = false; }, false},
                                           DeviceCase{"not_in_status", [](Scene& s) { s.object.status.devices.clear(); }, false},
                                           DeviceCase{"another_system_uuid_than_the_node", [](Scene& s) { s.rest.kubernetes_node->system_uuid = "uuid-2"; }, false},
                                           DeviceCase{"no_kubernetes_node", [](Scene& s) { s.rest.kubernetes_node.reset(); }, true},
                                           DeviceCase{"no_kubernetes_node_and_another_uuid_than_recorded",
                                                      [](Scene& s) {
                                                        s.rest.kubernetes_node.reset();
                                                        s.object.status.devices[0].system_uuid = "uuid-0";
                                                      },
                                                      false},
                                           DeviceCase{"node_without_uuid", [](Scene& s) { s.rest.kubernetes_node->system_uuid.clear(); }, true}),
                         [](const auto& of) { return of.param.name; });

TEST(RightMachineTest, TheRequestNamesTheSystemThatIsExpected) {
  struct Case {
    std::string of_node, of_device, expected;
  };
  for (const Case& c : {Case{"uuid-1", "uuid-1", "uuid-1"}, Case{"", "uuid-1", "uuid-1"}, Case{"uuid-1", "", ""}, Case{"", "", ""}}) {
    Scene scene;
    scene.fencing();
    scene.rest.kubernetes_node->system_uuid = c.of_node;
    scene.object.status.devices[0].system_uuid = c.of_device;
    scene.rest.devices["bmc"].last->value.system_uuid = c.of_device;
    const NodeDecision decision = scene.decided();
    const auto* off = wished<PowerOff>(decision);
    ASSERT_NE(off, nullptr);
    EXPECT_EQ(off->expected_uuid, c.expected) << "a device without a UUID cannot be compared";
  }
}

TEST(RightMachineTest, OneUuidInTwoByteOrdersIsOneMachine) {
  Scene scene;
  scene.fencing().reads_off();
  scene.rest.kubernetes_node->system_uuid = "44454c4c-5100-1036-8052-b7c04f4d3132";
  scene.rest.devices["bmc"].last->value.system_uuid = "4c4c4544-0051-3610-8052-b7c04f4d3132";
  EXPECT_TRUE(live_proof(scene.view()).power);
  scene.rest.devices["bmc"].last->value.system_uuid = "4c4c4544-0051-3610-8052-b7c04f4d3133";
  EXPECT_FALSE(live_proof(scene.view()).power);
}

TEST(RightMachineTest, ANewSystemUuidIsTakenOnlyFromTheHostItselfAndWhileItLives) {
  Scene scene;
  scene.rest.devices["bmc"].last->value.system_uuid = "uuid-9";
  EXPECT_EQ(scene.decided().status.devices[0].system_uuid, "uuid-1");
  scene.rest.kubernetes_node->system_uuid = "uuid-9";
  EXPECT_EQ(scene.decided().status.devices[0].system_uuid, "uuid-9") << "a new board";
  scene.judged(api::VerdictValue::kUnknown);
  EXPECT_EQ(scene.decided().status.devices[0].system_uuid, "uuid-1") << "a silent host's controller may have become another machine's";
}

TEST(RightMachineTest, ADeviceThatReadsOffWhileTheHostLivesIsNotBelievedUntilItReadsOn) {
  Scene scene;
  scene.reads_off().rest.judgement.wrong_device = true;
  scene.store(scene.decided());
  EXPECT_FALSE(scene.object.status.devices[0].seen_on);
  EXPECT_THAT(scene.object.status.devices[0].message, HasSubstr("WrongDevice"));
  EXPECT_EQ(api::find_condition(scene.object.status.conditions, api::condition::kFencingReady)->reason, "WrongDevice");
  scene.dead().reads_off();
  EXPECT_FALSE(scene.decided().status.devices[0].seen_on) << "nor once the host has fallen silent, too";
  scene.judged(api::VerdictValue::kHealthy).rest.devices["bmc"] = scene.on();
  EXPECT_TRUE(scene.decided().status.devices[0].seen_on);
}

// ---- Two readings of Off

struct OffCase {
  std::string name;
  Duration first, last;
  bool proven;
};

class OffTest : public ::testing::TestWithParam<OffCase> {};

TEST_P(OffTest, PowerIsProvenByTwoReadingsTwoSecondsApartTheLastOneRecent) {
  Scene scene;
  scene.fencing().reads_off("bmc", GetParam().first, GetParam().last);
  EXPECT_EQ(live_proof(scene.view()).power, GetParam().proven);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->power.state, GetParam().proven ? ProofState::kProven : ProofState::kRequested);
  EXPECT_EQ(decision.status.fence->host_fenced_time.has_value(), GetParam().proven);
  EXPECT_EQ(announced(decision, "PowerOffProven"), GetParam().proven ? 1 : 0);
  EXPECT_EQ(wished<PowerOff>(decision), nullptr) << "it reads Off: no need to ask";
}

INSTANTIATE_TEST_SUITE_P(All, OffTest,
                         ::testing::Values(OffCase{"one_reading", seconds(1), seconds(1), false}, OffCase{"too_close", milliseconds(2300), milliseconds(400), false},
                                           OffCase{"exactly_two_seconds", milliseconds(2400), milliseconds(400), true}, OffCase{"as_old_as_may_be", seconds(20), kProofReadableWithin, true},
                                           OffCase{"too_old", seconds(20), kProofReadableWithin + milliseconds(1), false}),
                         [](const auto& of) { return of.param.name; });

TEST(PowerTest, AllDevicesOfALevelMustReadOff) {
  Scene scene;
  scene.add_device(device("psu-b"));
  scene.fencing().reads_off();
  EXPECT_FALSE(live_proof(scene.view()).power);
  EXPECT_THAT(devices_wished<PowerOff>(scene.decided()), ElementsAre("psu-b"));
  scene.reads_off("psu-b", seconds(10));
  EXPECT_TRUE(live_proof(scene.view()).power);
  EXPECT_EQ(live_proof(scene.view()).power_since, scene.now - seconds(1)) << "proven when the later of the two was";
}

TEST(PowerTest, BothSuppliesMustReadOffAtTheSameTime) {
  Scene scene;
  scene.add_device(device("psu-b"));
  scene.fencing().reads_off("bmc", seconds(60), kProofReadableWithin + seconds(1)).reads_off("psu-b");
  EXPECT_FALSE(live_proof(scene.view()).power) << "the first was last read before the second was off: it may be on again";
  EXPECT_THAT(devices_wished<ReadPower>(scene.decided()), ::testing::Contains("bmc"));
  scene.reads_off().rest.devices["psu-b"] = scene.on();
  EXPECT_FALSE(live_proof(scene.view()).power) << "one supply is enough to run";
  scene.reads_off("psu-b");
  EXPECT_TRUE(live_proof(scene.view()).power);
}

TEST(PowerTest, ALevelOfTwoIsLeftForTheNextOneWhenOneOfThemCannotBeProven) {
  Scene scene;
  scene.add_device(device("psu-b"));
  scene.add_device(device("pdu", 2));
  scene.fencing().reads_off().begun(seconds(31)).rest.requested.erase("power/pdu");
  EXPECT_THAT(devices_wished<PowerOff>(scene.decided()), ElementsAre("pdu"));
  scene.reads_off("pdu");
  EXPECT_TRUE(live_proof(scene.view()).power);
}

// ---- A controller that needs 8 s for an answer

TEST(SlowControllerTest, OffIsProvenFromTheAnswerOnAndNotForLonger) {
  Scene scene;
  scene.fencing().reads_off("bmc", seconds(17), seconds(8));
  EXPECT_FALSE(live_proof(scene.view()).power) << "eight seconds old";
  scene.rest.devices["bmc"].last_took = seconds(8);
  EXPECT_TRUE(live_proof(scene.view()).power) << "just answered";
  scene.reads_off("bmc", seconds(30), seconds(8) + kProofReadableWithin + milliseconds(1));
  EXPECT_FALSE(live_proof(scene.view()).power);
}

TEST(SlowControllerTest, AnOrderThatTookLongIsFollowedByAReadingAndNotByItself) {
  Scene scene;
  scene.fencing();
  scene.rest.requested["power/bmc"] = scene.now - seconds(17);
  scene.rest.lanes["power/bmc"] = {.finished = scene.now, .failures_in_a_row = 0, .error = "", .operation = name_of(PowerOff{})};
  NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<PowerOff>(decision), nullptr);
  EXPECT_NE(wished<ReadPower>(decision), nullptr);
  scene.rest.lanes["power/bmc"].operation = name_of(ReadPower{});
  EXPECT_NE(wished<PowerOff>(decision = scene.decided()), nullptr) << "still on: asked again";
}

TEST(SlowControllerTest, PowerIsSwitchedOnAgainByAReadingThatWasJustAnswered) {
  Scene scene;
  scene.recovered().reads_off("bmc", seconds(60), seconds(8)).rest.devices["bmc"].last_took = seconds(8);
  const NodeDecision decision = scene.decided();
  const auto* on = wished<PowerOn>(decision);
  ASSERT_NE(on, nullptr);
  EXPECT_EQ(on->expected_uuid, "uuid-1");
}

// ---- An outlet, which has no system UUID

TEST(OutletTest, OnlyThatItWasSeenOnWhileTheHostLivedTiesItToTheHost) {
  api::PowerDevice outlet;
  outlet.name = "bmc";
  outlet.type = api::DeviceType::kFenceAgent;
  outlet.fence_agent = api::FenceAgentAccess{"fence_apc", {{"ip", "10.0.0.9"}, {"plug", "7"}}, std::nullopt};
  Scene scene;
  scene.object.spec.fencing.devices[0] = outlet;
  scene.object.status.devices[0] = api::DeviceStatus{};
  scene.object.status.devices[0].name = "bmc";
  scene.rest.devices["bmc"].last->value.system_uuid.clear();
  scene.judged(api::VerdictValue::kUnknown).store(scene.decided());
  EXPECT_FALSE(scene.object.status.devices[0].seen_on) << "On beside a silent host says nothing about whose outlet it is";
  scene.fencing().reads_off().rest.devices["bmc"].last->value.system_uuid.clear();
  EXPECT_FALSE(live_proof(scene.view()).power);
  EXPECT_THAT(devices_wished<PowerOff>(scene.decided()), IsEmpty());
  scene.object.status.devices[0].seen_on = true;
  EXPECT_TRUE(live_proof(scene.view()).power);
  scene.rest.devices["bmc"] = scene.on();
  scene.rest.devices["bmc"].last->value.system_uuid.clear();
  const NodeDecision decision = scene.decided();
  ASSERT_NE(wished<PowerOff>(decision), nullptr);
  EXPECT_EQ(wished<PowerOff>(decision)->expected_uuid, "") << "no agent could compare it";
}

TEST(DrillTest, WhatItFoundIsInStatus) {
  Scene scene;
  DeviceReadings& readings = scene.rest.devices["bmc"];
  readings.drill_note = "user vmha has a session that may switch power";
  readings.rights_known = true;
  api::DeviceStatus status = scene.decided().status.devices[0];
  EXPECT_TRUE(status.ready);
  EXPECT_TRUE(status.rights_known);
  EXPECT_EQ(status.message, readings.drill_note);
  readings.drill->value = "Forbidden: user vmha may not";
  status = scene.decided().status.devices[0];
  EXPECT_FALSE(status.ready);
  EXPECT_FALSE(status.rights_known);
  EXPECT_EQ(status.message, "Forbidden: user vmha may not");
}

TEST(DrillTest, TheFirstFailedReadingIsRepeatedSoonAndLaterOnesAreNot) {
  for (const auto& [failures, ago, again] : {std::tuple(1, 3, true), std::tuple(1, 1, false), std::tuple(2, 3, false), std::tuple(2, 21, true)}) {
    Scene scene;
    scene.rest.devices["bmc"].last->at = scene.now - seconds(60);
    scene.rest.lanes["power/bmc"] = {.finished = scene.now - seconds(ago), .failures_in_a_row = failures, .error = "x", .operation = "ReadPower"};
    const NodeDecision decision = scene.decided();
    EXPECT_EQ(wished<ReadPower>(decision) != nullptr, again) << failures << " failures, " << ago << " s ago";
  }
}

TEST(PowerTest, LevelsAreTriedOneAfterTheOtherTheLastOneForEver) {
  Scene scene;
  scene.add_device(device("pdu", 2));
  scene.fencing();
  for (const auto& [after, name] : {std::pair<int, std::string>{1, "bmc"}, {29, "bmc"}, {31, "pdu"}, {300, "pdu"}}) {
    scene.begun(seconds(after)).rest.requested.erase("power/" + name);
    EXPECT_THAT(devices_wished<PowerOff>(scene.decided()), ElementsAre(name)) << after << " s after the beginning";
  }
}

TEST(PowerTest, ALevelThatIsProvenIsNotLeftForTheNextOne) {
  Scene scene;
  scene.add_device(device("pdu", 2));
  scene.fencing().begun(seconds(45)).reads_off("bmc", seconds(40), seconds(1));
  const NodeDecision decision = scene.decided();
  EXPECT_THAT(devices_wished<PowerOff>(decision), IsEmpty());
  EXPECT_THAT(devices_wished<ReadPower>(decision), ElementsAre("bmc"));
}

TEST(PowerTest, AHigherLevelThatReadsOffProvesItToo) {
  Scene scene;
  scene.add_device(device("pdu", 2));
  scene.fencing().reads_off("pdu");
  EXPECT_TRUE(live_proof(scene.view()).power);
}

TEST(PowerTest, ARequestWithoutEffectIsRepeatedAndReadInBetween) {
  Scene scene;
  scene.fencing();
  scene.rest.requested["power/bmc"] = scene.now - seconds(2);
  NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<PowerOff>(decision), nullptr);
  EXPECT_NE(wished<ReadPower>(decision), nullptr);
  scene.rest.requested["power/bmc"] = scene.now - seconds(6);
  EXPECT_NE(wished<PowerOff>(decision = scene.decided()), nullptr);
}

TEST(PowerTest, ATimeoutIsSaidOnceAndTheFenceGoesOnTrying) {
  Scene scene;
  scene.fencing().begun(seconds(31));
  const NodeDecision first = scene.decided();
  EXPECT_EQ(first.status.fence->power.state, ProofState::kFailed);
  EXPECT_EQ(announced(first, "FenceFailed"), 1);
  scene.store(first);
  const NodeDecision second = scene.decided();
  EXPECT_EQ(announced(second, "FenceFailed"), 0);
  EXPECT_NE(wished<PowerOff>(second), nullptr);
  scene.reads_off();
  EXPECT_EQ(scene.decided().status.fence->power.state, ProofState::kProven) << "late is not never";
}

TEST(PowerTest, AnEditedDeviceStartsThePowerStepAnew) {
  Scene scene;
  scene.proven();
  scene.object.spec.fencing.devices[0].redfish->endpoint = "https://10.0.0.2";
  scene.rest.devices.clear();
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->power.state, ProofState::kRequested);
  EXPECT_EQ(decision.status.fence->power.device_hash, devices_hash(scene.object.spec));
  EXPECT_FALSE(decision.status.fence->power.proven_time);
}

TEST(PowerTest, EveryFieldThatSaysWhichMachineIsInTheHash) {
  const Scene scene;
  const auto becomes = [](auto member, auto value) {
    return [member, value](api::PowerDevice& d) {
      d.redfish.reset();
      d.*member = value;
    };
  };
  const std::function<void(api::PowerDevice&)> edits[] = {becomes(&api::PowerDevice::ipmi, api::IpmiAccess{"10.0.0.1:623", {"a"}}),
                                                          becomes(&api::PowerDevice::fence_agent, api::FenceAgentAccess{"fence_apc", {{"plug", "7"}}, std::nullopt}),
                                                          becomes(&api::PowerDevice::bare_metal_host, api::BareMetalHostRef{"worker-1", "metal3"}),
                                                          [](auto& d) { d.name = "other"; }, [](auto& d) { d.level = 2; }, [](auto& d) { d.redfish->endpoint += "x"; },
                                                          [](auto& d) { d.redfish->system_id = "2"; }};
  for (const auto& edit : edits) {
    Scene edited;
    edit(edited.object.spec.fencing.devices[0]);
    EXPECT_NE(devices_hash(edited.object.spec), devices_hash(scene.object.spec));
  }
}

TEST(PowerTest, PowerThatReadsOnAgainIsProvenNoMore) {
  Scene scene;
  scene.proven().rest.devices["bmc"] = scene.on();
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->power.state, ProofState::kRequested);
  EXPECT_EQ(announced(decision, "FenceFailed"), 1);
  EXPECT_FALSE(scene.in_force()->power_proven);
}

}  // namespace
}  // namespace vmha::computenode::testing
