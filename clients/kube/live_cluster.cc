#include "clients/kube/live_cluster.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "base/log.h"

namespace vmha::kube {
namespace {

using nlohmann::json;

const std::string kLab = VMHA_LAB_FOLDER;

template <class T>
T require(Result<T> result) {
  if (!result) throw std::runtime_error(describe(result.error()));
  return std::move(*result);
}

}  // namespace

LiveCluster& LiveCluster::get() {
  static LiveCluster cluster;
  return cluster;
}

LiveCluster::LiveCluster() {
  std::string name = std::filesystem::temp_directory_path() / "vmha-kube-live-XXXXXX";
  if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp");
  folder_ = name;
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("pipe2");
  const std::string script = "read ignored; '" + kLab + "/kube-stop' --kill \"$1\"; rm -rf \"$1\"";
  guardian_ = fork();
  if (guardian_ == 0) {
    setsid();  // outlives a signal to the test's group
    dup2(ends[0], STDIN_FILENO);
    execl("/bin/sh", "sh", "-c", script.c_str(), "guardian", name.c_str(), static_cast<char*>(nullptr));
    _exit(127);
  }
  close(ends[0]);
  guardian_pipe_ = ends[1];
  run("kube-start", "");
  log::set_level(log::Level::kWarn);
}

LiveCluster::~LiveCluster() {
  close(guardian_pipe_);
  waitpid(guardian_, nullptr, 0);
}

void LiveCluster::run(const std::string& script, const std::string& arguments) const {
  const std::string command = "'" + kLab + "/" + script + "' " + arguments + " '" + folder_.string() + "' >/dev/null";
  if (std::system(command.c_str()) != 0) throw std::runtime_error(command);  // NOLINT(concurrency-mt-unsafe)
}

void LiveCluster::kill_apiserver() { run("kube-stop", "--kill --only apiserver"); }
void LiveCluster::start_apiserver() { run("kube-start", ""); }

void LiveCluster::compact(const std::string& version) {
  const json ports = json::parse(std::ifstream(folder_ / "ports.json"));
  auto etcd = require(http::Client::create("http://127.0.0.1:" + std::to_string(ports["etcd"].get<int>()), {}, "vmha/test"));
  http::Request request;
  request.method = "POST";
  request.path = "/v3/kv/compaction";
  request.body = json{{"revision", version}, {"physical", true}}.dump();
  const auto response = require(etcd->send(request));
  if (response.status != 200) throw std::runtime_error("compaction: " + response.body);
}

Config LiveCluster::config(const std::string& kubeconfig) {
  ConfigSources sources;
  sources.kubeconfig = get().file(kubeconfig);
  return require(load_config(sources));
}

std::unique_ptr<Client> LiveCluster::client(Config config, http::Client::Observer observer) {
  return require(Client::create(std::move(config), "vmha/test", std::move(observer)));
}

std::unique_ptr<Client> LiveCluster::client_of(const std::string& user) {
  Config as_user = config("token.conf");
  as_user.token_file = get().file(user + ".token");
  return client(std::move(as_user));
}

bool eventually(const std::function<bool()>& condition, Duration patience) {
  const Instant end = monotonic_now() + patience;
  while (!condition()) {
    if (monotonic_now() >= end) return false;
    std::this_thread::sleep_for(milliseconds(20));
  }
  return true;
}

std::string make_namespace(Client& client) {
  static std::atomic<int> number{0};
  const std::string name = "test-" + std::to_string(++number);
  require(client.create_object({"", "v1", "namespaces"}, {{"apiVersion", "v1"}, {"kind", "Namespace"}, {"metadata", {{"name", name}}}}));
  return name;
}

Mirror::Mirror(Client& client, Resource resource, WatchOptions options)
    : thread_([this, &client, resource = std::move(resource), options = std::move(options)](const std::stop_token& stop) {
        run_watch(client, resource, sink(), stop, options);
      }) {}

Mirror::~Mirror() {
  go_on();
  thread_.request_stop();
  thread_.join();
}

void Mirror::pause(std::unique_lock<std::mutex>& lock) {
  held_ = hold_;
  released_.wait(lock, [this] { return !hold_; });
  held_ = false;
}

WatchSink Mirror::sink() {
  WatchSink sink;
  sink.applied = [this](const json& object) {
    std::unique_lock lock(mutex_);
    pause(lock);
    ++applied_;
    objects_[object["metadata"]["name"].get<std::string>()] = object.value(json::json_pointer("/data/value"), "");
  };
  sink.deleted = [this](const ObjectKey& key) {
    std::unique_lock lock(mutex_);
    pause(lock);
    ++deleted_;
    objects_.erase(key.name);
  };
  sink.replaced = [this](const std::vector<ObjectKey>& gone) {
    const std::lock_guard lock(mutex_);
    ++lists_;
    for (const auto& key : gone) {
      gone_.push_back(key.name);
      objects_.erase(key.name);
    }
  };
  sink.synced = [this] {
    const std::lock_guard lock(mutex_);
    synced_ = true;
  };
  sink.on_alive = [this] {
    const std::lock_guard lock(mutex_);
    alive_at_ = monotonic_now();
  };
  sink.on_error = [this](const Error& error) {
    const std::lock_guard lock(mutex_);
    errors_.push_back(error);
  };
  return sink;
}

std::map<std::string, std::string> Mirror::objects() const { return locked(objects_); }

void Mirror::hold() {
  const std::lock_guard lock(mutex_);
  hold_ = true;
}

void Mirror::go_on() {
  {
    const std::lock_guard lock(mutex_);
    hold_ = false;
  }
  released_.notify_all();
}

}  // namespace vmha::kube
