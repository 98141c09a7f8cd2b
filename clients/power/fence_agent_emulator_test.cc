/// Real agents of fence-agents against controllers that others wrote: fence_ipmilan with ipmi_sim, fence_redfish with sushy-tools.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>

#include "clients/power/emulator.h"
#include "clients/power/fence_agent.h"
#include "clients/power/ipmi_simulator.h"

namespace vmha::power {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr milliseconds kDeadline = seconds(60);
constexpr Duration kPowerLimit = seconds(60);

std::unique_ptr<FenceAgent> open(FenceAgentTarget target) {
  auto agent = FenceAgent::create(std::move(target));
  EXPECT_TRUE(agent) << describe(agent.error());
  return std::move(*agent);
}

::testing::AssertionResult reads(FenceAgent& agent, State wanted) {
  const Instant limit = monotonic_now() + kPowerLimit;
  Result<Reading> reading = agent.read(kDeadline);
  while (reading && reading->state != wanted && monotonic_now() < limit) reading = agent.read(kDeadline);
  if (!reading) return ::testing::AssertionFailure() << describe(reading.error());
  return reading->state == wanted ? ::testing::AssertionSuccess() : ::testing::AssertionFailure() << "still " << reading->detail;
}

FenceAgentTarget ipmilan(const test::IpmiSimulator& simulator) {
  return {"fence_ipmilan", {{"ip", "127.0.0.1"}, {"ipport", std::to_string(simulator.port())}, {"username", "vmha"}, {"lanplus", "1"}, {"privlvl", "operator"}, {"cipher", "3"}},
          {{"password", "hunter2-secret"}}, system_folders()};
}

TEST(FenceIpmilanTest, PowerIsReadSwitchedOffAndOnAgain) {
  test::IpmiSimulator simulator;
  ASSERT_EQ(simulator.start(), "");
  const auto agent = open(ipmilan(simulator));
  const auto drill = agent->drill(kDeadline);
  ASSERT_TRUE(drill) << describe(drill.error());
  EXPECT_EQ(drill->reading.state, State::kOn);
  const auto off = agent->request_off(kDeadline);
  ASSERT_TRUE(off) << describe(off.error());
  EXPECT_TRUE(reads(*agent, State::kOff));
  EXPECT_FALSE(simulator.is_powered());
  ASSERT_TRUE(agent->request_on(kDeadline));
  EXPECT_TRUE(reads(*agent, State::kOn));
}

TEST(FenceIpmilanTest, AWrongPasswordIsNoReadingAndNotRepeated) {
  test::IpmiSimulator simulator;
  ASSERT_EQ(simulator.start(), "");
  auto target = ipmilan(simulator);
  target.secrets = {{"password", "wrong-password"}};
  const auto reading = open(target)->read(kDeadline);
  ASSERT_FALSE(reading);
  EXPECT_THAT(reading.error().message, Not(HasSubstr("wrong-password")));
}

TEST(FenceRedfishTest, PowerIsReadSwitchedOffAndOnAgain) {
  test::Emulator emulator;
  ASSERT_EQ(emulator.start(), "");
  const auto agent = open({"fence_redfish",
                           {{"ip", "127.0.0.1"}, {"ipport", emulator.port()}, {"username", "vmha"}, {"ssl_insecure", "1"},
                            {"systems_uri", std::string("/redfish/v1/Systems/") + test::kEmulatorSystemId}},
                           {{"password", "hunter2-secret"}}, system_folders()});
  const auto reading = agent->read(kDeadline);
  ASSERT_TRUE(reading) << describe(reading.error());
  EXPECT_EQ(reading->state, State::kOn);
  const auto off = agent->request_off(kDeadline);
  ASSERT_TRUE(off) << describe(off.error());
  EXPECT_TRUE(reads(*agent, State::kOff));
  ASSERT_TRUE(agent->request_on(kDeadline));
  EXPECT_TRUE(reads(*agent, State::kOn));
}

}  // namespace
}  // namespace vmha::power
