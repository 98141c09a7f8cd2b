#include <algorithm>
#include <cerrno>
#include <optional>
#include <unordered_set>

#include "clients/ceph/operations.h"
#include "clients/ceph/text.h"

namespace vmha::ceph {
namespace {

constexpr std::uint64_t kDirectoryPage = 1000;  // an OSD returns 1024 keys at most (osd_max_omap_entries_per_request)
constexpr std::string_view kNamePrefix = "name_";
constexpr std::size_t kUuidLength = 36;
constexpr const char* kDirectory = "rbd_directory";
constexpr const char* kLockAttribute = "lock.rbd_lock";

struct Page {
  std::map<std::string, librados::bufferlist> entries;
  bool more = false;
  int rc = 0;
};

/// One page of the pool's directory behind `after`: "name_<image>" -> encoded id. A pool without images has no directory.
Page read_page(librados::IoCtx& io, const std::string& after, Instant deadline) {
  // Owned by the operation's callbacks, as the answer may come late.
  const auto page = std::make_shared<Page>();
  Batch batch(deadline);
  int rc = 0;
  batch.add(
      io,
      [page, after](Operation& op) {
        librados::ObjectReadOperation read;
        read.omap_get_vals2(after, std::string(kNamePrefix), kDirectoryPage, &page->entries, &page->more, &page->rc);
        op.keep = page;
        return op.io.aio_operate(kDirectory, op.completion, &read, nullptr);
      },
      [&rc](Operation& op) { rc = op.rc; });
  batch.run();
  if (rc == -ENOENT) return {};
  if (rc < 0) return Page{.entries = {}, .more = false, .rc = rc};
  return std::move(*page);
}

ImageWatch watch_of(const ImageId& image, Header outcome, Operation& op) {
  ImageWatch watch;
  watch.image = image;
  watch.found = outcome == Header::kFound;
  watch.read = outcome == Header::kMissing && op.answered;
  if (outcome != Header::kFound || op.rc < 0) return watch;
  for (const obj_watch_t& listed : op.watchers) {
    const auto endpoint = parse_endpoint(listed.addr);
    if (!endpoint) return watch;  // an unreadable address is Unknown, never "no watcher"
    watch.watchers.push_back({endpoint->address, endpoint->nonce, static_cast<std::uint64_t>(listed.watcher_id)});
  }
  std::ranges::sort(watch.watchers);
  const auto attribute = op.values.find(kLockAttribute);
  const auto lock = attribute == op.values.end() ? std::optional(LockOwner{}) : decode_lock(attribute->second.to_str());
  if (lock && !lock->free) watch.lock_owner = lock->owner;
  watch.read = true;
  return watch;
}

}  // namespace

Result<std::vector<ImageId>> images_of(Session& session, const std::vector<ServerId>& servers, Instant deadline) {
  std::unordered_set<std::string> wanted;
  for (const ServerId& server : servers) wanted.insert(server.value);
  auto io = session.pool(session.config().ephemeral_pool);
  if (!io) return tl::unexpected(io.error());
  std::vector<ImageId> images;
  std::string after;
  for (bool more = !wanted.empty(); more;) {
    const Page page = read_page(*io, after, deadline);
    if (page.rc < 0)
      return tl::unexpected(error_of(page.rc, "list the images of " + session.config().ephemeral_pool, osd_caps({session.config().ephemeral_pool})));
    for (const auto& [key, value] : page.entries) {
      after = key;
      const std::string name = key.substr(kNamePrefix.size());
      if (name.size() < kUuidLength || name.compare(kUuidLength, 5, "_disk") != 0 || !wanted.contains(name.substr(0, kUuidLength))) continue;
      images.push_back({session.config().ephemeral_pool, name});
    }
    more = page.more && !page.entries.empty();
  }
  std::ranges::sort(images);
  return images;
}

Result<std::vector<ImageWatch>> watches(Session& session, const std::vector<ImageId>& images, Instant deadline) {
  std::vector<ImageWatch> found(images.size());
  Batch batch(deadline);
  for (std::size_t i = 0; i < images.size(); ++i) {
    // Never by the cached id: an image in the trash keeps its header while another takes its name.
    on_header(
        batch, session, images[i], false,
        [](Operation& op, const std::string& header) {
          librados::ObjectReadOperation read;  // both in one operation: a consistent picture, and `allow r` is enough (a class call needs more)
          read.list_watchers(&op.watchers, nullptr);
          read.getxattrs(&op.values, nullptr);
          return op.io.aio_operate(header, op.completion, &read, nullptr);
        },
        [&found, &images, i](Header outcome, Operation& op, const std::string&) { found[i] = watch_of(images[i], outcome, op); });
  }
  batch.run();
  return found;
}

}  // namespace vmha::ceph
