#include "clients/power/scripted_program.h"

#include <filesystem>
#include <fstream>
#include <iterator>

namespace vmha::power::test {

void ScriptedPrograms::make(const std::string& name, const std::string& body) const {
  const std::string path = folder_ + "/" + name;
  {
    std::ofstream out(path);
    out << "#!/bin/bash\n"
        << "me=" << path << "\nfolder=" << folder_ << "\n"
        << "printf '%s\\n' \"$@\" >>\"$me.arguments\"\n"
        << "env >>\"$me.environment\"\n"
        << "input=$(cat)\n"
        << "printf '%s\\n' \"$input\" >>\"$me.input\"\n"
        << body << "\n";
  }
  std::filesystem::permissions(path, std::filesystem::perms::owner_all);
}

std::string ScriptedPrograms::note(const std::string& file) const {
  std::ifstream in(folder_ + "/" + file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace vmha::power::test
