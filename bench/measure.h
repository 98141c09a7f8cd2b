#pragma once

#include <cstddef>
#include <rados/librados.hpp>

#include "clients/ceph/client.h"

namespace vmha::bench {

/// One measurement; every process makes one, so that its memory is its own.
struct Figure {
  double seconds = 0;
  std::size_t count = 0;       ///< images or placement groups
  long base_kib = 0;           ///< resident at most before the measured call
  long max_kib = 0;            ///< and after it
};

// Each connects, warms up (connections, caches), measures once. `by_vmha` false: the same operations by bare librados. All throw std::runtime_error
// when an answer is not what it must be: a figure of a failure is none.
[[nodiscard]] Figure ping(const ceph::Config& config, std::size_t images, bool by_vmha);
[[nodiscard]] Figure sweep(const ceph::Config& config, std::size_t images, std::size_t watched, bool by_vmha);
[[nodiscard]] Figure proof(const ceph::Config& config, bool by_vmha);

/// A connection by bare librados with the same user and settings.
void connect(librados::Rados& rados, const ceph::Config& config);

}  // namespace vmha::bench
