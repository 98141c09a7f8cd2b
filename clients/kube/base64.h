#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vmha::kube {

/// RFC 4648 with padding, as Kubernetes writes `data` of Secrets and `...-data` of kubeconfigs; line breaks are skipped. nullopt: not base64.
[[nodiscard]] std::optional<std::string> base64_decode(std::string_view text);

}  // namespace vmha::kube
