#pragma once

#include <map>
#include <string>
#include <string_view>

#include <nlohmann/json_fwd.hpp>

#include "base/result.h"
#include "clients/kube/client.h"

namespace vmha::kube {

/// The `data` of a Secret, decoded. Never put a value of it into a message. Errors: those of Client::get; kInvalid for data that is not base64.
[[nodiscard]] Result<std::map<std::string, std::string>> secret(Client& client, std::string_view ns, std::string_view name);
/// The same out of the object. Pure.
[[nodiscard]] Result<std::map<std::string, std::string>> secret_values(const nlohmann::json& secret);

}  // namespace vmha::kube
