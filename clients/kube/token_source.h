#pragma once

#include <sys/stat.h>

#include <mutex>
#include <string>

#include "base/time.h"

namespace vmha::kube {

/// The bearer token of a Config: fixed, or of a file that others rewrite (the kubelet renews a service account's token within the hour).
/// Thread-safe. Guarantee: a file that cannot be read, or is empty, leaves the last good token in use.
class TokenSource {
 public:
  static constexpr Duration kBetweenLooks = seconds(3);

  /// Reads the file for the first time; one that is not there yet is looked for again.
  TokenSource(std::string fixed, std::string file);

  /// Empty: there is none. Looks at the file (its modification time and size) when the last look is kBetweenLooks ago.
  [[nodiscard]] std::string get(Instant now);

  /// Reads the file now: the server did not take `refused`. True when there is another token to try.
  [[nodiscard]] bool renew(const std::string& refused, Instant now);

 private:
  struct Stamp {
    timespec modified{};
    off_t size = -1;
    bool operator==(const Stamp& other) const {
      return modified.tv_sec == other.modified.tv_sec && modified.tv_nsec == other.modified.tv_nsec && size == other.size;
    }
  };
  void read(const Stamp* unless);

  const std::string file_;
  std::mutex mutex_;
  std::string token_;
  Instant looked_at_{};
  bool looked_ = false;
  Stamp stamp_;
};

}  // namespace vmha::kube
