#include "clients/openstack/keystone.h"

#include <atomic>
#include <latch>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "clients/openstack/test_cloud.h"

namespace vmha::openstack {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Answer;
using testing::Seen;
using testing::TestCloud;
using json = nlohmann::json;

constexpr const char* kTokens = "POST /identity/v3/auth/tokens";

/// Real time plus what the test adds.
struct MovableClock {
  std::atomic<std::int64_t> ahead_seconds = 0;
  Keystone::Clock clock() {
    return [this] { return monotonic_now() + seconds(ahead_seconds.load()); };
  }
  Instant in(seconds time) { return clock()() + time; }
};

class KeystoneTest : public ::testing::Test {
 protected:
  std::unique_ptr<Keystone> keystone(const CloudConfig& config) {
    auto made = Keystone::create(config, {}, time.clock());
    EXPECT_TRUE(made) << made.error().message;
    return std::move(*made);
  }
  std::unique_ptr<Keystone> keystone() { return keystone(cloud.config()); }

  MovableClock time;
  TestCloud cloud;
};

TEST_F(KeystoneTest, ATokenIsAskedForOnceAndKept) {
  const auto session = keystone();
  EXPECT_EQ(session->token(time.in(seconds(5))).value(), "token-1");
  EXPECT_EQ(session->token(time.in(seconds(5))).value(), "token-1");
  EXPECT_EQ(cloud.tokens(), 1);
  const auto seen = cloud.seen(kTokens);
  ASSERT_EQ(seen.size(), 1U);
  EXPECT_THAT(seen[0].headers.at("user-agent"), ::testing::StartsWith("vmha/"));
}

TEST_F(KeystoneTest, PasswordCredentialsAreSentAsIdentityV3Asks) {
  ASSERT_TRUE(keystone()->token(time.in(seconds(5))));
  EXPECT_EQ(json::parse(cloud.seen(kTokens).at(0).body), json::parse(R"({"auth": {
    "identity": {"methods": ["password"], "password": {"user": {"name": "vmha", "domain": {"name": "Default"}, "password": "s3cret-password"}}},
    "scope": {"project": {"name": "admin", "domain": {"name": "Default"}}}}})"));
}

TEST_F(KeystoneTest, IdsTakeThePlaceOfNamesAndDomains) {
  auto config = cloud.config();
  config.user_id = "u1";
  config.project_id = "p1";
  ASSERT_TRUE(keystone(config)->token(time.in(seconds(5))));
  const auto body = json::parse(cloud.seen(kTokens).at(0).body);
  EXPECT_EQ(body["auth"]["identity"]["password"]["user"], json::parse(R"({"id": "u1", "password": "s3cret-password"})"));
  EXPECT_EQ(body["auth"]["scope"]["project"], json::parse(R"({"id": "p1"})"));
}

TEST_F(KeystoneTest, AnApplicationCredentialIsSentWithoutAScope) {
  CloudConfig config;
  config.auth_url = cloud.config().auth_url;
  config.application_credential_id = "a1";
  config.application_credential_secret = "app-s3cret";
  ASSERT_TRUE(keystone(config)->token(time.in(seconds(5))));
  EXPECT_EQ(json::parse(cloud.seen(kTokens).at(0).body), json::parse(R"({"auth": {"identity": {"methods": ["application_credential"],
    "application_credential": {"id": "a1", "secret": "app-s3cret"}}}})"));
}

TEST_F(KeystoneTest, AnApplicationCredentialByNameNamesItsUser) {
  CloudConfig config = cloud.config();
  config.application_credential_name = "vmha";
  config.application_credential_secret = "app-s3cret";
  ASSERT_TRUE(keystone(config)->token(time.in(seconds(5))));
  EXPECT_EQ(json::parse(cloud.seen(kTokens).at(0).body)["auth"]["identity"]["application_credential"],
            json::parse(R"({"name": "vmha", "secret": "app-s3cret", "user": {"name": "vmha", "domain": {"name": "Default"}}})"));
}

TEST_F(KeystoneTest, ATokenIsRenewedBeforeItExpires) {
  const auto session = keystone();  // one hour: the margin is five minutes
  ASSERT_TRUE(session->token(time.in(seconds(5))));
  time.ahead_seconds = 54 * 60;
  EXPECT_EQ(session->token(time.in(seconds(5))).value(), "token-1");
  time.ahead_seconds = 56 * 60;
  EXPECT_EQ(session->token(time.in(seconds(5))).value(), "token-2");
}

TEST_F(KeystoneTest, WhileKeystoneIsAwayTheOldTokenIsUsedToItsEnd) {
  const auto session = keystone();
  ASSERT_TRUE(session->token(time.in(seconds(5))));
  cloud.on_keystone([](const Seen&) { return Answer{503, "away"}; });
  time.ahead_seconds = 56 * 60;
  EXPECT_EQ(session->token(time.in(seconds(5))).value(), "token-1");
  EXPECT_EQ(session->token(time.in(seconds(5))).value(), "token-1");
  EXPECT_EQ(cloud.seen(kTokens).size(), 2U) << "after a failure keystone is left alone for a moment";
  time.ahead_seconds = 61 * 60;
  const auto expired = session->token(time.in(seconds(5)));
  ASSERT_FALSE(expired);
  EXPECT_EQ(expired.error().kind, ErrorKind::kUnavailable);
  EXPECT_THAT(expired.error().message, HasSubstr("keystone: HTTP 503: away"));
}

TEST_F(KeystoneTest, ARejectedTokenIsNotHandedOutAgain) {
  const auto session = keystone();
  ASSERT_EQ(session->token(time.in(seconds(5))).value(), "token-1");
  EXPECT_EQ(session->token(time.in(seconds(5)), "token-1").value(), "token-2");
  EXPECT_EQ(session->token(time.in(seconds(5)), "token-1").value(), "token-2") << "another thread's late complaint renews nothing";
  EXPECT_EQ(cloud.tokens(), 2);
}

TEST_F(KeystoneTest, OneThreadRenewsAndTheOthersWaitForIt) {
  constexpr int kThreads = 8;
  std::latch arrived(kThreads);
  cloud.on_keystone([&](const Seen&) {
    arrived.wait();  // the answer comes when everybody has started
    return cloud.token();
  });
  const auto session = keystone();
  std::vector<std::string> got(kThreads);
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        arrived.count_down();
        got[static_cast<std::size_t>(i)] = session->token(time.in(seconds(10))).value_or("none");
      });
    }
  }
  EXPECT_THAT(got, ::testing::Each("token-1"));
  EXPECT_EQ(cloud.tokens(), 1);
}

TEST_F(KeystoneTest, RefusedCredentialsAreForbiddenAndNotTriedAgainAtOnce) {
  cloud.on_keystone([](const Seen& seen) {
    return Answer{401, R"({"error": {"code": 401, "message": "The request you have made requires authentication. )" +
                           json::parse(seen.body)["auth"]["identity"]["password"]["user"]["password"].get<std::string>() + R"("}})"};
  });
  const auto session = keystone();
  for (int i = 0; i < 3; ++i) {
    const auto refused = session->token(time.in(seconds(5)));
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
    EXPECT_THAT(refused.error().message, AllOf(HasSubstr("requires authentication"), Not(HasSubstr("s3cret"))));
  }
  EXPECT_EQ(cloud.seen(kTokens).size(), 1U);
  time.ahead_seconds = 11;
  EXPECT_FALSE(session->token(time.in(seconds(5))));
  EXPECT_EQ(cloud.seen(kTokens).size(), 2U);
}

TEST_F(KeystoneTest, ALostAnswerLeavesNoDoubtForATokenChangesNothing) {
  auto config = cloud.config();
  config.auth_url = "http://127.0.0.1:1/v3";
  const auto lost = keystone(config)->token(time.in(seconds(5)));
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kUnavailable);
}

TEST_F(KeystoneTest, AnAnswerThatIsNoTokenIsAnError) {
  const auto session = keystone();
  for (const Answer& answer : {Answer{201, "{}", {{"X-Subject-Token", "t"}}}, Answer{201, cloud.token().body}, Answer{200, "<html>"},
                               Answer{201, cloud.token("2026-11-23T12:00:00Z", "2026-11-23T12:00:00Z").body, {{"X-Subject-Token", "t"}}}}) {
    cloud.on_keystone([&](const Seen&) { return answer; });
    EXPECT_FALSE(session->token(time.in(seconds(5)))) << answer.body;
    time.ahead_seconds += 20;
  }
}

TEST_F(KeystoneTest, NothingIsSentWithoutTimeLeft) {
  const auto late = keystone()->token(time.in(seconds(-1)));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kTimeout);
  EXPECT_TRUE(cloud.seen("POST").empty());
}

TEST(IdentityUrlTest, TheVersionIsThereExactlyOnce) {
  for (const char* given : {"http://k:5000", "http://k:5000/", "http://k:5000/v3", "http://k:5000/v3/", "http://k:5000/v2.0"}) {
    EXPECT_EQ(identity_url(given), "http://k:5000/v3") << given;
  }
  EXPECT_EQ(identity_url("https://k/identity"), "https://k/identity/v3");
}

class SelectEndpointTest : public ::testing::Test {
 protected:
  std::vector<Endpoint> catalog{{"image", "public", "East", "http://glance"},        {"compute", "public", "East", "http://east"},
                                {"compute", "internal", "East", "http://east-inner"}, {"compute", "public", "West", "http://west"}};
  std::string error(const std::string& type, const std::string& interface, const std::string& region) {
    const auto found = select_endpoint(catalog, type, interface, region);
    return found ? "found " + *found : found.error().message;
  }
};

TEST_F(SelectEndpointTest, TypeInterfaceAndRegionMustFit) {
  EXPECT_EQ(select_endpoint(catalog, "compute", "public", "West").value(), "http://west");
  EXPECT_EQ(select_endpoint(catalog, "compute", "internal", "East").value(), "http://east-inner");
}

TEST_F(SelectEndpointTest, ARegionMayBeLeftOutWhereThereIsOne) {
  EXPECT_EQ(select_endpoint(catalog, "compute", "internal", "").value(), "http://east-inner");
  EXPECT_THAT(error("compute", "public", ""), HasSubstr("region: must be given; the catalogue has: East, West"));
}

TEST_F(SelectEndpointTest, SaysWhatTheCatalogueHasInstead) {
  EXPECT_THAT(error("compute", "public", "North"), HasSubstr("region: North has no public compute endpoint; the catalogue has: East, West"));
  EXPECT_THAT(error("compute", "admin", "East"), HasSubstr("interface: the catalogue has no admin compute endpoint; it has: internal, public"));
  EXPECT_THAT(error("volume", "public", "East"), HasSubstr("the catalogue has no volume service"));
}

}  // namespace
}  // namespace vmha::openstack
