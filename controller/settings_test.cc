#include "controller/settings.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/temporary_folder.h"

namespace vmha::controller {
namespace {

constexpr const char* kClouds = "clouds: {main: {auth: {auth_url: 'http://k', username: u, password: %, project_name: p, user_domain_name: d, project_domain_name: d}}}\n";

/// A folder with a configuration file and all that it names.
class SettingsTest : public ::testing::Test {
 protected:
  SettingsTest() {
    clouds("one");
    write("ceph.conf", "[global]\n");
    write("keyring", "[client.vmha]\nkey = a\n");
    configuration("");
  }

  void write(const std::string& name, const std::string& text) const { std::ofstream(folder_ / name) << text; }
  void clouds(const std::string& password) const {
    std::string text = kClouds;
    write("clouds.yaml", text.replace(text.find('%'), 1, password));
  }
  void configuration(const std::string& more) const {
    const std::string f = folder_.string();
    write("vmha.yaml", "openstack: {cloudsFile: " + f + "/clouds.yaml, cloud: main}\nceph: {confFile: " + f + "/ceph.conf, keyringFile: " + f + "/keyring}\n" + more);
  }
  [[nodiscard]] Settings settings() const {
    const std::string file = (folder_ / "vmha.yaml").string();
    const auto load = [file] { return load_config(file, Config{}); };
    return Settings(*load(), load);
  }

  TemporaryFolder temporary_{"vmha-settings"};
  const std::filesystem::path& folder_ = temporary_.path();
};

TEST_F(SettingsTest, NothingIsSaidWhileNothingIsEdited) {
  Settings s = settings();
  for (int i = 0; i < 2; ++i) {
    const auto change = s.poll();
    EXPECT_FALSE(change.openstack || change.ceph || change.log || change.refused || !change.needs_restart.empty());
  }
}

TEST_F(SettingsTest, AnEditedPasswordOrKeyAsksForANewConnectionOnce) {
  Settings s = settings();
  clouds("two");
  auto change = s.poll();
  EXPECT_TRUE(change.openstack);
  EXPECT_FALSE(change.ceph);
  write("keyring", "[client.vmha]\nkey = b\n");
  change = s.poll();
  EXPECT_TRUE(change.ceph);
  EXPECT_FALSE(change.openstack);
  change = s.poll();
  EXPECT_FALSE(change.openstack || change.ceph);
}

TEST_F(SettingsTest, AMistakeIsSaidOnceAndChangesNothing) {
  Settings s = settings();
  configuration("log: {level: loud}\n");
  auto change = s.poll();
  ASSERT_TRUE(change.refused.has_value());
  EXPECT_NE(change.refused->message.find("log.level"), std::string::npos);
  EXPECT_FALSE(s.poll().refused.has_value());
  EXPECT_EQ(s.now()->log.level, log::Level::kInfo);
  configuration("log: {level: debug}\n");
  change = s.poll();
  EXPECT_TRUE(change.log);
  EXPECT_EQ(s.now()->log.level, log::Level::kDebug);
}

TEST_F(SettingsTest, ABrokenCloudsFileIsSaidAndTheOldConnectionStays) {
  Settings s = settings();
  write("clouds.yaml", "clouds: {}\n");
  const auto change = s.poll();
  EXPECT_TRUE(change.refused.has_value());
  EXPECT_FALSE(change.openstack);
  clouds("two");
  EXPECT_TRUE(s.poll().openstack);
}

TEST_F(SettingsTest, WhatTheProcessIsBoundToKeepsItsValueAndIsNamed) {
  Settings s = settings();
  configuration("watchNamespace: other\nlisten: \":9\"\n");
  EXPECT_EQ(s.poll().needs_restart, (std::vector<std::string>{"watchNamespace", "listen"}));
  EXPECT_EQ(s.now()->watch_namespace, "openstack");
  EXPECT_TRUE(s.poll().needs_restart.empty()) << "said once";
}

}  // namespace
}  // namespace vmha::controller
