#include <memory>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <poll.h>

#include "base/time.h"
#include "clients/power/emulator.h"
#include "clients/power/redfish.h"

/// Against sushy-tools, a Redfish service that others wrote. Fails, and does not skip, if it cannot be had.
namespace vmha::power {
namespace {

using test::Emulator;

constexpr milliseconds kDeadline = seconds(20);
constexpr Duration kPowerLimit = seconds(30);  // the emulator takes 2 s
constexpr const char* kUuid = test::kEmulatorUuid;
constexpr const char* kSystemId = test::kEmulatorSystemId;

class EmulatorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    emulator = std::make_unique<Emulator>();
    problem = emulator->start();
  }
  static void TearDownTestSuite() { emulator.reset(); }
  void SetUp() override { ASSERT_EQ(problem, ""); }

  static std::unique_ptr<Redfish> open(RedfishTarget target) {
    auto redfish = Redfish::create(std::move(target));
    EXPECT_TRUE(redfish) << describe(redfish.error());
    return std::move(*redfish);
  }

  /// True once the system reads so.
  static ::testing::AssertionResult reads(Redfish& redfish, State wanted) {
    const Instant limit = monotonic_now() + kPowerLimit;
    Result<Reading> reading = redfish.read(kDeadline);
    while (reading && reading->state != wanted && monotonic_now() < limit) {
      ::poll(nullptr, 0, 100);
      reading = redfish.read(kDeadline);
    }
    if (!reading) return ::testing::AssertionFailure() << describe(reading.error());
    if (reading->state != wanted) return ::testing::AssertionFailure() << "still " << reading->detail;
    return ::testing::AssertionSuccess();
  }

  static inline std::unique_ptr<Emulator> emulator;
  static inline std::string problem;
};

TEST_F(EmulatorTest, PowerIsReadSwitchedOffAndOnAgain) {
  const auto redfish = open(emulator->target());
  EXPECT_EQ(redfish->read(kDeadline), (Reading{.state = State::kOn, .system_uuid = kUuid, .detail = "On"}));
  const auto off = redfish->request_off(kDeadline, kUuid);
  ASSERT_TRUE(off) << describe(off.error());
  EXPECT_TRUE(reads(*redfish, State::kOff));
  EXPECT_TRUE(redfish->request_off(kDeadline, kUuid)) << "it is off already";
  EXPECT_TRUE(reads(*redfish, State::kOff));
  const auto on = redfish->request_on(kDeadline, kUuid);
  ASSERT_TRUE(on) << describe(on.error());
  EXPECT_TRUE(reads(*redfish, State::kOn));
}

TEST_F(EmulatorTest, TheOnlySystemNeedsNoId) {
  auto target = emulator->target();
  target.system_id = "";
  EXPECT_EQ(open(target)->read(kDeadline)->system_uuid, kUuid);
}

TEST_F(EmulatorTest, AnUnknownSystemIsNotFound) {
  auto target = emulator->target();
  target.system_id = "2";
  const auto reading = open(target)->read(kDeadline);
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(reading.error().message, ::testing::HasSubstr(kSystemId));
}

TEST_F(EmulatorTest, TheDrillSaysThatRightsCannotBeRead) {
  const auto drill = open(emulator->target())->drill(kDeadline);
  ASSERT_TRUE(drill) << describe(drill.error());
  EXPECT_FALSE(drill->rights_known);
  EXPECT_EQ(drill->reading.state, State::kOn);
}

TEST_F(EmulatorTest, AWrongPasswordIsForbidden) {
  auto target = emulator->target();
  target.password = "wrong";
  EXPECT_EQ(open(target)->read(kDeadline).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(open(target)->request_off(kDeadline).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(open(target)->drill(kDeadline).error().kind, ErrorKind::kForbidden);
}

TEST_F(EmulatorTest, AnotherAuthorityIsForbidden) {
  auto target = emulator->target();
  target.tls.ca_pem = http::test::make_ca("another").cert_pem;
  EXPECT_EQ(open(target)->read(kDeadline).error().kind, ErrorKind::kForbidden);
}

}  // namespace
}  // namespace vmha::power
