#include "clients/kube/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "clients/kube/live_cluster.h"
#include "clients/kube/secrets.h"

namespace vmha::kube {
namespace {

using nlohmann::json;
using testing::HasSubstr;

/// Who the server takes us for.
Result<std::string> whoami(Client& client) {
  const auto review = client.create_object({"authentication.k8s.io", "v1", "selfsubjectreviews"},
                                           {{"apiVersion", "authentication.k8s.io/v1"}, {"kind", "SelfSubjectReview"}});
  if (!review) return tl::unexpected(review.error());
  return review->at("status").at("userInfo").at("username").get<std::string>();
}

/// A kind of our own with a status subresource, as vmha's resources have.
const Resource kThings{"test.vmha.openstack.org", "v1", "things"};

void make_things(Client& client) {
  const json schema = json::parse(R"({"type": "object", "properties": {
      "spec": {"type": "object", "properties": {"size": {"type": "integer", "minimum": 1}, "names": {"type": "array", "items": {"type": "string"}}}},
      "status": {"type": "object", "properties": {"phase": {"type": "string"}, "note": {"type": "string"}}}}})");
  const json version = {{"name", "v1"}, {"served", true}, {"storage", true}, {"schema", {{"openAPIV3Schema", schema}}},
                        {"subresources", {{"status", json::object()}}}};
  const json crd = {{"apiVersion", "apiextensions.k8s.io/v1"},
                    {"kind", "CustomResourceDefinition"},
                    {"metadata", {{"name", "things.test.vmha.openstack.org"}}},
                    {"spec", {{"group", kThings.group}, {"scope", "Namespaced"}, {"names", {{"plural", "things"}, {"singular", "thing"}, {"kind", "Thing"}}},
                              {"versions", {version}}}}};
  const auto made = client.create_object({"apiextensions.k8s.io", "v1", "customresourcedefinitions"}, crd);
  ASSERT_TRUE(made.has_value()) << describe(made.error());
  ASSERT_TRUE(eventually([&] { return client.list_page(kThings, {}).has_value(); }));
}

class ClientLiveTest : public testing::Test {
 protected:
  static void SetUpTestSuite() { make_things(*LiveCluster::client()); }

  std::unique_ptr<Client> client_ = LiveCluster::client();
  std::string ns_ = make_namespace(*client_);
  Resource things_ = kThings.in(ns_);
  Resource maps_{"", "v1", "configmaps", ns_};

  static json thing(const json& spec) { return {{"apiVersion", "test.vmha.openstack.org/v1"}, {"kind", "Thing"}, {"spec", spec}}; }
  static json with_phase(const std::string& phase) {
    return {{"apiVersion", "test.vmha.openstack.org/v1"}, {"kind", "Thing"}, {"status", {{"phase", phase}}}};
  }
  static std::string version(const Result<json>& object) { return object.value().at("metadata").at("resourceVersion").get<std::string>(); }
};

TEST_F(ClientLiveTest, EveryWayToLogInIsTheUserItShouldBe) {
  EXPECT_EQ(whoami(*LiveCluster::client(LiveCluster::config("admin.conf"))).value(), "admin") << "certificate files";
  EXPECT_EQ(whoami(*LiveCluster::client(LiveCluster::config("admin-inline.conf"))).value(), "admin") << "certificate in the file";
  EXPECT_EQ(whoami(*LiveCluster::client(LiveCluster::config("token.conf"))).value(), "admin") << "token file";
  EXPECT_EQ(whoami(*LiveCluster::client_of("second")).value(), "second");
}

TEST_F(ClientLiveTest, ACertificateOfAnotherAuthorityIsNotTrusted) {
  Config config = LiveCluster::config();
  config.ca_pem.clear();  // the system's trust store does not know the lab's authority
  const auto answer = LiveCluster::client(config)->get_raw("/version");
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::kForbidden);
}

TEST_F(ClientLiveTest, ARevokedTokenIsForbiddenUntilTheFileHoldsAnother) {
  const auto copy = [](const std::string& user, const std::string& to) {
    std::filesystem::copy_file(LiveCluster::get().file(user + ".token"), to, std::filesystem::copy_options::overwrite_existing);
  };
  const std::string file = LiveCluster::get().file("rotated.token");
  copy("admin", file);
  Config config = LiveCluster::config("token.conf");
  config.token_file = file;
  auto client = LiveCluster::client(config);
  EXPECT_EQ(whoami(*client).value(), "admin");
  copy("second", file);
  EXPECT_TRUE(eventually([&] { return whoami(*client).value() == "second"; })) << "a new token is used though the old one still works";
  std::ofstream(file) << "revoked";
  EXPECT_TRUE(eventually([&] { return !whoami(*client).has_value(); }));
  EXPECT_EQ(whoami(*client).error().kind, ErrorKind::kForbidden);
  copy("admin", file);
  EXPECT_EQ(whoami(*client).value(), "admin") << "the refusal makes the file be read at once";
}

/// A token of a service account, as the kubelet asks for one (TokenRequest), straight over HTTP.
std::string service_account_token(const std::string& ns, const std::string& name) {
  const Config admin = LiveCluster::config();
  http::Tls tls;
  tls.ca_pem = admin.ca_pem;
  tls.client_cert_pem = admin.client_cert_pem;
  tls.client_key_pem = admin.client_key_pem;
  auto transport = http::Client::create(admin.server, tls, "vmha/test");
  http::Request request;
  request.method = "POST";
  request.path = Resource{"", "v1", "serviceaccounts", ns}.object_path(name, "token");
  request.body = R"({"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}})";
  return json::parse((*transport)->send(request)->body).at("status").at("token").get<std::string>();
}

TEST_F(ClientLiveTest, APodsServiceAccountIsEnough) {
  ASSERT_TRUE(client_->create_object({"", "v1", "serviceaccounts", ns_}, {{"metadata", {{"name", "vmha"}}}}).has_value());
  const std::filesystem::path folder = LiveCluster::get().file("pod");
  std::filesystem::create_directories(folder);
  std::filesystem::copy_file(LiveCluster::get().file("pki/ca.crt"), folder / "ca.crt");
  std::ofstream(folder / "namespace") << ns_;
  std::ofstream(folder / "token") << service_account_token(ns_, "vmha");
  const std::string server = LiveCluster::config().server;
  ConfigSources pod;
  pod.service_host = "127.0.0.1";
  pod.service_port = server.substr(server.rfind(':') + 1);
  pod.service_account_folder = folder.string();
  const auto config = load_config(pod);
  ASSERT_TRUE(config.has_value()) << describe(config.error());
  EXPECT_EQ(whoami(*LiveCluster::client(*config)).value(), "system:serviceaccount:" + ns_ + ":vmha");
}

TEST_F(ClientLiveTest, WhoMayNotIsToldByTheServersMessage) {
  const auto page = LiveCluster::client_of("nobody")->list_page(maps_, {});
  ASSERT_FALSE(page.has_value());
  EXPECT_EQ(page.error().error.kind, ErrorKind::kForbidden);
  EXPECT_THAT(page.error().error.message, HasSubstr("User \"nobody\" cannot list resource \"configmaps\" in API group \"\" in the namespace \"" + ns_));
}

TEST_F(ClientLiveTest, WhatIsNotThereAndWhatIsThereAlready) {
  EXPECT_EQ(client_->get(maps_, "none").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(client_->remove(maps_, "none").error().kind, ErrorKind::kNotFound);
  EXPECT_EQ(client_->merge_patch(maps_, "none", json::object()).error().kind, ErrorKind::kNotFound);
  const json object = {{"metadata", {{"name", "a"}}}};
  ASSERT_TRUE(client_->create_object(maps_, object).has_value());
  EXPECT_EQ(client_->create_object(maps_, object).error().kind, ErrorKind::kConflict);
}

TEST_F(ClientLiveTest, StatusIsAppliedApartFromTheRestAndByItsManager) {
  ASSERT_TRUE(client_->apply(things_, "a", thing({{"size", 1}}), {.field_manager = "person"}).has_value());
  const auto after = client_->apply(things_, "a", with_phase("Healthy"), {.field_manager = "vmha-computenode"}, "status");
  ASSERT_TRUE(after.has_value()) << describe(after.error());
  EXPECT_EQ(after->at("status").at("phase"), "Healthy");
  EXPECT_EQ(after->at("spec").at("size"), 1);
  const auto ignored = client_->apply(things_, "a", with_phase("Dead"), {.field_manager = "vmha-computenode"});
  EXPECT_EQ(ignored->at("status").at("phase"), "Healthy") << "status is written on /status only";
  json managers = client_->get(things_, "a")->at("metadata").at("managedFields");
  EXPECT_TRUE(std::any_of(managers.begin(), managers.end(), [](const json& m) { return m["manager"] == "vmha-computenode" && m["subresource"] == "status"; }));
}

TEST_F(ClientLiveTest, AFieldThatIsNoLongerAppliedIsRemoved) {
  (void)client_->apply(things_, "a", thing({{"size", 1}}), {.field_manager = "person"});
  json status = with_phase("Suspect");
  status["status"]["note"] = "why";
  ASSERT_TRUE(client_->apply(things_, "a", status, {.field_manager = "vmha"}, "status").has_value());
  const auto after = client_->apply(things_, "a", with_phase("Healthy"), {.field_manager = "vmha"}, "status");
  EXPECT_FALSE(after.value().at("status").contains("note"));
}

TEST_F(ClientLiveTest, AStatusDecidedOnAnOldVersionIsAConflictAndChangesNothing) {
  const std::string old_version = version(client_->apply(things_, "a", thing({{"size", 1}}), {.field_manager = "person"}));
  const std::string new_version = version(client_->apply(things_, "a", thing({{"size", 2}}), {.field_manager = "person"}));
  ASSERT_NE(old_version, new_version);
  const auto refused = client_->apply(things_, "a", with_phase("Dead"), {.field_manager = "vmha", .resource_version = old_version}, "status");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict) << describe(refused.error());
  EXPECT_FALSE(client_->get(things_, "a")->contains("status"));
  EXPECT_TRUE(client_->apply(things_, "a", with_phase("Dead"), {.field_manager = "vmha", .resource_version = new_version}, "status").has_value());
}

TEST_F(ClientLiveTest, AStatusOfAnObjectThatIsGoneIsNotFoundAndMakesNone) {
  const auto refused = client_->apply(things_, "gone", with_phase("Dead"), {.field_manager = "vmha"}, "status");
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kNotFound);
}

TEST_F(ClientLiveTest, AFieldOfAnotherManagerIsTakenOnlyByForce) {
  (void)client_->apply(things_, "a", thing({{"size", 1}}), {.field_manager = "person"});
  const auto refused = client_->apply(things_, "a", thing({{"size", 2}}), {.field_manager = "vmha", .force = false});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(refused.error().message, HasSubstr("conflict with \"person\""));
  EXPECT_EQ(client_->apply(things_, "a", thing({{"size", 2}}), {.field_manager = "vmha"})->at("spec").at("size"), 2);
}

TEST_F(ClientLiveTest, AnInvalidObjectIsRefusedWithTheFieldsName) {
  const auto refused = client_->apply(things_, "a", thing({{"size", 0}}), {.field_manager = "vmha"});
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(refused.error().message, HasSubstr("spec.size in body should be greater than or equal to 1"));
}

TEST_F(ClientLiveTest, FinalizersArePatchedOnlyAtTheVersionThatWasRead) {
  const std::string first = version(client_->create_object(maps_, {{"metadata", {{"name", "a"}}}}));
  const json with_finalizer = {{"metadata", {{"finalizers", {"vmha.openstack.org/fence"}}}}};
  const std::string second = version(client_->merge_patch(maps_, "a", with_finalizer, {.resource_version = first}));
  EXPECT_EQ(client_->merge_patch(maps_, "a", with_finalizer, {.resource_version = first}).error().kind, ErrorKind::kConflict);
  ASSERT_TRUE(client_->remove(maps_, "a").has_value());
  EXPECT_TRUE(client_->get(maps_, "a")->at("metadata").contains("deletionTimestamp")) << "the finalizer keeps it";
  EXPECT_TRUE(client_->merge_patch(maps_, "a", {{"metadata", {{"finalizers", nullptr}}}}).has_value());
  EXPECT_EQ(client_->get(maps_, "a").error().kind, ErrorKind::kNotFound);
}

TEST_F(ClientLiveTest, OnlyTheObjectThatWasMeantIsDeleted) {
  ASSERT_TRUE(client_->create_object(maps_, {{"metadata", {{"name", "a"}}}}).has_value());
  EXPECT_EQ(client_->remove(maps_, "a", {.uid = "3f0e4c2e-0000-4000-8000-000000000000"}).error().kind, ErrorKind::kConflict);
  const std::string uid = client_->get(maps_, "a")->at("metadata").at("uid").get<std::string>();
  EXPECT_TRUE(client_->remove(maps_, "a", {.uid = uid}).has_value());
}

TEST_F(ClientLiveTest, ASecretIsDecoded) {
  const json object = {{"metadata", {{"name", "bmc-1"}}}, {"stringData", {{"username", "admin"}, {"password", "p\xc3\xa4ss\nword"}}}};
  ASSERT_TRUE(client_->create_object({"", "v1", "secrets", ns_}, object).has_value());
  const auto values = secret(*client_, ns_, "bmc-1");
  ASSERT_TRUE(values.has_value()) << describe(values.error());
  EXPECT_EQ(values.value(), (std::map<std::string, std::string>{{"username", "admin"}, {"password", "p\xc3\xa4ss\nword"}}));
  EXPECT_EQ(secret(*client_, ns_, "none").error().kind, ErrorKind::kNotFound);
}

TEST_F(ClientLiveTest, TextThatIsNotUtf8IsWrittenAsFarAsItIsText) {
  ASSERT_TRUE(client_->apply(things_, "a", thing({{"size", 1}}), {.field_manager = "person"}).has_value());
  const auto after = client_->apply(things_, "a", with_phase("bad \xff byte"), {.field_manager = "vmha"}, "status");
  ASSERT_TRUE(after.has_value()) << describe(after.error());
  EXPECT_EQ(after->at("status").at("phase"), "bad \xef\xbf\xbd byte");
}

TEST_F(ClientLiveTest, AnExpiredContinueTokenIsGone) {
  for (const char* name : {"a", "b"}) ASSERT_TRUE(client_->create_object(maps_, {{"metadata", {{"name", name}}}}).has_value());
  const auto page = client_->list_page(maps_, {.limit = 1});
  ASSERT_TRUE(page.has_value());
  const std::string more = page->at("metadata").at("continue").get<std::string>();
  LiveCluster::get().compact(version(client_->create_object(maps_, {{"metadata", {{"name", "c"}}}})));
  LiveCluster::get().kill_apiserver();  // its memory holds pages of the past, too
  LiveCluster::get().start_apiserver();
  const auto next = client_->list_page(maps_, {.limit = 1, .continue_token = more});
  ASSERT_FALSE(next.has_value());
  EXPECT_TRUE(next.error().gone) << describe(next.error().error);
}

TEST_F(ClientLiveTest, AServerThatIsAwayIsUnavailableAndNothingWasWritten) {
  auto client = LiveCluster::client();
  LiveCluster::get().kill_apiserver();
  const Instant start = monotonic_now();
  EXPECT_EQ(client->get(maps_, "a").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(client->create_object(maps_, {{"metadata", {{"name", "a"}}}}).error().kind, ErrorKind::kUnavailable);
  EXPECT_LT(monotonic_now() - start, seconds(7));
  LiveCluster::get().start_apiserver();
  EXPECT_EQ(client->get(maps_, "a").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace vmha::kube
