#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <rados/librados.hpp>
#include <string>
#include <vector>

#include "clients/ceph/client.h"
#include "clients/ceph/testing/guest_state.h"

namespace vmha::ceph::testing {

inline constexpr seconds kPatience{30};  ///< how long a test waits for a condition before it fails

/// Polls until `condition` holds; false when `within` has passed.
[[nodiscard]] bool eventually(const std::function<bool()>& condition, seconds within = kPatience);

/// A process of ours; killed and waited for at the end. It dies with us as well.
class Process {
 public:
  Process() = default;
  Process(const std::vector<std::string>& command, const std::vector<std::string>& environment, bool with_pipes = false);
  Process(Process&& other) noexcept { *this = std::move(other); }
  Process& operator=(Process&& other) noexcept;
  ~Process() { end(SIGKILL_); }

  void signal(int number) const;
  /// Sends the signal and waits for the end.
  void end(int number);
  void close_input();
  [[nodiscard]] std::string read_line() const;
  [[nodiscard]] pid_t pid() const { return pid_; }

 private:
  static constexpr int SIGKILL_ = 9;
  pid_t pid_ = -1;
  int input_ = -1;   ///< its standard input
  int output_ = -1;  ///< its standard output
};

/// A client of an image that runs on the host with address `source`.
class Guest {
 public:
  enum class Mode { kOpen, kWrite, kFlood };  ///< see guest.cc

  Guest(const std::string& folder, const std::string& source, const ImageId& image, Mode mode);
  ~Guest();
  Guest(const Guest&) = delete;
  Guest& operator=(const Guest&) = delete;

  void freeze() const;
  void thaw() const;
  void kill();
  [[nodiscard]] const GuestState& state() const { return *state_; }

 private:
  GuestState* state_ = nullptr;
  Process process_;
};

/// One real cluster, started by the constructor and gone with it: pools vms and volumes (8 PGs each) and data (16).
class Cluster {
 public:
  Cluster();
  ~Cluster();
  Cluster(const Cluster&) = delete;
  Cluster& operator=(const Cluster&) = delete;

  /// A key with the given rights; the name without "client.".
  Config user(const std::string& name, const std::string& mon_caps, const std::string& osd_caps);
  /// vmha with exactly the rights that the documentation asks for, on all three pools.
  std::unique_ptr<Client> vmha();
  /// As admin: the output of a mon command; fails the test on an error.
  std::string mon(const std::string& command);
  void create_image(const ImageId& image, const std::string& data_pool = "");
  /// The counters of a guest's image, by its 16 objects, read past librbd.
  std::vector<std::uint64_t> counters(const ImageId& image);
  std::unique_ptr<Guest> guest(const std::string& source, const ImageId& image, Guest::Mode mode = Guest::Mode::kOpen);
  librados::IoCtx pool(const std::string& name);
  [[nodiscard]] pid_t daemon(const std::string& name) const;
  /// Kills a daemon and waits until it has ended.
  void kill(const std::string& name) const;
  [[nodiscard]] const std::string& folder() const { return folder_; }

 private:
  void wait_until_ready();

  std::string folder_;
  Process supervisor_;
  librados::Rados admin_;
};

/// Stops a daemon (SIGSTOP) for as long as it lives.
class Stopped {
 public:
  explicit Stopped(std::vector<pid_t> pids);
  ~Stopped();
  Stopped(const Stopped&) = delete;
  Stopped& operator=(const Stopped&) = delete;

 private:
  std::vector<pid_t> pids_;
};

}  // namespace vmha::ceph::testing
