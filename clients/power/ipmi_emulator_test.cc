/// Against ipmi_sim, an IPMI 2.0 controller that others wrote, through the real ipmitool. Fails, and does not skip, if they cannot be had.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/power/ipmi.h"
#include "clients/power/ipmi_simulator.h"

namespace vmha::power {
namespace {

using ::testing::HasSubstr;

constexpr milliseconds kDeadline = seconds(30);

class IpmiEmulatorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    simulator = std::make_unique<test::IpmiSimulator>();
    problem = simulator->start();
  }
  static void TearDownTestSuite() { simulator.reset(); }
  void SetUp() override { ASSERT_EQ(problem, ""); }

  static std::unique_ptr<Ipmi> open(IpmiTarget target) {
    auto ipmi = Ipmi::create(std::move(target));
    EXPECT_TRUE(ipmi) << describe(ipmi.error());
    return std::move(*ipmi);
  }

  static inline std::unique_ptr<test::IpmiSimulator> simulator;
  static inline std::string problem;
};

TEST_F(IpmiEmulatorTest, PowerIsReadSwitchedOffAndOnAgain) {
  const auto ipmi = open(simulator->target());
  EXPECT_EQ(*ipmi->read(kDeadline), (Reading{State::kOn, test::kSimulatorUuid, "on"}));
  const auto off = ipmi->request_off(kDeadline, test::kSimulatorUuid);
  ASSERT_TRUE(off) << describe(off.error());
  EXPECT_FALSE(simulator->is_powered());
  EXPECT_EQ(ipmi->read(kDeadline)->state, State::kOff);
  EXPECT_TRUE(ipmi->request_off(kDeadline, test::kSimulatorUuid)) << "it is off already";
  ASSERT_TRUE(ipmi->request_on(kDeadline, test::kSimulatorUuid));
  EXPECT_EQ(ipmi->read(kDeadline)->state, State::kOn);
}

TEST_F(IpmiEmulatorTest, AnotherMachinesControllerIsLeftAlone) {
  const auto ipmi = open(simulator->target());
  EXPECT_EQ(ipmi->request_off(kDeadline, "11111111-2222-4333-8444-555555555555").error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(simulator->is_powered());
}

TEST_F(IpmiEmulatorTest, TheDrillSeesTheLevelOfItsSession) {
  const auto drill = open(simulator->target())->drill(kDeadline);
  ASSERT_TRUE(drill) << describe(drill.error());
  EXPECT_TRUE(drill->rights_known);
  EXPECT_EQ(drill->reading.state, State::kOn);
  EXPECT_TRUE(simulator->is_powered());
}

TEST_F(IpmiEmulatorTest, AWrongPasswordAndAnUnknownUserAreForbidden) {
  auto target = simulator->target();
  target.password = "wrong";
  EXPECT_EQ(open(target)->read(kDeadline).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(open(target)->request_off(kDeadline).error().kind, ErrorKind::kForbidden);
  target.username = "nobody";
  EXPECT_THAT(open(target)->drill(kDeadline).error().message, HasSubstr("does not know the user"));
  EXPECT_TRUE(simulator->is_powered());
}

TEST_F(IpmiEmulatorTest, ASilentControllerIsNoReadingAndItsIpmitoolIsGoneByTheDeadline) {
  const auto ipmi = open(simulator->target());
  simulator->freeze();
  const Instant started = monotonic_now();
  const auto reading = ipmi->read(seconds(3));
  const Duration took = monotonic_now() - started;
  const auto off = ipmi->request_off(seconds(3));
  simulator->thaw();
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().kind, ErrorKind::kTimeout);
  EXPECT_LT(took, seconds(20));
  EXPECT_EQ(off.error().kind, ErrorKind::kUnknownOutcome);
}

}  // namespace
}  // namespace vmha::power
