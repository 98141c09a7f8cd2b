#include "cli/leader.h"

#include <gtest/gtest.h>

#include "cli/explain.h"
#include "cli/testing.h"

namespace vmha::cli::testing {
namespace {

TEST(LeaderTest, TheLeaseSaysWhoLeadsAndWhere) {
  const Leader leader = resources("fencing").leader;
  EXPECT_EQ(leader.identity, "vmha-0_1a2b3c4d");
  EXPECT_EQ(leader.endpoint, "pod:vmha-system/vmha-0:8080");
  EXPECT_EQ(leader.renewed, *parse_rfc3339("2026-11-23T11:59:58.123456Z"));
  EXPECT_EQ(leader_of(nlohmann::json::object()).identity, "");
  EXPECT_EQ(leader_of(nlohmann::json{{"spec", 3}, {"metadata", {{"annotations", "x"}}}}).endpoint, "");
}

TEST(LeaderTest, AnEndpointIsReachedDirectlyOrThroughTheApiServer) {
  EXPECT_EQ(route_of("http://10.0.0.1:8080")->url, "http://10.0.0.1:8080");
  EXPECT_EQ(route_of("pod:vmha-system/vmha-0:8080")->proxy_path, "/api/v1/namespaces/vmha-system/pods/vmha-0:8080/proxy");
  EXPECT_EQ(route_of("pod:a/b?x:1")->proxy_path, "/api/v1/namespaces/a/pods/b%3Fx:1/proxy");
  for (const char* wrong : {"", "vmha:8080", "pod:vmha-0:8080", "pod:/vmha-0:8080", "pod:a/:8080", "pod:a/b", "pod:a/b:", "pod:a/b:http", "ftp://x"}) {
    const auto route = route_of(wrong);
    ASSERT_FALSE(route.has_value()) << wrong;
    EXPECT_EQ(route.error().kind, ErrorKind::kInvalid);
  }
}

TEST(LeaderTest, AHostIsNamedAsKubectlNamesIt) {
  for (const char* target : {"cn/a.b", "CN/a.b", "computenode/a.b", "computenodes/a.b", "computenodes.vmha.openstack.org/a.b", "a.b"}) EXPECT_EQ(node_named(target).value_or("refused"), "a.b") << target;
  for (const char* target : {"", "cn/", "/a", "pi/a", "cn/a/b"}) EXPECT_FALSE(node_named(target).has_value()) << target;
}

}  // namespace
}  // namespace vmha::cli::testing
