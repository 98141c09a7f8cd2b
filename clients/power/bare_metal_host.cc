#include "clients/power/bare_metal_host.h"

#include <algorithm>
#include <array>
#include <string_view>

#include <nlohmann/json.hpp>

namespace vmha::power {
namespace {

using nlohmann::json;

constexpr const char* kManager = "vmha-power";
constexpr const char* kHardOff = R"({"mode": "hard"})";
// States in which the operator manages power and obeys the annotation (host_state_machine.go).
constexpr std::array<std::string_view, 2> kObeys = {"provisioned", "externally provisioned"};

kube::Resource hosts(const std::string& ns) { return {"metal3.io", "v1alpha1", "baremetalhosts", ns}; }

std::string text_at(const json& object, const json::json_pointer& place) {
  return object.contains(place) && object.at(place).is_string() ? object.at(place).get<std::string>() : std::string();
}

std::optional<bool> flag_at(const json& object, const json::json_pointer& place) {
  if (!object.contains(place) || !object.at(place).is_boolean()) return std::nullopt;
  return object.at(place).get<bool>();
}

std::string annotation(const json& object, const std::string& name) {
  const json::json_pointer all{"/metadata/annotations"};
  if (!object.contains(all) || !object.at(all).is_object()) return {};
  const auto found = object.at(all).find(name);
  return found != object.at(all).end() && found->is_string() ? found->get<std::string>() : std::string();
}

bool has_annotation(const json& object, const std::string& name) {
  const json::json_pointer all{"/metadata/annotations"};
  return object.contains(all) && object.at(all).is_object() && object.at(all).contains(name);
}

/// Why the operator's word about this host is not to be relied on; empty: it is.
std::string trouble(const json& object) {
  for (const char* name : {"baremetalhost.metal3.io/paused", "baremetalhost.metal3.io/detached"})
    if (has_annotation(object, name)) return std::string("it has the annotation ") + name;
  const std::string status = text_at(object, "/status/operationalStatus"_json_pointer);
  const std::string error = text_at(object, "/status/errorType"_json_pointer);
  if (status != "OK" || !error.empty()) return "its operational status is " + (status.empty() ? "not known" : status) + (error.empty() ? "" : ", " + error);
  return {};
}

}  // namespace

Reading reading_of(const json& object) {
  const std::optional<bool> on = flag_at(object, "/status/poweredOn"_json_pointer);
  if (!on) return {State::kUnknown, "", "its status does not tell its power"};
  if (*on) return {State::kOn, "", "poweredOn"};
  if (const std::string why = trouble(object); !why.empty()) return {State::kUnknown, "", "not poweredOn, but " + why};
  if (annotation(object, kRebootAnnotation) != kHardOff || annotation(object, kWasOnAnnotation) != "true")
    return {State::kUnknown, "", "not poweredOn, but not known to be written after our order: it may be stale"};
  return {State::kOff, "", "not poweredOn since our order"};
}

tl::unexpected<Error> BareMetalHost::explain(const Error& error) const { return fail(error, "BareMetalHost {}/{}", namespace_, name_); }

Result<json> BareMetalHost::get(std::chrono::milliseconds timeout) { return client_.get(hosts(namespace_), name_, timeout); }

Result<Reading> BareMetalHost::read(std::chrono::milliseconds deadline) {
  const auto object = get(deadline);
  if (!object) return explain(object.error());
  return reading_of(*object);
}

Result<Done> BareMetalHost::patch(const json& annotations, const std::string& version, const Permit& permit, Instant deadline) {
  const auto until = order_until(permit, deadline);
  if (!until) return tl::unexpected(until.error());
  const auto timeout = std::max(std::chrono::milliseconds(1), std::chrono::duration_cast<std::chrono::milliseconds>(*until - monotonic_now()));
  const auto patched = client_.merge_patch(hosts(namespace_), name_, {{"metadata", {{"annotations", annotations}}}}, {kManager, version, timeout});
  if (!patched) return tl::unexpected(patched.error());
  return Done{};
}

Result<Done> BareMetalHost::request_off(std::chrono::milliseconds deadline, const std::string& expected_uuid, const Permit& permit) {
  const Instant limit = monotonic_now() + deadline;
  if (!expected_uuid.empty()) return explain({ErrorKind::kConflict, "system " + expected_uuid + " is expected and it shows none: nothing was sent"});
  const auto object = get(deadline);
  if (!object) return explain(object.error());
  const bool on = flag_at(*object, "/status/poweredOn"_json_pointer).value_or(false);
  const bool noted = annotation(*object, kWasOnAnnotation) == "true";
  if (annotation(*object, kRebootAnnotation) == kHardOff && (noted || !on)) return Done{};
  const json annotations = {{kRebootAnnotation, kHardOff}, {kWasOnAnnotation, on ? "true" : "false"}};
  const auto sent = patch(annotations, text_at(*object, "/metadata/resourceVersion"_json_pointer), permit, limit);
  if (!sent) return explain(sent.error());
  return sent;
}

Result<Done> BareMetalHost::request_on(std::chrono::milliseconds deadline, const std::string& expected_uuid, const Permit& permit) {
  const Instant limit = monotonic_now() + deadline;
  if (!expected_uuid.empty()) return explain({ErrorKind::kConflict, "system " + expected_uuid + " is expected and it shows none: nothing was sent"});
  const auto sent = patch({{kRebootAnnotation, nullptr}, {kWasOnAnnotation, nullptr}}, {}, permit, limit);
  if (!sent) return explain(sent.error());
  return sent;
}

Result<Drill> BareMetalHost::drill(std::chrono::milliseconds deadline) {
  const auto object = get(deadline);
  if (!object) return explain(object.error());
  if (const std::string why = trouble(*object); !why.empty()) return explain({ErrorKind::kUnavailable, why});
  const std::string state = text_at(*object, "/status/provisioning/state"_json_pointer);
  if (std::ranges::find(kObeys, state) == kObeys.end())
    return explain({ErrorKind::kInvalid, "in its state \"" + state + "\" the annotation that switches off has no effect; it must be provisioned or externally provisioned"});
  if (has_annotation(*object, kRebootAnnotation)) return explain({ErrorKind::kConflict, std::string("it still has the annotation ") + kRebootAnnotation + ", which keeps it off"});
  const json attributes = {{"group", "metal3.io"}, {"resource", "baremetalhosts"}, {"verb", "patch"}, {"namespace", namespace_}, {"name", name_}};
  const auto review = client_.create_object({"authorization.k8s.io", "v1", "selfsubjectaccessreviews", ""},
                                            {{"apiVersion", "authorization.k8s.io/v1"}, {"kind", "SelfSubjectAccessReview"}, {"spec", {{"resourceAttributes", attributes}}}});
  const std::optional<bool> allowed = review ? flag_at(*review, "/status/allowed"_json_pointer) : std::nullopt;
  if (allowed && !*allowed) return explain({ErrorKind::kForbidden, "vmha may not patch it: give its service account the verb patch on baremetalhosts in metal3.io"});
  return Drill{reading_of(*object), allowed.has_value(), allowed ? "vmha may patch it" : "whether vmha may patch it cannot be read"};
}

}  // namespace vmha::power
