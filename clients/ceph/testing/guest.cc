// A stand-in for QEMU's disk: opens an RBD image by librbd, keeps it open and, asked to, writes a growing counter as fast as it can.
// usage: guest STATE_FILE CEPH_CONF POOL IMAGE open|write|flood
// flood is worse than any QEMU: it writes past librbd to each of the image's objects over a connection of its own, so that what one OSD refuses
// tells nothing to the writers at the others.
#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstring>
#include <rados/librados.hpp>
#include <rbd/librbd.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/time.h"
#include "clients/ceph/testing/guest_state.h"

namespace {

using vmha::ceph::testing::GuestState;

std::int64_t now_us() { return vmha::monotonic_now().time_since_epoch().count(); }

GuestState* map_state(const char* path) {
  const int fd = open(path, O_RDWR);
  if (fd < 0) return nullptr;
  void* memory = mmap(nullptr, sizeof(GuestState), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  close(fd);
  return memory == MAP_FAILED ? nullptr : static_cast<GuestState*>(memory);
}

[[noreturn]] void write_forever(librbd::Image& image, GuestState& state) {
  for (std::uint64_t counter = 1;; ++counter) {
    librados::bufferlist block;
    block.append(reinterpret_cast<const char*>(&counter), sizeof counter);
    const std::int64_t begin = now_us();
    ++state.attempts;
    const ssize_t rc = image.write((counter % vmha::ceph::testing::kGuestObjects) * vmha::ceph::testing::kGuestObjectBytes, block.length(), block);
    if (rc >= 0) {
      state.last_ok_begin = begin;
      ++state.writes;
    } else {
      state.error = static_cast<int>(rc);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));  // a refused guest must not eat the machine
    }
  }
}

void raise_to(std::atomic<std::int64_t>& maximum, std::int64_t value) {
  for (std::int64_t seen = maximum; seen < value && !maximum.compare_exchange_weak(seen, value);) {
  }
}

bool connect(librados::Rados& rados, const std::string& conf) {
  if (rados.init("guest") < 0 || rados.conf_read_file(conf.c_str()) < 0) return false;
  rados.conf_set("keyring", (conf + ".guest").c_str());
  rados.conf_set("rbd_cache", "false");  // a write is done when Ceph has it
  return rados.connect() == 0;
}

void write_object(const std::string& conf, std::int64_t pool, const std::string& object, GuestState& state) {
  librados::Rados rados;
  librados::IoCtx io;
  if (!connect(rados, conf) || rados.ioctx_create2(pool, io) < 0) return;
  for (std::uint64_t counter = 1;; ++counter) {
    librados::bufferlist block;
    block.append(reinterpret_cast<const char*>(&counter), sizeof counter);
    const std::int64_t begin = now_us();
    ++state.attempts;
    const int rc = io.write(object, block, block.length(), 0);
    if (rc >= 0) {
      raise_to(state.last_ok_begin, begin);
      ++state.writes;
    } else {
      state.error = rc;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

[[noreturn]] void flood(const std::string& conf, librbd::Image& image, GuestState& state) {
  std::vector<std::thread> writers;
  for (unsigned i = 0; i < vmha::ceph::testing::kGuestObjects; ++i) {
    char object[96];
    std::snprintf(object, sizeof object, "%s.%016x", image.get_block_name_prefix().c_str(), i);
    writers.emplace_back(write_object, conf, image.get_data_pool_id(), std::string(object), std::ref(state));
  }
  for (;;) pause();
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  GuestState* state = map_state(argv[1]);
  librados::Rados rados;
  librados::IoCtx io;
  if (state == nullptr) return 3;
  if (!connect(rados, argv[2]) || rados.ioctx_create(argv[3], io) < 0) return 4;
  librbd::Image image;
  if (const int rc = librbd::RBD().open(io, image, argv[4]); rc < 0) {
    std::fprintf(stderr, "guest: open %s: %s\n", argv[4], std::strerror(-rc));
    return 5;
  }
  state->ready = true;
  if (std::string(argv[5]) == "write") write_forever(image, *state);
  if (std::string(argv[5]) == "flood") flood(argv[2], image, *state);
  for (;;) pause();
}
