#pragma once

#include <filesystem>
#include <string>

#include <sys/types.h>

#include "base/temporary_folder.h"
#include "clients/http/test_certificates.h"
#include "clients/power/redfish.h"

namespace vmha::power::test {

inline constexpr const char* kEmulatorUuid = "4c4c4544-0051-3610-8052-b7c04f4d3132";
inline constexpr const char* kEmulatorSystemId = "4C4C4544-0051-3610-8052-B7C04F4D3132";

/// sushy-tools as a process of this test: it ends when the test closes its input or is gone.
class Emulator {
 public:
  Emulator();
  ~Emulator();
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  /// An empty text, or why it does not run.
  std::string start();
  [[nodiscard]] RedfishTarget target() const;
  [[nodiscard]] const std::string& port() const { return port_; }

 private:
  bool read_port();

  http::test::KeyPair ca_;
  TemporaryFolder temporary_{"vmha-redfish"};
  const std::filesystem::path& folder_ = temporary_.path();
  std::string port_;
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
};

}  // namespace vmha::power::test
