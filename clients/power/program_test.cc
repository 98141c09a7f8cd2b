#include "clients/power/program.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <filesystem>

#include "clients/power/scripted_program.h"

namespace vmha::power {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr Duration kEnough = seconds(60);

Program shell(const std::string& script) { return Program{"/bin/bash", {"-c", script}, {{"PATH", "/usr/bin:/bin"}}, ""}; }
Result<Finished> ran(const Program& program, Duration limit = kEnough) { return run(program, monotonic_now() + limit); }

TEST(ProgramTest, OutputErrorsAndExitCodeComeBack) {
  const auto finished = ran(shell("echo out; echo err >&2; exit 7"));
  ASSERT_TRUE(finished) << describe(finished.error());
  EXPECT_EQ(finished->output, "out\n");
  EXPECT_EQ(finished->errors, "err\n");
  EXPECT_EQ(finished->exit_code, 7);
}

TEST(ProgramTest, ItGetsItsInputAndNothingOfOurEnvironmentOrFiles) {
  ::setenv("VMHA_TEST_SECRET", "x", 1);
  Program program = shell("cat; env; pwd; ls /proc/self/fd | wc -l");
  program.input = "one=two\n";
  const auto finished = ran(program);
  ASSERT_TRUE(finished);
  EXPECT_THAT(finished->output, HasSubstr("one=two\n"));
  EXPECT_THAT(finished->output, Not(HasSubstr("VMHA_TEST_SECRET")));
  EXPECT_THAT(finished->output, ::testing::EndsWith("/\n4\n")) << "0, 1, 2 and the folder that ls reads";
}

TEST(ProgramTest, AProgramThatReadsNothingIsNoTrouble) {
  Program program = shell("exit 0");
  program.input = std::string(kMaxInput, 'x');
  EXPECT_TRUE(ran(program));
  program.input += "x";
  EXPECT_EQ(ran(program).error().kind, ErrorKind::kInvalid);
}

TEST(ProgramTest, OutputIsBounded) {
  const auto finished = ran(shell("head -c 1000000 /dev/zero | tr '\\0' x; echo y >&2"));
  ASSERT_TRUE(finished);
  EXPECT_EQ(finished->output.size(), kMaxOutput);
  EXPECT_EQ(finished->errors, "y\n");
}

TEST(ProgramTest, ASignalShowsInTheExitCode) { EXPECT_EQ(ran(shell("kill -TERM $$"))->exit_code, 128 + SIGTERM); }

TEST(ProgramTest, WhatCannotBeStartedIsInvalid) {
  EXPECT_EQ(ran(Program{"/nonexistent/program", {}, {}, ""}).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(run(shell("true"), monotonic_now() - seconds(1)).error().kind, ErrorKind::kTimeout);
}

/// Gone, or a zombie that its new parent has not reaped yet.
bool has_ended(pid_t pid) {
  const std::string state = [&] {
    FILE* file = ::fopen(("/proc/" + std::to_string(pid) + "/stat").c_str(), "r");
    if (file == nullptr) return std::string();
    char line[512] = {};
    const char* read = ::fgets(line, sizeof line, file);
    ::fclose(file);
    return read == nullptr ? std::string() : std::string(line);
  }();
  const std::size_t at = state.rfind(") ");
  return at == std::string::npos || state[at + 2] == 'Z';
}

::testing::AssertionResult ends(pid_t pid) {
  const Instant limit = monotonic_now() + seconds(20);
  while (monotonic_now() < limit)
    if (has_ended(pid)) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << pid << " still runs";
}

TEST(ProgramTest, AtTheDeadlineTheProgramAndItsChildrenAreKilled) {
  const test::ScriptedPrograms programs;
  // It ignores every polite signal, and so does its child.
  Program program = shell("trap '' TERM HUP INT; sleep 1000 & echo $! >" + programs.folder() + "/child; echo $$ >" + programs.folder() + "/own; wait; sleep 1000");
  const Instant started = monotonic_now();
  const auto finished = ran(program, seconds(2));
  ASSERT_FALSE(finished);
  EXPECT_EQ(finished.error().kind, ErrorKind::kTimeout);
  EXPECT_LT(monotonic_now() - started, seconds(20));
  for (const char* file : {"own", "child"}) {
    const std::string pid = programs.note(file);
    ASSERT_NE(pid, "") << file;
    EXPECT_TRUE(ends(std::stoi(pid))) << file;
  }
}

TEST(ProgramTest, WhatAFinishedProgramLeavesBehindIsKilledAndNotWaitedFor) {
  const auto finished = ran(shell("sleep 1000 & echo $!"));
  ASSERT_TRUE(finished);
  EXPECT_TRUE(ends(std::stoi(finished->output)));
}

TEST(LastWordsTest, TheEndWithoutTimesBlankLinesAndSecrets) {
  EXPECT_EQ(last_words("a\nb\n\n2026-11-23 15:42:06,123 ERROR: Failed: c\n\n", {}), "b; Failed: c");
  EXPECT_EQ(last_words("Ignoring option 'pasword=hunter2'\n", {"hunter2"}), "Ignoring option 'pasword=***'");
  EXPECT_EQ(last_words(std::string(5000, 'x'), {}).size(), 240U);
  EXPECT_EQ(last_words("\x01\xff\n", {}), "??");
}

TEST(FindProgramTest, TheFirstFolderThatHasItOrThePackageThatDoes) {
  const test::ScriptedPrograms programs;
  programs.make("fence_x", "");
  EXPECT_EQ(*find_program({"/nonexistent", programs.folder()}, "fence_x", "fence-agents"), programs.folder() + "/fence_x");
  EXPECT_THAT(find_program(programs.folders(), "fence_y", "fence-agents").error().message, HasSubstr("fence_y is not installed here: the package fence-agents has it"));
}

}  // namespace
}  // namespace vmha::power
