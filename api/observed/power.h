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

}  // namespace vmha::power
