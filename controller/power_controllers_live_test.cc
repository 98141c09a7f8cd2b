/// Power controllers with their Secrets in a real API server; the agent is a script of the test.
#include "controller/power_controllers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "clients/kube/live_cluster.h"
#include "clients/power/scripted_program.h"

namespace vmha::controller {
namespace {

using kube::LiveCluster;
using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr milliseconds kDeadline = seconds(60);

class PowerControllersTest : public ::testing::Test {
 protected:
  void SetUp() override {
    programs_.make("fence_x",
                   "case \"$input\" in *metadata*) for p in plug password; do echo \"<parameter name=\\\"$p\\\">\"; done\n"
                   "for a in on off reboot status; do echo \"<action name=\\\"$a\\\"/>\"; done; exit 0;; esac\n"
                   "case \"$input\" in *password=right*) echo 'Status: ON'; exit 0;; esac; echo 'Failed: Unable to connect/login' >&2; exit 3");
  }
  void secret(const std::string& name, const std::map<std::string, std::string>& values) {
    json data = json::object();
    for (const auto& [key, value] : values) data[key] = value;
    const json object = {{"apiVersion", "v1"}, {"kind", "Secret"}, {"metadata", {{"name", name}}}, {"stringData", data}};
    const kube::Resource secrets{"", "v1", "secrets", ns_};
    if (client_->create_object(secrets, object)) return;
    ASSERT_TRUE(client_->merge_patch(secrets, name, {{"stringData", data}}));
  }
  static api::PowerDevice outlet() {
    api::PowerDevice device;
    device.name = "pdu";
    device.type = api::DeviceType::kFenceAgent;
    device.fence_agent = api::FenceAgentAccess{"fence_x", {{"plug", "7"}}, api::SecretRef{"pdu-1"}};
    return device;
  }
  static Result<power::Reading> read(const Result<PowerController>& controller) {
    if (!controller) return tl::unexpected(controller.error());
    return std::visit([](const auto& one) { return one->read(kDeadline); }, *controller);
  }

  power::test::ScriptedPrograms programs_;
  std::unique_ptr<kube::Client> client_ = LiveCluster::client();
  std::string ns_ = kube::make_namespace(*client_);
};

TEST_F(PowerControllersTest, SecretsAreReadAgainAndOnlyThen) {
  PowerControllers lasting(*client_, {}, seconds(3600), programs_.folders());
  PowerControllers fresh(*client_, {}, Duration::zero(), programs_.folders());
  EXPECT_EQ(fresh.find(outlet(), ns_).error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(fresh.find(outlet(), ns_).error().message, HasSubstr("parametersSecret pdu-1"));
  secret("pdu-1", {{"password", "wrong"}});
  const auto refused = read(lasting.find(outlet(), ns_));
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
  EXPECT_THAT(refused.error().message, Not(HasSubstr("wrong")));
  secret("pdu-1", {{"password", "right"}});
  EXPECT_FALSE(read(lasting.find(outlet(), ns_)));
  EXPECT_EQ(read(fresh.find(outlet(), ns_))->state, power::State::kOn);
}

TEST_F(PowerControllersTest, WhatIsRememberedLastsWhileTheSecretsAreTheSame) {
  PowerControllers controllers(*client_, {}, Duration::zero(), programs_.folders());
  secret("pdu-1", {{"password", "right"}});
  const auto first = controllers.find(outlet(), ns_);
  ASSERT_TRUE(first) << describe(first.error());
  EXPECT_EQ(*controllers.find(outlet(), ns_), *first);
  api::PowerDevice other = outlet();
  other.fence_agent->parameters[0].value = "8";
  EXPECT_NE(*controllers.find(other, ns_), *first);
  secret("pdu-1", {{"password", "right-too"}});
  EXPECT_NE(*controllers.find(outlet(), ns_), *first);
}

TEST_F(PowerControllersTest, EachTypeSaysWhatItsSecretLacks) {
  PowerControllers controllers(*client_, {}, Duration::zero(), programs_.folders());
  secret("bmc-1", {{"username", "vmha"}});
  api::PowerDevice ipmi;
  ipmi.type = api::DeviceType::kIpmi;
  ipmi.ipmi = api::IpmiAccess{"10.0.0.1:623", {"bmc-1"}};
  EXPECT_THAT(controllers.find(ipmi, ns_).error().message, HasSubstr("credentialsSecret bmc-1: has no key password"));
  api::PowerDevice redfish;
  redfish.redfish = api::RedfishAccess{"https://10.0.0.1", "1", {"bmc-1"}, api::SecretRef{"ca"}, false};
  EXPECT_THAT(controllers.find(redfish, ns_).error().message, HasSubstr("caSecret ca"));
  secret("pdu-1", {{"password", "right\naction=off"}});
  const auto two_lines = controllers.find(outlet(), ns_);
  ASSERT_FALSE(two_lines);
  EXPECT_THAT(two_lines.error().message, HasSubstr("the value of password has a line end"));
  EXPECT_THAT(two_lines.error().message, Not(HasSubstr("right")));
  api::PowerDevice metal;
  metal.type = api::DeviceType::kBareMetalHost;
  metal.bare_metal_host = api::BareMetalHostRef{"worker-1", "metal3"};
  EXPECT_TRUE(controllers.find(metal, ns_)) << "needs no Secret";
  EXPECT_FALSE(controllers.find(api::PowerDevice{}, ns_));
}

}  // namespace
}  // namespace vmha::controller
