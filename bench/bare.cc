#include "bench/bare.h"

#include <algorithm>
#include <cerrno>
#include <stdexcept>

namespace vmha::bench {
namespace {

struct Done {
  std::mutex mutex;
  std::condition_variable some;
  std::vector<std::size_t> slots;
};

struct Flight {
  Done* done = nullptr;
  std::size_t slot = 0;
  std::size_t item = 0;
  int step = 0;
  librados::AioCompletion* completion = nullptr;
  Slot data;
};

void completed(librados::completion_t, void* argument) {
  const Flight& flight = *static_cast<Flight*>(argument);
  const std::lock_guard lock(flight.done->mutex);
  flight.done->slots.push_back(flight.slot);
  flight.done->some.notify_one();
}

}  // namespace

void run_bare(std::size_t count, int steps, std::size_t width, const std::function<int(std::size_t, int, Slot&, librados::AioCompletion*)>& submit) {
  Done done;
  std::vector<Flight> flights(std::min(width, count));
  std::size_t next = 0;
  std::size_t in_flight = 0;
  const auto send = [&](Flight& flight) {
    flight.completion = librados::Rados::aio_create_completion(&flight, &completed);
    if (const int rc = submit(flight.item, flight.step, flight.data, flight.completion); rc < 0) throw std::runtime_error("refused: " + std::to_string(rc));
  };
  for (Flight& flight : flights) {
    flight.done = &done;
    flight.slot = next;
    flight.item = next++;
    ++in_flight;
    send(flight);
  }
  std::vector<std::size_t> finished;
  while (in_flight > 0) {
    {
      std::unique_lock lock(done.mutex);
      done.some.wait(lock, [&] { return !done.slots.empty(); });
      finished.swap(done.slots);
    }
    for (const std::size_t slot : finished) {
      Flight& flight = flights[slot];
      const int rc = flight.completion->get_return_value();
      flight.completion->release();
      if (rc < 0 && rc != -ENOENT) throw std::runtime_error("operation failed: " + std::to_string(rc));
      if (++flight.step == steps) {
        flight.step = 0;
        flight.data = Slot();
        if (next == count) {
          --in_flight;
          continue;
        }
        flight.item = next++;
      }
      send(flight);
    }
    finished.clear();
  }
}

}  // namespace vmha::bench
