#include "clients/openstack/endpoint.h"

#include <algorithm>

namespace vmha::openstack {

Result<Microversion> choose_microversion(const MicroversionRange& range) {
  if (range.max < kOldestMicroversion)
    return fail(ErrorKind::kInvalid, "its highest microversion is {}; vmha needs {} (Train) or newer", range.max.text(), kOldestMicroversion.text());
  if (range.min > kNewestMicroversion)
    return fail(ErrorKind::kInvalid, "its lowest microversion is {}; this vmha knows up to {}", range.min.text(), kNewestMicroversion.text());
  return std::min(range.max, kNewestMicroversion);
}

std::string compute_url(const std::string& listed) {
  const auto scheme = listed.find("://");
  auto slash = listed.find('/', scheme == std::string::npos ? 0 : scheme + 3);
  while (slash != std::string::npos) {
    const auto next = listed.find('/', slash + 1);
    const std::string segment = listed.substr(slash + 1, next == std::string::npos ? std::string::npos : next - slash - 1);
    if (segment == "v2" || segment == "v2.1") return listed.substr(0, slash) + "/v2.1";
    slash = next;
  }
  std::string url = listed;
  while (url.ends_with('/')) url.pop_back();
  return url + "/v2.1";
}

}  // namespace vmha::openstack
