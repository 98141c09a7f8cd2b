#include "clients/kube/event_series.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

namespace vmha::kube {
namespace {

constexpr std::size_t kMaxNameBytes = 253;  // of a DNS subdomain, which every object's name is

}  // namespace

EventSeries::Write EventSeries::patch(const EventNote& note, Open& open, Instant now) {
  open.written = open.count;
  open.last_write = now;
  return Patch{namespace_of(note.regarding), open.name, open.count, open.last_wall, note};
}

void EventSeries::make_room() {
  if (open_.size() < kMaxOpen) return;
  open_.erase(std::min_element(open_.begin(), open_.end(), [](const auto& a, const auto& b) { return a.second.last < b.second.last; }));
}

std::vector<EventSeries::Write> EventSeries::record(const EventNote& note, Instant now, WallTime wall) {
  const auto found = open_.find(note);
  if (found == open_.end() || now - found->second.last > kWindow) {
    std::vector<Write> writes;
    if (found != open_.end()) {
      if (found->second.written < found->second.count) writes.push_back(patch(note, found->second, now));
      open_.erase(found);
    }
    make_room();
    Open open;
    open.name = fmt::format("{}.{:016x}", note.regarding.name.substr(0, kMaxNameBytes - 17), next_id_++);
    open.last = open.last_write = now;
    open.last_wall = wall;
    writes.emplace_back(Create{open.name, note, wall});
    open_.emplace(note, std::move(open));
    return writes;
  }
  Open& open = found->second;
  ++open.count;
  open.last = now;
  open.last_wall = wall;
  // The first repetition shows at once, a stream of them every kBetweenPatches.
  if (open.count > 2 && now - open.last_write < kBetweenPatches) return {};
  return {patch(note, open, now)};
}

std::vector<EventSeries::Write> EventSeries::due(Instant now, bool all) {
  std::vector<Write> writes;
  for (auto at = open_.begin(); at != open_.end();) {
    Open& open = at->second;
    if (open.written < open.count && (all || now - open.last_write >= kBetweenPatches)) writes.push_back(patch(at->first, open, now));
    at = now - open.last > kWindow ? open_.erase(at) : std::next(at);
  }
  return writes;
}

void EventSeries::forget(const EventNote& note) { open_.erase(note); }

}  // namespace vmha::kube
