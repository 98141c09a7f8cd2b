#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "controller/config.h"

namespace vmha::controller {

/// JSON for a person's tool.
struct HttpAnswer {
  int status = 200;
  std::string body;
};

inline constexpr int kMaxExplaining = 2;  ///< the others are told to come back: /livez never waits behind questions

/// /livez, /readyz, /metrics and /explain/computenodes/NAME. Lifecycle: serves from start() until destroyed. None of them depends on nova or Ceph, shows a secret or
/// changes anything.
class Endpoints {
 public:
  struct Checks {
    std::function<bool()> alive;           ///< the loop ticks
    std::function<std::string()> not_ready;  ///< empty: caches are synced
    std::function<std::string()> metrics;
    std::function<HttpAnswer(const std::string& node)> explain;  ///< may take seconds; asked by at most kMaxExplaining at once
  };
  /// kUnavailable: the address cannot be listened on.
  static Result<std::unique_ptr<Endpoints>> start(const ListenAddress& address, Checks checks);
  ~Endpoints();
  [[nodiscard]] int port() const;

 private:
  struct Impl;
  explicit Endpoints(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmha::controller
