#include "controller/config.h"

#include <gtest/gtest.h>

namespace vmha::controller {
namespace {

TEST(ConfigTest, EveryFieldOfTheReferenceIsRead) {
  const auto config = parse_config(R"(
watchNamespace: cloud
openstack: {cloudsFile: /etc/openstack/clouds.yaml, cloud: main, region: one, interface: internal}
ceph: {confFile: /c.conf, keyringFile: /k, user: ha, ephemeralPool: vms2, volumePools: [a, b]}
log: {level: debug, format: json}
listen: ":9090"
advertise: http://vmha.example:9090
leaderElection: {enabled: false, leaseName: x}
)",
                                   "vmha.yaml", {});
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->watch_namespace, "cloud");
  EXPECT_EQ(config->openstack.clouds_file, "/etc/openstack/clouds.yaml");
  EXPECT_EQ(config->openstack.interface, "internal");
  EXPECT_EQ(config->ceph.volume_pools, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(config->log.level, log::Level::kDebug);
  EXPECT_EQ(config->log.format, log::Format::kJson);
  EXPECT_FALSE(config->leader_election.enabled);
  EXPECT_EQ(config->advertise, "http://vmha.example:9090");
  EXPECT_TRUE(validate(*config).has_value());
}

TEST(ConfigTest, AMistakeIsOneLineWithFileLineFieldAndRemedy) {
  struct Case {
    const char* text;
    const char* message;
  };
  for (const Case& c : {Case{"ceph:\n  usr: x\n", "vmha.yaml:2: ceph.usr: unknown field; known here are confFile, keyringFile, user, ephemeralPool, volumePools"},
                        Case{"log: {level: loud}\n", "vmha.yaml:1: log.level: must be debug, info, warn or error, is \"loud\""},
                        Case{"leaderElection: {enabled: maybe}\n", "vmha.yaml:1: leaderElection.enabled: must be true or false"},
                        Case{"ceph: [x]\n", "vmha.yaml:1: ceph: must be a mapping"}, Case{"ceph: {volumePools: x}\n", "vmha.yaml:1: ceph.volumePools: must be a list"}}) {
    const auto config = parse_config(c.text, "vmha.yaml", {});
    ASSERT_FALSE(config.has_value()) << c.text;
    EXPECT_EQ(config.error().message, c.message);
  }
  EXPECT_FALSE(parse_config("a: [", "vmha.yaml", {}).has_value());
}

TEST(ConfigTest, WhatIsMissingIsNamed) {
  Config config;
  const auto result = validate(config);
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().message, "openstack.cloudsFile: is empty; name a clouds.yaml");
}

TEST(ConfigTest, ListenTakesHostAndPort) {
  EXPECT_EQ(parse_listen(":0")->port, 0);
  EXPECT_EQ(parse_listen("[::1]:80")->host, "::1");
  EXPECT_FALSE(parse_listen("80").has_value());
  EXPECT_FALSE(parse_listen(":99999").has_value());
}

}  // namespace
}  // namespace vmha::controller
