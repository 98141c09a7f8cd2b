#include "clients/openstack/config.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vmha::openstack {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kPassword = R"(
clouds:
  lab:
    auth_type: v3password
    auth:
      auth_url: https://keystone.example:5000/v3
      username: vmha
      password: pa55-word
      user_domain_name: Default
      project_name: admin
      project_domain_name: Projects
    region_name: RegionOne
    interface: internal
    cacert: ca.pem
)";

constexpr const char* kApplicationCredential = R"(
clouds:
  lab:
    auth_type: v3applicationcredential
    auth:
      auth_url: http://keystone.example:5000
      application_credential_id: 21dced0fd20347869b93710d2b98aae0
      application_credential_secret: app-s3cret
    verify: false
)";

class CloudsYamlTest : public ::testing::Test {
 protected:
  CloudsYamlTest() {
    fs::create_directories(folder_);
    write("ca.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
  }
  ~CloudsYamlTest() override { fs::remove_all(folder_); }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  Result<CloudConfig> load(const std::string& text, const std::string& region = "", const std::string& interface = "") const {
    write("clouds.yaml", text);
    return load_clouds_yaml((folder_ / "clouds.yaml").string(), "lab", region, interface);
  }
  std::string error(const std::string& text) const {
    const auto loaded = load(text);
    if (loaded) return "loaded";
    EXPECT_EQ(loaded.error().kind, ErrorKind::kInvalid);
    EXPECT_THAT(loaded.error().message, HasSubstr((folder_ / "clouds.yaml").string()));
    return loaded.error().message;
  }
  static std::string replaced(std::string text, const std::string& from, const std::string& to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
  }

  fs::path folder_ = fs::temp_directory_path() / ("vmha-clouds-" + std::to_string(::getpid()));
};

TEST_F(CloudsYamlTest, ReadsPasswordCredentials) {
  const auto config = load(kPassword);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->auth_url, "https://keystone.example:5000/v3");
  EXPECT_EQ(config->username, "vmha");
  EXPECT_EQ(config->password, "pa55-word");
  EXPECT_EQ(config->user_domain_name, "Default");
  EXPECT_EQ(config->project_name, "admin");
  EXPECT_EQ(config->project_domain_name, "Projects");
  EXPECT_EQ(config->region, "RegionOne");
  EXPECT_EQ(config->interface, "internal");
  EXPECT_THAT(config->ca_pem, HasSubstr("BEGIN CERTIFICATE"));
  EXPECT_FALSE(config->insecure);
  EXPECT_FALSE(config->uses_application_credential());
}

TEST_F(CloudsYamlTest, ReadsApplicationCredentials) {
  const auto config = load(kApplicationCredential);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->application_credential_id, "21dced0fd20347869b93710d2b98aae0");
  EXPECT_EQ(config->application_credential_secret, "app-s3cret");
  EXPECT_TRUE(config->uses_application_credential());
  EXPECT_TRUE(config->insecure);
  EXPECT_EQ(config->region, "");
  EXPECT_EQ(config->interface, "public");
}

TEST_F(CloudsYamlTest, RegionAndInterfaceOfTheCallerWin) {
  const auto config = load(kPassword, "West", "public");
  ASSERT_TRUE(config);
  EXPECT_EQ(config->region, "West");
  EXPECT_EQ(config->interface, "public");
}

TEST_F(CloudsYamlTest, ReadsTheOldNamesOfInterfaces) {
  const auto config = load(replaced(kPassword, "interface: internal", "endpoint_type: adminURL"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->interface, "admin");
}

TEST_F(CloudsYamlTest, TheProjectsDomainDefaultsToTheUsers) {
  const auto config = load(replaced(kPassword, "project_domain_name: Projects", "cloud: x"));
  ASSERT_TRUE(config);
  EXPECT_EQ(config->project_domain_name, "Default");
}

TEST_F(CloudsYamlTest, SecureYamlIsLaidOverIt) {
  write("secure.yaml", "clouds: {lab: {auth: {password: from-secure}}, other: {auth: {password: no}}}\n");
  const auto config = load(replaced(kPassword, "password: pa55-word", "password: ''"));
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->password, "from-secure");
  EXPECT_EQ(config->username, "vmha");
}

TEST_F(CloudsYamlTest, SaysWhatIsMissingAndWhatToDo) {
  EXPECT_THAT(error("clouds: {}"), AllOf(HasSubstr("clouds.lab"), HasSubstr("the file has: ")));
  EXPECT_THAT(error("clouds: {prod: {}, test: {}}"), HasSubstr("the file has: prod, test"));
  EXPECT_THAT(error("lab: {}"), HasSubstr("must be a clouds.yaml"));
  EXPECT_THAT(error("clouds: {lab: {}}"), HasSubstr("clouds.lab.auth: is missing"));
  EXPECT_THAT(error(replaced(kPassword, "auth_url: https://keystone.example:5000/v3", "x: y")), HasSubstr("auth.auth_url: must be keystone's URL"));
  EXPECT_THAT(error(replaced(kPassword, "username: vmha", "x: y")), HasSubstr("auth.username: is missing; give"));
  EXPECT_THAT(error(replaced(kPassword, "password: pa55-word", "x: y")), HasSubstr("auth.password: is missing; give"));
  EXPECT_THAT(error(replaced(kPassword, "user_domain_name: Default", "x: y")), HasSubstr("auth.user_domain_name: is missing"));
  EXPECT_THAT(error(replaced(kPassword, "project_name: admin", "x: y")), HasSubstr("auth.project_name: is missing"));
  EXPECT_THAT(error(replaced(kPassword, "interface: internal", "interface: secret")), HasSubstr("use public, internal or admin"));
  EXPECT_THAT(error(replaced(kPassword, "v3password", "v3token")), HasSubstr("auth_type: v3token is not supported; use"));
  EXPECT_THAT(error(replaced(kPassword, "ca.pem", "nowhere.pem")), AllOf(HasSubstr("cacert"), HasSubstr("nowhere.pem: cannot be read")));
  EXPECT_THAT(error(replaced(kPassword, "ca.pem", "clouds.yaml")), HasSubstr("is not PEM"));
  EXPECT_THAT(error(replaced(kApplicationCredential, "application_credential_secret", "x")), HasSubstr("application_credential_secret: is missing"));
  EXPECT_THAT(error(replaced(kApplicationCredential, "application_credential_id", "x")), HasSubstr("application_credential_id: is missing"));
  EXPECT_THAT(error(replaced(kApplicationCredential, "verify: false", "verify: perhaps")), HasSubstr("verify: must be true or false"));
  EXPECT_THAT(error("clouds: [unfinished"), HasSubstr("not YAML at line"));
}

TEST_F(CloudsYamlTest, SaysThatTheFileCannotBeRead) {
  const auto config = load_clouds_yaml((folder_ / "none.yaml").string(), "lab");
  ASSERT_FALSE(config);
  EXPECT_THAT(config.error().message, HasSubstr("none.yaml: cannot be read; check"));
}

TEST_F(CloudsYamlTest, ErrorsNeverShowASecret) {
  for (const char* line : {"password: [pa55-word]", "password: {pa55-word: 1}", "password: \"pa55-word", "password: pa55-word: x"}) {
    const auto text = error(replaced(kPassword, "password: pa55-word", line));
    EXPECT_NE(text, "loaded") << line;
    EXPECT_THAT(text, Not(HasSubstr("pa55"))) << line;
  }
}

}  // namespace
}  // namespace vmha::openstack
