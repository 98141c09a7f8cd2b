#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <rados/librados.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "clients/ceph/batch.h"
#include "clients/ceph/client.h"

namespace vmha::ceph {

inline constexpr std::size_t kMaxCachedImages = 500'000;
inline constexpr seconds kMissingPoolMemory{10};  ///< looking for a pool that is not there asks the mon, and waits for it

/// What a negative return code of librados means for a caller. `right` is what the key needs, for messages.
[[nodiscard]] Error error_of(int rc, std::string what, std::string_view right);

/// The canary of one pool: a watch of our own, which librados' threads acknowledge as a guest's librbd would.
class Canary : public librados::WatchCtx2 {
 public:
  explicit Canary(librados::IoCtx io) : io_(std::move(io)) {}

  void handle_notify(std::uint64_t notify, std::uint64_t handle, std::uint64_t notifier, librados::bufferlist& payload) override;
  void handle_error(std::uint64_t handle, int error) override;

  /// Watches, creating the object where needed, unless the watch is in order already. A second caller meanwhile waits for the first.
  Result<Done> ensure(Instant deadline);
  /// Gives the watch back, so that the next vmha's canary does not wait for ours to expire.
  void stop(Instant deadline);

 private:
  Result<Done> watch(Instant deadline);

  librados::IoCtx io_;
  std::mutex mutex_;
  std::uint64_t handle_ = 0;  ///< 0: no watch
  bool establishing_ = false;
  std::condition_variable established_;
};

/// One connection to the cluster with what is kept between calls. Shared by the client and by calls that outlived their deadline.
/// Thread rule: any number of threads; no lock is held during I/O.
class Session {
 public:
  static Result<std::shared_ptr<Session>> connect(const Config& config);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  [[nodiscard]] librados::Rados& rados() { return rados_; }
  [[nodiscard]] const Config& config() const { return config_; }

  /// kNotFound: no such pool.
  Result<librados::IoCtx> pool(const std::string& name);
  /// The ephemeral pool and the volume pools that exist.
  Result<std::vector<std::string>> configured_pools();
  std::shared_ptr<Canary> canary(const std::string& pool, const librados::IoCtx& io);

  /// A mon command in JSON; its output. `right` as in error_of.
  Result<std::string> mon(const std::string& command, const std::string& what, std::string_view right);

  /// The id of an image as last seen, or empty.
  [[nodiscard]] std::string cached_id(const ImageId& image);
  void cache_id(const ImageId& image, const std::string& id);
  void forget_id(const ImageId& image);

 private:
  explicit Session(Config config) : config_(std::move(config)) {}

  bool missing_lately(const std::string& pool);
  void remember_missing(const std::string& pool);

  const Config config_;
  librados::Rados rados_;
  std::mutex mutex_;
  std::map<std::string, librados::IoCtx> pools_;
  std::map<std::string, std::shared_ptr<Canary>> canaries_;
  std::vector<std::shared_ptr<Canary>> retired_canaries_;  ///< of deleted pools: librados may still call them
  std::map<ImageId, std::string> ids_;
  std::map<std::string, Instant> missing_pools_;  ///< when last looked for
};

/// The outcome of an operation on an image's header.
enum class Header { kFound, kMissing, kUnknown };

/// Adds to `batch`: read the id of `image` (or take it from the cache if `cached`), then `submit` on rbd_header.<id>; a cached id whose header is gone is
/// read again once. `then` gets kMissing for no such image, kUnknown when something was not answered or refused (see Operation::rc).
void on_header(Batch& batch, Session& session, const ImageId& image, bool cached, std::function<int(Operation&, const std::string& header)> submit,
               std::function<void(Header, Operation&, const std::string& header)> then);

}  // namespace vmha::ceph
