#include "clients/power/bare_metal_host.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace vmha::power {
namespace {

using nlohmann::json;

json host(const json& powered_on) {
  json object = {{"metadata", {{"name", "worker-1"}, {"annotations", json::object()}}}, {"status", {{"operationalStatus", "OK"}, {"errorType", ""}}}};
  if (!powered_on.is_null()) object["status"]["poweredOn"] = powered_on;
  return object;
}

json ordered(const json& powered_on, const std::string& was_on = "true") {
  json object = host(powered_on);
  object["metadata"]["annotations"] = {{kRebootAnnotation, R"({"mode": "hard"})"}, {kWasOnAnnotation, was_on}};
  return object;
}

TEST(BareMetalHostTest, OnIsOnWhateverElseIsSaid) {
  EXPECT_EQ(reading_of(host(true)).state, State::kOn);
  EXPECT_EQ(reading_of(ordered(true)).state, State::kOn);
}

TEST(BareMetalHostTest, OffIsBelievedOnlyOfAHostThatWasOnWhenItWasAsked) {
  EXPECT_EQ(reading_of(ordered(false)).state, State::kOff);
  EXPECT_EQ(reading_of(host(false)).state, State::kUnknown) << "it may be the last word of an operator that is down";
  EXPECT_EQ(reading_of(ordered(false, "false")).state, State::kUnknown) << "it read so before we asked, for whatever reason";
  EXPECT_EQ(reading_of(ordered(nullptr)).state, State::kUnknown);
  EXPECT_EQ(reading_of(json::object()).state, State::kUnknown);
  json foreign = host(false);
  foreign["metadata"]["annotations"] = {{"reboot.metal3.io/other", R"({"mode": "hard"})"}, {kWasOnAnnotation, "true"}};
  EXPECT_EQ(reading_of(foreign).state, State::kUnknown) << "another's order may be taken back at any time";
}

TEST(BareMetalHostTest, NotWhileTheOperatorCannotManageTheHost) {
  for (const char* name : {"baremetalhost.metal3.io/paused", "baremetalhost.metal3.io/detached"}) {
    json object = ordered(false);
    object["metadata"]["annotations"][name] = "";
    EXPECT_EQ(reading_of(object).state, State::kUnknown) << name;
  }
  json object = ordered(false);
  object["status"]["errorType"] = "power management error";
  EXPECT_EQ(reading_of(object).state, State::kUnknown);
  object = ordered(false);
  object["status"]["operationalStatus"] = "error";
  EXPECT_EQ(reading_of(object).state, State::kUnknown);
}

TEST(BareMetalHostTest, MalformedObjectsAreUnknown) {
  for (const char* text : {"null", "[]", "3", R"({"metadata": 1, "status": 2})", R"({"status": {"poweredOn": "false"}})", R"({"metadata": {"annotations": [1]}, "status": {"poweredOn": false}})"}) {
    EXPECT_EQ(reading_of(json::parse(text)).state, State::kUnknown) << text;
  }
}

}  // namespace
}  // namespace vmha::power
