#pragma once

#include <string>

#include <sys/types.h>

#include "base/temporary_folder.h"
#include "clients/power/ipmi.h"

namespace vmha::power::test {

/// ipmi_sim of OpenIPMI on a free port of the loopback interface: an IPMI 2.0 controller that others wrote. Its chassis is a file. It is
/// a process of this test and ends with it.
class IpmiSimulator {
 public:
  IpmiSimulator() = default;
  ~IpmiSimulator();
  IpmiSimulator(const IpmiSimulator&) = delete;
  IpmiSimulator& operator=(const IpmiSimulator&) = delete;

  /// An empty text, or why it does not run.
  std::string start();
  [[nodiscard]] std::string endpoint() const { return "127.0.0.1:" + std::to_string(port_); }
  [[nodiscard]] int port() const { return port_; }
  [[nodiscard]] IpmiTarget target() const { return {endpoint(), "vmha", "hunter2-secret", system_folders()}; }
  [[nodiscard]] bool is_powered() const;
  void freeze() const;  ///< it answers nothing, as a controller that lost its power
  void thaw() const;

 private:
  void write_files() const;
  bool answers() const;

  TemporaryFolder temporary_{"vmha-ipmi"};
  const std::string folder_ = temporary_.path();
  int port_ = 0;
  pid_t pid_ = -1;
};

inline constexpr const char* kSimulatorUuid = "4c4c4544-0051-3610-8052-b7c04f4d3132";

}  // namespace vmha::power::test
