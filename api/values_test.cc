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

TEST(ValuesTest, HostsWithPorts) {
  for (const char* good : {"10.0.0.1:623", "bmc-1.example:1", "[fd00::1]:623", "b:65535"}) EXPECT_TRUE(is_host_and_port(good)) << good;
  for (const char* bad : {"", ":623", "10.0.0.1", "a:", "a:0", "a:0623", "a:65536", "a:6x", "-H:623", "a b:623", "u@a:623", "fd00::1:623", "[10.0.0.1]:623", "a/b:623"}) {
    EXPECT_FALSE(is_host_and_port(bad)) << bad;
  }
}

TEST(ValuesTest, AgentsAndTheirParameters) {
  for (const char* good : {"fence_apc_snmp", "fence_ilo4", "fence_x"}) EXPECT_TRUE(is_agent_name(good)) << good;
  for (const char* bad : {"", "fence_", "fence_APC", "/usr/sbin/fence_apc", "fence_apc --help", "../fence_apc", "fence_a-b", "sh"}) EXPECT_FALSE(is_agent_name(bad)) << bad;
  for (const char* name : {"action", "option", "nodename", "verbose", "verbose_level", "debug_file", "password_script", "ipmitool-path", "ssh_options"}) {
    EXPECT_TRUE(is_reserved_parameter(name)) << name;
  }
  for (const char* name : {"ip", "plug", "power_wait", "systems_uri", "snmp_version"}) EXPECT_FALSE(is_reserved_parameter(name)) << name;
  EXPECT_FALSE(switches_power("fence_kdump"));
  EXPECT_TRUE(switches_power("fence_apc"));
}

PowerDevice agent(std::vector<AgentParameter> parameters) {
  PowerDevice device;
  device.type = DeviceType::kFenceAgent;
  device.fence_agent = FenceAgentAccess{"fence_apc", std::move(parameters), std::nullopt};
  return device;
}

TEST(ValuesTest, TheIdentityOfADeviceIsWhatItSwitches) {
  PowerDevice redfish;
  redfish.redfish = RedfishAccess{"https://BMC:443/", "1", {"a"}, std::nullopt, false};
  PowerDevice same = redfish;
  same.redfish = RedfishAccess{"https://bmc", "1", {"b"}, std::nullopt, true};
  EXPECT_EQ(identity(redfish), identity(same));
  const PowerDevice outlet = agent({{"ip", "10.0.0.9"}, {"plug", "7"}});
  EXPECT_EQ(identity(outlet), identity(agent({{"port", "7"}, {"ipaddr", "10.0.0.9"}, {"power_timeout", "60"}, {"login", "x"}})));
  EXPECT_NE(identity(outlet), identity(agent({{"ip", "10.0.0.9"}, {"plug", "8"}})));
  PowerDevice ipmi;
  ipmi.ipmi = IpmiAccess{"10.0.0.1:623", {"a"}};
  PowerDevice host;
  host.bare_metal_host = BareMetalHostRef{"worker-1", "metal3"};
  EXPECT_EQ(identity(ipmi), "ipmi 10.0.0.1:623");
  EXPECT_EQ(identity(host), "BareMetalHost metal3/worker-1");
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
