#include "clients/ceph/testing/cluster.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <rbd/librbd.hpp>
#include <stdexcept>
#include <thread>

#include "clients/ceph/text.h"

namespace vmha::ceph::testing {
namespace {

void require(bool good, const std::string& what) {
  if (!good) throw std::runtime_error(what);
}

int free_port() {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t length = sizeof address;
  require(bind(fd, reinterpret_cast<sockaddr*>(&address), length) == 0, "bind");
  require(getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length) == 0, "getsockname");
  close(fd);
  return ntohs(address.sin_port);
}

std::string new_folder() {
  std::string path = "/tmp/vmha-ceph-XXXXXX";  // short: the path of a daemon's socket ends at 107 characters
  require(mkdtemp(path.data()) != nullptr, "mkdtemp");
  return path;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> raw;
  for (std::string& text : strings) raw.push_back(text.data());
  raw.push_back(nullptr);
  return raw;
}

/// The state letters of all threads of a process, as /proc shows them.
std::string thread_states(pid_t pid) {
  std::string states;
  std::error_code gone;
  for (const auto& thread : std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task", gone)) {
    std::ifstream file(thread.path() / "stat");
    const std::string stat((std::istreambuf_iterator<char>(file)), {});
    const auto name_end = stat.rfind(") ");
    if (name_end != std::string::npos) states += stat[name_end + 2];
  }
  return states;
}

/// A signal is sent at once and felt later: a busy machine lets a daemon answer a few more calls after its SIGSTOP. So this waits until
/// every thread has stopped.
void stop(pid_t pid) {
  ::kill(pid, SIGSTOP);
  require(eventually([pid] { return thread_states(pid).find_first_not_of('T') == std::string::npos; }), "a process did not stop");
}

}  // namespace

bool eventually(const std::function<bool()>& condition, seconds within) {
  const Instant end = monotonic_now() + within;
  while (!condition()) {
    if (monotonic_now() >= end) return false;
    std::this_thread::sleep_for(milliseconds(10));
  }
  return true;
}

Process::Process(const std::vector<std::string>& command, const std::vector<std::string>& environment, bool with_pipes) {
  std::array<int, 2> in{-1, -1}, out{-1, -1};
  if (with_pipes) require(pipe2(in.data(), O_CLOEXEC) == 0 && pipe2(out.data(), O_CLOEXEC) == 0, "pipe");
  std::vector<std::string> arguments = command, variables = environment;
  const auto raw_arguments = pointers(arguments), raw_variables = pointers(variables);
  pid_ = fork();
  require(pid_ >= 0, "fork");
  if (pid_ == 0) {
    if (with_pipes) {
      dup2(in[0], STDIN_FILENO);
      dup2(out[1], STDOUT_FILENO);
    } else {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
    }
    execve(raw_arguments[0], raw_arguments.data(), raw_variables.data());
    _exit(127);
  }
  if (!with_pipes) return;
  close(in[0]);
  close(out[1]);
  input_ = in[1];
  output_ = out[0];
}

Process& Process::operator=(Process&& other) noexcept {
  end(SIGKILL);
  pid_ = std::exchange(other.pid_, -1);
  input_ = std::exchange(other.input_, -1);
  output_ = std::exchange(other.output_, -1);
  return *this;
}

void Process::signal(int number) const {
  if (pid_ > 0) ::kill(pid_, number);
}

void Process::end(int number) {
  close_input();
  if (output_ >= 0) close(std::exchange(output_, -1));
  if (pid_ <= 0) return;
  if (number != 0) ::kill(pid_, number);
  waitpid(std::exchange(pid_, -1), nullptr, 0);
}

void Process::close_input() {
  if (input_ >= 0) close(std::exchange(input_, -1));
}

std::string Process::read_line() const {
  std::string line;
  for (char c = 0; read(output_, &c, 1) == 1 && c != '\n';) line += c;
  return line;
}

Guest::Guest(const std::string& folder, const std::string& source, const ImageId& image, Mode mode) {
  const char* how = mode == Mode::kFlood ? "flood" : mode == Mode::kWrite ? "write" : "open";
  std::string file = folder + "/guest-XXXXXX";
  const int fd = mkstemp(file.data());
  require(fd >= 0 && ftruncate(fd, sizeof(GuestState)) == 0, "guest state");
  void* memory = mmap(nullptr, sizeof(GuestState), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  require(memory != MAP_FAILED, "mmap");
  state_ = static_cast<GuestState*>(memory);
  process_ = Process({VMHA_CEPH_GUEST, file, folder + "/ceph.conf", image.pool, image.name, how},
                     {"BIND_SOURCE=" + source, std::string("LD_PRELOAD=") + VMHA_CEPH_BIND_SOURCE,
                      "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0"});  // for builds with sanitizers
  require(eventually([this] { return state_->ready && true; }), "the guest did not open " + image.path());
}

Guest::~Guest() {
  kill();
  munmap(state_, sizeof(GuestState));
}

void Guest::freeze() const { stop(process_.pid()); }
void Guest::thaw() const { process_.signal(SIGCONT); }
void Guest::kill() { process_.end(SIGKILL); }

Cluster::Cluster() : folder_(new_folder()) {
  supervisor_ = Process({"/bin/bash", VMHA_CEPH_CLUSTER, "run"},
                        {"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "D=" + folder_, "PORT=" + std::to_string(free_port())}, true);
  require(supervisor_.read_line() == "up", "the Ceph cluster did not start");
  require(admin_.init("admin") == 0 && admin_.conf_read_file((folder_ + "/ceph.conf").c_str()) == 0, "admin");
  require(admin_.connect() == 0, "admin cannot connect");
  wait_until_ready();
  const std::string all = "profile rbd pool=vms, profile rbd pool=volumes, profile rbd pool=data";
  const Config guest = user("guest", "profile rbd", all);
  require(std::rename(guest.keyring_file.c_str(), (folder_ + "/ceph.conf.guest").c_str()) == 0, "guest key");
}

Cluster::~Cluster() {
  admin_.shutdown();
  supervisor_.close_input();  // that is how it is told to stop and to clean up
  supervisor_.end(0);
}

void Cluster::wait_until_ready() {
  for (const char* pool : {"vms", "volumes", "data"}) {
    const bool wide = std::string(pool) == "data";
    mon(std::string(R"({"prefix":"osd pool create","pool":")") + pool + R"(","pg_num":)" + (wide ? "16}" : "8}"));
    librados::bufferlist none;
    admin_.wait_for_latest_osdmap();
    librados::IoCtx io = this->pool(pool);
    for (int i = 0; i < 100; ++i) {  // blocks until each PG takes writes
      const std::string object = "ready." + std::to_string(i);
      require(io.write_full(object, none) == 0 && io.remove(object) == 0, "write");
    }
    require(librbd::RBD().pool_init(io, true) == 0, "pool_init");
  }
}

Config Cluster::user(const std::string& name, const std::string& mon_caps, const std::string& osd_caps) {
  std::string caps = mon_caps;
  for (std::size_t at = 0; (at = caps.find('"', at)) != std::string::npos; at += 2) caps.insert(at, 1, '\\');
  const std::string key = mon(R"({"prefix":"auth get-or-create","entity":"client.)" + name + R"(","caps":["mon",")" + caps + R"(","osd",")" + osd_caps + R"("]})");
  Config config;
  config.conf_file = folder_ + "/ceph.conf";
  config.keyring_file = folder_ + "/" + name + ".keyring";
  config.user = name;
  std::ofstream(config.keyring_file) << key;
  return config;
}

std::unique_ptr<Client> Cluster::vmha() {
  auto client = Client::connect(user("vmha", kMonCaps, osd_caps({"vms", "volumes"}, {"data"})), seconds(10));
  require(client.has_value(), client ? "" : describe(client.error()));
  return std::move(*client);
}

std::string Cluster::mon(const std::string& command) {
  librados::bufferlist none, out;
  std::string status;
  const int rc = admin_.mon_command(command, none, &out, &status);
  require(rc >= 0, command + ": " + status);
  return out.to_str();
}

void Cluster::create_image(const ImageId& image, const std::string& data_pool) {
  librados::IoCtx io = pool(image.pool);
  librbd::ImageOptions options;
  options.set(RBD_IMAGE_OPTION_ORDER, std::uint64_t{22});
  if (!data_pool.empty()) options.set(RBD_IMAGE_OPTION_DATA_POOL, data_pool);
  require(librbd::RBD().create4(io, image.name.c_str(), kGuestObjects * kGuestObjectBytes, options) == 0, "create " + image.path());
}

std::vector<std::uint64_t> Cluster::counters(const ImageId& image) {
  librados::IoCtx io = pool(image.pool);
  librbd::Image open;
  require(librbd::RBD().open_read_only(io, open, image.name.c_str(), nullptr) == 0, "open " + image.path());
  librados::IoCtx data;
  require(admin_.ioctx_create2(open.get_data_pool_id(), data) == 0, "data pool");
  std::vector<std::uint64_t> counters;
  for (unsigned i = 0; i < kGuestObjects; ++i) {
    std::array<char, 96> name{};
    std::snprintf(name.data(), name.size(), "%s.%016x", open.get_block_name_prefix().c_str(), i);
    librados::bufferlist block;
    const int rc = data.read(name.data(), block, sizeof(std::uint64_t), 0);
    counters.push_back(rc == sizeof(std::uint64_t) ? static_cast<std::uint64_t>(*decode_int64(block.to_str())) : 0);
  }
  return counters;
}

std::unique_ptr<Guest> Cluster::guest(const std::string& source, const ImageId& image, Guest::Mode mode) {
  return std::make_unique<Guest>(folder_, source, image, mode);
}

librados::IoCtx Cluster::pool(const std::string& name) {
  librados::IoCtx io;
  require(admin_.ioctx_create(name.c_str(), io) == 0, "pool " + name);
  return io;
}

pid_t Cluster::daemon(const std::string& name) const {
  pid_t pid = -1;
  std::ifstream(folder_ + "/run/" + name + ".pid") >> pid;
  require(pid > 0, "no pid of " + name);
  return pid;
}

void Cluster::kill(const std::string& name) const {
  const pid_t pid = daemon(name);
  ::kill(pid, SIGKILL);
  require(eventually([pid] { return thread_states(pid).find_first_not_of("ZX") == std::string::npos; }), name + " did not end");
}

Stopped::Stopped(std::vector<pid_t> pids) : pids_(std::move(pids)) {
  for (const pid_t pid : pids_) stop(pid);
}

Stopped::~Stopped() {
  for (const pid_t pid : pids_) ::kill(pid, SIGCONT);
}

}  // namespace vmha::ceph::testing
