// Any value of every described struct survives encode -> text -> decode. The values come out of the same descriptions as the schema.
#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <rapidcheck.h>
#include <rapidcheck/gtest.h>

#include "api/codec.h"
#include "api/describe_compute_node.h"
#include "api/describe_policy.h"
#include "api/describe_protected_instance.h"

namespace vmha::api {
namespace {

// What no field alone can know: the rules across fields, made to hold.
template <class T>
void mend(T&) {}
void mend(Dependency& d) { d.name = "dns-" + std::to_string(*rc::gen::inRange(0, 9)); }
void mend(SecretRef& s) { s.name = "secret-1"; }
void mend(InstanceMatch& m) {
  m.server_tag.reset();
  m.flavor_extra_spec.reset();
  if (m.metadata_key) {
    m.project_id.reset();
  } else {
    m.metadata_value.reset();
    m.project_id = m.project_id.value_or("p");
  }
}
void mend(Detection& d) {
  d.nova_stale += d.poll;
  d.node_lease_stale += d.poll;
  d.nova_stale = std::min(d.nova_stale, std::chrono::seconds{3600});
  d.node_lease_stale = std::min(d.node_lease_stale, std::chrono::seconds{3600});
  if (d.confirm > d.confirm_without_storage) std::swap(d.confirm, d.confirm_without_storage);
}
void mend(PolicyFencing& f) {
  if (std::ranges::find(f.methods, FenceMethod::kPower) == f.methods.end()) f.require = RequiredProof::kData;
}
void mend(Evacuation& e) {
  if (e.max_concurrent_per_destination > e.max_concurrent) std::swap(e.max_concurrent_per_destination, e.max_concurrent);
}
void mend(RedfishAccess& r) {
  r.endpoint = "https://10.0.0.1:8443";
  if (r.ca_secret) r.insecure_skip_verify = false;
}
void mend(IpmiAccess& i) { i.endpoint = "[fd00::1]:623"; }
void mend(AgentParameter& p) { p.name = "plug" + std::to_string(p.name.size()); }
void mend(FenceAgentAccess& f) { f.agent = "fence_apc_snmp"; }
void mend(BareMetalHostRef& b) {
  b.name = "worker-1";
  b.namespace_ = "metal3";
}
/// What the type needs is there, with the least in it if nothing was drawn.
template <class T>
void keep_or_make(std::optional<T>& member) {
  if (!member) mend(member.emplace());
}
void mend(PowerDevice& d) {
  if (d.type != DeviceType::kRedfish) d.redfish.reset();
  if (d.type != DeviceType::kIpmi) d.ipmi.reset();
  if (d.type != DeviceType::kFenceAgent) d.fence_agent.reset();
  if (d.type != DeviceType::kBareMetalHost) d.bare_metal_host.reset();
  if (d.type == DeviceType::kFenceAgent) keep_or_make(d.fence_agent);
  if (d.type == DeviceType::kBareMetalHost) keep_or_make(d.bare_metal_host);
  if (d.type == DeviceType::kIpmi) {
    keep_or_make(d.ipmi);
    mend(d.ipmi->credentials_secret);
  }
  if (d.type == DeviceType::kRedfish && !d.redfish) {
    keep_or_make(d.redfish);
    d.redfish->system_id = "1";
    mend(d.redfish->credentials_secret);
  }
}
void mend(NodeStorage& s) {
  for (std::string& address : s.client_addresses) address = "10.0.0." + std::to_string(address.size());
}
void mend(ComputeNodeSpec& s) {
  s.policy = "gold";
  if (s.kubernetes_node) s.kubernetes_node = "worker-1";
}
void mend(Placement& p) { p.avoid_hosts.clear(); }
void mend(ProtectedInstanceSpec& s) {
  s.policy = "gold";
  s.server_id = ServerId{"5b8e2f0a-94d2-4c0e-8f0e-0a5b6a4c7d21"};
}

/// Visitor: any value that the field's own bounds allow.
class Fill {
 public:
  template <class T>
  void field(std::string_view, T& member, const FieldOptions& options) {
    fill(member, options);
    if (options.required) ensure(member, options);
  }
  void derived(std::string_view, const std::string&, const FieldOptions&) {}
  void rule(std::string_view, std::string_view, bool) {}
  void rule_on(std::string_view, std::string_view, std::string_view, bool) {}
  void rule_on_items(std::string_view, std::string_view, std::string_view, bool) {}

  template <class T>
  void fill(T& out, const FieldOptions& options) {
    if constexpr (std::is_same_v<T, bool>) {
      out = *rc::gen::arbitrary<bool>();
    } else if constexpr (std::is_same_v<T, std::int64_t> || std::is_same_v<T, int>) {
      out = static_cast<T>(number(options));
    } else if constexpr (std::is_same_v<T, std::chrono::seconds>) {
      out = std::chrono::seconds{number(options)};
    } else if constexpr (std::is_same_v<T, std::string>) {
      out = text(options);
    } else if constexpr (kIsId<T>) {
      out.value = text(options);
    } else if constexpr (std::is_same_v<T, ImageId>) {
      out = ImageId{"vms", text({.min_length = 1, .max_length = 9}) + "/x"};
    } else if constexpr (std::is_same_v<T, WallTime>) {
      out = WallTime{std::chrono::microseconds{*rc::gen::inRange<std::int64_t>(0, 4'000'000'000'000'000)}};
    } else if constexpr (std::is_same_v<T, Share>) {
      out = Share{*rc::gen::inRange(1, 101), *rc::gen::arbitrary<bool>()};
    } else if constexpr (std::is_same_v<T, std::map<std::string, std::string>>) {
      out = {{text({.min_length = 1, .max_length = 9}), text({.max_length = 9})}};
    } else if constexpr (NamedEnum<T>) {
      out = static_cast<T>(*rc::gen::inRange<std::size_t>(0, enum_names(T{}).size()));
    } else if constexpr (kIsOptional<T>) {
      out.reset();
      if (*rc::gen::arbitrary<bool>()) fill(out.emplace(), options);
    } else if constexpr (kIsVector<T>) {
      out.assign(*rc::gen::inRange<std::size_t>(options.min_items, 3), {});
      for (auto& item : out) fill(item, options);
    } else {
      describe(out, *this);
      mend(out);
    }
  }

 private:
  template <class T>
  void ensure(T& member, const FieldOptions& options) {
    if constexpr (kIsOptional<T>) {
      if (!member) fill(member.emplace(), options);
    }
  }

  static std::int64_t number(const FieldOptions& options) {
    return *rc::gen::inRange<std::int64_t>(options.min.value_or(0), options.max.value_or(2'000'000'000) + 1);
  }

  static std::string text(const FieldOptions& options) {
    const auto length = *rc::gen::inRange<std::size_t>(options.min_length, std::max<std::size_t>(options.min_length, 5) + 1);
    return *rc::gen::container<std::string>(length, rc::gen::inRange('!', '~'));
  }
};

template <class Object>
Object any() {
  Object object;
  Fill fill;
  fill.fill(object.metadata, {});
  fill.fill(object.spec, {});
  fill.fill(object.status, {});
  object.metadata.name = "any";
  return object;
}

/// Without the macro that would print the whole object on success, too.
template <class Object>
void expect_same(const Object& object, const Result<Object>& decoded) {
  if (!decoded) RC_FAIL(decoded.error().message);
  if (!(*decoded == object)) RC_FAIL("differs: " + encode(object).dump() + " came back as " + encode(*decoded).dump());
}

RC_GTEST_PROP(RoundTripTest, EveryPolicySurvives, ()) {
  const auto object = any<HAPolicy>();
  expect_same(object, parse_policy(encode(object).dump()));
}

RC_GTEST_PROP(RoundTripTest, EveryComputeNodeSurvives, ()) {
  const auto object = any<ComputeNode>();
  expect_same(object, parse_compute_node(encode(object).dump()));
}

RC_GTEST_PROP(RoundTripTest, EveryProtectedInstanceSurvives, ()) {
  const auto object = any<ProtectedInstance>();
  expect_same(object, parse_protected_instance(encode(object).dump()));
}

/// Replaces one value somewhere in the document by something of another kind.
void spoil(nlohmann::json& node) {
  static const std::vector<nlohmann::json> kWrong = {nullptr, true, -1, 1e300, "x", nlohmann::json::array({1}), {{"x", 1}}};
  if (!node.is_structured() || node.empty() || *rc::gen::inRange(0, 5) == 0) {
    node = kWrong[*rc::gen::inRange<std::size_t>(0, kWrong.size())];
    return;
  }
  auto it = node.begin();
  std::advance(it, *rc::gen::inRange<std::ptrdiff_t>(0, static_cast<std::ptrdiff_t>(node.size())));
  spoil(*it);
}

RC_GTEST_PROP(RoundTripTest, MalformedInputIsAnErrorOrAnObjectAndNeverAnException, ()) {
  nlohmann::json node = encode(any<ComputeNode>());
  spoil(node);
  const Result<ComputeNode> decoded = decode_compute_node(node);
  if (!decoded) RC_ASSERT(decoded.error().kind == ErrorKind::kInvalid);
  if (decoded) RC_ASSERT(decode_compute_node(encode(*decoded)).has_value());
}

}  // namespace
}  // namespace vmha::api
