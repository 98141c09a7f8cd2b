#include "controller/history.h"

#include <charconv>

namespace vmha::controller {

bool History::goes_back(const std::string& name, const std::string& uid, const std::string& version) {
  std::uint64_t number = 0;
  const auto [end, error] = std::from_chars(version.data(), version.data() + version.size(), number);
  if (error != std::errc() || end != version.data() + version.size()) return false;
  Seen& seen = seen_[name];
  const bool back = seen.uid == uid && number < seen.version;
  seen = {uid, number};
  return back;
}

}  // namespace vmha::controller
