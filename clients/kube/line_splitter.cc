#include "clients/kube/line_splitter.h"

namespace vmha::kube {

bool LineSplitter::feed(std::string_view piece, const std::function<bool(std::string_view)>& on_line) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    const std::string_view part = piece.substr(0, end);
    if (rest_.size() + part.size() > max_) {
      too_long_ = true;
      return false;
    }
    if (end == std::string_view::npos) {
      rest_ += part;
      return true;
    }
    piece.remove_prefix(end + 1);
    std::string line = std::move(rest_);
    rest_.clear();
    line += part;
    if (!line.empty() && !on_line(line)) return false;
  }
  return true;
}

}  // namespace vmha::kube
