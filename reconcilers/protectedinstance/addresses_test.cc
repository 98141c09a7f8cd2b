#include "reconcilers/protectedinstance/addresses.h"

#include <gtest/gtest.h>

#include "reconcilers/protectedinstance/testing.h"

namespace vmha::protectedinstance::testing {
namespace {

bool is_covered(const char* by, const char* address) { return covers({Address{by}}, Address{address}); }

TEST(AddressesTest, ANetworkCoversItsAddressesAndNoOthers) {
  EXPECT_TRUE(is_covered("10.77.0.8/29", "10.77.0.8"));
  EXPECT_TRUE(is_covered("10.77.0.8/29", "10.77.0.15"));
  EXPECT_FALSE(is_covered("10.77.0.8/29", "10.77.0.16"));
  EXPECT_TRUE(is_covered("0.0.0.0/0", "192.0.2.1"));
  EXPECT_FALSE(is_covered("0.0.0.0/0", "fd00::1"));
  EXPECT_TRUE(is_covered("fd00::/64", "fd00::9"));
  EXPECT_FALSE(is_covered("fd00::/64", "fd00:0:0:1::9"));
}

TEST(AddressesTest, AnAddressCoversItselfAndWhatIsMalformedNothingElse) {
  EXPECT_TRUE(is_covered("10.77.0.11", "10.77.0.11"));
  EXPECT_FALSE(is_covered("10.77.0.1", "10.77.0.11"));
  for (const char* malformed : {"10.77.0.0/33", "10.77.0.0/", "10.77.0.0/-1", "10.77.0.0/8x", "10.77/8", "/8", ""}) {
    EXPECT_FALSE(is_covered(malformed, "10.77.0.11")) << malformed;
  }
}

TEST(AddressesTest, AFencedNetworkIsExpectedBeforeAndForbiddenAfterTheMove) {
  Scene scene;
  scene.ready_to_ask();
  scene.rest.fence->addresses = {Address{"10.77.0.8/29"}};
  scene.host_facts(1).addresses.clear();
  scene.host_facts(2).addresses.clear();
  scene.host_facts(3).addresses.clear();
  scene.disks->value[0].watchers = {watcher("10.77.0.11")};
  EXPECT_NE(wished<Evacuate>(scene.decided()), nullptr);
  scene.at_step(api::RecoveryStep::kMoved).moved();
  scene.disks->value[0].watchers = {watcher("10.77.0.11")};
  EXPECT_EQ(scene.decided().status.recovery->phase, api::RecoveryStep::kMoved);
}

TEST(AddressesTest, AHostKnownByItsNetworkIsAHost) {
  Scene scene;
  scene.fenced().at_step(api::RecoveryStep::kMoved).moved();
  scene.host_facts(3).addresses = {Address{"10.77.3.0/24"}};
  scene.disks->value[0].watchers = {watcher("10.77.3.7")};
  EXPECT_EQ(scene.decided().status.recovery->phase, api::RecoveryStep::kMoved);
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
