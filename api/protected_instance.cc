#include "api/protected_instance.h"

#include "api/codec.h"
#include "api/codec_kind.h"
#include "api/describe_protected_instance.h"

namespace vmha::api {

Result<ProtectedInstance> decode_protected_instance(const nlohmann::json& object) { return decode_object<ProtectedInstance>(kProtectedInstanceKind, object); }

Result<ProtectedInstance> parse_protected_instance(std::string_view text) {
  return parse_json(text).and_then([](const nlohmann::json& object) { return decode_protected_instance(object); });
}

nlohmann::json encode(const ProtectedInstance& object) { return encode_object(kProtectedInstanceKind, object); }
nlohmann::json encode_new(const ProtectedInstance& object) { return encode_new_object(kProtectedInstanceKind, object); }
nlohmann::json encode_status(const ProtectedInstance& object) { return encode_status_object(kProtectedInstanceKind, object); }

nlohmann::ordered_json protected_instance_schema() {
  return {{"spec", Schema::object<ProtectedInstanceSpec>()}, {"status", Schema::object<ProtectedInstanceStatus>()}};
}

}  // namespace vmha::api
