#include "clients/power/emulator.h"

#include <csignal>
#include <cstdlib>
#include <fstream>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"

namespace vmha::power::test {
namespace {

constexpr Duration kStartLimit = seconds(60);

std::string testdata(const std::string& name) { return std::string(VMHA_POWER_TESTDATA) + "/" + name; }

/// The last line a command prints; empty if it failed.
std::string last_line_of(const std::string& command) {
  FILE* pipe = ::popen(command.c_str(), "r");
  std::string line;
  char buffer[4096];
  while (pipe != nullptr && std::fgets(buffer, sizeof buffer, pipe) != nullptr) line = buffer;
  if (pipe == nullptr || ::pclose(pipe) != 0) return "";
  while (line.ends_with('\n')) line.pop_back();
  return line;
}

}  // namespace

Emulator::Emulator() : ca_(http::test::make_ca("controllers")) {
  const auto identity = http::test::make_leaf(ca_, "bmc-1", {"IP:127.0.0.1"});
  std::ofstream(folder_ / "server.crt") << identity.cert_pem;
  std::ofstream(folder_ / "server.key") << identity.key_pem;
  std::ofstream(folder_ / "users") << "vmha:hunter2-secret\n";
}

Emulator::~Emulator() {
  if (input_ >= 0) ::close(input_);
  if (output_ >= 0) ::close(output_);
  if (pid_ > 0) {
    ::kill(pid_, SIGTERM);
    ::waitpid(pid_, nullptr, 0);
  }
}

std::string Emulator::start() {
  const std::string python = last_line_of(testdata("ensure_sushy.sh"));
  if (python.empty()) return "sushy-tools cannot be installed, see above";
  int to_child[2];
  int from_child[2];
  if (::pipe2(to_child, O_CLOEXEC) != 0 || ::pipe2(from_child, O_CLOEXEC) != 0) return "no pipe";
  posix_spawn_file_actions_t actions;
  ::posix_spawn_file_actions_init(&actions);
  ::posix_spawn_file_actions_adddup2(&actions, to_child[0], 0);
  ::posix_spawn_file_actions_adddup2(&actions, from_child[1], 1);
  const std::string script = testdata("redfish_server.py");
  std::string folder = folder_;
  char* arguments[] = {const_cast<char*>(python.c_str()), const_cast<char*>(script.c_str()), folder.data(), nullptr};
  const int error = ::posix_spawn(&pid_, python.c_str(), &actions, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&actions);
  ::close(to_child[0]);
  ::close(from_child[1]);
  input_ = to_child[1];
  output_ = from_child[0];
  if (error != 0) return python + " cannot be started";
  return read_port() ? "" : "the emulator did not say its port within 60 s; its own words are above";
}

RedfishTarget Emulator::target() const {
  RedfishTarget target;
  target.endpoint = "https://127.0.0.1:" + port_;
  target.system_id = kEmulatorSystemId;
  target.username = "vmha";
  target.password = "hunter2-secret";
  target.tls.ca_pem = ca_.cert_pem;
  return target;
}

bool Emulator::read_port() {
  const Instant limit = monotonic_now() + kStartLimit;
  std::string text;
  while (!text.ends_with('\n') && monotonic_now() < limit) {
    pollfd entry{output_, POLLIN, 0};
    if (::poll(&entry, 1, 1000) <= 0) continue;
    char byte = 0;
    if (::read(output_, &byte, 1) != 1) return false;
    text += byte;
  }
  if (!text.starts_with("PORT ") || !text.ends_with('\n')) return false;
  port_ = text.substr(5, text.size() - 6);
  return true;
}

}  // namespace vmha::power::test
