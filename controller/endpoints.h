#pragma once

#include <functional>
#include <memory>
#include <string>

#include "base/result.h"
#include "controller/config.h"

namespace vmha::controller {

/// /livez, /readyz and /metrics. Lifecycle: serves from start() until destroyed. None of them depends on nova or Ceph.
class Endpoints {
 public:
  struct Checks {
    std::function<bool()> alive;           ///< the loop ticks
    std::function<std::string()> not_ready;  ///< empty: caches are synced
    std::function<std::string()> metrics;
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
