#include "clients/openstack/nova.h"

#include <atomic>
#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "clients/openstack/test_cloud.h"

namespace vmha::openstack {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Answer;
using testing::Seen;
using testing::TestCloud;
using json = nlohmann::json;

constexpr const char* kNova = "/compute/v2.1";
const ServerId kServer{"5b8e0000-0000-0000-0000-000000000001"};
const ServiceId kService{"037ba50f-0000-0000-0000-000000000001"};

Instant soon() { return monotonic_now() + seconds(10); }

json migration(int id) {
  return {{"id", id},         {"uuid", "m-" + std::to_string(id)}, {"instance_uuid", "s"}, {"source_compute", "compute-1"}, {"dest_compute", nullptr},
          {"status", "done"}, {"migration_type", "evacuation"},    {"created_at", "x"}};
}
std::string migrations(int from, int to, const std::string& next) {
  json body{{"migrations", json::array()}};
  for (int id = from; id <= to; ++id) body["migrations"].push_back(migration(id));
  if (!next.empty()) body["migrations_links"] = {{{"rel", "next"}, {"href", "http://elsewhere/v2.1/os-migrations?limit=500&marker=" + next + "&host=x"}}};
  return body.dump();
}

class NovaTest : public ::testing::Test {
 protected:
  /// Nova answers with `handler` once connected.
  void connect(TestCloud::Handler handler) {
    auto made = Nova::connect(cloud.config(), {}, soon());
    ASSERT_TRUE(made) << made.error().message;
    nova = std::move(*made);
    cloud.on_nova(std::move(handler));
  }
  void connect(const Answer& always) {
    connect([always](const Seen&) { return always; });
  }
  /// The one request of this method that came after the connection.
  Seen sent(const std::string& method) {
    const auto seen = cloud.seen(method + " " + kNova);
    EXPECT_FALSE(seen.empty());
    return seen.empty() ? Seen{} : seen.back();
  }

  TestCloud cloud;
  std::unique_ptr<Nova> nova;
};

TEST_F(NovaTest, PinsAMicroversionBelowTheOneThatLeavesEvacuatedServersStopped) {
  connect(Answer{200, R"({"services": []})"});
  EXPECT_EQ(nova->microversion(), "2.93");  // the cloud offers 2.96
  ASSERT_TRUE(nova->services(soon()));
  const auto headers = sent("GET").headers;
  EXPECT_EQ(headers.at("openstack-api-version"), "compute 2.93");
  EXPECT_EQ(headers.at("x-openstack-nova-api-version"), "2.93");
  EXPECT_EQ(headers.at("x-auth-token"), "token-1");
  EXPECT_THAT(headers.at("user-agent"), ::testing::StartsWith("vmha/"));
}

TEST_F(NovaTest, RefusesACloudThatIsTooOld) {
  cloud.on_nova([](const Seen&) { return Answer{200, R"({"version": {"id": "v2.1", "version": "2.60", "min_version": "2.1"}})"}; });
  const auto made = Nova::connect(cloud.config(), {}, soon());
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(made.error().message, HasSubstr("vmha needs 2.73"));
}

TEST_F(NovaTest, AnInterfaceTheCatalogueDoesNotHaveIsSaidByName) {
  auto config = cloud.config();
  config.interface = "admin";
  const auto made = Nova::connect(config, {}, soon());
  ASSERT_FALSE(made);
  EXPECT_THAT(made.error().message, HasSubstr("no admin compute endpoint; it has: internal, public"));
}

TEST_F(NovaTest, AfterA401TheTokenIsRenewedOnceAndTheRequestSentAgain) {
  std::atomic<int> asked = 0;
  connect([&](const Seen& seen) { return ++asked, seen.headers.at("x-auth-token") == "token-1" ? Answer{401, "Authentication required"} : Answer{202, ""}; });
  EXPECT_TRUE(nova->unlock(kServer, soon()));
  EXPECT_EQ(asked, 2);
  EXPECT_EQ(cloud.tokens(), 2);
}

TEST_F(NovaTest, ASecond401IsForbiddenAndNotFollowedByAThird) {
  std::atomic<int> asked = 0;
  connect([&](const Seen&) { return ++asked, Answer{401, "Authentication required"}; });
  const auto refused = nova->unlock(kServer, soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(asked, 2);
}

TEST_F(NovaTest, ListsFollowNovasOwnLinksToTheirEnd) {
  connect([](const Seen& seen) {
    if (seen.target.find("marker=m-3") != std::string::npos) return Answer{200, migrations(4, 5, "")};
    return Answer{200, migrations(1, 3, "m-3")};  // shorter than our limit, and yet there is more: the cloud's max_limit is lower
  });
  const auto listing = nova->migrations_from(NovaHost{"compute-1"}, soon());
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->items.size(), 5U);
  EXPECT_EQ(listing->items.back().id, 5);
  EXPECT_FALSE(listing->truncated);
  EXPECT_THAT(sent("GET").target, EndsWith("/os-migrations?source_compute=compute-1&limit=500&marker=m-3"));
}

TEST_F(NovaTest, AListIsCutAtItsBoundAndSaysSo) {
  connect(Answer{200, migrations(1, 3, "m-3")});
  const auto listing = nova->migrations({.newest = 3}, soon());
  ASSERT_TRUE(listing);
  EXPECT_EQ(listing->items.size(), 3U);
  EXPECT_TRUE(listing->truncated);
  EXPECT_THAT(sent("GET").target, EndsWith("/os-migrations?limit=3"));
}

TEST_F(NovaTest, APageThatComesAgainAndAgainIsAnErrorNotALoop) {
  connect(Answer{200, migrations(1, 3, "m-3")});
  const auto listing = nova->migrations({}, soon());
  ASSERT_FALSE(listing);
  EXPECT_EQ(listing.error().kind, ErrorKind::kUnavailable);
}

TEST_F(NovaTest, AMarkerThatWasDeletedInMidListStartsTheListOver) {
  std::atomic<int> gone = 0;
  connect([&](const Seen& seen) {
    if (seen.target.find("marker=") == std::string::npos) return Answer{200, migrations(1, 3, "m-3")};
    if (++gone == 1) return Answer{400, R"({"badRequest": {"code": 400, "message": "marker [m-3] not found"}})"};
    return Answer{200, migrations(4, 4, "")};
  });
  const auto listing = nova->migrations({}, soon());
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_EQ(listing->items.size(), 4U);
}

TEST_F(NovaTest, MigrationFiltersAreNovasAndExcludeEachOther) {
  connect(Answer{200, migrations(1, 1, "")});
  ASSERT_TRUE(nova->migrations({.source = NovaHost{"compute-1"}, .type = "evacuation", .status = "done"}, soon()));
  EXPECT_THAT(sent("GET").target, EndsWith("?source_compute=compute-1&migration_type=evacuation&status=done&limit=500"));
  ASSERT_TRUE(nova->migrations_touching(NovaHost{"a&b"}, soon()));
  EXPECT_THAT(sent("GET").target, EndsWith("?host=a%26b&limit=500"));
  ASSERT_TRUE(nova->migrations_of(kServer, soon()));
  EXPECT_THAT(sent("GET").target, EndsWith("?instance_uuid=" + kServer.value + "&limit=500"));
  EXPECT_FALSE(nova->migrations({.touches = NovaHost{"a"}, .source = NovaHost{"b"}}, soon()));  // nova would ignore the second
}

TEST_F(NovaTest, ServersOfAnotherHostAreNotTakenForThisHosts) {
  const json server{{"id", "s1"}, {"status", "ACTIVE"}, {"OS-EXT-SRV-ATTR:host", "compute-2"}, {"OS-EXT-STS:vm_state", "active"}, {"OS-EXT-STS:task_state", nullptr},
                    {"OS-EXT-STS:power_state", 1}, {"tenant_id", "p"}, {"locked", false}, {"image", ""}, {"os-extended-volumes:volumes_attached", json::array()}};
  connect(Answer{200, json{{"servers", json::array({server})}}.dump()});
  const auto listing = nova->servers_on(NovaHost{"compute-1"}, soon());
  ASSERT_TRUE(listing) << listing.error().message;
  EXPECT_TRUE(listing->items.empty());
  EXPECT_EQ(listing->malformed, 1U);
  EXPECT_THAT(sent("GET").target, EndsWith("/servers/detail?all_tenants=1&host=compute-1&limit=500"));
  ASSERT_TRUE(nova->servers(soon()));
  EXPECT_EQ(nova->servers(soon())->items.size(), 1U);
}

TEST_F(NovaTest, ActsAreWhatNovasApiAsksFor) {
  connect(Answer{202, ""});
  const auto body = [&] { return json::parse(sent("POST").body); };
  ASSERT_TRUE(nova->evacuate(kServer, std::nullopt, soon()));
  EXPECT_EQ(body(), json::parse(R"({"evacuate": {}})"));
  EXPECT_EQ(sent("POST").target, std::string(kNova) + "/servers/" + kServer.value + "/action");
  ASSERT_TRUE(nova->evacuate(kServer, NovaHost{"compute-2"}, soon()));
  EXPECT_EQ(body(), json::parse(R"({"evacuate": {"host": "compute-2"}})"));
  ASSERT_TRUE(nova->lock(kServer, "vmha: x", soon()));
  EXPECT_EQ(body(), json::parse(R"({"lock": {"locked_reason": "vmha: x"}})"));
  ASSERT_TRUE(nova->unlock(kServer, soon()));
  EXPECT_EQ(body(), json::parse(R"({"unlock": null})"));
  ASSERT_TRUE(nova->start(kServer, soon()));
  EXPECT_EQ(body(), json::parse(R"({"os-start": null})"));
  ASSERT_TRUE(nova->stop(kServer, soon()));
  EXPECT_EQ(body(), json::parse(R"({"os-stop": null})"));
  ASSERT_TRUE(nova->reset_state_to_error(kServer, soon()));
  EXPECT_EQ(body(), json::parse(R"({"os-resetState": {"state": "error"}})"));
}

TEST_F(NovaTest, ServiceUpdatesAreWhatNovasApiAsksFor) {
  connect(Answer{200, R"({"service": {}})"});
  const auto body = [&] { return json::parse(sent("PUT").body); };
  ASSERT_TRUE(nova->force_down(kService, true, soon()));
  EXPECT_EQ(body(), json::parse(R"({"forced_down": true})"));
  EXPECT_EQ(sent("PUT").target, std::string(kNova) + "/os-services/" + kService.value);
  ASSERT_TRUE(nova->force_down(kService, false, soon()));
  EXPECT_EQ(body(), json::parse(R"({"forced_down": false})"));
  ASSERT_TRUE(nova->disable(kService, "vmha: x", soon()));
  EXPECT_EQ(body(), json::parse(R"({"status": "disabled", "disabled_reason": "vmha: x"})"));
  ASSERT_TRUE(nova->enable(kService, soon()));
  EXPECT_EQ(body(), json::parse(R"({"status": "enabled"})"));
}

TEST_F(NovaTest, AnActWithoutAnIdIsNeverSent) {
  connect(Answer{200, "{}"});
  EXPECT_FALSE(nova->force_down(ServiceId{}, true, soon()));
  EXPECT_FALSE(nova->evacuate(ServerId{}, std::nullopt, soon()));
  EXPECT_FALSE(nova->server(ServerId{}, soon()));
  EXPECT_FALSE(nova->servers_on(NovaHost{}, soon()));
  EXPECT_EQ(cloud.seen(std::string("GET ") + kNova).size(), 1U) << "the version document alone";
  EXPECT_TRUE(cloud.seen(std::string("PUT ") + kNova).empty());
}

TEST_F(NovaTest, AnIdCannotLeaveItsPlaceInThePath) {
  connect(Answer{202, ""});
  ASSERT_TRUE(nova->unlock(ServerId{"../x?y"}, soon()));
  EXPECT_EQ(sent("POST").target, std::string(kNova) + "/servers/..%2Fx%3Fy/action");
}

TEST_F(NovaTest, AnErrorSaysWhatWasAskedWhatNovaSaidAndItsRequestId) {
  connect(Answer{409, R"({"conflictingRequest": {"code": 409, "message": "Cannot 'evacuate' while it is in vm_state paused"}})", {{"x-compute-request-id", "req-7"}}});
  const auto error = nova->evacuate(kServer, std::nullopt, soon());
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(error.error().message, "evacuate server " + kServer.value + ": HTTP 409: Cannot 'evacuate' while it is in vm_state paused (req-7)");
}

TEST_F(NovaTest, AThrottleCarriesItsPause) {
  connect(Answer{429, "slow down", {{"Retry-After", "3"}}});
  const auto error = nova->services(soon());
  ASSERT_FALSE(error);
  EXPECT_EQ(error.error().kind, ErrorKind::kThrottled);
  EXPECT_EQ(error.error().retry_after, seconds(3));
}

TEST_F(NovaTest, A5xxIsUnavailableToAReadAndAnUnknownOutcomeToAnAct) {
  std::atomic<int> posts = 0;
  connect([&](const Seen& seen) { return posts += seen.method == "POST" ? 1 : 0, Answer{504, "<html>Gateway Time-out</html>"}; });
  EXPECT_EQ(nova->services(soon()).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(nova->evacuate(kServer, std::nullopt, soon()).error().kind, ErrorKind::kUnknownOutcome);
  EXPECT_EQ(posts, 1) << "an act is never repeated by itself";
}

TEST_F(NovaTest, ALostAnswerToAnActIsAnUnknownOutcomeWithinTheDeadline) {
  struct Shared {  // outlives the test's body: a handler may still be in it when the body ends
    std::atomic<bool> release = false;
    std::atomic<int> posts = 0;
  };
  const auto shared = std::make_shared<Shared>();
  connect([shared](const Seen& seen) {
    shared->posts += seen.method == "POST" ? 1 : 0;
    shared->release.wait(false);
    return Answer{202, ""};
  });
  const Instant started = monotonic_now();
  const auto lost = nova->evacuate(kServer, std::nullopt, started + milliseconds(300));
  const auto took = monotonic_now() - started;
  const auto read = nova->services(monotonic_now() + milliseconds(300));
  shared->release = true;
  shared->release.notify_all();
  ASSERT_FALSE(lost);
  EXPECT_EQ(lost.error().kind, ErrorKind::kUnknownOutcome);
  EXPECT_LT(took, seconds(2));
  EXPECT_EQ(shared->posts, 1);
  ASSERT_FALSE(read);
  EXPECT_THAT(read.error().kind, ::testing::AnyOf(ErrorKind::kTimeout, ErrorKind::kUnavailable));
}

TEST_F(NovaTest, NothingIsSentWithoutTimeLeft) {
  connect(Answer{202, ""});
  const auto late = nova->evacuate(kServer, std::nullopt, monotonic_now() - milliseconds(1));
  ASSERT_FALSE(late);
  EXPECT_EQ(late.error().kind, ErrorKind::kTimeout);
  EXPECT_TRUE(cloud.seen(std::string("POST ") + kNova).empty());
}

TEST_F(NovaTest, ErrorsNeverShowAPasswordOrAToken) {
  connect([](const Seen& seen) { return Answer{400, "you sent " + seen.headers.at("x-auth-token") + " and s3cret-password"}; });
  const auto error = nova->services(soon());
  ASSERT_FALSE(error);
  EXPECT_THAT(error.error().message, AllOf(HasSubstr("you sent ***"), Not(HasSubstr("token-")), Not(HasSubstr("s3cret"))));
}

TEST_F(NovaTest, AnAnswerThatIsNotNovasIsAnErrorNotAnEmptyList) {
  for (const char* body : {"", "<html>maintenance</html>", "{}", R"({"services": {}})", R"({"services": [)"}) {
    connect(Answer{200, body});
    const auto listing = nova->services(soon());
    ASSERT_FALSE(listing) << body;
    EXPECT_EQ(listing.error().kind, ErrorKind::kUnavailable) << body;
    cloud.on_nova({});
  }
}

}  // namespace
}  // namespace vmha::openstack
