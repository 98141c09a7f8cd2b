#include "bench/images.h"

#include <algorithm>
#include <cstdio>
#include <list>
#include <map>
#include <stdexcept>

#include <fmt/core.h>

#include "bench/bare.h"
#include "clients/ceph/client.h"

namespace vmha::bench {
namespace {

constexpr std::size_t kDirectoryEntries = 500;  ///< a write

std::string image_id(std::size_t i) { return fmt::format("{:012x}", i); }

/// Ceph's encoding of a string: its length in four bytes, little endian, then the bytes.
librados::bufferlist encoded(const std::string& text) {
  const auto size = static_cast<std::uint32_t>(text.size());
  librados::bufferlist out;
  for (unsigned shift = 0; shift < 32; shift += 8) {
    const char byte = static_cast<char>((size >> shift) & 0xffU);
    out.append(&byte, 1);
  }
  out.append(text);
  return out;
}

class Guest : public librados::WatchCtx2 {
 public:
  Guest(librados::IoCtx& io, std::string object) : io_(io), object_(std::move(object)) {}
  void handle_notify(std::uint64_t notify, std::uint64_t watch, std::uint64_t, librados::bufferlist&) override {
    librados::bufferlist nothing;
    io_.notify_ack(object_, notify, watch, nothing);
  }
  void handle_error(std::uint64_t, int) override {}
  [[nodiscard]] const std::string& object() const { return object_; }
  std::uint64_t handle = 0;

 private:
  librados::IoCtx& io_;
  std::string object_;
};

}  // namespace

ImageId image(std::size_t i) { return {kPool, fmt::format("00000000-0000-4000-8000-{:012x}_disk", i)}; }
std::string id_object(std::size_t i) { return "rbd_id." + image(i).name; }
std::string header_object(std::size_t i) { return "rbd_header." + image_id(i); }

void populate(librados::IoCtx& io, std::size_t count) {
  run_bare(count, 2, ceph::kMaxPingsInFlight, [&](std::size_t i, int step, Slot&, librados::AioCompletion* completion) {
    librados::ObjectWriteOperation write;
    if (step == 0) write.write_full(encoded(image_id(i)));
    else write.create(false);
    return io.aio_operate(step == 0 ? id_object(i) : header_object(i), completion, &write);
  });
  for (std::size_t from = 0; from < count; from += kDirectoryEntries) {
    std::map<std::string, librados::bufferlist> entries;
    for (std::size_t i = from; i < std::min(from + kDirectoryEntries, count); ++i) entries["name_" + image(i).name] = encoded(image_id(i));
    librados::ObjectWriteOperation write;
    write.omap_set(entries);
    if (const int rc = io.operate("rbd_directory", &write); rc < 0) throw std::runtime_error("rbd_directory: " + std::to_string(rc));
  }
}

void stand_in_for_guests(librados::IoCtx& io, std::size_t count) {
  std::list<Guest> guests;
  std::vector<Guest*> by_number;
  for (std::size_t i = 0; i < count; ++i) by_number.push_back(&guests.emplace_back(io, header_object(i)));
  run_bare(count, 1, ceph::kMaxPingsInFlight, [&](std::size_t i, int, Slot&, librados::AioCompletion* completion) {
    return io.aio_watch(by_number[i]->object(), completion, &by_number[i]->handle, by_number[i]);
  });
  std::puts("ready");
  std::fflush(stdout);
  while (std::getchar() != EOF) {
  }
}

}  // namespace vmha::bench
