#include "clients/power/ipmi_simulator.h"

#include <csignal>
#include <filesystem>
#include <fstream>

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace vmha::power::test {
namespace {

constexpr Duration kStartLimit = seconds(60);

/// A UDP port that nobody has now.
int free_port() {
  const int fd = ::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0 && ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  return bound ? ntohs(address.sin_port) : 0;
}

}  // namespace

IpmiSimulator::~IpmiSimulator() {
  if (pid_ > 0) {
    ::kill(pid_, SIGCONT);
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
}

void IpmiSimulator::write_files() const {
  // The GUID as SMBIOS sends it. Format: ipmi_lan(5), ipmi_sim_cmd(5).
  std::ofstream(folder_ + "/lan.conf") << "name \"compute-1\"\nset_working_mc 0x20\n  startlan 1\n    addr 127.0.0.1 " << port_
                                       << "\n    priv_limit admin\n"
                                          "    allowed_auths_callback none md2 md5 straight\n    allowed_auths_user none md2 md5 straight\n"
                                          "    allowed_auths_operator none md2 md5 straight\n    allowed_auths_admin none md2 md5 straight\n"
                                          "    guid 44454c4c510010368052b7c04f4d3132\n  endlan\n  chassis_control \""
                                       << folder_ << "/chassis\"\n  user 2 true \"vmha\" \"hunter2-secret\" operator 10 none md2 md5 straight\n";
  std::ofstream(folder_ + "/lan.emu") << "mc_setbmc 0x20\nmc_add 0x20 0 no-device-sdrs 0x23 9 8 0x9f 0x1291 0xf02\nsel_enable 0x20 1000 0x0a\nmc_enable 0x20\n";
  std::ofstream(folder_ + "/powered");
  const std::string script = folder_ + "/chassis";
  std::ofstream(script) << "#!/bin/bash\nflag=" << folder_ << "/powered\n"
                        << "case \"$1\" in\n"
                           "get) shift; for what in \"$@\"; do [ \"$what\" = power ] && [ -e \"$flag\" ] && echo power:1 || echo \"$what:0\"; done;;\n"
                           "set) shift; while [ $# -gt 1 ]; do if [ \"$1\" = power ]; then [ \"$2\" = 1 ] && touch \"$flag\" || rm -f \"$flag\"; fi; shift 2; done;;\n"
                           "esac\nexit 0\n";
  std::filesystem::permissions(script, std::filesystem::perms::owner_all);
}

std::string IpmiSimulator::start() {
  const auto program = find_program(system_folders(), "ipmi_sim", "openipmi");
  if (!program) return describe(program.error());
  port_ = free_port();
  write_files();
  std::string conf = folder_ + "/lan.conf", emu = folder_ + "/lan.emu", log = folder_ + "/log", folder = folder_;
  posix_spawn_file_actions_t files;
  ::posix_spawn_file_actions_init(&files);
  ::posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  ::posix_spawn_file_actions_addopen(&files, 1, log.c_str(), O_WRONLY | O_CREAT, 0600);
  ::posix_spawn_file_actions_adddup2(&files, 1, 2);
  // A test that crashes must leave nothing behind: setpriv has the kernel kill ipmi_sim with it.
  std::string setpriv = "/usr/bin/setpriv", death = "--pdeathsig=KILL", path = *program;
  char c[] = "-c", f[] = "-f", s[] = "-s", n[] = "-n";
  char* arguments[] = {setpriv.data(), death.data(), path.data(), c, conf.data(), f, emu.data(), s, folder.data(), n, nullptr};
  const int error = ::posix_spawn(&pid_, setpriv.c_str(), &files, nullptr, arguments, environ);
  ::posix_spawn_file_actions_destroy(&files);
  if (error != 0) {
    pid_ = -1;
    return "ipmi_sim cannot be started";
  }
  const Instant limit = monotonic_now() + kStartLimit;
  while (monotonic_now() < limit)
    if (answers()) return "";
  return "ipmi_sim did not answer within 60 s";
}

bool IpmiSimulator::answers() const {
  const auto ipmi = Ipmi::create(target());
  return ipmi && (*ipmi)->read(seconds(20)).has_value();
}

bool IpmiSimulator::is_powered() const { return std::filesystem::exists(folder_ + "/powered"); }
void IpmiSimulator::freeze() const { ::kill(pid_, SIGSTOP); }
void IpmiSimulator::thaw() const { ::kill(pid_, SIGCONT); }

}  // namespace vmha::power::test
