#include <algorithm>
#include <cerrno>
#include <set>
#include <utility>

#include "clients/ceph/operations.h"
#include "clients/ceph/text.h"

namespace vmha::ceph {
namespace {

/// An operation librbd does not know: version 1, compat 1, length 4, op 0x7fffffff. A live librbd acknowledges it and does nothing else; an empty
/// payload would make it read the header again. Source: librbd/WatchNotifyTypes.cc, NotifyMessage; unchanged since hammer.
constexpr char kUnknownOperation[] = {1, 1, 4, 0, 0, 0, '\xff', '\xff', '\xff', '\x7f'};

/// For setting up our own watch, once: what is left of the deadline belongs to the guests.
constexpr milliseconds kCanaryPatience{1000};

using Cookie = std::pair<std::uint64_t, std::uint64_t>;  ///< client.<id> and its watch

int send_notify(Operation& op, const std::string& object) {
  op.input.append(kUnknownOperation, sizeof kUnknownOperation);
  return op.io.aio_notify(object, op.completion, op.input, static_cast<std::uint64_t>(milliseconds(kPingTimeout).count()), &op.output);
}

int send_list_watchers(Operation& op, const std::string& object) {
  librados::ObjectReadOperation read;
  read.list_watchers(&op.watchers, nullptr);
  return op.io.aio_operate(object, op.completion, &read, nullptr);
}

/// Who acknowledged, or nullopt when the OSD itself said nothing: -ETIMEDOUT is its answer when a watcher was silent, and ours when it was.
std::optional<std::set<Cookie>> acknowledged(Operation& op) {
  if (!op.answered || (op.rc < 0 && op.rc != -ETIMEDOUT) || op.output.length() == 0) return std::nullopt;
  std::vector<librados::notify_ack_t> acks;
  std::vector<librados::notify_timeout_t> silent;
  op.io.decode_notify_response(op.output, &acks, &silent);
  std::set<Cookie> cookies;
  for (const auto& ack : acks) cookies.emplace(ack.notifier_id, ack.cookie);
  return cookies;
}

/// Gives the acknowledgements their addresses. Who is listed twice and acknowledged once is alive.
void attribute(Ping& ping, const std::set<Cookie>& acks, const std::list<obj_watch_t>& watchers) {
  for (const obj_watch_t& watch : watchers) {
    const auto endpoint = parse_endpoint(watch.addr);
    if (!endpoint) continue;
    const bool acked = acks.contains({static_cast<std::uint64_t>(watch.watcher_id), watch.cookie});
    (acked ? ping.acknowledged : ping.silent).push_back({endpoint->address, endpoint->nonce, static_cast<std::uint64_t>(watch.watcher_id)});
  }
  for (auto* list : {&ping.acknowledged, &ping.silent}) {
    std::ranges::sort(*list);
    list->erase(std::unique(list->begin(), list->end()), list->end());
  }
  std::erase_if(ping.silent, [&](const Watcher& watcher) { return std::ranges::binary_search(ping.acknowledged, watcher); });
}

void ping_image(Batch& batch, Session& session, Ping& ping) {
  const auto notified = [&batch, &ping](Header outcome, Operation& op, const std::string& header) {
    ping.image_found = outcome != Header::kMissing;
    const auto acks = outcome == Header::kFound ? acknowledged(op) : std::nullopt;
    if (!acks) {
      ping.answered = outcome == Header::kMissing && op.answered;
      return;
    }
    batch.add(
        op.io, [header](Operation& list) { return send_list_watchers(list, header); },
        [&ping, acks = *acks](Operation& list) {
          ping.image_found = list.rc != -ENOENT;
          ping.answered = list.answered && (list.rc >= 0 || list.rc == -ENOENT);
          if (list.rc >= 0) attribute(ping, acks, list.watchers);
        });
  };
  on_header(batch, session, ping.image, true, &send_notify, notified);
}

/// Asks the canary of one pool; `acknowledged_by_us` is set when our own watch answered (not that of another vmha).
Result<Done> ping_canary(Batch& batch, Session& session, const std::string& pool, bool& acknowledged_by_us) {
  const auto io = session.pool(pool);
  if (!io) return io.error().kind == ErrorKind::kNotFound ? Result<Done>(Done{}) : tl::unexpected(io.error());
  acknowledged_by_us = false;
  const auto watching = session.canary(pool, *io)->ensure(std::min(batch.deadline(), monotonic_now() + kCanaryPatience));
  if (!watching) return watching.error().kind == ErrorKind::kForbidden ? Result<Done>(tl::unexpected(watching.error())) : Result<Done>(Done{});
  const std::uint64_t own = session.rados().get_instance_id();
  batch.add(
      *io, [](Operation& op) { return send_notify(op, kCanaryObject); },
      [own, &acknowledged_by_us](Operation& op) {
        const auto acks = acknowledged(op);
        acknowledged_by_us = acks && std::ranges::any_of(*acks, [own](const Cookie& ack) { return ack.first == own; });
      });
  return Done{};
}

}  // namespace

Result<PingRound> ping(Session& session, const std::vector<ImageId>& images, Instant deadline) {
  PingRound round;
  round.pings.reserve(images.size());  // the batch keeps references into it
  std::map<std::string, bool> canaries;
  for (const ImageId& image : images) canaries.emplace(image.pool, true);
  if (canaries.empty()) canaries.emplace(session.config().ephemeral_pool, false);
  Batch batch(deadline);
  for (auto& [pool, acked] : canaries)
    if (const auto asked = ping_canary(batch, session, pool, acked); !asked) return tl::unexpected(asked.error());
  round.sent = monotonic_now();
  for (const ImageId& image : images) {
    round.pings.emplace_back().image = image;
    ping_image(batch, session, round.pings.back());
  }
  batch.run();
  round.canary_acknowledged = std::ranges::all_of(canaries, [](const auto& canary) { return canary.second; });
  return round;
}

}  // namespace vmha::ceph
