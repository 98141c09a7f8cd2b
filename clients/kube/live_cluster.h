#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "clients/kube/client.h"
#include "clients/kube/watcher.h"

/// What the tests against a real API server share. Tests only.
namespace vmha::kube {

/// etcd and kube-apiserver on loopback, started by e2e/lab/kube-start in a folder of their own; one for the whole test binary. A guardian
/// process stops both and removes the folder when this process ends, however it ends.
class LiveCluster {
 public:
  static LiveCluster& get();

  [[nodiscard]] std::string file(const std::string& name) const { return (folder_ / name).string(); }
  /// From a kubeconfig of the folder: admin.conf, admin-inline.conf, token.conf.
  [[nodiscard]] static Config config(const std::string& kubeconfig = "admin.conf");
  [[nodiscard]] static std::unique_ptr<Client> client(Config config, http::Client::Observer observer = {});
  [[nodiscard]] static std::unique_ptr<Client> client() { return client(config()); }
  /// As the user of <user>.token.
  [[nodiscard]] static std::unique_ptr<Client> client_of(const std::string& user);

  void kill_apiserver();
  void start_apiserver();  ///< returns when it is ready
  /// Throws away etcd's history up to `version`.
  void compact(const std::string& version);

  LiveCluster(const LiveCluster&) = delete;
  LiveCluster& operator=(const LiveCluster&) = delete;
  ~LiveCluster();

 private:
  LiveCluster();
  void run(const std::string& script, const std::string& arguments) const;

  std::filesystem::path folder_;
  int guardian_pipe_ = -1;
  int guardian_ = -1;
};

/// Polls until `condition` holds; false after `patience`.
[[nodiscard]] bool eventually(const std::function<bool()>& condition, Duration patience = seconds(30));

/// A namespace that no other test uses.
[[nodiscard]] std::string make_namespace(Client& client);

/// A watch on a thread of its own that keeps what it was told.
class Mirror {
 public:
  Mirror(Client& client, Resource resource, WatchOptions options = {});
  ~Mirror();

  /// The mirrored objects: name -> data.value (or "").
  [[nodiscard]] std::map<std::string, std::string> objects() const;
  [[nodiscard]] int applied() const { return locked(applied_); }
  [[nodiscard]] int deleted() const { return locked(deleted_); }
  [[nodiscard]] int lists() const { return locked(lists_); }
  [[nodiscard]] bool synced() const { return locked(synced_); }
  [[nodiscard]] Instant alive_at() const { return locked(alive_at_); }
  [[nodiscard]] std::vector<Error> errors() const { return locked(errors_); }
  [[nodiscard]] std::vector<std::string> gone() const { return locked(gone_); }

  /// From now on the watch's thread stands still in its next call of the sink, until go_on().
  void hold();
  void go_on();
  [[nodiscard]] bool is_held() const { return locked(held_); }

 private:
  template <class T>
  T locked(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }
  [[nodiscard]] WatchSink sink();
  void pause(std::unique_lock<std::mutex>& lock);

  mutable std::mutex mutex_;
  std::condition_variable released_;
  bool hold_ = false;
  bool held_ = false;
  std::map<std::string, std::string> objects_;
  int applied_ = 0;
  int deleted_ = 0;
  int lists_ = 0;
  bool synced_ = false;
  Instant alive_at_{};
  std::vector<Error> errors_;
  std::vector<std::string> gone_;
  std::jthread thread_;
};

}  // namespace vmha::kube
