#include "clients/power/redfish.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "clients/power/recorded_controller.h"

namespace vmha::power {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::Answer;
using test::kUuid;
using test::RecordedController;
using test::system_json;
using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr milliseconds kDeadline = seconds(20);
constexpr const char* kSystem = "GET /redfish/v1/Systems/1";
constexpr const char* kReset = "POST /redfish/v1/Systems/1/Actions/ComputerSystem.Reset";
constexpr const char* kLogin = "POST /redfish/v1/SessionService/Sessions";

std::unique_ptr<Redfish> open(RedfishTarget target) {
  auto redfish = Redfish::create(std::move(target));
  EXPECT_TRUE(redfish) << describe(redfish.error());
  return std::move(*redfish);
}

std::vector<std::string> resets(const RecordedController& controller) {
  std::vector<std::string> out;
  for (const auto& asked : controller.asked("POST")) {
    if (asked.find("/Actions/") != std::string::npos) out.push_back(asked.substr(asked.find(' ') + 1));
  }
  return out;
}

class RedfishTest : public ::testing::Test {
 protected:
  RecordedController controller_;
};

TEST_F(RedfishTest, ReadsStateAndUuid) {
  const auto redfish = open(controller_.target());
  EXPECT_EQ(redfish->read(kDeadline), (Reading{.state = State::kOn, .system_uuid = kUuid, .detail = "On"}));
  controller_.set_power("Off");
  EXPECT_EQ(redfish->read(kDeadline)->state, State::kOff);
}

TEST_F(RedfishTest, PoweringOffIsUnknown) {
  controller_.set_power("PoweringOff");
  const auto reading = open(controller_.target())->read(kDeadline);
  ASSERT_TRUE(reading);
  EXPECT_EQ(reading->state, State::kUnknown);
  EXPECT_EQ(reading->detail, "PoweringOff");
}

TEST_F(RedfishTest, AMissingUuidIsEmpty) {
  controller_.answer(kSystem, {{.status = 200, .body = R"({"PowerState":"On"})", .headers = {}}});
  EXPECT_EQ(open(controller_.target())->read(kDeadline), (Reading{.state = State::kOn, .system_uuid = "", .detail = "On"}));
}

TEST_F(RedfishTest, OneSessionServesAllCallsAndIsRemovedAtTheEnd) {
  {
    const auto redfish = open(controller_.target());
    for (int i = 0; i < 3; ++i) ASSERT_TRUE(redfish->read(kDeadline));
    EXPECT_EQ(controller_.open_sessions(), 1);
    EXPECT_THAT(controller_.authentications(), Each("Token"));
  }
  EXPECT_EQ(controller_.open_sessions(), 0);
}

TEST_F(RedfishTest, ThreadsShareOneSession) {
  {
    const auto redfish = open(controller_.target());
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) threads.emplace_back([&] { EXPECT_TRUE(redfish->read(kDeadline)); });
    threads.clear();
    EXPECT_EQ(controller_.open_sessions(), 1);
  }
  EXPECT_EQ(controller_.open_sessions(), 0);
}

TEST_F(RedfishTest, AnExpiredSessionIsRenewed) {
  const auto redfish = open(controller_.target());
  ASSERT_TRUE(redfish->read(kDeadline));
  controller_.expire_sessions();
  EXPECT_TRUE(redfish->read(kDeadline));
  controller_.expire_sessions();
  EXPECT_TRUE(redfish->request_off(kDeadline));
  EXPECT_THAT(resets(controller_), ElementsAre(R"({"ResetType":"ForceOff"})"));
}

TEST_F(RedfishTest, ASessionThatIsNeverAcceptedIsRenewedOnlyOnce) {
  controller_.answer(kLogin, {{.status = 201, .body = {}, .headers = {{"X-Auth-Token", "useless"}}}});
  const auto reading = open(controller_.target())->read(kDeadline);
  EXPECT_EQ(reading.error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(controller_.asked("POST").size(), 2U);
}

TEST_F(RedfishTest, WithoutASessionServiceBasicAuthenticationIsUsed) {
  controller_.without_sessions();
  EXPECT_TRUE(open(controller_.target())->read(kDeadline));
  EXPECT_THAT(controller_.authentications(), Each("Basic"));
  EXPECT_THAT(controller_.asked("POST"), IsEmpty());
}

TEST_F(RedfishTest, AControllerThatHidesItsRootGetsBasicAuthentication) {
  controller_.answer("GET /redfish/v1/", {{.status = 401, .body = {}, .headers = {}}});
  EXPECT_TRUE(open(controller_.target())->read(kDeadline));
  EXPECT_THAT(controller_.authentications(), Each("Basic"));
}

TEST_F(RedfishTest, ASessionServiceThatDoesNotWorkLeadsToBasicAuthentication) {
  for (const int status : {404, 405, 400, 500, 503}) {
    controller_.answer(kLogin, {{.status = status, .body = {}, .headers = {}}});
    const auto reading = open(controller_.target())->read(kDeadline);
    EXPECT_TRUE(reading) << status << describe(reading.error());
  }
  EXPECT_THAT(controller_.authentications(), Each("Basic"));
}

TEST_F(RedfishTest, AControllerWithoutAFreeSessionIsNotAskedForOneEachTime) {
  controller_.answer(kLogin, {{.status = 503, .body = {}, .headers = {}}});
  const auto redfish = open(controller_.target());
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(redfish->read(kDeadline));
  EXPECT_EQ(controller_.asked("POST").size(), 1U);
}

TEST_F(RedfishTest, A401ForWantOfRightsLeavesNoSessionBehind) {
  controller_.answer(kSystem, {{.status = 401, .body = {}, .headers = {}}});
  {
    const auto redfish = open(controller_.target());
    EXPECT_EQ(redfish->read(kDeadline).error().kind, ErrorKind::kForbidden);
    EXPECT_LE(controller_.open_sessions(), 1);
  }
  EXPECT_EQ(controller_.open_sessions(), 0);
}

TEST_F(RedfishTest, AWrongPasswordIsForbiddenAndTriedOnce) {
  auto target = controller_.target();
  target.password = "wrong-secret";
  const auto reading = open(target)->read(kDeadline);
  EXPECT_EQ(reading.error().kind, ErrorKind::kForbidden);
  EXPECT_THAT(reading.error().message, AllOf(HasSubstr("user vmha"), HasSubstr("credentials Secret"), Not(HasSubstr("wrong-secret"))));
  EXPECT_EQ(controller_.asked("POST").size(), 1U);  // more would lock the account
}

TEST_F(RedfishTest, AnEchoedPasswordDoesNotReachTheError) {
  controller_.answer(kReset, {{.status = 400, .body = std::string(R"({"error":{"message":"bad )") + test::kPassword + R"("}})", .headers = {}}});
  const auto sent = open(controller_.target())->request_off(kDeadline);
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().message, AllOf(HasSubstr("bad ***"), Not(HasSubstr(test::kPassword))));
}

TEST_F(RedfishTest, ALongErrorIsNotCutInTheMiddleOfThePassword) {
  const std::string password = test::kPassword;
  const std::string said = std::string(200 - password.size() + 1, 'x') + password;  // all but its last letter would fit
  controller_.answer(kReset, {{.status = 400, .body = R"({"error":{"message":")" + said + R"("}})", .headers = {}}});
  const auto sent = open(controller_.target())->request_off(kDeadline);
  ASSERT_FALSE(sent);
  EXPECT_THAT(sent.error().message, AllOf(HasSubstr("xxx"), Not(HasSubstr(password.substr(0, password.size() - 1)))));
}

TEST_F(RedfishTest, OffIsForceOffAndOnIsOn) {
  const auto redfish = open(controller_.target());
  EXPECT_TRUE(redfish->request_off(kDeadline, "4C4C4544-0051-3610-8052-B7C04F4D3132"));
  EXPECT_TRUE(redfish->request_on(kDeadline, kUuid));
  EXPECT_THAT(resets(controller_), ElementsAre(R"({"ResetType":"ForceOff"})", R"({"ResetType":"On"})"));
}

TEST_F(RedfishTest, AnotherMachinesControllerGetsNoOrder) {
  const auto sent = open(controller_.target())->request_off(kDeadline, "11111111-2222-3333-4444-555555555555");
  EXPECT_EQ(sent.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(sent.error().message, HasSubstr("another machine"));
  controller_.answer(kSystem, {{.status = 200, .body = R"({"PowerState":"On"})", .headers = {}}});
  EXPECT_EQ(open(controller_.target())->request_off(kDeadline, kUuid).error().kind, ErrorKind::kConflict);
  EXPECT_THAT(resets(controller_), IsEmpty());
}

TEST_F(RedfishTest, ARefusalIsFineOnceTheSystemReadsAsWanted) {
  for (const int status : {400, 409}) {
    controller_.answer(kReset, {{.status = status, .body = R"({"error":{"@Message.ExtendedInfo":[{"MessageId":"iLO.2.8.InvalidOperationForSystemState"}]}})", .headers = {}}});
    controller_.set_power("Off");
    EXPECT_TRUE(open(controller_.target())->request_off(kDeadline)) << status;
    controller_.set_power("On");
    EXPECT_TRUE(open(controller_.target())->request_on(kDeadline)) << status;
  }
}

TEST_F(RedfishTest, ARefusalWhileTheSystemReadsOtherwiseIsAnError) {
  controller_.answer(kReset, {{.status = 409, .body = R"({"error":{"message":"busy updating"}})", .headers = {}}});
  const auto off = open(controller_.target())->request_off(kDeadline);
  EXPECT_EQ(off.error().kind, ErrorKind::kConflict);
  EXPECT_THAT(off.error().message, AllOf(HasSubstr("ForceOff"), HasSubstr("busy updating"), HasSubstr("system 1")));
  controller_.answer(kReset, {{.status = 400, .body = {}, .headers = {}}});
  EXPECT_EQ(open(controller_.target())->request_off(kDeadline).error().kind, ErrorKind::kInvalid);
  controller_.set_power("PoweringOff");
  EXPECT_FALSE(open(controller_.target())->request_off(kDeadline));
}

TEST_F(RedfishTest, ATaskIsAnOrderTaken) {
  controller_.answer(kReset, {{.status = 202, .body = R"({"@odata.id":"/redfish/v1/TaskService/Tasks/545","TaskState":"New"})", .headers = {{"Location", "/redfish/v1/TaskService/Tasks/545"}}}});
  EXPECT_TRUE(open(controller_.target())->request_off(kDeadline));
}

TEST_F(RedfishTest, AnOrderTakenIsNotAReading) {
  const auto redfish = open(controller_.target());  // says 204 and does nothing
  EXPECT_TRUE(redfish->request_off(kDeadline));
  EXPECT_EQ(redfish->read(kDeadline)->state, State::kOn);
}

TEST_F(RedfishTest, AnOrderWhoseAnswerIsLostIsUnknownAndSentOnce) {
  controller_.server().routes().set_pre_routing_handler([this](const httplib::Request& request, httplib::Response&) {
    if (request.path.ends_with("ComputerSystem.Reset")) controller_.server().stopping.wait_for(seconds(60));
    return httplib::Server::HandlerResponse::Unhandled;
  });
  EXPECT_EQ(open(controller_.target())->request_off(milliseconds(1500)).error().kind, ErrorKind::kUnknownOutcome);
}

TEST_F(RedfishTest, AControllerWithoutForceOffIsNeverShutDownGracefully) {
  controller_.answer(kSystem, {{.status = 200,
                                .body = R"({"PowerState":"On","Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
      "ResetType@Redfish.AllowableValues":["On","GracefulShutdown"]}}})",
                                .headers = {}}});
  EXPECT_EQ(open(controller_.target())->request_off(kDeadline).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(open(controller_.target())->drill(kDeadline).error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(resets(controller_), IsEmpty());
}

TEST_F(RedfishTest, TheActionInfoIsAskedForTheValues) {
  controller_.answer(kSystem, {{.status = 200,
                                .body = R"({"PowerState":"Off","Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Actions/ComputerSystem.Reset",
      "@Redfish.ActionInfo":"/redfish/v1/Systems/1/ResetActionInfo"}}})",
                                .headers = {}}});
  controller_.answer("GET /redfish/v1/Systems/1/ResetActionInfo",
                     {{.status = 200, .body = R"({"Parameters":[{"Name":"ResetType","AllowableValues":["ForceOn","ForceOff"]}]})", .headers = {}}});
  EXPECT_TRUE(open(controller_.target())->request_on(kDeadline));
  EXPECT_THAT(resets(controller_), ElementsAre(R"({"ResetType":"ForceOn"})"));
}

TEST_F(RedfishTest, AnUnknownSystemSaysWhichThereAre) {
  controller_.answer("GET /redfish/v1/Systems", {{.status = 200, .body = R"({"Members":[{"@odata.id":"/redfish/v1/Systems/1"},{"@odata.id":"/redfish/v1/Systems/Self"}]})", .headers = {}}});
  const auto reading = open(controller_.target("2"))->read(kDeadline);
  EXPECT_EQ(reading.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(reading.error().message, HasSubstr("systemID 2: the controller has no such system; it has: 1, Self"));
  EXPECT_EQ(open(controller_.target(""))->read(kDeadline).error().kind, ErrorKind::kInvalid);
}

TEST_F(RedfishTest, WithoutAnIdTheOnlySystemIsMeant) {
  EXPECT_EQ(open(controller_.target(""))->read(kDeadline)->system_uuid, kUuid);
  controller_.answer("GET /redfish/v1/Systems", {{.status = 200, .body = R"({"Members":[]})", .headers = {}}});
  EXPECT_EQ(open(controller_.target(""))->read(kDeadline).error().kind, ErrorKind::kNotFound);
}

TEST_F(RedfishTest, ARedirectToTheSlashIsFollowedOnThisControllerOnly) {
  controller_.answer(kSystem, {{.status = 308, .body = {}, .headers = {{"Location", "https://evil.example/redfish/v1/Systems/1/"}}}});
  controller_.answer("GET /redfish/v1/Systems/1/", {{.status = 200, .body = system_json("On"), .headers = {}}});
  EXPECT_EQ(open(controller_.target())->read(kDeadline)->state, State::kOn);
}

TEST_F(RedfishTest, StatusesAndDamagedAnswersHaveTheirKinds) {
  const auto kind = [&](Answer answer) {
    controller_.answer(kSystem, {std::move(answer)});
    return open(controller_.target())->read(kDeadline).error().kind;
  };
  EXPECT_EQ(kind({.status = 403, .body = {}, .headers = {}}), ErrorKind::kForbidden);
  EXPECT_EQ(kind({.status = 500, .body = {}, .headers = {}}), ErrorKind::kUnavailable);
  EXPECT_EQ(kind({.status = 503, .body = {}, .headers = {{"Retry-After", "5"}}}), ErrorKind::kUnavailable);
  EXPECT_EQ(kind({.status = 429, .body = {}, .headers = {}}), ErrorKind::kThrottled);
  EXPECT_EQ(kind({.status = 200, .body = "<html>login</html>", .headers = {}}), ErrorKind::kInvalid);
  EXPECT_EQ(kind({.status = 200, .body = R"({"PowerState":"Off")", .headers = {}}), ErrorKind::kInvalid);
  EXPECT_EQ(kind({.status = 200, .body = "[]", .headers = {}}), ErrorKind::kInvalid);
}

TEST_F(RedfishTest, BusyControllersSayHowLong) {
  controller_.answer(kReset, {{.status = 503, .body = {}, .headers = {{"Retry-After", "5"}}}});
  EXPECT_EQ(open(controller_.target())->request_off(kDeadline).error().retry_after, seconds(5));
}

TEST_F(RedfishTest, SomethingThatIsNotRedfishIsSaid) {
  controller_.answer("GET /redfish/v1/", {{.status = 200, .body = "<html>", .headers = {}}});
  EXPECT_THAT(open(controller_.target())->read(kDeadline).error().message, HasSubstr("not a Redfish service"));
}

TEST_F(RedfishTest, AnotherAuthorityIsForbidden) {
  auto target = controller_.target();
  target.tls.ca_pem = http::test::make_ca("another").cert_pem;
  EXPECT_EQ(open(target)->read(kDeadline).error().kind, ErrorKind::kForbidden);
}

TEST_F(RedfishTest, ACallEndsByItsDeadline) {
  controller_.server().routes().set_pre_routing_handler([this](const httplib::Request&, httplib::Response&) {
    controller_.server().stopping.wait_for(seconds(60));
    return httplib::Server::HandlerResponse::Unhandled;
  });
  const Instant start = monotonic_now();
  EXPECT_EQ(open(controller_.target())->read(milliseconds(300)).error().kind, ErrorKind::kTimeout);
  EXPECT_LT(monotonic_now() - start, seconds(5));
}

TEST(RedfishTargetTest, HttpAndMissingUsersAreInvalid) {
  RedfishTarget target{.endpoint = "http://10.0.0.1", .system_id = "1", .username = "u", .password = "p", .tls = {}};
  EXPECT_EQ(Redfish::create(target).error().kind, ErrorKind::kInvalid);
  target.endpoint = "https://10.0.0.1";
  target.username = "";
  EXPECT_EQ(Redfish::create(target).error().kind, ErrorKind::kInvalid);
}

class DrillTest : public RedfishTest {
 protected:
  void account(const std::string& privileges) {
    controller_.answer("GET /redfish/v1/AccountService",
                       {ok(R"({"Accounts":{"@odata.id":"/redfish/v1/AccountService/Accounts"},"Roles":{"@odata.id":"/redfish/v1/AccountService/Roles"}})")});
    controller_.answer("GET /redfish/v1/AccountService/Accounts",
                       {ok(R"({"Members":[{"@odata.id":"/redfish/v1/AccountService/Accounts/1"},{"@odata.id":"/redfish/v1/AccountService/Accounts/2"}]})")});
    controller_.answer("GET /redfish/v1/AccountService/Accounts/1", {ok(R"({"UserName":"root","RoleId":"Administrator"})")});
    controller_.answer("GET /redfish/v1/AccountService/Accounts/2", {ok(R"({"UserName":"vmha","RoleId":"Fencer"})")});
    controller_.answer("GET /redfish/v1/AccountService/Roles/Fencer", {ok(R"({"Id":"Fencer","AssignedPrivileges":)" + privileges + "}")});
  }
  static Answer ok(std::string body) { return {.status = 200, .body = std::move(body), .headers = {}}; }
};

TEST_F(DrillTest, ARoleWithThePrivilegeIsReady) {
  account(R"(["Login","ConfigureComponents"])");
  const auto drill = open(controller_.target())->drill(kDeadline);
  ASSERT_TRUE(drill) << describe(drill.error());
  EXPECT_TRUE(drill->rights_known);
  EXPECT_EQ(drill->message, "ForceOff is offered, user vmha may use it");
  EXPECT_EQ(drill->reading.system_uuid, kUuid);
}

TEST_F(DrillTest, ARoleWithoutThePrivilegeIsForbidden) {
  account(R"(["Login","ConfigureSelf"])");
  const auto drill = open(controller_.target())->drill(kDeadline);
  ASSERT_FALSE(drill);
  EXPECT_EQ(drill.error().kind, ErrorKind::kForbidden);
  EXPECT_THAT(drill.error().message, AllOf(HasSubstr("Fencer"), HasSubstr("ConfigureComponents")));
}

TEST_F(DrillTest, RightsThatCannotBeReadAreSaid) {
  const auto drill = open(controller_.target())->drill(kDeadline);
  ASSERT_TRUE(drill) << describe(drill.error());
  EXPECT_FALSE(drill->rights_known);
  EXPECT_THAT(drill->message, HasSubstr("rights of user vmha cannot be read"));
}

TEST_F(DrillTest, NothingIsDone) {
  account(R"(["Login","ConfigureComponents"])");
  ASSERT_TRUE(open(controller_.target())->drill(kDeadline));
  EXPECT_THAT(resets(controller_), IsEmpty());
}

}  // namespace
}  // namespace vmha::power
