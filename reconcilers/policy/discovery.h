#pragma once

#include <string>
#include <vector>

#include "api/compute_node.h"
#include "api/observed/nova.h"
#include "api/protected_instance.h"

namespace vmha::policy {

/// The resource that discovery makes for a server: "<name as a DNS label>-<first 8 of the UUID>", labelled as discovered.
[[nodiscard]] api::ProtectedInstance instance_for(const nova::Server& server, const std::string& ns);

/// The resource that discovery makes for a nova-compute service; spec.novaHost is set only where the name had to differ from it.
[[nodiscard]] api::ComputeNode node_for(const nova::Service& service, const std::string& ns);

/// Made by discovery: only such objects are ever deleted.
[[nodiscard]] bool is_discovered(const api::ObjectMeta& metadata);

/// Lower case letters, digits and '-', at most `max` bytes, never empty: what a Kubernetes name may hold.
[[nodiscard]] std::string to_dns_label(const std::string& text, std::size_t max);

}  // namespace vmha::policy
