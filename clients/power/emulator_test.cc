#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/time.h"
#include "clients/http/test_certificates.h"
#include "clients/power/redfish.h"

/// Against sushy-tools, a Redfish service that others wrote. Fails, and does not skip, if it cannot be had.
namespace vmha::power {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kDeadline = seconds(20);
constexpr Duration kStartLimit = seconds(60);
constexpr Duration kPowerLimit = seconds(30);  // the emulator takes 2 s
constexpr const char* kUuid = "4c4c4544-0051-3610-8052-b7c04f4d3132";
constexpr const char* kSystemId = "4C4C4544-0051-3610-8052-B7C04F4D3132";

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

/// The emulator as a process of this test: it ends when the test closes its input or is gone.
class Emulator {
 public:
  Emulator() : ca_(http::test::make_ca("controllers")) {
    std::string name = std::filesystem::temp_directory_path() / "vmha-redfish-XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    folder_ = name;
    const auto identity = http::test::make_leaf(ca_, "bmc-1", {"IP:127.0.0.1"});
    std::ofstream(folder_ / "server.crt") << identity.cert_pem;
    std::ofstream(folder_ / "server.key") << identity.key_pem;
    std::ofstream(folder_ / "users") << "vmha:hunter2-secret\n";
  }

  ~Emulator() {
    if (input_ >= 0) ::close(input_);
    if (output_ >= 0) ::close(output_);
    if (pid_ > 0) {
      ::kill(pid_, SIGTERM);
      ::waitpid(pid_, nullptr, 0);
    }
    std::error_code ignored;
    std::filesystem::remove_all(folder_, ignored);
  }
  Emulator(const Emulator&) = delete;
  Emulator& operator=(const Emulator&) = delete;

  /// An empty text, or why it does not run.
  std::string start() {
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

  [[nodiscard]] RedfishTarget target() const {
    RedfishTarget target;
    target.endpoint = "https://127.0.0.1:" + port_;
    target.system_id = kSystemId;
    target.username = "vmha";
    target.password = "hunter2-secret";
    target.tls.ca_pem = ca_.cert_pem;
    return target;
  }

 private:
  bool read_port() {
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

  http::test::KeyPair ca_;
  std::filesystem::path folder_;
  std::string port_;
  pid_t pid_ = -1;
  int input_ = -1;
  int output_ = -1;
};

class EmulatorTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    emulator = std::make_unique<Emulator>();
    problem = emulator->start();
  }
  static void TearDownTestSuite() { emulator.reset(); }
  void SetUp() override { ASSERT_EQ(problem, ""); }

  static std::unique_ptr<Redfish> open(RedfishTarget target) {
    auto redfish = Redfish::create(std::move(target));
    EXPECT_TRUE(redfish) << describe(redfish.error());
    return std::move(*redfish);
  }

  /// True once the system reads so.
  static ::testing::AssertionResult reads(Redfish& redfish, State wanted) {
    const Instant limit = monotonic_now() + kPowerLimit;
    Result<Reading> reading = redfish.read(kDeadline);
    while (reading && reading->state != wanted && monotonic_now() < limit) {
      ::poll(nullptr, 0, 100);
      reading = redfish.read(kDeadline);
    }
    if (!reading) return ::testing::AssertionFailure() << describe(reading.error());
    if (reading->state != wanted) return ::testing::AssertionFailure() << "still " << reading->detail;
    return ::testing::AssertionSuccess();
  }

  static inline std::unique_ptr<Emulator> emulator;
  static inline std::string problem;
};

TEST_F(EmulatorTest, PowerIsReadSwitchedOffAndOnAgain) {
  const auto redfish = open(emulator->target());
  EXPECT_EQ(redfish->read(kDeadline), (Reading{.state = State::kOn, .system_uuid = kUuid, .detail = "On"}));
  const auto off = redfish->request_off(kDeadline, kUuid);
  ASSERT_TRUE(off) << describe(off.error());
  EXPECT_TRUE(reads(*redfish, State::kOff));
  EXPECT_TRUE(redfish->request_off(kDeadline, kUuid)) << "it is off already";
  EXPECT_TRUE(reads(*redfish, State::kOff));
  const auto on = redfish->request_on(kDeadline, kUuid);
  ASSERT_TRUE(on) << describe(on.error());
  EXPECT_TRUE(reads(*redfish, State::kOn));
}

TEST_F(EmulatorTest, TheOnlySystemNeedsNoId) {
  auto target = emulator->target();
  target.system_id = "";
  EXPECT_EQ(open(target)->read(kDeadline)->system_uuid, kUuid);
}

TEST_F(EmulatorTest, AnUnknownSystemIsNotFound) {
  auto target = emulator->target();
  target.system_id = "2";
  const auto reading = open(target)->read(kDeadline);
  ASSERT_FALSE(reading);
  EXPECT_EQ(reading.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(reading.error().message, ::testing::HasSubstr(kSystemId));
}

TEST_F(EmulatorTest, TheDrillSaysThatRightsCannotBeRead) {
  const auto drill = open(emulator->target())->drill(kDeadline);
  ASSERT_TRUE(drill) << describe(drill.error());
  EXPECT_FALSE(drill->rights_known);
  EXPECT_EQ(drill->reading.state, State::kOn);
}

TEST_F(EmulatorTest, AWrongPasswordIsForbidden) {
  auto target = emulator->target();
  target.password = "wrong";
  EXPECT_EQ(open(target)->read(kDeadline).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(open(target)->request_off(kDeadline).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(open(target)->drill(kDeadline).error().kind, ErrorKind::kForbidden);
}

TEST_F(EmulatorTest, AnotherAuthorityIsForbidden) {
  auto target = emulator->target();
  target.tls.ca_pem = http::test::make_ca("another").cert_pem;
  EXPECT_EQ(open(target)->read(kDeadline).error().kind, ErrorKind::kForbidden);
}

}  // namespace
}  // namespace vmha::power
