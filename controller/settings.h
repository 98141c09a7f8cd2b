#pragma once

#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "clients/openstack/config.h"
#include "controller/config.h"

namespace vmha::controller {

/// The configuration as it is now. Its file, and the files of credentials that it names, are looked at again at each poll(): Kubernetes swaps
/// a mounted Secret in place. A mistake changes nothing. Thread rule: now() from any thread, poll() from one.
class Settings {
 public:
  /// Reads file and flags as at the start.
  using Load = std::function<Result<Config>()>;

  Settings(Config first, Load load);

  [[nodiscard]] std::shared_ptr<const Config> now() const;

  /// What differs since the last poll.
  struct Change {
    bool openstack = false;                   ///< its settings, clouds.yaml or the CA named there
    bool ceph = false;                        ///< its settings, ceph.conf or the keyring
    bool log = false;
    std::vector<std::string> needs_restart;   ///< fields that were edited and keep their old value until then; said once an edit
    std::optional<Error> refused;             ///< a file is wrong, what it says stays as it was; said once an edit
  };
  Change poll();

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const Config> config_;
  Load load_;
  std::optional<openstack::CloudConfig> cloud_;  ///< as last read without a mistake
  std::string ceph_files_;
  std::string refusal_;
  std::vector<std::string> restart_fields_;
};

}  // namespace vmha::controller
