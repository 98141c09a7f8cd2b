#include "clients/power/program.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <regex>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

namespace vmha::power {
namespace {

constexpr Duration kLookEvery = milliseconds(20);  // for its end; there is no portable way to wait for a process and a pipe at once
constexpr std::size_t kMaxWords = 240;
constexpr std::size_t kShortestSecret = 3;  // "1" would be cut out of every number

/// A file descriptor that is closed with its scope.
class Fd {
 public:
  Fd() = default;
  explicit Fd(int fd) : fd_(fd) {}
  ~Fd() { close(); }
  Fd(const Fd&) = delete;
  Fd& operator=(const Fd&) = delete;
  void reset(int fd) {
    close();
    fd_ = fd;
  }
  void close() {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }
  [[nodiscard]] int get() const { return fd_; }

 private:
  int fd_ = -1;
};

struct Pipe {
  Fd read, write;
  bool open() {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return false;
    read.reset(ends[0]);
    write.reset(ends[1]);
    return true;
  }
};

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> result;
  for (std::string& text : texts) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

/// A started program and the ends of its pipes that are ours. The destructor kills its group and reaps it.
class Child {
 public:
  Child() = default;
  ~Child() { end(); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  Result<Done> start(const Program& program) {
    Pipe input, output, errors;
    if (!input.open() || !output.open() || !errors.open()) return fail(ErrorKind::kUnavailable, "no pipe: {}", std::strerror(errno));
    ::fcntl(input.write.get(), F_SETFL, O_NONBLOCK);
    // Into the pipe before anybody reads: it fits, and a program that reads nothing cannot hold us up.
    if (!program.input.empty() && ::write(input.write.get(), program.input.data(), program.input.size()) != static_cast<ssize_t>(program.input.size()))
      return fail(ErrorKind::kUnavailable, "its input cannot be written: {}", std::strerror(errno));
    input.write.close();
    if (const int error = spawn(program, input.read.get(), output.write.get(), errors.write.get()); error != 0) {
      pid_ = -1;
      return fail(ErrorKind::kInvalid, "{} cannot be started: {}", program.path, std::strerror(error));
    }
    output_.reset(::dup(output.read.get()));
    errors_.reset(::dup(errors.read.get()));
    for (const int fd : {output_.get(), errors_.get()}) {
      ::fcntl(fd, F_SETFD, FD_CLOEXEC);
      ::fcntl(fd, F_SETFL, O_NONBLOCK);
    }
    return Done{};
  }

  /// True when it has ended by itself; it stays a zombie, so that its group's number is nobody else's.
  [[nodiscard]] bool has_ended() const {
    siginfo_t info{};
    return ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == pid_;
  }

  void take(Finished& finished) {
    take(output_, finished.output);
    take(errors_, finished.errors);
  }

  void wait_for_words() const {
    std::array<pollfd, 2> entries = {pollfd{output_.get(), POLLIN, 0}, pollfd{errors_.get(), POLLIN, 0}};
    ::poll(entries.data(), entries.size(), static_cast<int>(std::chrono::duration_cast<milliseconds>(kLookEvery).count()));
  }

  /// Kills what is left of the group; the exit code.
  int end() {
    if (pid_ <= 0) return 0;
    ::kill(-pid_, SIGKILL);
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  int spawn(const Program& program, int input, int output, int errors) {
    std::vector<std::string> arguments = {program.path};
    arguments.insert(arguments.end(), program.arguments.begin(), program.arguments.end());
    std::vector<std::string> environment;
    for (const auto& [name, value] : program.environment) environment.push_back(name + "=" + value);
    posix_spawn_file_actions_t files;
    ::posix_spawn_file_actions_init(&files);
    ::posix_spawn_file_actions_adddup2(&files, input, 0);
    ::posix_spawn_file_actions_adddup2(&files, output, 1);
    ::posix_spawn_file_actions_adddup2(&files, errors, 2);
    ::posix_spawn_file_actions_addclosefrom_np(&files, 3);
    ::posix_spawn_file_actions_addchdir_np(&files, "/");
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    ::posix_spawnattr_setpgroup(&attributes, 0);
    sigset_t none, all;
    ::sigemptyset(&none);
    ::sigfillset(&all);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setsigdefault(&attributes, &all);
    const int error = ::posix_spawn(&pid_, program.path.c_str(), &files, &attributes, pointers(arguments).data(), pointers(environment).data());
    ::posix_spawnattr_destroy(&attributes);
    ::posix_spawn_file_actions_destroy(&files);
    return error;
  }

  static void take(Fd& fd, std::string& into) {
    std::array<char, 4096> buffer{};
    for (std::size_t rounds = 0; fd.get() >= 0 && rounds < 64; ++rounds) {  // bounded: one that never stops talking must not hold us past the deadline
      const ssize_t count = ::read(fd.get(), buffer.data(), buffer.size());
      if (count == 0) fd.close();
      if (count <= 0) return;
      into.append(buffer.data(), std::min(static_cast<std::size_t>(count), kMaxOutput - into.size()));
    }
  }

  pid_t pid_ = -1;
  Fd output_, errors_;
};

void replace_all(std::string& text, const std::string& what, const std::string& by) {
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + by.size())) text.replace(at, what.size(), by);
}

}  // namespace

Result<Finished> run(const Program& program, Instant deadline) {
  if (program.input.size() > kMaxInput) return fail(ErrorKind::kInvalid, "{}: its input has {} bytes, at most {} are taken", program.path, program.input.size(), kMaxInput);
  if (monotonic_now() >= deadline) return fail(ErrorKind::kTimeout, "{} was not started: its time was over", program.path);
  Child child;
  if (const auto started = child.start(program); !started) return tl::unexpected(started.error());
  Finished finished;
  while (!child.has_ended()) {
    if (monotonic_now() >= deadline) return fail(ErrorKind::kTimeout, "{} was killed: it had not ended in time", program.path);
    child.wait_for_words();
    child.take(finished);
  }
  child.take(finished);
  finished.exit_code = child.end();
  return finished;
}

Folders system_folders() { return {"/usr/sbin", "/usr/bin", "/sbin", "/bin"}; }

Result<std::string> find_program(const Folders& folders, const std::string& name, const char* package) {
  for (const std::string& folder : folders) {
    std::string path = folder + "/" + name;
    if (::access(path.c_str(), X_OK) == 0) return path;
  }
  return fail(ErrorKind::kInvalid, "{} is not installed here: the package {} has it", name, package);
}

std::string last_words(const std::string& text, const std::vector<std::string>& secrets) {
  static const std::regex kTime(R"(^[0-9]{4}-[0-9]{2}-[0-9]{2} [0-9:,.]+ +([A-Z]+: +)?)");
  std::vector<std::string> lines;
  std::size_t start = 0;
  while (start < text.size()) {
    const std::size_t end = std::min(text.find('\n', start), text.size());
    std::string line = std::regex_replace(text.substr(start, std::min<std::size_t>(end - start, 1000)), kTime, "");
    while (!line.empty() && (line.back() == ' ' || line.back() == '\r')) line.pop_back();
    if (!line.empty()) lines.push_back(std::move(line));
    start = end + 1;
  }
  if (lines.size() > 2) lines.erase(lines.begin(), lines.end() - 2);
  std::string words;
  for (const std::string& line : lines) words += (words.empty() ? "" : "; ") + line;
  for (const std::string& secret : secrets)
    if (secret.size() >= kShortestSecret) replace_all(words, secret, "***");
  if (words.size() > kMaxWords) words.resize(kMaxWords);
  std::ranges::replace_if(words, [](unsigned char c) { return c < 0x20 || c >= 0x7f; }, '?');
  return words;
}

}  // namespace vmha::power
