#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "base/result.h"
#include "clients/http/client.h"
#include "clients/kube/config.h"
#include "clients/kube/resource.h"

namespace vmha::kube {

struct ListQuery {
  int limit = 500;               ///< objects a page
  std::string continue_token = {};  ///< metadata.continue of the page before; empty: the first page
  std::string label_selector = {};
  std::string field_selector = {};
};

struct WatchQuery {
  std::string resource_version;
  std::chrono::seconds timeout{300};  ///< the server ends the watch after this long
  std::string label_selector = {};
  std::string field_selector = {};
};

struct ApplyOptions {
  std::string field_manager;          ///< "vmha-<controller>"
  std::string resource_version = {};  ///< not empty: only if the object still is at this version, else kConflict
  bool force = true;
};

struct WriteOptions {
  std::string field_manager = {};
  std::string resource_version = {};       ///< for patches, as in ApplyOptions
  std::chrono::milliseconds timeout = {};  ///< zero: Client::kWriteTimeout
};

/// Empty fields ask for nothing.
struct Preconditions {
  std::string uid = {};
  std::string resource_version = {};
};

/// Why a list or watch could not go on. `gone` (410: continue token or resourceVersion too old) means: list again from the beginning.
struct WatchFailure {
  Error error;
  bool gone = false;
};

template <class T>
using WatchResult = tl::expected<T, WatchFailure>;

/// The API server as blocking functions over JSON documents, for every kind of resource.
/// Thread rule: any number of threads. A call ends within its verb's deadline (kReadTimeout, kWriteTimeout) plus 3 s to connect.
/// Errors: kNotFound 404; kConflict 409 (the version moved, or it exists already) ; kForbidden 401, 403; kInvalid 400, 405, 406, 413, 415, 422 with the
/// server's message; kThrottled 429; kUnavailable 503 and every 5xx to a read; kUnknownOutcome for other 5xx to a write and for lost answers
/// to a write. retry_after is set whenever the server said it. A 401 makes the token file be read again and, if it changed, the call be
/// repeated once. Nothing else is ever repeated here.
class Client {
 public:
  static constexpr std::chrono::seconds kReadTimeout{30};
  static constexpr std::chrono::seconds kWriteTimeout{10};

  /// `user_agent`: "vmha/<version>".
  static Result<std::unique_ptr<Client>> create(Config config, std::string user_agent, http::Client::Observer observer = {});
  ~Client();

  /// The object. `timeout` zero: kReadTimeout.
  Result<nlohmann::json> get(const Resource& resource, std::string_view name, std::chrono::milliseconds timeout = {});
  /// One page: the List document with `items`, metadata.resourceVersion and, when there is more, metadata.continue.
  WatchResult<nlohmann::json> list_page(const Resource& resource, const ListQuery& query);
  /// POST to the collection of resource.ns; the object as stored. kConflict when it exists.
  Result<nlohmann::json> create_object(const Resource& resource, const nlohmann::json& object, const WriteOptions& options = {});
  /// Background propagation. kNotFound when it is gone already, kConflict when a precondition does not hold.
  Result<Done> remove(const Resource& resource, std::string_view name, const Preconditions& only_if = {});
  /// Server-side apply; `object` carries apiVersion, kind and the fields that are owned. `subresource`: "" or "status".
  Result<nlohmann::json> apply(const Resource& resource, std::string_view name, nlohmann::json object, const ApplyOptions& options,
                               std::string_view subresource = {});
  /// JSON merge patch (RFC 7386); lists are replaced as a whole, so a patch of metadata.finalizers needs options.resource_version.
  Result<nlohmann::json> merge_patch(const Resource& resource, std::string_view name, nlohmann::json patch, const WriteOptions& options = {},
                                     std::string_view subresource = {});

  /// A watch with bookmarks; the raw body in pieces (JSON documents, one a line), until the server ends it, `on_data` or `keep_going` says
  /// false, or nothing came for `idle`.
  WatchResult<Done> watch(const Resource& resource, const WatchQuery& query, std::chrono::milliseconds idle,
                          const std::function<bool(std::string_view)>& on_data, const std::function<bool()>& keep_going);

  /// A GET of a path that is no resource, "/version" or "/readyz": its body.
  Result<std::string> get_raw(const std::string& path);

  /// The namespace that the configuration names.
  [[nodiscard]] const std::string& default_namespace() const;

  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

 private:
  struct Impl;
  explicit Client(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmha::kube
