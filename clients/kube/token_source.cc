#include "clients/kube/token_source.h"

#include <fstream>
#include <iterator>
#include <utility>

namespace vmha::kube {

TokenSource::TokenSource(std::string fixed, std::string file) : file_(std::move(file)), token_(std::move(fixed)) {
  // Before there are threads: while the first of them still read the file, the others would ask as nobody.
  if (!file_.empty()) read(nullptr);
}

std::string TokenSource::get(Instant now) {
  bool due = false;
  Stamp known;
  {
    const std::lock_guard lock(mutex_);
    due = !file_.empty() && (!looked_ || now - looked_at_ >= kBetweenLooks);
    if (due) looked_at_ = now;
    looked_ = true;
    known = stamp_;
  }
  if (due) read(&known);
  const std::lock_guard lock(mutex_);
  return token_;
}

bool TokenSource::renew(const std::string& refused, Instant now) {
  if (file_.empty()) return false;
  {
    const std::lock_guard lock(mutex_);
    if (token_ != refused) return true;  // another thread was here first
    looked_at_ = now;
  }
  read(nullptr);
  const std::lock_guard lock(mutex_);
  return token_ != refused;
}

void TokenSource::read(const Stamp* unless) {
  struct stat found {};
  if (stat(file_.c_str(), &found) != 0) return;
  const Stamp stamp{found.st_mtim, found.st_size};
  if (unless != nullptr && stamp == *unless) return;
  std::ifstream stream(file_, std::ios::binary);
  if (!stream) return;
  std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  const auto end = text.find_last_not_of(" \t\r\n");
  if (end == std::string::npos) return;  // being rewritten: the next look finds the rest
  text.resize(end + 1);
  const std::lock_guard lock(mutex_);
  token_ = std::move(text);
  stamp_ = stamp;
}

}  // namespace vmha::kube
