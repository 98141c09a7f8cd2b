#pragma once

#include <string>

#include "base/ids.h"
#include "base/time.h"

/// What a power controller shows.
namespace vmha::power {

enum class State { kOn, kOff, kUnknown };  ///< kUnknown: transitional (PoweringOff) or anything else the device says

struct Reading {
  State state = State::kUnknown;
  std::string system_uuid;  ///< lower case, empty if the device has none
  std::string detail;       ///< what the device said, for people
  bool operator==(const Reading&) const = default;
};

/// What a standing drill found, without acting.
struct Drill {
  Reading reading;
  bool rights_known = false;  ///< false: the account's rights could not be read, so that only the day itself will show them
  std::string message;        ///< for people; nothing in it changes from one drill to the next
  bool operator==(const Drill&) const = default;
};

/// The same machine, whatever byte order each side shows its UUID in. Text of lower case; both must be given.
/// Source: SMBIOS 2.6 (7.2.1) swaps the first three fields of RFC 4122, IPMI 2.0 (20.8, Get System GUID) sends the whole from its last byte on, and
/// BMCs, kernels and DMI tables follow one or another.
[[nodiscard]] bool same_system(const std::string& uuid, const std::string& other);
/// One text for all spellings of a system's UUID, to look it up by.
[[nodiscard]] std::string system_key(const std::string& uuid);

}  // namespace vmha::power
