#include "clients/kube/secrets.h"

#include <nlohmann/json.hpp>

#include "clients/kube/base64.h"

namespace vmha::kube {

Result<std::map<std::string, std::string>> secret(Client& client, std::string_view ns, std::string_view name) {
  const auto object = client.get(Resource{"", "v1", "secrets", std::string(ns)}, name);
  if (!object) return tl::unexpected(object.error());
  auto values = secret_values(*object);
  if (!values) return fail(values.error(), "secret {}/{}", ns, name);
  return values;
}

Result<std::map<std::string, std::string>> secret_values(const nlohmann::json& secret) {
  std::map<std::string, std::string> values;
  const auto data = secret.find("data");
  if (data == secret.end() || !data->is_object()) return values;
  for (const auto& [key, value] : data->items()) {
    auto decoded = value.is_string() ? base64_decode(value.get_ref<const std::string&>()) : std::nullopt;
    if (!decoded) return fail(ErrorKind::kInvalid, "{} is not base64", key);
    values.emplace(key, std::move(*decoded));
  }
  return values;
}

}  // namespace vmha::kube
