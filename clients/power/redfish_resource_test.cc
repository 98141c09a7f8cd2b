#include "clients/power/redfish_resource.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vmha::power {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Optional;

State state_of(const char* text) { return to_reading(json::parse(text)).state; }

TEST(ReadingTest, OnlyTheExactWordsOnAndOffCount) {
  EXPECT_EQ(state_of(R"({"PowerState":"On"})"), State::kOn);
  EXPECT_EQ(state_of(R"({"PowerState":"Off"})"), State::kOff);
  for (const auto* text : {R"({"PowerState":"PoweringOff"})", R"({"PowerState":"PoweringOn"})", R"({"PowerState":"Paused"})", R"({"PowerState":"OFF"})",
                           R"({"PowerState":"Off "})", R"({"PowerState":""})", R"({"PowerState":null})", R"({"PowerState":false})", R"({"PowerState":["Off"]})",
                           R"({})", R"([])", R"("Off")"}) {
    EXPECT_EQ(state_of(text), State::kUnknown) << text;
  }
}

TEST(ReadingTest, AnEmptySlotIsNotAMachineThatIsOff) {
  EXPECT_EQ(state_of(R"({"PowerState":"Off","Status":{"State":"Absent"}})"), State::kUnknown);
  EXPECT_EQ(state_of(R"({"PowerState":"Off","Status":{"State":"Disabled"}})"), State::kOff);
  EXPECT_EQ(state_of(R"({"PowerState":"Off","Status":null})"), State::kOff);
}

TEST(ReadingTest, DetailSaysWhatTheControllerSaid) {
  EXPECT_EQ(to_reading(json::parse(R"({"PowerState":"PoweringOff"})")).detail, "PoweringOff");
  EXPECT_EQ(to_reading(json::parse(R"({})")).detail, "the controller shows no PowerState");
}

TEST(ReadingTest, UuidIsLowerCaseAndAPlaceholderIsNone) {
  const auto uuid = [](const char* value) { return to_reading(json{{"UUID", value}}).system_uuid; };
  EXPECT_EQ(uuid("4C4C4544-0051-3610-8052-B7C04F4D3132"), "4c4c4544-0051-3610-8052-b7c04f4d3132");
  EXPECT_EQ(uuid("00000000-0000-0000-0000-000000000000"), "");
  EXPECT_EQ(uuid("FFFFFFFF-FFFF-FFFF-FFFF-FFFFFFFFFFFF"), "");
  EXPECT_EQ(uuid(""), "");
  EXPECT_EQ(to_reading(json::parse(R"({"UUID":null})")).system_uuid, "");
}

TEST(LinkTest, OnlyThePathOfALinkIsUsed) {
  EXPECT_EQ(path_of("/redfish/v1/Systems/1"), "/redfish/v1/Systems/1");
  EXPECT_EQ(path_of("https://evil.example/redfish/v1/Systems/1"), "/redfish/v1/Systems/1");
  EXPECT_EQ(path_of("https://evil.example"), "");
  EXPECT_EQ(path_of("relative"), "");
  EXPECT_EQ(path_of("/a\r\nX: y"), "");
  EXPECT_EQ(path_of("/a#/Members/0"), "/a");
}

TEST(LinkTest, LastSegmentIgnoresTheSlashAtTheEnd) {
  EXPECT_EQ(last_segment("/redfish/v1/Systems/System.Embedded.1"), "System.Embedded.1");
  EXPECT_EQ(last_segment("/redfish/v1/Systems/1/"), "1");
  EXPECT_EQ(last_segment("/"), "");
}

TEST(LinkTest, DamagedMembersAreLeftOut) {
  EXPECT_THAT(members(json::parse(R"({"Members":[{"@odata.id":"/a"},{},null,{"@odata.id":7},{"@odata.id":"/b"}]})")), ElementsAre("/a", "/b"));
  EXPECT_THAT(members(json::parse(R"({"Members":{}})")), IsEmpty());
  EXPECT_THAT(members(json::parse("[]")), IsEmpty());
}

TEST(ResetActionTest, TheTargetIsReadAndTheStandardPathIsTheFallback) {
  const auto named = json::parse(R"({"Actions":{"#ComputerSystem.Reset":{"target":"/redfish/v1/Systems/1/Actions/Reset/"}}})");
  EXPECT_EQ(reset_action(named, "/redfish/v1/Systems/1").target, "/redfish/v1/Systems/1/Actions/Reset/");
  EXPECT_EQ(reset_action(json::object(), "/redfish/v1/Systems/1/").target, "/redfish/v1/Systems/1/Actions/ComputerSystem.Reset");
}

TEST(ResetActionTest, OffIsForceOffAndNeverAGracefulShutdown) {
  EXPECT_EQ(off_type({.target = "/", .action_info = {}, .allowed = {}}), "ForceOff");
  EXPECT_EQ(off_type({.target = "/", .action_info = {}, .allowed = {{"GracefulShutdown", "ForceOff"}}}), "ForceOff");
  const auto none = off_type({.target = "/", .action_info = {}, .allowed = {{"On", "GracefulShutdown", "PushPowerButton"}}});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(none.error().message, HasSubstr("On, GracefulShutdown, PushPowerButton"));
}

TEST(ResetActionTest, OnIsOnOrForceOnAsOffered) {
  EXPECT_EQ(on_type({.target = "/", .action_info = {}, .allowed = {{"ForceOn", "On"}}}), "On");
  EXPECT_EQ(on_type({.target = "/", .action_info = {}, .allowed = {{"ForceOn", "ForceOff"}}}), "ForceOn");
  EXPECT_FALSE(on_type({.target = "/", .action_info = {}, .allowed = {{"ForceOff"}}}));
}

TEST(ResetActionTest, ActionInfoListsTheValues) {
  const auto info = json::parse(R"({"Parameters":[{"Name":"Other","AllowableValues":["a"]},{"Name":"ResetType","AllowableValues":["On","ForceOff"]}]})");
  EXPECT_THAT(reset_types(info), Optional(ElementsAre("On", "ForceOff")));
  EXPECT_EQ(reset_types(json::parse(R"({"Parameters":[{"Name":"ResetType"}]})")), std::nullopt);
}

TEST(ErrorTextTest, TheMostSpecificTextIsOneShortLine) {
  EXPECT_EQ(error_text(R"({"error":{"code":"x","message":"general","@Message.ExtendedInfo":[{"MessageId":"a.b","Message":"line\nbreak"}]}})"), "line break");
  EXPECT_EQ(error_text(R"({"error":{"message":"general","@Message.ExtendedInfo":[{"MessageId":"Base.1.0.GeneralError"}]}})"), "general");
  EXPECT_EQ(error_text("<html>"), "");
  EXPECT_LE(error_text(json{{"error", {{"message", std::string(5000, 'x')}}}}.dump()).size(), 200U);
}

}  // namespace
}  // namespace vmha::power
