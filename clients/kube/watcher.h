#pragma once

#include <chrono>
#include <functional>
#include <nlohmann/json_fwd.hpp>
#include <stop_token>
#include <string>
#include <vector>

#include "base/result.h"
#include "clients/kube/client.h"
#include "clients/kube/resource.h"

namespace vmha::kube {

/// Who listens to a watch. All of it is called on the thread of run_watch, one at a time; an empty function is not called.
struct WatchSink {
  /// The object exists and looks like this: from a list (each page as it comes) or a watch. Convert to a compact type and let the JSON go.
  std::function<void(const nlohmann::json& object)> applied;
  std::function<void(const ObjectKey& key)> deleted;
  /// A complete list has ended; those that went away unseen, as one change.
  std::function<void(const std::vector<ObjectKey>& gone)> replaced;
  /// Once, after the first complete list.
  std::function<void()> synced;
  /// The API server answered us: bytes of a watch, or a page. Often; keep it cheap. A watch in which nothing happens gives no sign of life
  /// but its bookmarks, about one a minute.
  std::function<void()> on_alive;
  /// A list or watch failed; it is tried again after a backoff of 0.8 s to 30 s.
  std::function<void(const Error& error)> on_error;
};

struct WatchOptions {
  std::string label_selector = {};
  std::string field_selector = {};
  int page_limit = 500;
  /// A watch in which nothing came for this long (bookmarks come about once a minute) is opened again at the same version: a dead connection
  /// shows itself within this time.
  std::chrono::milliseconds idle = std::chrono::seconds(75);
};

/// Lists and watches until stopped; blocks. Ends within about a second of request_stop(). See watch_step.h for what is guaranteed.
void run_watch(Client& client, const Resource& resource, const WatchSink& sink, const std::stop_token& stop, const WatchOptions& options = {});

}  // namespace vmha::kube
