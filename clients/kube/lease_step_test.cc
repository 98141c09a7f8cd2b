#include "clients/kube/lease_step.h"

#include <gtest/gtest.h>

namespace vmha::kube::election {
namespace {

const WallTime kWall = WallTime(std::chrono::hours(24 * 365 * 50));

Instant at(double second) { return Instant(std::chrono::duration_cast<Duration>(std::chrono::duration<double>(second))); }

LeaseRecord held_by(const std::string& holder, const std::string& version, int transitions = 3) {
  return {holder, transitions, 15, "2026-01-01T00:00:00.000000Z", "renewed " + version, version};
}

tl::unexpected<Error> error(ErrorKind kind) { return tl::unexpected(Error{kind, "no"}); }

class LeaseStepTest : public testing::Test {
 protected:
  Action feed(const Input& input) {
    Step made = step(std::move(state_), input);
    state_ = std::move(made.state);
    return made.action;
  }
  Action tick(double now) { return feed(Tick{at(now), kWall}); }
  Action read(double now, Result<LeaseRecord> record) { return feed(ReadDone{std::move(record), at(now), kWall}); }
  Action wrote(double started, double now, Result<LeaseRecord> record) { return feed(WriteDone{std::move(record), at(started), at(now)}); }

  /// Leading since `now`, version "100".
  void lead(double now) {
    tick(now);
    const Action action = read(now, error(ErrorKind::kNotFound));
    LeaseRecord record = std::get<Write>(action).record;
    record.resource_version = "100";
    wrote(now, now, record);
    ASSERT_TRUE(state_.leading);
  }

  static bool waits(const Action& action) { return std::holds_alternative<Wait>(action); }
  static bool finishes(const Action& action) { return std::holds_alternative<Finish>(action); }
  static bool writes(const Action& action) { return std::holds_alternative<Write>(action); }
  static bool reads(const Action& action) { return std::holds_alternative<Read>(action); }

  State state_ = start("me", LeaseTimes{});
};

TEST_F(LeaseStepTest, AMissingLeaseIsCreatedWithTheFirstTerm) {
  EXPECT_TRUE(reads(tick(0)));
  const Action action = read(0, error(ErrorKind::kNotFound));
  ASSERT_TRUE(writes(action));
  const LeaseRecord& record = std::get<Write>(action).record;
  EXPECT_EQ(record.holder, "me");
  EXPECT_EQ(record.transitions, 0);
  EXPECT_EQ(record.duration_seconds, 15);
  EXPECT_EQ(record.resource_version, "") << "empty means create";
  EXPECT_FALSE(term(state_).has_value()) << "nothing is ours before the write has succeeded";
}

TEST_F(LeaseStepTest, TheTermIsSafeFromTheStartOfTheWriteToTheRenewDeadlineLessTheMargin) {
  tick(0);
  LeaseRecord record = std::get<Write>(read(1, error(ErrorKind::kNotFound))).record;
  record.resource_version = "5";
  const Action action = wrote(1, 4, record);
  EXPECT_EQ(term(state_), (LeaseTerm{"me", 0, at(1 + 10 - 2)}));
  EXPECT_EQ(std::get<Wait>(action).until, at(4 + 2));
}

TEST_F(LeaseStepTest, ALeaseOfAnotherIsNotTakenBeforeItStoodStillForItsDurationByOurClock) {
  tick(0);
  EXPECT_TRUE(waits(read(0.5, held_by("other", "7"))));
  for (double now = 2; now < 15.5; now += 0.5) {
    tick(now);
    ASSERT_TRUE(waits(read(now, held_by("other", "7")))) << now;
  }
  tick(15.5);
  const Action action = read(15.5, held_by("other", "7"));
  ASSERT_TRUE(writes(action));
  EXPECT_EQ(std::get<Write>(action).record.transitions, 4);
  EXPECT_EQ(std::get<Write>(action).record.resource_version, "7") << "who was faster must make it a conflict";
}

TEST_F(LeaseStepTest, EveryRenewalOfTheOtherStartsTheWaitAnew) {
  for (double now = 0; now < 100; now += 5) {
    tick(now);
    ASSERT_TRUE(waits(read(now, held_by("other", std::to_string(now))))) << now;
  }
}

TEST_F(LeaseStepTest, ALongerWrittenDurationIsRespected) {
  LeaseRecord record = held_by("other", "7");
  record.duration_seconds = 60;
  tick(0);
  read(0, record);
  tick(59);
  EXPECT_TRUE(waits(read(59, record)));
  tick(60);
  EXPECT_TRUE(writes(read(60, record)));
}

TEST_F(LeaseStepTest, AReleasedLeaseIsTakenAtOnceWithANewTerm) {
  tick(0);
  const Action action = read(0, held_by("", "9", 8));
  ASSERT_TRUE(writes(action));
  EXPECT_EQ(std::get<Write>(action).record.transitions, 9);
}

TEST_F(LeaseStepTest, ALeaseThatVanishedStaysItsHoldersUntilItWouldHaveExpired) {
  tick(0);
  read(0, held_by("other", "7"));
  tick(2);
  EXPECT_TRUE(waits(read(2, error(ErrorKind::kNotFound))));
  tick(15);
  const Action action = read(15, error(ErrorKind::kNotFound));
  ASSERT_TRUE(writes(action));
  EXPECT_EQ(std::get<Write>(action).record.transitions, 4) << "a term's number never comes back";
  EXPECT_EQ(std::get<Write>(action).record.resource_version, "");
}

TEST_F(LeaseStepTest, OurOwnNameInTheLeaseIsNotALeadershipBeforeWeWroteIt) {
  tick(0);
  const Action action = read(0, held_by("me", "7"));  // an earlier answer of ours was lost
  EXPECT_FALSE(state_.leading);
  ASSERT_TRUE(writes(action));
  EXPECT_EQ(std::get<Write>(action).record.transitions, 4);
}

TEST_F(LeaseStepTest, TheHolderRenewsWithoutReadingAndKeepsItsTerm) {
  lead(0);
  const Action action = tick(2);
  ASSERT_TRUE(writes(action));
  EXPECT_EQ(std::get<Write>(action).record.transitions, 0);
  EXPECT_EQ(std::get<Write>(action).record.resource_version, "100");
  EXPECT_EQ(std::get<Write>(action).deadline, at(10));
  wrote(2, 3, held_by("me", "101", 0));
  EXPECT_EQ(term(state_), (LeaseTerm{"me", 0, at(2 + 8)}));
}

TEST_F(LeaseStepTest, FailedRenewalsAreTriedAgainUntilTheDeadlineAndThenItIsLost) {
  lead(0);
  double now = 2;
  for (; now < 10; now += 2) {
    const Action action = tick(now);
    ASSERT_TRUE(writes(action) || reads(action)) << now;
    const Action after = writes(action) ? wrote(now, now, error(ErrorKind::kUnavailable)) : read(now, error(ErrorKind::kUnavailable));
    ASSERT_TRUE(waits(after)) << now;
    EXPECT_LE(std::get<Wait>(after).until, at(10));
    EXPECT_EQ(term(state_)->safe_until, at(8)) << "a failed renewal lengthens nothing";
  }
  EXPECT_TRUE(finishes(tick(10)));
  EXPECT_FALSE(term(state_).has_value());
}

TEST_F(LeaseStepTest, AfterADoubtfulRenewalTheLeaseIsReadBeforeItIsWritten) {
  lead(0);
  tick(2);
  EXPECT_TRUE(waits(wrote(2, 4, error(ErrorKind::kUnknownOutcome))));
  EXPECT_TRUE(reads(tick(6)));
  const Action action = read(6, held_by("me", "101", 0));
  ASSERT_TRUE(writes(action));
  EXPECT_EQ(std::get<Write>(action).record.resource_version, "101");
  EXPECT_EQ(std::get<Write>(action).record.transitions, 0);
}

TEST_F(LeaseStepTest, AConflictIsReadAtOnceAndAnotherHolderMeansLost) {
  lead(0);
  tick(2);
  EXPECT_TRUE(reads(wrote(2, 2, error(ErrorKind::kConflict))));
  EXPECT_TRUE(finishes(read(2, held_by("other", "200", 1))));
}

TEST_F(LeaseStepTest, AConflictWithAStrangersEditOfTheObjectIsRenewedAgain) {
  lead(0);
  tick(2);
  wrote(2, 2, error(ErrorKind::kConflict));
  EXPECT_TRUE(writes(read(2, held_by("me", "150", 0))));  // somebody put a label on it
}

TEST_F(LeaseStepTest, ARenewalWhoseAnswerComesAfterTheDeadlineIsTooLate) {
  lead(0);
  tick(9);
  EXPECT_TRUE(finishes(wrote(9, 11, held_by("me", "101", 0))));
}

TEST_F(LeaseStepTest, ALeaseDeletedUnderItsHolderIsMadeAgainWithTheSameTerm) {
  lead(0);
  tick(2);
  wrote(2, 2, error(ErrorKind::kNotFound));
  EXPECT_TRUE(reads(tick(4)));
  const Action action = read(4, error(ErrorKind::kNotFound));
  ASSERT_TRUE(writes(action));
  EXPECT_EQ(std::get<Write>(action).record.resource_version, "");
  EXPECT_EQ(std::get<Write>(action).record.transitions, 0);
}

TEST_F(LeaseStepTest, ACleanStopReleasesWithoutAnotherTermBeginning) {
  lead(0);
  const Action action = feed(Stop{at(1), kWall});
  ASSERT_TRUE(writes(action));
  EXPECT_EQ(std::get<Write>(action).record.holder, "");
  EXPECT_EQ(std::get<Write>(action).record.transitions, 0);
  EXPECT_EQ(std::get<Write>(action).record.duration_seconds, 1);
  EXPECT_FALSE(term(state_).has_value());
}

TEST_F(LeaseStepTest, AStopOfOneWhoDoesNotLeadWritesNothing) {
  tick(0);
  read(0, held_by("other", "7"));
  EXPECT_TRUE(finishes(feed(Stop{at(1), kWall})));
}

}  // namespace
}  // namespace vmha::kube::election
