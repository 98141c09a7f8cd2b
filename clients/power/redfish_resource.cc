#include "clients/power/redfish_resource.h"

#include <algorithm>
#include <cctype>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace vmha::power {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxErrorText = 200;

const json* find(const json& object, std::string_view key) {
  if (!object.is_object()) return nullptr;
  const auto found = object.find(key);
  return found == object.end() ? nullptr : &*found;
}

std::optional<std::vector<std::string>> strings(const json* list) {
  if (list == nullptr || !list->is_array()) return std::nullopt;
  std::vector<std::string> out;
  for (const auto& item : *list) {
    if (item.is_string()) out.push_back(item.get<std::string>());
  }
  // An empty list says nothing: no controller offers a Reset that takes no value.
  if (out.empty()) return std::nullopt;
  return out;
}

std::string uuid_of(const json& system) {
  std::string uuid = text(system, "UUID");
  std::transform(uuid.begin(), uuid.end(), uuid.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  const auto only = [&](const char* characters) { return uuid.find_first_not_of(characters) == std::string::npos; };
  return only("0-") || only("f-") ? "" : uuid;
}

bool offers(const ResetAction& action, const char* type) {
  return !action.allowed || std::find(action.allowed->begin(), action.allowed->end(), type) != action.allowed->end();
}

}  // namespace

std::string text(const json& object, std::string_view key) {
  const json* value = find(object, key);
  return value != nullptr && value->is_string() ? value->get<std::string>() : "";
}

std::string link(const json& object, std::string_view key) {
  const json* value = find(object, key);
  return value == nullptr ? "" : path_of(text(*value, "@odata.id"));
}

std::string path_of(const std::string& reference) {
  const auto scheme = reference.find("://");
  const auto start = scheme == std::string::npos ? 0 : std::min(reference.find('/', scheme + 3), reference.size());
  std::string path = reference.substr(start, reference.find('#', start) - start);
  const bool clean = std::none_of(path.begin(), path.end(), [](unsigned char c) { return c <= ' ' || c == 0x7f; });
  return path.starts_with('/') && clean ? path : "";
}

std::string last_segment(const std::string& path) {
  const auto end = path.find_last_not_of('/');
  if (end == std::string::npos) return "";
  const auto slash = path.rfind('/', end);
  return path.substr(slash + 1, end - slash);
}

std::vector<std::string> members(const json& collection) {
  std::vector<std::string> out;
  const json* list = find(collection, "Members");
  if (list == nullptr || !list->is_array()) return out;
  for (const auto& member : *list) {
    if (auto path = path_of(text(member, "@odata.id")); !path.empty()) out.push_back(std::move(path));
  }
  return out;
}

Reading to_reading(const json& system) {
  Reading reading;
  reading.system_uuid = uuid_of(system);
  const std::string power = text(system, "PowerState");
  reading.detail = power.empty() ? "the controller shows no PowerState" : power;
  if (power == "On") reading.state = State::kOn;
  if (power == "Off") reading.state = State::kOff;
  const json* status = find(system, "Status");
  if (status != nullptr && text(*status, "State") == "Absent") {
    // An empty slot is off, but it is not our machine that was seen off.
    reading.state = State::kUnknown;
    reading.detail += ", but Status.State is Absent";
  }
  return reading;
}

ResetAction reset_action(const json& system, const std::string& system_path) {
  ResetAction action;
  const json* actions = find(system, "Actions");
  const json* reset = actions == nullptr ? nullptr : find(*actions, "#ComputerSystem.Reset");
  if (reset != nullptr) {
    action.target = path_of(text(*reset, "target"));
    action.action_info = path_of(text(*reset, "@Redfish.ActionInfo"));
    action.allowed = strings(find(*reset, "ResetType@Redfish.AllowableValues"));
  }
  if (action.target.empty()) {
    action.target = system_path;
    while (action.target.ends_with('/')) action.target.pop_back();
    action.target += "/Actions/ComputerSystem.Reset";
  }
  return action;
}

std::optional<std::vector<std::string>> reset_types(const json& action_info) {
  const json* parameters = find(action_info, "Parameters");
  if (parameters == nullptr || !parameters->is_array()) return std::nullopt;
  for (const auto& parameter : *parameters) {
    if (text(parameter, "Name") == "ResetType") return strings(find(parameter, "AllowableValues"));
  }
  return std::nullopt;
}

Result<std::string> off_type(const ResetAction& action) {
  if (offers(action, "ForceOff")) return "ForceOff";
  return fail(ErrorKind::kInvalid, "the controller offers no ForceOff, only {}: it cannot fence; use another device", fmt::join(*action.allowed, ", "));
}

Result<std::string> on_type(const ResetAction& action) {
  if (offers(action, "On")) return "On";
  if (offers(action, "ForceOn")) return "ForceOn";
  return fail(ErrorKind::kInvalid, "the controller offers neither On nor ForceOn, only {}", fmt::join(*action.allowed, ", "));
}

std::string error_text(const std::string& body) {
  const json document = json::parse(body, nullptr, false);
  const json* error = find(document, "error");
  if (error == nullptr) return "";
  std::string out;
  const json* extended = find(*error, "@Message.ExtendedInfo");
  if (extended != nullptr && extended->is_array() && !extended->empty()) {
    out = text(extended->front(), "Message");
    if (out.empty()) out = text(extended->front(), "MessageId");
  }
  if (const std::string general = text(*error, "message"); out.empty() || out.ends_with("GeneralError")) out = general.empty() ? out : general;
  std::replace_if(out.begin(), out.end(), [](unsigned char c) { return c < ' ' || c == 0x7f; }, ' ');
  return out.substr(0, kMaxErrorText);
}

}  // namespace vmha::power
