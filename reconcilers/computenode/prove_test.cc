// Power and storage: what is asked, what counts as proven, and what takes a proof away.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::FenceState;
using api::ProofState;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

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

TEST(RightMachineTest, ASystemUuidIsLearnedOnlyWhileTheHostLives) {
  Scene scene;
  scene.rest.devices["bmc"].last->value.system_uuid = "uuid-9";
  EXPECT_EQ(scene.decided().status.devices[0].system_uuid, "uuid-9");
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
  const std::function<void(api::PowerDevice&)> edits[] = {[](auto& d) { d.name = "other"; }, [](auto& d) { d.level = 2; }, [](auto& d) { d.redfish->endpoint += "x"; },
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

// ---- The blocklist

TEST(StorageTest, StepsAreAddReadProveLookAtTheDisks) {
  Scene scene;
  scene.fencing();
  NodeDecision decision = scene.decided();
  ASSERT_NE(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_THAT(wished<BlocklistAdd>(decision)->addresses, ElementsAre(kAddress));
  EXPECT_EQ(wished<ProveBlocklist>(decision), nullptr);

  scene.rest.requested["storage"] = scene.now - seconds(1);
  scene.rest.lanes["storage"] = {.finished = scene.now - milliseconds(500), .failures_in_a_row = 0, .error = "", .operation = "BlocklistAdd"};
  decision = scene.decided();
  EXPECT_NE(wished<ReadBlocklist>(decision), nullptr) << "ok is no proof: the list must show it";
  EXPECT_EQ(wished<ProveBlocklist>(decision), nullptr);

  scene.listed();
  decision = scene.decided();
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
  ASSERT_NE(wished<ProveBlocklist>(decision), nullptr);
  EXPECT_THAT(wished<ProveBlocklist>(decision)->images, ElementsAre(ImageId{"vms", kServer.value + "_disk"}));

  scene.blocklist_proven().disks->at = scene.now - seconds(2);
  decision = scene.decided();
  EXPECT_NE(wished<ReadDisks>(decision), nullptr) << "watches are looked at after the proof";
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kRequested);

  scene.blocklist_proven();
  decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kProven);
  EXPECT_EQ(decision.status.fence->storage.osdmap_epoch, 412);
  EXPECT_EQ(announced(decision, "StorageFenceProven"), 1);
}

struct ListCase {
  std::string name;
  std::function<void(Scene&)> make;
  bool proven;
};

class ListTest : public ::testing::TestWithParam<ListCase> {};

TEST_P(ListTest, TheProofCountsOnlyWhileEveryAddressCanBeRead) {
  Scene scene;
  scene.proven();
  GetParam().make(scene);
  EXPECT_EQ(live_proof(scene.view()).storage, GetParam().proven);
  EXPECT_EQ(scene.in_force()->storage_proven, GetParam().proven);
}

const Address kOther{"10.77.0.12"};
INSTANTIATE_TEST_SUITE_P(
    All, ListTest,
    ::testing::Values(ListCase{"listed", [](Scene&) {}, true}, ListCase{"entry_gone", [](Scene& s) { s.blocklist->value.clear(); }, false},
                      ListCase{"entry_of_one_client_only", [](Scene& s) { s.blocklist->value[0].nonce = 4100; }, false},
                      ListCase{"entry_ends_soon", [](Scene& s) { s.blocklist->value = {entry(kAddress, 3600)}; }, false},
                      ListCase{"entry_of_another", [](Scene& s) { s.blocklist->value = {entry(kOther)}; }, false},
                      ListCase{"list_never_read", [](Scene& s) { s.blocklist.reset(); }, false},
                      ListCase{"list_too_old", [](Scene& s) { s.blocklist->at = s.now - kProofReadableWithin - milliseconds(1); }, false},
                      ListCase{"proof_of_another_process", [](Scene& s) { s.rest.blocklist_proven.reset(); }, false},
                      ListCase{"proof_of_fewer_addresses", [](Scene& s) { s.rest.blocklist_proven->addresses.clear(); }, false},
                      ListCase{"one_of_two_addresses_listed", [](Scene& s) { s.fence().storage.addresses.push_back(kOther); }, false}),
    [](const auto& of) { return of.param.name; });

TEST(StorageTest, ARangeEntryOfTheVeryRangeCounts) {
  Scene scene;
  scene.object.spec.storage.client_addresses = {"10.77.0.8/29"};
  scene.fencing().fence().storage.addresses = {Address{"10.77.0.8/29"}};
  scene.blocklist_proven().blocklist->value = {{.address = Address{"10.77.0.8"}, .nonce = 0, .range = "10.77.0.8/29", .until = "", .expires_in_seconds = 100'000'000}};
  EXPECT_TRUE(live_proof(scene.view()).storage);
}

TEST(StorageTest, AnEntryThatAnAdminRemovedIsAddedAgainAndTold) {
  Scene scene;
  scene.proven().blocklist->value.clear();
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kRequested);
  EXPECT_EQ(announced(decision, "FenceFailed"), 1);
  EXPECT_NE(wished<BlocklistAdd>(decision), nullptr);
  scene.store(decision);
  EXPECT_EQ(announced(scene.decided(), "FenceFailed"), 0) << "once";
}

TEST(StorageTest, AListThatCouldNotBeReadLatelyTakesNothingBack) {
  Scene scene;
  scene.proven().blocklist->at = scene.now - seconds(30);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kProven);
  EXPECT_EQ(announced(decision, "FenceFailed"), 0);
  EXPECT_NE(wished<ReadBlocklist>(decision), nullptr);
}

TEST(StorageTest, AFailedCallIsTriedAgainAfterAPause) {
  Scene scene;
  scene.fencing();
  scene.rest.requested["storage"] = scene.now - seconds(2);
  scene.rest.lanes["storage"] = {.finished = scene.now - milliseconds(500), .failures_in_a_row = 2, .error = "Forbidden: no rm", .operation = "BlocklistAdd"};
  scene.blocklist->at = scene.now - milliseconds(100);
  NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_THAT(decision.status.fence->storage.message, HasSubstr("Forbidden"));
  scene.rest.lanes["storage"].finished = scene.now - seconds(3);
  EXPECT_NE(wished<BlocklistAdd>(decision = scene.decided()), nullptr);
}

TEST(StorageTest, NothingIsListedBeforeTheClustersOwnAddressesAreKnown) {
  Scene scene;
  scene.fencing().rest.cluster_addresses_known = false;
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_NE(wished<ReadClusterAddresses>(decision), nullptr);
}

TEST(StorageTest, ASharedAddressThatShowsLaterSkipsStorageInsteadOfListingIt) {
  Scene scene;
  scene.fencing().rest.shared_address = "10.77.0.11 is a mon's";
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, ProofState::kSkipped);
  EXPECT_EQ(wished<BlocklistAdd>(decision), nullptr);
}

// ---- Watches that are left

struct WatchCase {
  std::string name;
  std::function<void(Scene&)> make;
  bool proven;
};

class WatchTest : public ::testing::TestWithParam<WatchCase> {};

TEST_P(WatchTest, AnUnfencedWatchOfTheHostsImagesKeepsStorageUnproven) {
  Scene scene;
  scene.fencing().blocklist_proven();
  GetParam().make(scene);
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->storage.state, GetParam().proven ? ProofState::kProven : ProofState::kRequested);
  if (!GetParam().proven) {
    EXPECT_THAT(decision.status.fence->storage.message, HasSubstr("not proven"));
  }
}

void watched_from(Scene& scene, const std::vector<std::string>& addresses) { scene.disks->value = {disks_of(kServer, addresses)}; }

INSTANTIATE_TEST_SUITE_P(
    All, WatchTest,
    ::testing::Values(WatchCase{"none_left", [](Scene&) {}, true}, WatchCase{"the_fenced_one", [](Scene& s) { watched_from(s, {"10.77.0.11"}); }, true},
                      WatchCase{"another", [](Scene& s) { watched_from(s, {"10.77.0.11", "10.77.0.19"}); }, false},
                      WatchCase{"recorded_beside_the_hosts_own",
                                [](Scene& s) {
                                  watched_from(s, {"10.77.0.19"});
                                  s.rest.recorded_watchers["vms/" + kServer.value + "_disk"] = {kAddress, Address{"10.77.0.19"}};
                                },
                                true},
                      WatchCase{"recorded_alone_it_may_be_the_host_itself",
                                [](Scene& s) {
                                  watched_from(s, {"10.77.0.19"});
                                  s.rest.recorded_watchers["vms/" + kServer.value + "_disk"] = {Address{"10.77.0.19"}};
                                },
                                false},
                      WatchCase{"list_unread", [](Scene& s) { s.disks->value[0].images[0].read = false; }, false},
                      WatchCase{"servers_not_known", [](Scene& s) { s.servers.reset(); }, false},
                      WatchCase{"server_that_moves",
                                [](Scene& s) {
                                  watched_from(s, {"10.77.0.19"});
                                  s.servers->value[0].task_state = "migrating";
                                },
                                true},
                      WatchCase{"disks_of_a_server_not_read", [](Scene& s) { s.servers->value.push_back(server(ServerId{"5b8e0000-0000-4000-8000-000000000002"})); }, false}),
    [](const auto& of) { return of.param.name; });

// ---- Fencing -> Proven

struct ConcludeCase {
  std::string name;
  std::function<void(Scene&)> make;
  bool data, host;
};

class ConcludeTest : public ::testing::TestWithParam<ConcludeCase> {};

TEST_P(ConcludeTest, IsProvenOnlyWithWhatThePolicyRequiresAndTheOtherMethodHadItsTime) {
  for (const bool host : {false, true}) {
    Scene scene;
    scene.fencing();
    scene.policy.spec.fencing.require = host ? api::RequiredProof::kHost : api::RequiredProof::kData;
    GetParam().make(scene);
    const NodeDecision decision = scene.decided();
    EXPECT_EQ(decision.status.fence->state == FenceState::kProven, host ? GetParam().host : GetParam().data) << (host ? "Host" : "Data");
    EXPECT_EQ(decision.status.fence->data_fenced_time.has_value(), host ? GetParam().host : GetParam().data);
    EXPECT_EQ(wished<SetForcedDown>(decision), nullptr) << "the proof is stored first";
  }
}

INSTANTIATE_TEST_SUITE_P(
    All, ConcludeTest,
    ::testing::Values(ConcludeCase{"neither", [](Scene&) {}, false, false}, ConcludeCase{"both", [](Scene& s) { s.reads_off().blocklist_proven(); }, true, true},
                      ConcludeCase{"storage_and_power_has_4_s_left", [](Scene& s) { s.blocklist_proven(seconds(1)); }, false, false},
                      ConcludeCase{"storage_and_power_had_5_s", [](Scene& s) { s.blocklist_proven(seconds(5)); }, true, false},
                      ConcludeCase{"storage_and_power_failed",
                                   [](Scene& s) {
                                     s.blocklist_proven();
                                     s.fence().power.state = ProofState::kFailed;
                                   },
                                   true, false},
                      ConcludeCase{"storage_and_power_skipped",
                                   [](Scene& s) {
                                     s.blocklist_proven();
                                     s.fence().power.state = ProofState::kSkipped;
                                   },
                                   true, false},
                      ConcludeCase{"power_and_storage_has_time_left", [](Scene& s) { s.reads_off("bmc", seconds(6)); }, false, false},
                      ConcludeCase{"power_and_storage_had_5_s", [](Scene& s) { s.reads_off("bmc", seconds(7)); }, true, true},
                      ConcludeCase{"power_and_storage_skipped",
                                   [](Scene& s) {
                                     s.reads_off();
                                     s.fence().storage.state = ProofState::kSkipped;
                                   },
                                   true, true},
                      ConcludeCase{"storage_remembered_but_not_readable",
                                   [](Scene& s) {
                                     s.fence().storage.state = ProofState::kProven;
                                     s.fence().power.state = ProofState::kFailed;
                                   },
                                   false, false},
                      ConcludeCase{"power_remembered_but_not_readable",
                                   [](Scene& s) {
                                     s.fence().power.state = ProofState::kProven;
                                     s.fence().storage.state = ProofState::kSkipped;
                                     s.rest.devices.clear();
                                   },
                                   false, false}),
    [](const auto& of) { return of.param.name; });

// ---- What a recovery may rely on

TEST(InForceTest, AProvenFenceMeetsTheRequirement) {
  Scene scene;
  scene.proven();
  const auto fence = scene.in_force();
  ASSERT_TRUE(fence);
  EXPECT_TRUE(fence->requirement_met);
  EXPECT_TRUE(fence->power_proven);
  EXPECT_TRUE(fence->storage_proven);
  EXPECT_FALSE(fence->service_forced_down);
  EXPECT_TRUE(scene.forced_down().in_force()->service_forced_down);
}

TEST(InForceTest, AfterARestartWhatStatusRemembersProvesNothing) {
  Scene scene;
  scene.recovering().restarted();
  const auto fence = scene.in_force();
  ASSERT_TRUE(fence);
  EXPECT_FALSE(fence->power_proven);
  EXPECT_FALSE(fence->storage_proven);
  EXPECT_FALSE(fence->requirement_met);
}

TEST(InForceTest, AfterARestartBothProofsAreMadeAgain) {
  Scene scene;
  scene.recovering().restarted();  // still listed, still marked in nova: it is in force
  const NodeDecision decision = scene.decided();
  EXPECT_NE(wished<BlocklistAdd>(decision), nullptr);
  EXPECT_TRUE(wished<PowerOff>(decision) != nullptr || wished<ReadPower>(decision) != nullptr);
  EXPECT_EQ(decision.status.fence->state, FenceState::kProven);
}

TEST(InForceTest, AFenceThatOnlyStatusKnowsIsJudgedAgain) {
  Scene scene;
  scene.proven().unlisted().restarted();
  scene.judged(api::VerdictValue::kHealthy);
  scene.blocklist->at = scene.now - milliseconds(100);
  const NodeDecision withdrawn = scene.decided();
  EXPECT_THAT(acts(withdrawn), IsEmpty());
  EXPECT_EQ(withdrawn.status.fence->state, FenceState::kWithdrawn);
  scene.judged(api::VerdictValue::kUnknown);
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kProven) << "Unknown decides nothing";
  scene.dead();
  const NodeDecision anew = scene.decided();
  EXPECT_THAT(acts(anew), IsEmpty());
  EXPECT_EQ(anew.status.fence->state, FenceState::kFencing);
  EXPECT_EQ(anew.status.fence->power.state, ProofState::kPending);
  EXPECT_EQ(anew.status.fence->storage.state, ProofState::kPending);
}

struct StateCase {
  FenceState state;
  bool in_force;
};

TEST(InForceTest, NoFenceIsInForceThatIsHeldLiftingOrOver) {
  for (const auto& [state, in_force] : {StateCase{FenceState::kHeld, false}, StateCase{FenceState::kFencing, true}, StateCase{FenceState::kProven, true}, StateCase{FenceState::kLifting, false},
                                        StateCase{FenceState::kLifted, false}, StateCase{FenceState::kWithdrawn, false}}) {
    Scene scene;
    scene.proven().fence().state = state;
    EXPECT_EQ(scene.in_force().has_value(), in_force) << static_cast<int>(state);
    if (in_force) {
      EXPECT_EQ(scene.in_force()->requirement_met, state == FenceState::kProven) << "not before the proof is stored";
    }
  }
}

TEST(InForceTest, RequireHostIsNotMetByStorage) {
  Scene scene;
  scene.proven().policy.spec.fencing.require = api::RequiredProof::kHost;
  EXPECT_TRUE(scene.in_force()->requirement_met);
  scene.rest.devices.clear();
  EXPECT_FALSE(scene.in_force()->requirement_met);
}

TEST(InForceTest, AnotherFencesMarkInNovaIsNotOurs) {
  Scene scene;
  scene.proven().forced_down().service.disabled_reason = "vmha: compute-1-zzzzz";
  EXPECT_FALSE(scene.in_force()->service_forced_down);
}

}  // namespace
}  // namespace vmha::computenode::testing
