#pragma once

#include <string>

#include "clients/kube/config.h"
#include "controller/settings.h"

namespace vmha::controller {

/// Runs until SIGTERM, SIGINT (0: a clean stop) or the loss of the leader's Lease (1). Start order: HTTP, caches, leader election, loop.
int run(Settings& settings, const kube::Config& kubernetes, const std::string& version);

/// SIGTERM and SIGINT are blocked in every thread from here on; run() waits for them. Call first in main.
void block_signals();

}  // namespace vmha::controller
