// Against a scripted ipmitool that says what ipmitool 1.8.19 was seen to say.
#include "clients/power/ipmi.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/power/scripted_program.h"

namespace vmha::power {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr milliseconds kDeadline = seconds(60);
constexpr const char* kPassword = "hunter2-secret";
constexpr const char* kGuid = "4c4c4544-0051-3610-8052-b7c04f4d3132";
constexpr const char* kChatter = "Loading IANA PEN Registry...\nUnable to Get Channel Cipher Suites\nGet HPM.x Capabilities request failed, compcode = d4\n"
                                 "Invalid completion code received: Insufficient privilege level\n";

struct Answers {
  std::string power = "Chassis Power is on";
  std::string guid = " 44 45 4c 4c 51 00 10 36 80 52 b7 c0 4f 4d 31 32";
  std::string errors = "";  ///< after the chatter
  std::string session = "privilege level               : OPERATOR";
  std::string order = "Chassis Power Control: Down/Off";
};

class IpmiTest : public ::testing::Test {
 protected:
  void answers(const Answers& a) const {
    programs.make("ipmitool", "printf '%s%s\\n' '" + std::string(kChatter) + "' '" + a.errors + "' >&2\n" +
                                  "case \"$input\" in *status*) echo '" + a.power + "';; esac\n" +
                                  "case \"$input\" in *0x37*) echo 'RAW RSP (16 bytes)'; echo '" + a.guid + "';; esac\n" +
                                  "case \"$input\" in *session*) echo '" + a.session + "';; esac\n" +
                                  "case \"$input\" in *'power o'[fn]*) echo '" + a.order + "';; esac");
  }
  [[nodiscard]] std::unique_ptr<Ipmi> ipmi() const {
    auto made = Ipmi::create({"10.0.0.1:623", "vmha", kPassword, programs.folders()});
    EXPECT_TRUE(made) << describe(made.error());
    return std::move(*made);
  }
  [[nodiscard]] bool was_ordered() const { return programs.input("ipmitool").find("chassis power o") != std::string::npos; }

  test::ScriptedPrograms programs;
};

TEST_F(IpmiTest, PowerAndGuidAreReadInOneSession) {
  answers({});
  EXPECT_EQ(*ipmi()->read(kDeadline), (Reading{State::kOn, kGuid, "on"}));
  EXPECT_EQ(programs.input("ipmitool"), "chassis power status\nraw 0x06 0x37\n");
  answers({.power = "Chassis Power is off"});
  EXPECT_EQ(ipmi()->read(kDeadline)->state, State::kOff);
  answers({.power = "Chassis Power is odd"});
  EXPECT_EQ(ipmi()->read(kDeadline)->state, State::kUnknown);
}

TEST(IpmitoolWordsTest, ALineAsLongAsAllOutputIsSurvived) {
  const std::string bytes = " 44 45 4c 4c 51 00 10 36 80 52 b7 c0 4f 4d 31 32";
  EXPECT_EQ(*reading_of_ipmitool({0, "Chassis Power is off\n" + bytes + std::string(1'000'000, ' ') + "\n", ""}, kPassword), (Reading{State::kOff, kGuid, "off"}));
  for (const std::string& other : {bytes + "x", bytes.substr(1), bytes + " 33", bytes.substr(0, 45), std::string(" 4g") + bytes.substr(3)})
    EXPECT_FALSE(reading_of_ipmitool({0, "Chassis Power is off\n" + other + "\n", ""}, kPassword).has_value()) << other;
}

TEST_F(IpmiTest, ThePasswordIsOnNoCommandLine) {
  answers({});
  ASSERT_TRUE(ipmi()->read(kDeadline));
  ASSERT_TRUE(ipmi()->drill(kDeadline));
  ASSERT_TRUE(ipmi()->request_off(kDeadline, kGuid));
  EXPECT_THAT(programs.arguments("ipmitool"), Not(HasSubstr(kPassword)));
  EXPECT_THAT(programs.input("ipmitool"), Not(HasSubstr(kPassword)));
  EXPECT_THAT(programs.environment("ipmitool"), HasSubstr(std::string("IPMI_PASSWORD=") + kPassword));
  EXPECT_THAT(programs.arguments("ipmitool"), HasSubstr("-L\nOPERATOR\n"));
}

TEST_F(IpmiTest, AGuidIsTakenInTheByteOrderInWhichItMakesSense) {
  struct Case {
    const char* name;
    std::string wire;
  };
  for (const Case& c : {Case{"SMBIOS", "44454c4c510010368052b7c04f4d3132"}, Case{"RFC 4122", "4c4c45440051361080 52b7c04f4d3132"}, Case{"IPMI", "32314d4fc0b75280103651004 4454c4c"}}) {
    std::string digits = c.wire;
    std::erase(digits, ' ');
    const std::string uuid = uuid_of_guid(digits);
    EXPECT_TRUE(same_system(uuid, kGuid)) << c.name << ": " << uuid;
  }
  EXPECT_FALSE(same_system(uuid_of_guid("44454c4c510010368052b7c04f4d3133"), kGuid)) << "another machine";
  EXPECT_EQ(uuid_of_guid(std::string(32, '0')), "");
  EXPECT_EQ(uuid_of_guid(std::string(32, 'f')), "");
}

TEST_F(IpmiTest, AControllerWithoutAGuidHasNoneAndALostOneIsNoReading) {
  answers({.guid = "", .errors = "Unable to send RAW command (channel=0x0 netfn=0x6 lun=0x0 cmd=0x37 rsp=0xc1): Invalid command"});
  EXPECT_EQ(*ipmi()->read(kDeadline), (Reading{State::kOn, "", "on"}));
  answers({.guid = ""});
  EXPECT_EQ(ipmi()->read(kDeadline).error().kind, ErrorKind::kUnavailable) << "a known machine must not pass as one without a name";
}

TEST_F(IpmiTest, WhatIpmitoolSaysBecomesWhatAPersonCanDo) {
  struct Case {
    const char* said;
    ErrorKind kind;
    const char* message;
  };
  const std::string end = "\nError: Unable to establish IPMI v2 / RMCP+ session";
  for (const Case& c : {Case{"RAKP 2 message indicates an error : unauthorized name", ErrorKind::kForbidden, "does not know the user"},
                        Case{"> RAKP 2 HMAC is invalid", ErrorKind::kForbidden, "does not accept the password"},
                        Case{"RAKP 2 message indicates an error : unauthorized role or privilege level requested", ErrorKind::kForbidden, "privilege level Operator"},
                        Case{"Get Auth Capabilities error", ErrorKind::kUnavailable, "no session: it does not answer"},
                        Case{"Address lookup for bmc failed", ErrorKind::kUnavailable, "cannot be resolved"}}) {
    answers({.power = "", .guid = "", .errors = c.said + end});
    const auto reading = ipmi()->read(kDeadline);
    ASSERT_FALSE(reading) << c.said;
    EXPECT_EQ(reading.error().kind, c.kind) << c.said;
    EXPECT_THAT(reading.error().message, HasSubstr(c.message));
    EXPECT_THAT(reading.error().message, HasSubstr("IPMI 10.0.0.1:623"));
  }
}

TEST_F(IpmiTest, TheOldCipherSuiteIsTriedWhenTheStrongOneIsRefusedAndThenKept) {
  programs.make("ipmitool", "case \"$*\" in *'-C 17'*) echo 'Error in open session response message : invalid authentication algorithm' >&2; exit 1;; esac\n"
                            "echo 'Chassis Power is on'; echo ' 44 45 4c 4c 51 00 10 36 80 52 b7 c0 4f 4d 31 32'");
  const auto one = ipmi();
  EXPECT_EQ(one->read(kDeadline)->state, State::kOn);
  EXPECT_EQ(one->read(kDeadline)->state, State::kOn);
  const std::string arguments = programs.arguments("ipmitool");
  const auto count = [&](const std::string& what) {
    int found = 0;
    for (std::size_t at = arguments.find(what); at != std::string::npos; at = arguments.find(what, at + 1)) ++found;
    return found;
  };
  EXPECT_EQ(count("-C\n17\n"), 1);
  EXPECT_EQ(count("-C\n3\n"), 2);
  programs.make("ipmitool", "echo 'Error in open session response message : invalid integrity algorithm' >&2; exit 1");
  EXPECT_EQ(ipmi()->read(kDeadline).error().kind, ErrorKind::kInvalid);
}

TEST_F(IpmiTest, TheChatterOfAWorkingSessionIsNoError) {
  answers({});
  EXPECT_TRUE(ipmi()->request_off(kDeadline));
}

TEST_F(IpmiTest, NothingIsSentToAnotherMachineOrToOneWithoutAGuid) {
  answers({});
  const auto off = ipmi()->request_off(kDeadline, "11111111-2222-4333-8444-555555555555");
  ASSERT_FALSE(off);
  EXPECT_EQ(off.error().kind, ErrorKind::kConflict);
  EXPECT_EQ(ipmi()->request_on(kDeadline, "11111111-2222-4333-8444-555555555555").error().kind, ErrorKind::kConflict);
  answers({.guid = "", .errors = "cmd=0x37 rsp=0xc1): Invalid command"});
  EXPECT_EQ(ipmi()->request_off(kDeadline, kGuid).error().kind, ErrorKind::kConflict);
  EXPECT_FALSE(was_ordered());
}

TEST_F(IpmiTest, TheExpectedGuidMayBeSpeltInTheOtherByteOrder) {
  answers({});
  EXPECT_TRUE(ipmi()->request_off(kDeadline, "44454C4C-5100-1036-8052-B7C04F4D3132"));
  EXPECT_TRUE(was_ordered());
}

TEST_F(IpmiTest, AnOrderIsSentOnlyWithPermission) {
  answers({});
  const auto refused = ipmi()->request_off(kDeadline, kGuid, [] { return Result<Instant>(fail(ErrorKind::kTimeout, "the leader's term is over")); });
  ASSERT_FALSE(refused);
  EXPECT_THAT(refused.error().message, HasSubstr("term is over"));
  EXPECT_FALSE(was_ordered());
  int asked = 0;
  EXPECT_TRUE(ipmi()->request_off(kDeadline, kGuid, [&] { return ++asked, Result<Instant>(monotonic_now() + kDeadline); }));
  EXPECT_EQ(asked, 1);
}

TEST_F(IpmiTest, ARefusedOrderIsForbidden) {
  answers({.errors = "Set Chassis Power Control to Down/Off failed: Insufficient privilege level", .order = ""});
  EXPECT_EQ(ipmi()->request_off(kDeadline).error().kind, ErrorKind::kForbidden);
}

TEST_F(IpmiTest, AnOrderThatHangsHasAnUnknownOutcomeAndAReadingTimesOut) {
  programs.make("ipmitool", "echo $$ >$folder/pid; exec sleep 1000");
  EXPECT_EQ(ipmi()->request_off(milliseconds(1500)).error().kind, ErrorKind::kUnknownOutcome);
  EXPECT_EQ(ipmi()->read(milliseconds(1500)).error().kind, ErrorKind::kTimeout);
}

TEST_F(IpmiTest, TheDrillKnowsTheRightsByTheLevelOfItsSession) {
  answers({});
  auto drill = ipmi()->drill(kDeadline);
  ASSERT_TRUE(drill);
  EXPECT_TRUE(drill->rights_known);
  EXPECT_EQ(drill->reading.state, State::kOn);
  answers({.session = ""});
  drill = ipmi()->drill(kDeadline);
  ASSERT_TRUE(drill);
  EXPECT_FALSE(drill->rights_known);
  answers({.session = "privilege level               : USER"});
  EXPECT_EQ(ipmi()->drill(kDeadline).error().kind, ErrorKind::kForbidden);
  EXPECT_FALSE(was_ordered());
}

TEST_F(IpmiTest, WhatCannotWorkIsSaidBeforeItIsTried) {
  const Folders none = {programs.folder()};
  EXPECT_EQ(Ipmi::create({"10.0.0.1", "u", "p", none}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(Ipmi::create({"10.0.0.1:623", "", "p", none}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(Ipmi::create({"10.0.0.1:623", "seventeen-letters", "p", none}).error().kind, ErrorKind::kInvalid);
  const auto long_one = Ipmi::create({"10.0.0.1:623", "u", std::string(21, 's'), none});
  ASSERT_FALSE(long_one);
  EXPECT_THAT(long_one.error().message, Not(HasSubstr("sss")));
  EXPECT_THAT(Ipmi::create({"10.0.0.1:623", "u", "pw\n", none}).error().message, HasSubstr("line end"));
  EXPECT_THAT(ipmi()->read(kDeadline).error().message, HasSubstr("ipmitool is not installed here"));
}

}  // namespace
}  // namespace vmha::power
