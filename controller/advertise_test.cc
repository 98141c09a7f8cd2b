#include "controller/advertise.h"

#include <gtest/gtest.h>

namespace vmha::controller {
namespace {

TEST(AdvertiseTest, TheEndpointIsWhatOthersCanReach) {
  Config config;
  const Whereabouts process{"machine", "", ""};
  const Whereabouts pod{"vmha-0", "vmha-system", "vmha-0"};
  EXPECT_EQ(advertised_endpoint(config, 8080, process), "http://127.0.0.1:8080");
  config.listen = "0.0.0.0:0";
  EXPECT_EQ(advertised_endpoint(config, 9999, process), "http://machine:9999");
  config.listen = "[::]:0";
  EXPECT_EQ(advertised_endpoint(config, 9999, process), "http://machine:9999");
  config.listen = "[fd00::1]:0";
  EXPECT_EQ(advertised_endpoint(config, 9999, process), "http://[fd00::1]:9999");
  EXPECT_EQ(advertised_endpoint(config, 9999, pod), "pod:vmha-system/vmha-0:9999");
  config.advertise = "https://vmha.example";
  EXPECT_EQ(advertised_endpoint(config, 9999, pod), "https://vmha.example");
}

TEST(AdvertiseTest, AnythingElseIsRefused) {
  Config config;
  config.openstack.clouds_file = "c";
  config.openstack.cloud = "c";
  config.advertise = "vmha.example:80";
  const auto valid = validate(config);
  ASSERT_FALSE(valid.has_value());
  EXPECT_EQ(valid.error().message, "advertise: must be http://host:port, https://host:port or pod:<namespace>/<name>:<port>, is \"vmha.example:80\"");
}

}  // namespace
}  // namespace vmha::controller
