#pragma once

#include <string>

#include "clients/ceph/testing/cluster.h"

namespace vmha::ceph::testing {

/// The one cluster of this test binary; started at first use, gone after the last test.
Cluster& cluster();

void remove_image(librados::IoCtx& io, const std::string& name);
void rename_image(librados::IoCtx& io, const std::string& from, const std::string& to);

/// "127.0.0.1:0/123" of whoever watches vmha's canary in `pool` and was the last to connect.
std::string own_watch(const std::string& pool);

}  // namespace vmha::ceph::testing
