#include <string>

#include <gtest/gtest.h>

#include "api/compute_node.h"
#include "api/describe.h"
#include "api/policy.h"

namespace vmha::api {
namespace {

TEST(ShareTest, APercentageIsRoundedDownAndIsAtLeastOne) {
  EXPECT_EQ((Share{40, true}.of(10)), 4);
  EXPECT_EQ((Share{40, true}.of(4)), 1);
  EXPECT_EQ((Share{40, true}.of(1)), 1);
  EXPECT_EQ((Share{100, true}.of(20)), 20);
  EXPECT_EQ((Share{40, true}.of(0)), 1);
  EXPECT_EQ((Share{3, false}.of(1000)), 3);
  EXPECT_EQ((Share{90, true}.of(100'000'000)), 90'000'000) << "does not overflow";
}

TEST(ValuesTest, AddressesAndRanges) {
  for (const char* good : {"10.0.0.1", "10.0.0.0/8", "0.0.0.0/0", "fd00::1", "::", "fd00::/64", "::ffff:10.0.0.1", "fd00::/128"}) {
    EXPECT_TRUE(is_address_or_range(good)) << good;
  }
  for (const char* bad : {"", "10.0.0", "10.0.0.256", "10.0.0.1:0", "10.0.0.1/33", "10.0.0.1/", "10.0.0.1/-1", "10.0.0.1/1/1", "fd00::/129", "host", " 10.0.0.1",
                          "10.0.0.1/0x8", "10.0.0.1/+8"}) {
    EXPECT_FALSE(is_address_or_range(bad)) << bad;
  }
}

TEST(ValuesTest, HttpsOrigins) {
  for (const char* good : {"https://10.0.0.1", "https://bmc-1.example:8443", "https://bmc/", "https://[fd00::1]", "https://[fd00::1]:443/"}) {
    EXPECT_TRUE(is_https_origin(good)) << good;
  }
  for (const char* bad : {"", "https://", "http://10.0.0.1", "https://u:p@10.0.0.1", "https://a/b", "https://a?x", "https://a:", "https://a:99999", "https://[10.0.0.1]",
                          "https://a//", "HTTPS://a", "https://fd00::1"}) {
    EXPECT_FALSE(is_https_origin(bad)) << bad;
  }
}

TEST(ValuesTest, UuidsAndNames) {
  EXPECT_TRUE(is_uuid("5b8e2f0a-94d2-4c0e-8f0e-0a5b6a4c7d21"));
  EXPECT_FALSE(is_uuid("5B8e2f0a-94d2-4c0e-8f0e-0a5b6a4c7d21"));
  EXPECT_FALSE(is_uuid("5b8e2f0a-94d2-4c0e-8f0e-0a5b6a4c7d2"));
  EXPECT_FALSE(is_uuid("5b8e2f0a094d2-4c0e-8f0e-0a5b6a4c7d21"));
  EXPECT_TRUE(is_object_name("compute-1.example"));
  for (const char* bad : {"", "-a", "a.", "A", "a_b", "a b"}) EXPECT_FALSE(is_object_name(bad)) << bad;
}

TEST(EnumsTest, NamesAreThoseOfTheDesign) {
  EXPECT_EQ(to_string(VerdictValue::kAgentDown), "AgentDown");
  EXPECT_EQ(to_string(NodePhase::kUnknown), "Unknown");
  EXPECT_EQ(from_string<EvidenceSource>("StoragePing"), EvidenceSource::kStoragePing);
  EXPECT_EQ(from_string<VerdictValue>("healthy"), std::nullopt);
}

}  // namespace
}  // namespace vmha::api
