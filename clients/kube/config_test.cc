#include "clients/kube/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/temporary_folder.h"
#include "clients/kube/token_source.h"

namespace vmha::kube {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  std::string write(const std::string& name, const std::string& text) {
    const auto path = folder_ / name;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
    return path.string();
  }

  /// A kubeconfig with one context "lab"; `user` is the inside of the user, in YAML flow style.
  std::string kubeconfig(const std::string& user, const std::string& cluster = "server: 'https://a:1'") {
    return write("config", "apiVersion: v1\nkind: Config\ncurrent-context: lab\n"
                           "clusters: [{name: c, cluster: {" + cluster + "}}]\nusers: [{name: u, user: {" + user + "}}]\n"
                           "contexts: [{name: lab, context: {cluster: c, user: u, namespace: openstack}}, {name: other, context: {cluster: c, user: u2}}]\n");
  }

  Result<Config> load(const std::string& file) {
    ConfigSources sources;
    sources.kubeconfig = file;
    return load_config(sources);
  }

  TemporaryFolder temporary_{"vmha-kube-config"};
  const std::filesystem::path& folder_ = temporary_.path();
};

TEST_F(ConfigTest, ReadsInlineData) {
  const auto config = load(kubeconfig("client-certificate-data: Y2VydA==, client-key-data: a2V5", "server: 'https://a:1', certificate-authority-data: Y2E="));
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->server, "https://a:1");
  EXPECT_EQ(config->ca_pem, "ca");
  EXPECT_EQ(config->client_cert_pem, "cert");
  EXPECT_EQ(config->client_key_pem, "key");
  EXPECT_EQ(config->ns, "openstack");
}

TEST_F(ConfigTest, FilesAreRelativeToTheKubeconfig) {
  write("pki/ca.crt", "CA");
  const auto config = load(kubeconfig("tokenFile: pki/token", "server: 'https://a:1', certificate-authority: pki/ca.crt"));
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->ca_pem, "CA");
  EXPECT_EQ(config->token_file, (folder_ / "pki/token").string());
}

TEST_F(ConfigTest, WhatItCannotUseIsRefusedByNameWithFileAndUser) {
  for (const char* user : {"exec: {command: aws}", "auth-provider: {name: gcp}", "username: x", "as: root"}) {
    const auto config = load(kubeconfig(user));
    ASSERT_FALSE(config.has_value()) << user;
    EXPECT_EQ(config.error().kind, ErrorKind::kInvalid);
    EXPECT_THAT(config.error().message, HasSubstr("config: user u: " + std::string(user, std::string_view(user).find(':')) + " is not supported"));
  }
  EXPECT_THAT(load(kubeconfig("token: x", "server: 'https://a:1', proxy-url: 'http://p'")).error().message, HasSubstr("proxy-url is not supported"));
}

TEST_F(ConfigTest, BrokenFilesSayWhatIsWrong) {
  EXPECT_THAT(load("/does/not/exist").error().message, HasSubstr("cannot read /does/not/exist"));
  EXPECT_THAT(load(write("broken", "a: [")).error().message, HasSubstr("broken: "));
  EXPECT_THAT(load(write("list", "[1]")).error().message, HasSubstr("not a kubeconfig"));
  EXPECT_THAT(load(write("empty", "kind: Config")).error().message, HasSubstr("current-context is missing"));
  EXPECT_THAT(load(kubeconfig("client-certificate-data: '!!'")).error().message, HasSubstr("client-certificate-data is not base64"));
  EXPECT_THAT(load(kubeconfig("client-certificate-data: Y2VydA==")).error().message, HasSubstr("must be given together"));
  EXPECT_THAT(load(kubeconfig("token: x", "x: y")).error().message, HasSubstr("server is missing"));
}

TEST_F(ConfigTest, ListsOfTextsAreNoLists) {
  for (const char* text : {"current-context: lab\ncontexts: [lab]", "current-context: lab\ncontexts: [{name: lab, context: {}}]\nclusters: [lab, '']\nusers: lab",
                           "current-context: lab\ncontexts: [[lab], null, 7]"})
    EXPECT_THAT(load(write("texts", text)).error().message, HasSubstr("there is no")) << text;
}

TEST_F(ConfigTest, AnotherContextCanBeAskedFor) {
  ConfigSources sources;
  sources.kubeconfig = kubeconfig("token: x");
  sources.context = "other";
  EXPECT_THAT(load_config(sources).error().message, HasSubstr("there is no user named \"u2\""));
}

TEST_F(ConfigTest, SeveralFilesOfKubeconfigAreOneAndMissingOnesAreSkipped) {
  ConfigSources sources;
  sources.env_files = {(folder_ / "missing").string(), kubeconfig("token: x"),
                       write("second", "current-context: nowhere\nusers: [{name: u2, user: {token: t2}}]\n")};
  sources.context = "other";
  const auto config = load_config(sources);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->token, "t2");
  sources.context.clear();
  EXPECT_EQ(load_config(sources)->token, "x");
}

TEST_F(ConfigTest, AServiceAccountIsUsedInAPodUnlessAKubeconfigIsNamed) {
  ConfigSources sources;
  sources.service_host = "fd00::1";
  sources.service_port = "443";
  sources.service_account_folder = folder_.string();
  EXPECT_EQ(load_config(sources).error().kind, ErrorKind::kInvalid) << "no files";
  write("ca.crt", "CA");
  write("token", "tok");
  write("namespace", "vmha-system\n");
  const auto config = load_config(sources);
  ASSERT_TRUE(config.has_value()) << config.error().message;
  EXPECT_EQ(config->server, "https://[fd00::1]:443");
  EXPECT_EQ(config->ns, "vmha-system");
  EXPECT_EQ(config->token_file, (folder_ / "token").string());
  sources.env_files = {kubeconfig("token: x")};
  EXPECT_EQ(load_config(sources)->server, "https://a:1");
}

TEST_F(ConfigTest, NoSourceIsNotFound) { EXPECT_EQ(load_config(ConfigSources{}).error().kind, ErrorKind::kNotFound); }

TEST_F(ConfigTest, ATokenFileIsReadAgainWhenItChangedButNotLookedAtAllTheTime) {
  const std::string file = write("token", "first\n");
  TokenSource source("fallback", file);
  const Instant start = Instant(seconds(100));
  EXPECT_EQ(source.get(start), "first");
  write("token", "another");
  EXPECT_EQ(source.get(start + milliseconds(500)), "first");
  EXPECT_EQ(source.get(start + TokenSource::kBetweenLooks), "another");
}

TEST_F(ConfigTest, TheTokenIsThereBeforeAnybodyAsks) {
  const std::string file = write("token", "good");
  TokenSource source("", file);
  std::filesystem::remove(file);
  EXPECT_EQ(source.get(Instant(seconds(100))), "good") << "else whoever asks while another still reads has none";
}

TEST_F(ConfigTest, ARefusedTokenIsReadAgainAtOnceAndOnlyAnotherOneIsWorthATry) {
  const std::string file = write("token", "first");
  TokenSource source("", file);
  const Instant now = Instant(seconds(100));
  EXPECT_EQ(source.get(now), "first");
  EXPECT_FALSE(source.renew("first", now));
  write("token", "2nd..");  // same length; the time stamp may be the same, too
  EXPECT_TRUE(source.renew("first", now));
  EXPECT_EQ(source.get(now), "2nd..");
}

TEST_F(ConfigTest, AnEmptyOrMissingTokenFileLeavesTheLastToken) {
  const std::string file = write("token", "good");
  TokenSource source("", file);
  EXPECT_EQ(source.get(Instant(seconds(100))), "good");
  write("token", "\n");
  EXPECT_EQ(source.get(Instant(seconds(200))), "good");
  std::filesystem::remove(file);
  EXPECT_EQ(source.get(Instant(seconds(300))), "good");
}

}  // namespace
}  // namespace vmha::kube
