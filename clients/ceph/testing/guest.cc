// A stand-in for QEMU's disk: opens an RBD image by librbd, keeps it open and, asked to, writes a growing counter as fast as it can.
// usage: guest STATE_FILE CEPH_CONF POOL IMAGE open|write
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

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) return 2;
  GuestState* state = map_state(argv[1]);
  librados::Rados rados;
  librados::IoCtx io;
  if (state == nullptr || rados.init("guest") < 0 || rados.conf_read_file(argv[2]) < 0) return 3;
  rados.conf_set("keyring", (std::string(argv[2]) + ".guest").c_str());
  rados.conf_set("rbd_cache", "false");  // a write is done when Ceph has it
  if (rados.connect() < 0 || rados.ioctx_create(argv[3], io) < 0) return 4;
  librbd::Image image;
  if (const int rc = librbd::RBD().open(io, image, argv[4]); rc < 0) {
    std::fprintf(stderr, "guest: open %s: %s\n", argv[4], std::strerror(-rc));
    return 5;
  }
  state->ready = true;
  if (std::string(argv[5]) == "write") write_forever(image, *state);
  for (;;) pause();
}
