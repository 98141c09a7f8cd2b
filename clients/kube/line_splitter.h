#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

namespace vmha::kube {

/// Cuts a stream that comes in arbitrary pieces into lines. Not thread-safe.
class LineSplitter {
 public:
  /// etcd takes objects of 1.5 MiB (as stored); JSON with its escapes can be larger.
  static constexpr std::size_t kMaxLineBytes = std::size_t{8} << 20U;

  explicit LineSplitter(std::size_t max_line_bytes = kMaxLineBytes) : max_(max_line_bytes) {}

  /// Calls on_line for each line that `piece` completes (without '\n', empty ones skipped), until it returns false.
  /// Returns false when on_line did, or when a line is longer than allowed (then too_long() is true and the stream is of no more use).
  bool feed(std::string_view piece, const std::function<bool(std::string_view)>& on_line);

  [[nodiscard]] bool too_long() const { return too_long_; }

 private:
  std::size_t max_;
  std::string rest_;
  bool too_long_ = false;
};

}  // namespace vmha::kube
