#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/observed/power.h"
#include "base/result.h"

/// Pure reading of Redfish documents (DMTF DSP0266 and the schemas of DSP2046). Devices get these wrong in many ways: every member may be
/// absent, null or of another type.
namespace vmha::power {

/// A string member, empty if it is anything else.
[[nodiscard]] std::string text(const nlohmann::json& object, std::string_view key);

/// The path in object[key]["@odata.id"], empty if there is none.
[[nodiscard]] std::string link(const nlohmann::json& object, std::string_view key);

/// The path of a link or a Location header, without scheme and host: credentials go to the configured controller and nowhere else.
[[nodiscard]] std::string path_of(const std::string& reference);

/// "1" of "/redfish/v1/Systems/1/".
[[nodiscard]] std::string last_segment(const std::string& path);

/// The paths of a collection's Members.
[[nodiscard]] std::vector<std::string> members(const nlohmann::json& collection);

/// A ComputerSystem: PowerState and UUID. Only the exact words On and Off are read as such; a UUID of all 0 or all F is none.
[[nodiscard]] Reading to_reading(const nlohmann::json& system);

/// The action #ComputerSystem.Reset.
struct ResetAction {
  std::string target;                               ///< never empty: the standard path if the system names none
  std::string action_info;                          ///< where else the allowable values may stand
  std::optional<std::vector<std::string>> allowed;  ///< absent: the controller does not say
};
[[nodiscard]] ResetAction reset_action(const nlohmann::json& system, const std::string& system_path);

/// AllowableValues of the parameter ResetType of an ActionInfo.
[[nodiscard]] std::optional<std::vector<std::string>> reset_types(const nlohmann::json& action_info);

/// The ResetType to ask for: only ever ForceOff for off (a graceful one can wait for a guest for ever), On or ForceOn for on.
/// Errors: kInvalid, naming what the controller offers.
[[nodiscard]] Result<std::string> off_type(const ResetAction& action);
[[nodiscard]] Result<std::string> on_type(const ResetAction& action);

/// What an error body says, for people, at most 200 bytes and one line; empty if it says nothing.
[[nodiscard]] std::string error_text(const std::string& body);

}  // namespace vmha::power
