#include "api/codec.h"

#include <fstream>
#include <functional>
#include <iterator>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vmha::api {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

json testdata(const std::string& name) {
  std::ifstream in(std::string{VMHA_API_TESTDATA} + "/" + name + ".json");
  return json::parse(std::string{std::istreambuf_iterator<char>(in), {}});
}

/// The testdata with one place changed; a null value removes it.
json with(json object, const std::string& pointer, const json& value) {
  const json::json_pointer place{pointer};
  if (value.is_null()) {
    object.at(place.parent_pointer()).erase(place.back());
  } else {
    object[place] = value;
  }
  return object;
}

TEST(CodecTest, DecodedAndEncodedAgainEveryKindIsTheSameJson) {
  EXPECT_EQ(encode(decode_policy(testdata("policy")).value()), testdata("policy"));
  EXPECT_EQ(encode(decode_compute_node(testdata("compute_node")).value()), testdata("compute_node"));
  EXPECT_EQ(encode(decode_protected_instance(testdata("protected_instance")).value()), testdata("protected_instance"));
}

TEST(CodecTest, FieldsLandInTheirMembers) {
  const HAPolicy policy = decode_policy(testdata("policy")).value();
  EXPECT_EQ(policy.spec.mode, PolicyMode::kEnforce);
  EXPECT_EQ(policy.spec.detection.poll, seconds{1});
  EXPECT_EQ(policy.spec.detection.confirm_without_storage, seconds{61});
  EXPECT_EQ(policy.spec.storm.max_unhealthy, (Share{3, false}));
  EXPECT_EQ(policy.spec.storm.max_unhealthy_per_failure_domain, (Share{50, true}));
  EXPECT_EQ(policy.spec.fencing.methods, std::vector{FenceMethod::kPower});
  ASSERT_EQ(policy.spec.discovery.instance_selector.size(), 7U);
  EXPECT_EQ(policy.spec.discovery.instance_selector[1].metadata_value, "");
  EXPECT_EQ(policy.spec.discovery.instance_selector[2].metadata_value, std::nullopt);

  const ComputeNode node = decode_compute_node(testdata("compute_node")).value();
  EXPECT_EQ(node.nova_host(), NovaHost{"compute-1.example"});
  EXPECT_EQ(node.metadata.labels.at("topology.kubernetes.io/rack"), "r1");
  ASSERT_TRUE(node.status.fence);
  EXPECT_EQ(node.status.fence->storage.addresses, std::vector{Address{"10.77.0.11"}});
  EXPECT_EQ(node.status.fence->decided_time, parse_rfc3339("2026-11-22T07:36:38.125Z"));

  const ProtectedInstance instance = decode_protected_instance(testdata("protected_instance")).value();
  EXPECT_EQ(instance.spec.server_id, ServerId{"5b8e2f0a-94d2-4c0e-8f0e-0a5b6a4c7d21"});
  ASSERT_EQ(instance.status.disks.size(), 2U);
  EXPECT_EQ(instance.status.disks[1].image, (ImageId{"volumes", "volume-0c8f1b52-52e1-4a3e-9b8e-3d1f6b0c7a11"}));
}

TEST(CodecTest, AnAbsentFieldHasTheDefaultOfTheDesign) {
  const json object = {{"metadata", {{"name", "compute-7"}}}, {"spec", json::object()}};
  const ComputeNode node = decode_compute_node(object).value();
  EXPECT_EQ(node.nova_host(), NovaHost{"compute-7"});
  EXPECT_EQ(node.spec.nova_host, std::nullopt);
  EXPECT_EQ(node.spec.policy, "default");
  EXPECT_EQ(node.status, ComputeNodeStatus{});

  const HAPolicy policy = decode_policy({{"metadata", {{"name", "default"}}}, {"spec", {{"mode", "DryRun"}}}}).value();
  EXPECT_EQ(policy.spec, HAPolicySpec{});
}

TEST(CodecTest, UnknownFieldsAreLeftToTheirWriters) {
  json object = testdata("compute_node");
  object["spec"]["fromTheFuture"] = {{"a", 1}};
  object["status"]["fence"]["fromTheFuture"] = true;
  EXPECT_EQ(decode_compute_node(object).value(), decode_compute_node(testdata("compute_node")).value());
}

TEST(CodecTest, AbsentIsNotZero) {
  json object = testdata("compute_node");
  object["status"].erase("storageClients");
  object["status"]["fence"]["storage"].erase("osdmapEpoch");
  const ComputeNode node = decode_compute_node(object).value();
  EXPECT_EQ(node.status.storage_clients, std::nullopt);
  EXPECT_EQ(node.status.fence->storage.osdmap_epoch, std::nullopt);
  EXPECT_EQ(encode(node), object);
}

struct Bad {
  const char* pointer;
  json value;
  const char* message;
};

void expect_refused(const std::vector<Bad>& table, const json& good, const std::function<Result<Done>(const json&)>& decode) {
  for (const Bad& bad : table) {
    const Result<Done> result = decode(with(good, bad.pointer, bad.value));
    ASSERT_FALSE(result) << bad.pointer << " = " << bad.value;
    EXPECT_EQ(result.error().kind, ErrorKind::kInvalid);
    EXPECT_THAT(result.error().message, HasSubstr(bad.message));
  }
}

template <class T>
Result<Done> done(const Result<T>& result) {
  return result.map([](const T&) { return Done{}; });
}

TEST(CodecTest, ABadComputeNodeIsNamedWithPathAndRemedy) {
  const std::vector<Bad> table = {
      {"/spec", nullptr, "ComputeNode openstack/compute-1: spec: is required"},
      {"/spec", 3, "spec: must be an object, is 3"},
      {"/metadata/name", nullptr, "ComputeNode openstack/(no name): metadata.name: is required"},
      {"/kind", "HAPolicy", "kind: must be ComputeNode"},
      {"/apiVersion", "vmha.openstack.org/v2", "apiVersion: must be vmha.openstack.org/v1alpha1"},
      {"/spec/maintenance", "yes", "spec.maintenance: must be true or false, is \"yes\""},
      {"/spec/novaHost", 7, "spec.novaHost: must be a string, is 7"},
      {"/spec/novaHost", "", "spec.novaHost: must be a string of at least 1 characters"},
      {"/spec/fencing/devices/0/level", 0, "spec.fencing.devices[0].level: must be a whole number from 1 to 9, is 0"},
      {"/spec/fencing/devices/0/level", 1.5, "spec.fencing.devices[0].level: must be a whole number"},
      {"/spec/fencing/devices/0/type", "Ssh", "spec.fencing.devices[0].type: must be one of Redfish, Ipmi, FenceAgent, BareMetalHost, is \"Ssh\""},
      {"/spec/fencing/devices/0/type", "Ipmi", "spec.fencing.devices[0]: type: Redfish needs the section redfish (endpoint, systemID, credentialsSecret), and no other"},
      {"/spec/fencing/devices/2/ipmi", nullptr, "spec.fencing.devices[2]: type: Ipmi needs the section ipmi"},
      {"/spec/fencing/devices/2/ipmi/endpoint", "10.0.0.1", "spec.fencing.devices[2].ipmi.endpoint: must be a host and a port"},
      {"/spec/fencing/devices/2/ipmi/endpoint", "-v:623", "spec.fencing.devices[2].ipmi.endpoint: must be a host and a port"},
      {"/spec/fencing/devices/3/fenceAgent", nullptr, "spec.fencing.devices[3]: type: FenceAgent needs the section fenceAgent"},
      {"/spec/fencing/devices/3/fenceAgent/agent", "/bin/sh", "devices[3].fenceAgent.agent: must be the name of a fence agent"},
      {"/spec/fencing/devices/3/fenceAgent/agent", "fence_../sh", "devices[3].fenceAgent.agent: must be the name of a fence agent"},
      {"/spec/fencing/devices/3/fenceAgent/agent", "fence_scsi", "devices[3].fenceAgent.agent: does not switch the power of a host"},
      {"/spec/fencing/devices/3/fenceAgent/parameters/0/name", "action", "parameters[0].name: is set by vmha itself"},
      {"/spec/fencing/devices/3/fenceAgent/parameters/0/name", "password_script", "parameters[0].name: is set by vmha itself, or would have"},
      {"/spec/fencing/devices/3/fenceAgent/parameters/0/name", "passwd", "parameters[0].name: is a secret"},
      {"/spec/fencing/devices/3/fenceAgent/parameters/0/name", "a=b", "parameters[0].name: must be letters"},
      {"/spec/fencing/devices/3/fenceAgent/parameters/0/value", "1\naction=off", "parameters[0].value: must be one line"},
      {"/spec/fencing/devices/4/bareMetalHost", nullptr, "spec.fencing.devices[4]: type: BareMetalHost needs the section bareMetalHost"},
      {"/spec/fencing/devices/4/bareMetalHost/namespace", nullptr, "spec.fencing.devices[4].bareMetalHost.namespace: is required"},
      {"/spec/fencing/devices/0/redfish", nullptr, "spec.fencing.devices[0]: type: Redfish needs the section redfish"},
      {"/spec/fencing/devices/0/redfish/endpoint", "http://10.0.0.1", "spec.fencing.devices[0].redfish.endpoint: must be https://"},
      {"/spec/fencing/devices", "bmc", "spec.fencing.devices: must be a list"},
      {"/spec/storage/clientAddresses", {"10.0.0.256"}, "spec.storage.clientAddresses: each item must be an IP address"},
      {"/spec/storage/clientAddresses", json(std::vector<std::string>(65, "10.0.0.1")), "must be a list of at most 64 items"},
      {"/status/verdict/value", "Alive", "status.verdict.value: must be one of Healthy, AgentDown"},
      {"/status/fence/id", nullptr, "status.fence.id: is required"},
      {"/status/fence/decidedTime", "yesterday", "status.fence.decidedTime: must be a time as in 2026-11-22T07:36:38Z, is \"yesterday\""},
      {"/status/observedGeneration", 18446744073709551615ULL, "status.observedGeneration: must be a whole number"},
  };
  expect_refused(table, testdata("compute_node"), [](const json& object) { return done(decode_compute_node(object)); });
}

TEST(CodecTest, ABadPolicyIsNamedWithPathAndRemedy) {
  const std::vector<Bad> table = {
      {"/spec/mode", nullptr, "spec.mode: is required"},
      {"/spec/detection/pollSeconds", 4, "spec.detection: pollSeconds must be less than novaStaleSeconds"},
      {"/spec/storm/maxUnhealthy", "40", "spec.storm.maxUnhealthy: must be a number of hosts or a percentage"},
      {"/spec/storm/maxUnhealthy", "101%", "spec.storm.maxUnhealthy: must be a number of hosts from 1 to 100000 or a percentage"},
      {"/spec/storm/maxUnhealthy", "99999999999999999999%", "must be a number of hosts or a percentage"},
      {"/spec/storm/maxUnhealthy", 0, "spec.storm.maxUnhealthy: must be a number of hosts from 1 to 100000"},
      {"/spec/fencing/methods", json::array(), "spec.fencing.methods: must be a list of at least 1 items"},
      {"/spec/fencing/methods", {"Storage"}, "spec.fencing: require: Host needs the method Power"},
      {"/spec/discovery/instanceSelector/3/projectID", "p", "instanceSelector[3]: exactly one of"},
      {"/spec/discovery/instanceSelector/3/metadataValue", "p", "instanceSelector[3]: metadataValue needs metadataKey"},
  };
  expect_refused(table, testdata("policy"), [](const json& object) { return done(decode_policy(object)); });
}

TEST(CodecTest, ABadInstanceIsNamedWithPathAndRemedy) {
  const std::vector<Bad> table = {
      {"/spec/serverID", "db-0", "spec.serverID: must be the UUID of a server"},
      {"/spec/placement/avoidHosts", {"compute-2"}, "spec.placement: a host is in both allowedHosts and avoidHosts"},
      {"/spec/priority", 1001, "spec.priority: must be a whole number from 0 to 1000, is 1001"},
      {"/status/disks/0/image", "vms/", "status.disks[0].image: must be <pool>/<image>"},
      {"/metadata/labels/x", 1, "metadata.labels: must be an object of strings"},
  };
  expect_refused(table, testdata("protected_instance"), [](const json& object) { return done(decode_protected_instance(object)); });
}

TEST(CodecTest, WhatIsNoObjectAtAllIsAnErrorToo) {
  for (const char* text : {"", "null", "[]", "3", "{", "{}", R"({"metadata": null, "spec": {}})", R"({"metadata": 1, "spec": 2, "status": 3})"}) {
    EXPECT_FALSE(parse_compute_node(text)) << text;
    EXPECT_FALSE(parse_policy(text)) << text;
    EXPECT_FALSE(parse_protected_instance(text)) << text;
  }
}

TEST(CodecTest, AStatusWriteCarriesTheVersionItWasDecidedOnAndNoSpec) {
  const ComputeNode node = decode_compute_node(testdata("compute_node")).value();
  const json body = encode_status(node);
  EXPECT_EQ(body.at("metadata"), (json{{"name", "compute-1"}, {"namespace", "openstack"}, {"uid", node.metadata.uid}, {"resourceVersion", "4711"}}));
  EXPECT_EQ(body.at("status"), testdata("compute_node").at("status"));
  EXPECT_FALSE(body.contains("spec"));
  EXPECT_EQ(body.at("kind"), "ComputeNode");
  EXPECT_EQ(body.at("apiVersion"), "vmha.openstack.org/v1alpha1");
}

TEST(CodecTest, AFenceThatIsGoneIsLeftOutOfTheStatus) {
  ComputeNode node = decode_compute_node(testdata("compute_node")).value();
  node.status.fence.reset();
  node.status.devices.clear();
  const json status = encode_status(node).at("status");
  EXPECT_FALSE(status.contains("fence"));
  EXPECT_FALSE(status.contains("devices"));
}

TEST(CodecTest, ANewObjectHasNoStatusAndNothingTheServerSets) {
  const ProtectedInstance instance = decode_protected_instance(testdata("protected_instance")).value();
  const json body = encode_new(instance);
  EXPECT_EQ(body.at("metadata"), (json{{"name", "db-0"}, {"namespace", "openstack"}, {"labels", {{"vmha.openstack.org/discovered", "true"}}}}));
  EXPECT_EQ(body.at("spec"), testdata("protected_instance").at("spec"));
  EXPECT_FALSE(body.contains("status"));
}

TEST(CodecTest, WhatIsForPeopleIsCutAndWhatDecidesIsNot) {
  ComputeNode node = decode_compute_node(testdata("compute_node")).value();
  node.status.devices[0].message = std::string(2000, 'x');
  node.status.fence->storage.addresses = std::vector<Address>(100, Address{"10.0.0.1"});
  const json status = encode_status(node).at("status");
  EXPECT_EQ(status.at("devices").at(0).at("message"), std::string(509, 'x') + "...");
  EXPECT_EQ(status.at("fence").at("storage").at("addresses").size(), 100U) << "the API server refuses it: better than a fence of less";
}

}  // namespace
}  // namespace vmha::api
