#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace vmha::controller {

/// Tells an API server whose memory went back: etcd restored from a backup. Versions of one object only ever grow (they are etcd's revisions), and
/// lists and watches of ours never show an older one after a newer one. What a process remembers of such objects then is about another world: it
/// would wait for versions that do not come, so it has to start anew.
/// Thread rule: one thread.
class History {
 public:
  /// True when this object was seen in a newer version before. `uid` tells an object that was made anew, which counts from its own beginning.
  bool goes_back(const std::string& name, const std::string& uid, const std::string& version);
  void forget(const std::string& name) { seen_.erase(name); }

 private:
  struct Seen {
    std::string uid;
    std::uint64_t version = 0;
  };
  std::map<std::string, Seen> seen_;
};

}  // namespace vmha::controller
