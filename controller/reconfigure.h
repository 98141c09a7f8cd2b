#pragma once

#include <condition_variable>
#include <mutex>
#include <stop_token>

#include "controller/settings.h"
#include "controller/systems.h"

namespace vmha::controller {

/// Brings edited settings and credentials into effect while the process runs. A connection that cannot be renewed yet stays as it was and is
/// tried again at the next look. Lifecycle: run() in a thread of its own, until stopped.
class Reconfigure {
 public:
  Reconfigure(Settings& settings, Systems& systems) : settings_(settings), systems_(systems) {}

  void run(const std::stop_token& stop);
  /// One look.
  void look();

 private:
  void renew(const char* system, bool& wanted, Result<Done> (Systems::*connect)(Instant));

  Settings& settings_;
  Systems& systems_;
  bool nova_ = false, ceph_ = false;  ///< to be renewed
  std::mutex mutex_;
  std::condition_variable_any stopped_;
};

}  // namespace vmha::controller
