// Against scripted agents that answer as fencing.py of fence-agents 4.12.1 was seen to.
#include "clients/power/fence_agent.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/power/scripted_program.h"

namespace vmha::power {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr milliseconds kDeadline = seconds(60);
constexpr const char* kSecret = "hunter2-secret";
constexpr const char* kMetadata =
    "case \"$input\" in *action=metadata*) for p in action ip plug password power_timeout; do echo \"<parameter name=\\\"$p\\\" unique=\\\"0\\\">\"; done\n"
    "for a in on off reboot status monitor metadata; do echo \"<action name=\\\"$a\\\"/>\"; done; exit 0;; esac\n";

class FenceAgentTest : public ::testing::Test {
 protected:
  void agent(const std::string& body) const { programs.make("fence_x", kMetadata + body); }
  [[nodiscard]] FenceAgentTarget target() const { return {"fence_x", {{"ip", "10.0.0.9"}, {"plug", "7"}}, {{"password", kSecret}}, programs.folders()}; }
  [[nodiscard]] std::unique_ptr<FenceAgent> open(FenceAgentTarget wanted) const {
    auto made = FenceAgent::create(std::move(wanted));
    EXPECT_TRUE(made) << describe(made.error());
    return std::move(*made);
  }
  [[nodiscard]] std::unique_ptr<FenceAgent> open() const { return open(target()); }
  [[nodiscard]] bool was_told(const std::string& action) const { return programs.input("fence_x").find("action=" + action + "\n") != std::string::npos; }

  test::ScriptedPrograms programs;
};

TEST_F(FenceAgentTest, OnAndOffAreTakenFromExitCodeAndWordsTogether) {
  struct Case {
    const char* body;
    State state;
  };
  for (const Case& c : {Case{"echo 'Status: ON'; exit 0", State::kOn}, Case{"echo 'Status: OFF'; exit 2", State::kOff}, Case{"echo 'Status: UNKNOWN'; exit 0", State::kUnknown},
                        Case{"exit 0", State::kUnknown}}) {
    agent(c.body);
    const auto reading = open()->read(kDeadline);
    ASSERT_TRUE(reading) << c.body;
    EXPECT_EQ(reading->state, c.state) << c.body;
    EXPECT_EQ(reading->system_uuid, "");
  }
}

TEST_F(FenceAgentTest, ExitCodeTwoWithoutTheWordIsNoOff) {
  for (const char* body : {"exit 2", "echo 'Parse error: bad arguments' >&2; exit 2", "echo 'Status: ON'; exit 2"}) {
    agent(body);
    const auto reading = open()->read(kDeadline);
    ASSERT_FALSE(reading) << body << ": this is also what a wrong parameter ends with";
    EXPECT_EQ(reading.error().kind, ErrorKind::kInvalid);
  }
  agent("echo 'Status: OFF'; exit 0");
  EXPECT_NE(open()->read(kDeadline)->state, State::kOff);
  agent("echo 'Status: OFF'; exit 1");
  EXPECT_FALSE(open()->read(kDeadline));
}

TEST_F(FenceAgentTest, ParametersGoToStandardInputAndNothingToTheCommandLine) {
  agent("echo 'Status: ON'; exit 0");
  ASSERT_TRUE(open()->read(kDeadline));
  EXPECT_THAT(programs.input("fence_x"), HasSubstr("action=status\nip=10.0.0.9\nplug=7\npassword=hunter2-secret\n"));
  EXPECT_EQ(programs.arguments("fence_x"), "\n\n") << "two calls without an argument: metadata and status";
  EXPECT_THAT(programs.environment("fence_x"), Not(HasSubstr(kSecret)));
}

TEST_F(FenceAgentTest, NoSecretIsInAnErrorWhateverTheAgentSays) {
  agent("echo \"2026-11-23 15:42:06,123 WARNING: Parse error: Ignoring unknown option 'x=hunter2-secret'\" >&2; echo hunter2-secret; exit 1");
  for (const auto& error : {open()->read(kDeadline).error(), open()->request_off(kDeadline).error(), open()->drill(kDeadline).error()}) {
    EXPECT_THAT(error.message, Not(HasSubstr(kSecret)));
    EXPECT_THAT(error.message, Not(HasSubstr("15:42"))) << "a status that changes with every try wakes everybody";
    EXPECT_THAT(error.message, HasSubstr("x=***"));
  }
}

TEST_F(FenceAgentTest, ExitCodesAreUnderstood) {
  struct Case {
    int code;
    ErrorKind kind;
  };
  for (const Case& c : {Case{1, ErrorKind::kUnavailable}, Case{3, ErrorKind::kForbidden}, Case{4, ErrorKind::kUnavailable}, Case{5, ErrorKind::kTimeout},
                        Case{7, ErrorKind::kTimeout}, Case{8, ErrorKind::kUnavailable}, Case{11, ErrorKind::kForbidden}, Case{77, ErrorKind::kUnavailable}}) {
    agent("echo 'Failed: something' >&2; exit " + std::to_string(c.code));
    const auto reading = open()->read(kDeadline);
    ASSERT_FALSE(reading);
    EXPECT_EQ(reading.error().kind, c.kind) << c.code;
    EXPECT_THAT(reading.error().message, HasSubstr("Failed: something"));
  }
}

TEST_F(FenceAgentTest, OffThatEndedWellIsOnlyAnOrder) {
  agent("case \"$input\" in *action=off*) echo 'Success: Powered OFF'; exit 0;; esac; echo 'Status: ON'; exit 0");
  const auto x = open();
  EXPECT_TRUE(x->request_off(kDeadline));
  EXPECT_EQ(x->read(kDeadline)->state, State::kOn);
  EXPECT_TRUE(was_told("off"));
  agent("exit 7");
  EXPECT_EQ(open()->request_off(kDeadline).error().kind, ErrorKind::kTimeout);
}

TEST_F(FenceAgentTest, AnOrderNeedsPermissionAndNoUuid) {
  agent("exit 0");
  EXPECT_EQ(open()->request_off(kDeadline, "4c4c4544-0051-3610-8052-b7c04f4d3132").error().kind, ErrorKind::kConflict) << "no agent can show one";
  EXPECT_FALSE(open()->request_on(kDeadline, {}, [] { return Result<Instant>(fail(ErrorKind::kTimeout, "the leader's term is over")); }));
  EXPECT_FALSE(was_told("off") || was_told("on"));
  EXPECT_TRUE(open()->request_on(kDeadline));
  EXPECT_TRUE(was_told("on"));
}

TEST_F(FenceAgentTest, AHangingAgentIsKilled) {
  agent("sleep 1000 & wait");
  EXPECT_EQ(open()->request_off(seconds(2)).error().kind, ErrorKind::kUnknownOutcome);
  EXPECT_EQ(open()->read(seconds(2)).error().kind, ErrorKind::kTimeout);
}

TEST_F(FenceAgentTest, AnAgentThatCannotRebootSwitchesNoPower) {
  programs.make("fence_fabric", "case \"$input\" in *metadata*) for a in on off status; do echo \"<action name=\\\"$a\\\"/>\"; done; exit 0;; esac; echo 'Status: OFF'; exit 2");
  const auto fabric = open({"fence_fabric", {}, {}, programs.folders()});
  for (const auto& error : {fabric->read(kDeadline).error(), fabric->request_off(kDeadline).error(), fabric->drill(kDeadline).error()}) {
    EXPECT_EQ(error.kind, ErrorKind::kInvalid);
    EXPECT_THAT(error.message, HasSubstr("does not switch the power"));
  }
  EXPECT_EQ(FenceAgent::create({"fence_scsi", {}, {}, programs.folders()}).error().kind, ErrorKind::kInvalid);
}

TEST_F(FenceAgentTest, AParameterThatTheAgentDoesNotKnowIsNamed) {
  agent("echo 'Status: ON'; exit 0");
  auto wanted = target();
  wanted.parameters.emplace_back("plugg", "7");
  EXPECT_THAT(open(wanted)->drill(kDeadline).error().message, HasSubstr("it has no parameter plugg"));
  wanted.parameters.back() = {"power-timeout", "5"};
  EXPECT_TRUE(open(wanted)->drill(kDeadline)) << "both spellings are taken";
}

TEST_F(FenceAgentTest, TheDrillReadsAndDoesNotClaimToKnowTheRights) {
  agent("echo 'Status: ON'; exit 0");
  const auto drill = open()->drill(kDeadline);
  ASSERT_TRUE(drill);
  EXPECT_EQ(drill->reading.state, State::kOn);
  EXPECT_FALSE(drill->rights_known);
  EXPECT_FALSE(was_told("off") || was_told("on") || was_told("reboot"));
}

TEST_F(FenceAgentTest, WhatWouldEndALineEarlyOrRunSomethingElseIsRefused) {
  for (const auto& [name, value] : std::vector<std::pair<std::string, std::string>>{
           {"plug", "7\naction=off"}, {"plug\naction", "off"}, {"action", "off"}, {"password_script", "/bin/sh"}, {"plug=7", ""}, {"plug", std::string("7\0", 2)}}) {
    for (const bool secret : {false, true}) {
      FenceAgentTarget wanted{"fence_x", {}, {}, programs.folders()};
      (secret ? wanted.secrets : wanted.parameters).emplace_back(name, value);
      const auto made = FenceAgent::create(wanted);
      ASSERT_FALSE(made) << name;
      EXPECT_EQ(made.error().kind, ErrorKind::kInvalid);
    }
  }
  FenceAgentTarget twice{"fence_x", {{"plug", "7"}}, {{"plug", "8"}}, programs.folders()};
  EXPECT_THAT(FenceAgent::create(twice).error().message, HasSubstr("plug is given twice"));
  for (const char* name : {"/bin/sh", "fence_../sh", "sh", ""}) EXPECT_FALSE(FenceAgent::create({name, {}, {}, programs.folders()})) << name;
  EXPECT_THAT(open({"fence_missing", {}, {}, programs.folders()})->read(kDeadline).error().message, HasSubstr("the package fence-agents has it"));
}

}  // namespace
}  // namespace vmha::power
