#include "clients/ceph/session.h"

#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "clients/ceph/text.h"

namespace vmha::ceph {
namespace {

// A lost operation ends by itself after these, so that its thread and memory come back; the deadline of a call is enforced by Calls and Batch.
constexpr const char* kOsdOpTimeoutSeconds = "5";
constexpr const char* kMonOpTimeoutSeconds = "10";
constexpr const char* kMountTimeoutSeconds = "10";

constexpr milliseconds kFarewell{300};

struct Setting {
  const char* option;
  const char* value;
};
constexpr Setting kSettings[] = {
    {"rados_osd_op_timeout", kOsdOpTimeoutSeconds},
    {"rados_mon_op_timeout", kMonOpTimeoutSeconds},
    {"client_mount_timeout", kMountTimeoutSeconds},
    {"objecter_tick_interval", "1"},  // a stopped OSD is noticed after objecter_timeout, checked every tick
    {"objecter_timeout", "2"},
    {"log_file", ""},                 // what a ceph.conf made for daemons would have us write
    {"admin_socket", ""},
};

Result<Done> configure(librados::Rados& rados, const Config& config) {
  const char* file = config.conf_file.empty() ? nullptr : config.conf_file.c_str();
  if (const int rc = rados.conf_read_file(file); rc < 0)
    return fail(ErrorKind::kInvalid, "ceph.confFile {}: {}", config.conf_file, std::strerror(-rc));
  if (!config.keyring_file.empty()) rados.conf_set("keyring", config.keyring_file.c_str());
  for (const Setting& setting : kSettings)
    if (const int rc = rados.conf_set(setting.option, setting.value); rc < 0)
      return fail(ErrorKind::kInvalid, "option {}: {}", setting.option, std::strerror(-rc));
  return Done{};
}

}  // namespace

Error error_of(int rc, std::string what, std::string_view right) {
  switch (-rc) {
    case ETIMEDOUT:
      return {ErrorKind::kTimeout, what + ": no answer in time"};
    case EPERM:
    case EACCES:
      return {ErrorKind::kForbidden, what + ": refused; the key needs " + std::string(right)};
    case ESHUTDOWN:
      return {ErrorKind::kForbidden, what + ": our own address is on Ceph's blocklist"};
    case ENOENT:
      return {ErrorKind::kNotFound, what + ": not found"};
    case EINVAL:
      return {ErrorKind::kInvalid, what + ": " + std::strerror(-rc)};
    default:
      return {ErrorKind::kUnavailable, what + ": " + std::strerror(-rc)};
  }
}

Result<std::shared_ptr<Session>> Session::connect(const Config& config) {
  std::shared_ptr<Session> session(new Session(config));
  const std::string name = "client." + config.user;
  if (session->rados_.init2(name.c_str(), "ceph", 0) < 0) return fail(ErrorKind::kInvalid, "ceph.user {} is no user name", config.user);
  if (const auto configured = configure(session->rados_, config); !configured) return tl::unexpected(configured.error());
  if (const int rc = session->rados_.connect(); rc < 0)
    return tl::unexpected(error_of(rc, "connect to Ceph as " + name, "to exist: see the key's command in the documentation"));
  return session;
}

Session::~Session() {
  for (const auto& [pool, canary] : canaries_) canary->stop(monotonic_now() + kFarewell);
  rados_.shutdown();  // after this no callback comes any more
}

bool Session::missing_lately(const std::string& pool) {
  const std::lock_guard lock(mutex_);
  const auto missing = missing_pools_.find(pool);
  return missing != missing_pools_.end() && monotonic_now() - missing->second < kMissingPoolMemory;
}

void Session::remember_missing(const std::string& pool) {
  const std::lock_guard lock(mutex_);
  if (missing_pools_.size() > 100) missing_pools_.clear();
  missing_pools_[pool] = monotonic_now();
}

Result<librados::IoCtx> Session::pool(const std::string& name) {
  if (missing_lately(name)) return tl::unexpected(error_of(-ENOENT, "pool " + name, kMonCaps));
  const std::int64_t id = rados_.pool_lookup(name.c_str());
  if (id == -ENOENT) remember_missing(name);
  if (id < 0) return tl::unexpected(error_of(static_cast<int>(id), "pool " + name, kMonCaps));
  {
    const std::lock_guard lock(mutex_);
    const auto known = pools_.find(name);
    if (known != pools_.end() && known->second.get_id() == id) return known->second;
  }
  librados::IoCtx io;  // first use, or deleted and created again under another id
  if (const int rc = rados_.ioctx_create2(id, io); rc < 0) return tl::unexpected(error_of(rc, "pool " + name, kMonCaps));
  const std::lock_guard lock(mutex_);
  pools_[name] = io;
  if (auto canary = canaries_.extract(name)) retired_canaries_.push_back(std::move(canary.mapped()));
  return io;
}

Result<std::vector<std::string>> Session::configured_pools() {
  std::vector<std::string> names{config_.ephemeral_pool};
  for (const std::string& name : config_.volume_pools) {
    const std::int64_t id = rados_.pool_lookup(name.c_str());
    if (id >= 0) names.push_back(name);
    else if (id != -ENOENT) return tl::unexpected(error_of(static_cast<int>(id), "pool " + name, kMonCaps));
  }
  return names;
}

std::shared_ptr<Canary> Session::canary(const std::string& pool, const librados::IoCtx& io) {
  const std::lock_guard lock(mutex_);
  auto& canary = canaries_[pool];
  if (!canary) canary = std::make_shared<Canary>(io);
  return canary;
}

Result<std::string> Session::mon(const std::string& command, const std::string& what, std::string_view right) {
  librados::bufferlist none, out;
  std::string status;
  const int rc = rados_.mon_command(command, none, &out, &status);
  if (rc < 0) {
    Error error = error_of(rc, what, right);
    if (!status.empty()) error.message += " (" + status + ")";
    return tl::unexpected(std::move(error));
  }
  return out.to_str();
}

std::string Session::cached_id(const ImageId& image) {
  const std::lock_guard lock(mutex_);
  const auto known = ids_.find(image);
  return known == ids_.end() ? std::string() : known->second;
}

void Session::cache_id(const ImageId& image, const std::string& id) {
  const std::lock_guard lock(mutex_);
  if (ids_.size() >= kMaxCachedImages) ids_.clear();
  ids_[image] = id;
}

void Session::forget_id(const ImageId& image) {
  const std::lock_guard lock(mutex_);
  ids_.erase(image);
}

namespace {

/// What one on_header does, kept alive by its own callbacks.
struct HeaderWork : std::enable_shared_from_this<HeaderWork> {
  Batch& batch;
  Session& session;
  ImageId image;
  librados::IoCtx io;
  std::function<int(Operation&, const std::string&)> submit;
  std::function<void(Header, Operation&, const std::string&)> then;

  HeaderWork(Batch& b, Session& s, ImageId i) : batch(b), session(s), image(std::move(i)) {}

  void read_id() {
    batch.add(
        io, [this](Operation& op) { return op.io.aio_read("rbd_id." + image.name, op.completion, &op.output, 4096, 0); },
        [self = shared_from_this()](Operation& op) { self->got_id(op); });
  }
  void got_id(Operation& op) {
    if (op.rc == -ENOENT) return end(Header::kMissing, op, "");
    const auto id = op.rc < 0 ? std::nullopt : decode_string(op.output.to_str());
    if (!id || id->empty()) return end(Header::kUnknown, op, "");
    session.cache_id(image, *id);
    operate(*id, false);
  }
  void operate(const std::string& id, bool from_cache) {
    const std::string header = "rbd_header." + id;
    batch.add(
        io, [this, header](Operation& op) { return submit(op, header); },
        [self = shared_from_this(), header, from_cache](Operation& op) { self->operated(op, header, from_cache); });
  }
  void operated(Operation& op, const std::string& header, bool from_cache) {
    if (op.rc != -ENOENT) return then(op.answered ? Header::kFound : Header::kUnknown, op, header);
    session.forget_id(image);
    if (from_cache) return read_id();
    end(Header::kMissing, op, header);
  }
  void end(Header outcome, Operation& op, const std::string& header) {
    session.forget_id(image);
    then(outcome, op, header);
  }
};

}  // namespace

void on_header(Batch& batch, Session& session, const ImageId& image, bool cached, std::function<int(Operation&, const std::string&)> submit,
               std::function<void(Header, Operation&, const std::string&)> then) {
  const auto io = session.pool(image.pool);
  if (!io) {
    Operation none;
    none.answered = io.error().kind == ErrorKind::kNotFound;
    none.rc = io.error().kind == ErrorKind::kNotFound ? -ENOENT : -EIO;
    return then(none.rc == -ENOENT ? Header::kMissing : Header::kUnknown, none, "");
  }
  const auto work = std::make_shared<HeaderWork>(batch, session, image);
  work->io = *io;
  work->submit = std::move(submit);
  work->then = std::move(then);
  const std::string id = cached ? session.cached_id(image) : std::string();
  if (id.empty()) return work->read_id();
  work->operate(id, true);
}

}  // namespace vmha::ceph
