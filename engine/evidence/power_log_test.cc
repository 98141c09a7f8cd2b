#include "engine/evidence/power_log.h"

#include <gtest/gtest.h>

namespace vmha::evidence {
namespace {

const NodeName kNode{"compute-1"};
constexpr auto kOn = power::State::kOn;
constexpr auto kOff = power::State::kOff;

Instant at(int second) { return Instant{seconds(second)}; }

class PowerLogTest : public ::testing::Test {
 protected:
  void devices(std::vector<HostRef::Device> list) { log.track(kNode, list); }
  void read(const std::string& device, int second, power::State state) {
    log.observe(kNode, device, power::Reading{.state = state, .system_uuid = {}, .detail = {}}, at(second), at(second));
  }
  void fails(const std::string& device, int second) { log.observe(kNode, device, fail(ErrorKind::kTimeout, "no answer"), at(second), at(second)); }
  computenode::PowerEvidence evidence(int second) { return log.evidence(kNode, at(second)); }
  PowerLog log;
};

TEST_F(PowerLogTest, OffIsConfirmedByTwoReadingsTwoSecondsApartTheLastOfThemRecent) {
  devices({{"bmc", 1, true, "a"}});
  read("bmc", 10, kOff);
  EXPECT_EQ(evidence(10).first_off, at(10));
  EXPECT_FALSE(evidence(10).off_confirmed);
  read("bmc", 11, kOff);
  EXPECT_FALSE(evidence(11).off_confirmed);
  read("bmc", 12, kOff);
  EXPECT_TRUE(evidence(12).off_confirmed);
  EXPECT_TRUE(evidence(17).off_confirmed);
  EXPECT_FALSE(evidence(18).off_confirmed);
  EXPECT_EQ(evidence(18).first_off, at(10));
}

TEST_F(PowerLogTest, AControllerThatNeedsEightSecondsForAnAnswerConfirmsOffToo) {
  devices({{"bmc", 1, true, "a"}});
  const auto answered = [&](int asked) { log.observe(kNode, "bmc", power::Reading{.state = kOff, .system_uuid = {}, .detail = {}}, at(asked), at(asked) + seconds(8)); };
  answered(10);
  EXPECT_FALSE(evidence(18).off_confirmed);
  answered(19);
  EXPECT_EQ(evidence(27).first_off, at(10)) << "the next question left a second after the answer: no gap that could hide an On";
  EXPECT_FALSE(evidence(27).off_confirmed) << "between the first answer and the second question lies a second";
  answered(28);
  EXPECT_TRUE(evidence(36).off_confirmed);
  EXPECT_TRUE(evidence(41).off_confirmed);
  EXPECT_FALSE(evidence(42).off_confirmed) << "its age counts from the answer, and no longer";
  answered(42);
  EXPECT_EQ(evidence(50).first_off, at(42)) << "six seconds after the answer: an On may hide in there";
}

TEST_F(PowerLogTest, OnAndAnythingElseEndTheRun) {
  devices({{"bmc", 1, true, "a"}});
  for (const auto state : {kOn, power::State::kUnknown}) {
    const int start = state == kOn ? 10 : 20;
    read("bmc", start, kOff);
    read("bmc", start + 2, state);
    EXPECT_FALSE(evidence(start + 2).first_off);
    read("bmc", start + 3, kOff);
    EXPECT_EQ(evidence(start + 3).first_off, at(start + 3));
  }
}

TEST_F(PowerLogTest, AFailedReadingIsNotReadableButBreaksNoRun) {
  devices({{"bmc", 1, true, "a"}});
  read("bmc", 10, kOff);
  fails("bmc", 11);
  EXPECT_FALSE(evidence(11).readable);
  read("bmc", 12, kOff);
  EXPECT_TRUE(evidence(12).off_confirmed);
}

TEST_F(PowerLogTest, ADeviceThatWasNeverSeenOnIsNoEvidence) {
  devices({{"bmc", 1, false, "a"}});
  read("bmc", 10, kOff);
  read("bmc", 12, kOff);
  EXPECT_FALSE(evidence(12).configured);
  EXPECT_FALSE(evidence(12).first_off);
}

TEST_F(PowerLogTest, AllDevicesOfALevelMustBeOff) {
  devices({{"a", 1, true, ""}, {"b", 1, true, ""}});
  read("a", 10, kOff);
  read("a", 12, kOff);
  EXPECT_FALSE(evidence(12).first_off);
  read("b", 13, kOff);
  read("a", 14, kOff);
  EXPECT_EQ(evidence(14).first_off, at(13));
  EXPECT_FALSE(evidence(14).off_confirmed);
  read("b", 15, kOff);
  read("a", 15, kOff);
  EXPECT_TRUE(evidence(15).off_confirmed);
}

TEST_F(PowerLogTest, AHigherLevelCountsOnlyIfNoLowerOneReadsOn) {
  devices({{"bmc", 1, true, ""}, {"pdu", 2, true, ""}});
  for (const int second : {10, 12}) read("pdu", second, kOff);
  EXPECT_TRUE(evidence(12).off_confirmed) << "the board lost its power with the outlet";
  read("bmc", 13, kOn);
  EXPECT_FALSE(evidence(13).first_off) << "the outlet belongs to another machine";
}

TEST_F(PowerLogTest, AnEditedDeviceStartsAnew) {
  devices({{"bmc", 1, true, "a"}});
  for (const int second : {10, 12}) read("bmc", second, kOff);
  devices({{"bmc", 1, true, "b"}});
  EXPECT_FALSE(evidence(12).first_off);
}

TEST_F(PowerLogTest, AnOldReadingSaysNothing) {
  devices({{"bmc", 1, true, "a"}});
  read("bmc", 10, kOff);
  EXPECT_TRUE(evidence(300).first_off);
  EXPECT_FALSE(evidence(311).first_off);
  EXPECT_FALSE(evidence(311).readable);
}

TEST_F(PowerLogTest, AnOvertakenReadingIsIgnored) {
  devices({{"bmc", 1, true, "a"}});
  read("bmc", 10, kOn);
  read("bmc", 9, kOff);
  EXPECT_FALSE(evidence(10).first_off);
}

}  // namespace
}  // namespace vmha::evidence
