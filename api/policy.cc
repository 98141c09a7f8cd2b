#include "api/policy.h"

#include "api/codec.h"
#include "api/codec_kind.h"
#include "api/describe_policy.h"

namespace vmha::api {

Result<HAPolicy> decode_policy(const nlohmann::json& object) { return decode_object<HAPolicy>(kPolicyKind, object); }

Result<HAPolicy> parse_policy(std::string_view text) {
  return parse_json(text).and_then([](const nlohmann::json& object) { return decode_policy(object); });
}

nlohmann::json encode(const HAPolicy& object) { return encode_object(kPolicyKind, object); }
nlohmann::json encode_new(const HAPolicy& object) { return encode_new_object(kPolicyKind, object); }
nlohmann::json encode_status(const HAPolicy& object) { return encode_status_object(kPolicyKind, object); }

nlohmann::ordered_json policy_schema() {
  return {{"spec", Schema::object<HAPolicySpec>()}, {"status", Schema::object<HAPolicyStatus>()}};
}

}  // namespace vmha::api
