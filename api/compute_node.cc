#include "api/compute_node.h"

#include "api/codec.h"
#include "api/codec_kind.h"
#include "api/describe_compute_node.h"

namespace vmha::api {

Result<ComputeNode> decode_compute_node(const nlohmann::json& object) { return decode_object<ComputeNode>(kComputeNodeKind, object); }

Result<ComputeNode> parse_compute_node(std::string_view text) {
  return parse_json(text).and_then([](const nlohmann::json& object) { return decode_compute_node(object); });
}

nlohmann::json encode(const ComputeNode& object) { return encode_object(kComputeNodeKind, object); }
nlohmann::json encode_new(const ComputeNode& object) { return encode_new_object(kComputeNodeKind, object); }
nlohmann::json encode_status(const ComputeNode& object) { return encode_status_object(kComputeNodeKind, object); }

nlohmann::ordered_json compute_node_schema() {
  return {{"spec", Schema::object<ComputeNodeSpec>()}, {"status", Schema::object<ComputeNodeStatus>()}};
}

}  // namespace vmha::api
