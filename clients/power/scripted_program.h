#pragma once

#include <string>

#include "base/temporary_folder.h"
#include "clients/power/program.h"

namespace vmha::power::test {

/// A folder with programs of this test: they write down how they were called and answer what the test says. Removed with it.
class ScriptedPrograms {
 public:
  ScriptedPrograms() = default;
  ScriptedPrograms(const ScriptedPrograms&) = delete;
  ScriptedPrograms& operator=(const ScriptedPrograms&) = delete;

  /// A program whose body is shell; $input is what it got on its standard input. It notes its arguments, environment and input first.
  void make(const std::string& name, const std::string& body) const;
  /// What the program noted, all its calls one after the other; empty if it was not called.
  [[nodiscard]] std::string arguments(const std::string& name) const { return note(name + ".arguments"); }
  [[nodiscard]] std::string environment(const std::string& name) const { return note(name + ".environment"); }
  [[nodiscard]] std::string input(const std::string& name) const { return note(name + ".input"); }
  [[nodiscard]] std::string note(const std::string& file) const;
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] Folders folders() const { return {folder_}; }

 private:
  TemporaryFolder temporary_{"vmha-programs"};
  const std::string folder_ = temporary_.path();
};

}  // namespace vmha::power::test
