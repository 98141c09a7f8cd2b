#include "base/result.h"

namespace vmha {

const char* to_string(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::kNotFound: return "NotFound";
    case ErrorKind::kConflict: return "Conflict";
    case ErrorKind::kThrottled: return "Throttled";
    case ErrorKind::kTimeout: return "Timeout";
    case ErrorKind::kUnavailable: return "Unavailable";
    case ErrorKind::kForbidden: return "Forbidden";
    case ErrorKind::kInvalid: return "Invalid";
    case ErrorKind::kUnknownOutcome: return "UnknownOutcome";
  }
  return "Unknown";
}

std::string describe(const Error& error) { return fmt::format("{}: {}", to_string(error.kind), error.message); }

}  // namespace vmha
