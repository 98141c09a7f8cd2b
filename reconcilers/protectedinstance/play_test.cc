#include "reconcilers/protectedinstance/play.h"

#include <gmock/gmock.h>

namespace vmha::protectedinstance::testing {
namespace {

using api::RecoveryStep;
using ::testing::ElementsAre;

TEST(PlayTest, AServerOfAFencedHostEndsElsewhereAttestedAndUnlockedAfterOneRequest) {
  Play play;
  ASSERT_TRUE(play.run_to_end());
  EXPECT_EQ(play.posts, 1);
  const auto& status = play.scene.object.status;
  EXPECT_EQ(status.phase, api::InstancePhase::kRecovered);
  EXPECT_EQ(status.host, "compute-2");
  EXPECT_EQ(status.recovery->phase, RecoveryStep::kAttested);
  EXPECT_EQ(status.recovery->from, "compute-1");
  EXPECT_EQ(status.recovery->to, "compute-2");
  EXPECT_EQ(status.recovery->migration_id.value, "migration-20");
  EXPECT_EQ(status.recovery->attempt, 1);
  EXPECT_TRUE(api::is_true(status.conditions, api::condition::kRecovered));
  EXPECT_TRUE(api::is_true(status.conditions, api::condition::kAttested));
  EXPECT_THAT(play.told, ElementsAre("InstanceEvacuating", "InstanceRecovered"));
  EXPECT_LT(play.scene.now - kStart, seconds(8)) << "nova's own part is 5 s";
}

TEST(PlayTest, OneThatWasShutOffEndsShutOff) {
  Play play;
  play.truth().vm_state = "stopped";
  ASSERT_TRUE(play.run_to_end());
  EXPECT_EQ(play.truth().vm_state, "stopped");
  EXPECT_EQ(play.scene.object.status.phase, api::InstancePhase::kRecovered);
}

TEST(PlayTest, OneThatWasShutOffAndFailedOnceIsStoppedAgain) {
  Play play;
  play.truth().vm_state = "stopped";
  play.fail_first = 1;
  ASSERT_TRUE(play.run_to_end());
  EXPECT_EQ(play.posts, 2);
  EXPECT_EQ(play.truth().vm_state, "stopped") << "nova ends an ERROR as ACTIVE";
}

TEST(PlayTest, ItsStatusIsNotWrittenAgainOnceAllIsDone) {
  Play play;
  ASSERT_TRUE(play.run_to_end());
  const int steps = play.steps;
  play.run(seconds(600), [] { return false; });
  EXPECT_EQ(play.steps, steps);
}

TEST(PlayTest, AfterAsManyFailuresAsThePolicyAllowsAPersonIsAsked) {
  Play play;
  play.fail_first = 100;
  ASSERT_TRUE(play.run_to_end());
  EXPECT_EQ(play.posts, 5);
  EXPECT_EQ(play.scene.object.status.phase, api::InstancePhase::kFailed);
  EXPECT_EQ(play.scene.object.status.recovery->message, "attempt 5 of 5 failed: boom");
  EXPECT_EQ(std::ranges::count(play.told, "InstanceRecoveryFailed"), 5);
  EXPECT_FALSE(play.truth().locked);
}

TEST(PlayTest, ANewValueOfTheRetryAnnotationBeginsAgainOnce) {
  Play play;
  play.fail_first = 5;
  play.scene.object.metadata.annotations["vmha.openstack.org/retry"] = "from before";
  ASSERT_TRUE(play.run_to_end());
  ASSERT_EQ(play.scene.object.status.phase, api::InstancePhase::kFailed);
  play.run(seconds(100), [] { return false; });
  ASSERT_EQ(play.posts, 5);
  play.scene.object.metadata.annotations["vmha.openstack.org/retry"] = "again " + std::string(56, 'x') + "\xc3\xa9 and more than status keeps";
  ASSERT_TRUE(play.run(seconds(100), [&] { return play.scene.object.status.phase == api::InstancePhase::kRecovered; }));
  EXPECT_EQ(play.posts, 6);
  EXPECT_EQ(play.scene.object.status.recovery->retry, "again " + std::string(56, 'x')) << "cut, and not within a character";
}

TEST(PlayTest, WithoutRoomItIsTriedForAsLongAsThereIsNone) {
  Play play;
  play.fail_first = 9;
  play.fault = "No valid host was found. There are not enough hosts available.";
  ASSERT_TRUE(play.run_to_end());
  EXPECT_EQ(play.posts, 10) << "more than maxAttempts";
  EXPECT_EQ(play.scene.object.status.phase, api::InstancePhase::kRecovered);
}

TEST(PlayTest, ALostAnswerOfARequestThatWasServedIsFollowed) {
  Play play;
  play.answer_is_lost = true;
  play.request_delay = seconds(3);
  ASSERT_TRUE(play.run_to_end());
  EXPECT_EQ(play.posts, 1);
}

struct Case {
  const char* name;
  Duration delay;
  bool lost;
  int failures;
};

class CrashTest : public ::testing::TestWithParam<Case> {
 protected:
  static Play with(int crash_at) {
    Play play;
    play.request_delay = GetParam().delay;
    play.answer_is_lost = GetParam().lost;
    play.fail_first = GetParam().failures;
    play.crash_at = crash_at;
    return play;
  }
};

TEST_P(CrashTest, AtAnyStepIsMadeGoodWithoutASecondRequest) {
  int total = 0;
  {
    Play play = with(-1);
    ASSERT_TRUE(play.run_to_end());
    total = play.steps;
  }
  ASSERT_GT(total, 15);
  for (int at = 0; at < total; ++at) {
    Play play = with(at);
    ASSERT_TRUE(play.run_to_end()) << "crash at step " << at;
    EXPECT_EQ(play.crashes, 1) << "crash at step " << at;
    EXPECT_EQ(play.posts, 1 + GetParam().failures) << "crash at step " << at;
    EXPECT_EQ(play.posts_during_another, 0) << "crash at step " << at;
    EXPECT_EQ(play.scene.object.status.phase, api::InstancePhase::kRecovered) << "crash at step " << at;
    EXPECT_FALSE(play.truth().locked) << "crash at step " << at;
    EXPECT_LE(std::ranges::count(play.told, "InstanceRecovered"), 1) << "crash at step " << at;
  }
}

INSTANTIATE_TEST_SUITE_P(All, CrashTest,
                         ::testing::Values(Case{"served_at_once", Duration(0), false, 0}, Case{"served_late", seconds(4), false, 0},
                                           Case{"served_late_and_the_answer_lost", seconds(10), true, 0}, Case{"failed_once", seconds(1), false, 1}),
                         [](const auto& param) { return param.param.name; });

TEST(PlayTest, ALostStatusIsMadeAnewFromWhatNovaShows) {
  Play play;
  ASSERT_TRUE(play.run(seconds(60), [&] { return !play.records().empty(); }));
  play.scene.object.status = {};
  play.scene.rest.intent_since = play.scene.now;
  ASSERT_TRUE(play.run_to_end());
  EXPECT_EQ(play.posts, 1);
  EXPECT_EQ(play.scene.object.status.phase, api::InstancePhase::kRecovered);
}

TEST(PlayTest, ALockIsTakenOffEvenIfTheStatusWasLostAfterTheMove) {
  Play play;
  ASSERT_TRUE(play.run(seconds(60), [&] { return play.truth().host == kTo; }));
  ASSERT_TRUE(play.truth().locked);
  play.scene.object.status = {};
  play.scene.rest.fence.reset();
  ASSERT_TRUE(play.run(seconds(60), [&] { return !play.truth().locked; }));
  EXPECT_EQ(play.scene.object.status.phase, api::InstancePhase::kProtected);
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
