/// Against a real API server with the BareMetalHost's kind. The test plays the baremetal-operator and writes status as it does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "clients/kube/live_cluster.h"
#include "clients/power/bare_metal_host.h"

namespace vmha::power {
namespace {

using kube::LiveCluster;
using nlohmann::json;
using ::testing::HasSubstr;

constexpr milliseconds kDeadline = seconds(30);
constexpr const char* kName = "worker-1";
const kube::Resource kHosts{"metal3.io", "v1alpha1", "baremetalhosts"};

/// The fields that matter here, by their real names.
void make_kind(kube::Client& client) {
  const json schema = json::parse(R"({"type": "object", "properties": {
      "spec": {"type": "object", "properties": {"online": {"type": "boolean"}}},
      "status": {"type": "object", "properties": {"poweredOn": {"type": "boolean"}, "operationalStatus": {"type": "string"}, "errorType": {"type": "string"},
                 "lastUpdated": {"type": "string", "format": "date-time"},
                 "provisioning": {"type": "object", "properties": {"state": {"type": "string"}}}}}}})");
  const json version = {{"name", "v1alpha1"}, {"served", true}, {"storage", true}, {"schema", {{"openAPIV3Schema", schema}}}, {"subresources", {{"status", json::object()}}}};
  const json crd = {{"apiVersion", "apiextensions.k8s.io/v1"}, {"kind", "CustomResourceDefinition"},
                    // *.metal3.io needs no approval of the Kubernetes project, as *.k8s.io would.
                    {"metadata", {{"name", "baremetalhosts.metal3.io"}}},
                    {"spec", {{"group", "metal3.io"}, {"scope", "Namespaced"}, {"versions", {version}},
                              {"names", {{"plural", "baremetalhosts"}, {"singular", "baremetalhost"}, {"kind", "BareMetalHost"}}}}}};
  const auto made = client.create_object({"apiextensions.k8s.io", "v1", "customresourcedefinitions"}, crd);
  ASSERT_TRUE(made.has_value()) << describe(made.error());
  ASSERT_TRUE(kube::eventually([&] { return client.list_page(kHosts, {}).has_value(); }));
}

class BareMetalHostLiveTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() { make_kind(*LiveCluster::client()); }
  void SetUp() override {
    const json object = {{"apiVersion", "metal3.io/v1alpha1"}, {"kind", "BareMetalHost"}, {"metadata", {{"name", kName}}}, {"spec", {{"online", true}}}};
    ASSERT_TRUE(client_->create_object(kHosts.in(ns_), object).has_value());
    ASSERT_TRUE(kube::eventually([&] { return client_->get(kHosts.in(ns_), kName).has_value(); }));
    operator_writes({{"poweredOn", true}, {"operationalStatus", "OK"}, {"provisioning", {{"state", "provisioned"}}}});
  }

  void operator_writes(const json& status) {
    const auto written = client_->merge_patch(kHosts.in(ns_), kName, {{"status", status}}, {}, "status");
    ASSERT_TRUE(written.has_value()) << describe(written.error());
  }
  [[nodiscard]] json annotations() {
    const auto object = client_->get(kHosts.in(ns_), kName);
    return object && object->at("metadata").contains("annotations") ? object->at("metadata").at("annotations") : json::object();
  }
  /// One pass of the operator: any reboot annotation holds the host off, else spec.online counts.
  void operator_works() {
    bool held = false;
    const json all = annotations();
    for (const auto& [name, value] : all.items()) held = held || name.rfind("reboot.metal3.io", 0) == 0;
    operator_writes({{"poweredOn", !held}});
  }

  std::unique_ptr<kube::Client> client_ = LiveCluster::client();
  std::string ns_ = kube::make_namespace(*client_);
  BareMetalHost host_{*client_, ns_, kName};
};

TEST_F(BareMetalHostLiveTest, SwitchedOffHeldOffAndOnAgain) {
  EXPECT_EQ(host_.read(kDeadline)->state, State::kOn);
  const auto off = host_.request_off(kDeadline);
  ASSERT_TRUE(off) << describe(off.error());
  EXPECT_EQ(annotations().value(kRebootAnnotation, ""), R"({"mode": "hard"})");
  EXPECT_EQ(host_.read(kDeadline)->state, State::kOn) << "asked is not off";
  operator_works();
  EXPECT_EQ(host_.read(kDeadline)->state, State::kOff);
  EXPECT_TRUE(host_.request_off(kDeadline)) << "it is off already";
  EXPECT_EQ(host_.read(kDeadline)->state, State::kOff);
  ASSERT_TRUE(host_.request_on(kDeadline));
  EXPECT_TRUE(annotations().empty()) << annotations();
  EXPECT_NE(host_.read(kDeadline)->state, State::kOff) << "no longer held: it may go on at any moment";
  operator_works();
  EXPECT_EQ(host_.read(kDeadline)->state, State::kOn);
}

TEST_F(BareMetalHostLiveTest, WhatAnOperatorThatIsDownLeftBehindProvesNothing) {
  operator_writes({{"poweredOn", false}});
  EXPECT_EQ(host_.read(kDeadline)->state, State::kUnknown);
  ASSERT_TRUE(host_.request_off(kDeadline));
  EXPECT_EQ(host_.read(kDeadline)->state, State::kUnknown) << "nobody has written since";
  operator_writes({{"poweredOn", true}});
  ASSERT_TRUE(host_.request_off(kDeadline)) << "it was on after all: asked again, on the version that says so";
  operator_works();
  EXPECT_EQ(host_.read(kDeadline)->state, State::kOff);
}

TEST_F(BareMetalHostLiveTest, AnOrderNeedsPermissionAndNoUuid) {
  EXPECT_FALSE(host_.request_off(kDeadline, {}, [] { return Result<Instant>(fail(ErrorKind::kTimeout, "the leader's term is over")); }));
  EXPECT_EQ(host_.request_off(kDeadline, "4c4c4544-0051-3610-8052-b7c04f4d3132").error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(annotations().empty());
}

TEST_F(BareMetalHostLiveTest, AnObjectThatChangesUnderTheOrderIsAConflict) {
  // The operator writes between our reading and our patch.
  const auto off = host_.request_off(kDeadline, {}, [&] {
    operator_writes({{"poweredOn", false}});
    return Result<Instant>(monotonic_now() + kDeadline);
  });
  ASSERT_FALSE(off);
  EXPECT_EQ(off.error().kind, ErrorKind::kConflict);
  EXPECT_TRUE(annotations().empty()) << "else a stale word would count as written after it";
}

TEST_F(BareMetalHostLiveTest, TheDrillNamesWhatStandsInTheWay) {
  const auto drill = host_.drill(kDeadline);
  ASSERT_TRUE(drill) << describe(drill.error());
  EXPECT_TRUE(drill->rights_known);
  EXPECT_EQ(drill->reading.state, State::kOn);
  EXPECT_TRUE(annotations().empty()) << "it changes nothing";
  operator_writes({{"provisioning", {{"state", "available"}}}});
  EXPECT_THAT(host_.drill(kDeadline).error().message, HasSubstr("in its state \"available\""));
  operator_writes({{"provisioning", {{"state", "externally provisioned"}}}, {"operationalStatus", "error"}, {"errorType", "power management error"}});
  EXPECT_THAT(host_.drill(kDeadline).error().message, HasSubstr("power management error"));
  EXPECT_EQ(BareMetalHost(*client_, ns_, "worker-2").drill(kDeadline).error().kind, ErrorKind::kNotFound);
}

TEST_F(BareMetalHostLiveTest, WithoutRightsItIsForbidden) {
  const auto nobody = LiveCluster::client_of("nobody");
  BareMetalHost host(*nobody, ns_, kName);
  EXPECT_EQ(host.read(kDeadline).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(host.drill(kDeadline).error().kind, ErrorKind::kForbidden);
}

}  // namespace
}  // namespace vmha::power
