#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/time.h"

namespace vmha::power {

struct Program {
  std::string path;                                              ///< absolute
  std::vector<std::string> arguments;                            ///< without its own name; every user of the machine can read them: no secret
  std::vector<std::pair<std::string, std::string>> environment;  ///< all of it; nothing of ours is passed on
  std::string input;                                             ///< its standard input, at most kMaxInput
};

struct Finished {
  int exit_code = 0;   ///< 128 and the signal's number if a signal ended it
  std::string output;  ///< at most kMaxOutput each; what comes after it is dropped
  std::string errors;
};

inline constexpr std::size_t kMaxInput = 60'000;  ///< fits into a pipe, so that no writer has to wait for a reader
inline constexpr std::size_t kMaxOutput = 64 * 1024;

/// Runs a program in a process group of its own, with no file of ours open in it, and waits for its end. Whatever of that group is left then, or at
/// the deadline, is killed: nothing outlives this call. Thread rule: any thread.
/// Errors: kInvalid (cannot be started, input too long), kTimeout (killed at the deadline; what it had done by then is not known).
Result<Finished> run(const Program& program, Instant deadline);

/// Where programs are looked for; a test has its own.
using Folders = std::vector<std::string>;
[[nodiscard]] Folders system_folders();

/// The program's path. Errors: kInvalid, naming the package that has it.
Result<std::string> find_program(const Folders& folders, const std::string& name, const char* package);

/// The last lines of what a program said, without blank ones, times and `secrets`, cut to what a status message holds.
[[nodiscard]] std::string last_words(const std::string& text, const std::vector<std::string>& secrets);

}  // namespace vmha::power
