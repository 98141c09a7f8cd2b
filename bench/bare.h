#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <rados/librados.hpp>
#include <string>
#include <vector>

namespace vmha::bench {

/// What one item in flight writes to; used again for the next item.
struct Slot {
  std::string name;
  librados::bufferlist output;
  std::list<obj_watch_t> watchers;
  std::map<std::string, librados::bufferlist> values;
  std::uint64_t size = 0;
  time_t modified = 0;
};

/// librados and nothing else: `steps` asynchronous operations one after the other for each of `count` items, `width` items at a time. What
/// vmha is compared with. Thread rule: one thread. Throws std::runtime_error on an operation that failed with anything but -ENOENT.
void run_bare(std::size_t count, int steps, std::size_t width, const std::function<int(std::size_t item, int step, Slot& slot, librados::AioCompletion*)>& submit);

}  // namespace vmha::bench
