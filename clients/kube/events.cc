#include "clients/kube/events.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <nlohmann/json.hpp>
#include <random>
#include <utility>

#include "base/log.h"
#include "base/time.h"

namespace vmha::kube {
namespace {

using nlohmann::json;

// Limits of pkg/apis/core/validation/events.go for events.k8s.io/v1.
constexpr std::size_t kMaxNoteBytes = 1024;
constexpr std::size_t kMaxShortBytes = 128;  // reason, action, reportingInstance
constexpr std::chrono::seconds kWriteTimeout{5};
constexpr std::chrono::seconds kFlushTime{2};

/// At most `bytes` long, not cut inside a UTF-8 character.
std::string cut(const std::string& text, std::size_t bytes) {
  if (text.size() <= bytes) return text;
  std::size_t end = bytes;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80U) --end;
  return text.substr(0, end);
}

json encode(const ObjectReference& about) {
  json reference = {{"apiVersion", about.api_version}, {"kind", about.kind}, {"name", about.name}};
  if (!about.ns.empty()) reference["namespace"] = about.ns;
  if (!about.uid.empty()) reference["uid"] = about.uid;
  return reference;
}

}  // namespace

struct EventRecorder::Impl {
  Client& client;
  const std::string controller;
  const std::string instance;
  EventSeries series;  ///< of the run() thread alone

  std::mutex mutex;
  std::condition_variable_any came;
  std::deque<std::pair<EventNote, WallTime>> queue;
  std::uint64_t dropped = 0;

  Impl(Client& c, std::string controller_name, std::string instance_name)
      : client(c),
        controller(std::move(controller_name)),
        instance(cut(instance_name, kMaxShortBytes)),
        // The number in an Event's name must not come back after a restart.
        series(static_cast<std::uint64_t>(wall_now().time_since_epoch().count()) << 12U ^ (std::random_device{}() & 0xfffU)) {}

  /// Waits for a note, `most` at most; nullopt: none came.
  std::optional<std::pair<EventNote, WallTime>> take(const std::stop_token& stop, Duration most) {
    std::unique_lock lock(mutex);
    came.wait_for(lock, stop, most, [this] { return !queue.empty(); });
    if (queue.empty()) return std::nullopt;
    auto first = std::move(queue.front());
    queue.pop_front();
    return first;
  }

  void write(const std::vector<EventSeries::Write>& writes) {
    for (const EventSeries::Write& one : writes) {
      if (const auto* made = std::get_if<EventSeries::Create>(&one)) {
        create(*made);
      } else if (const auto* patch = std::get_if<EventSeries::Patch>(&one)) {
        count(*patch);
      }
    }
  }

  void create(const EventSeries::Create& made) {
    const EventNote& note = made.note;
    const std::string ns = EventSeries::namespace_of(note.regarding);
    const json event = {{"apiVersion", "events.k8s.io/v1"},
                        {"kind", "Event"},
                        {"metadata", {{"name", made.name}, {"namespace", ns}}},
                        {"eventTime", to_rfc3339_micro(made.time)},
                        {"reportingController", controller},
                        {"reportingInstance", instance},
                        {"action", cut(note.action.empty() ? note.reason : note.action, kMaxShortBytes)},
                        {"reason", cut(note.reason, kMaxShortBytes)},
                        {"regarding", encode(note.regarding)},
                        {"note", cut(note.note, kMaxNoteBytes)},
                        {"type", note.type == EventType::kWarning ? "Warning" : "Normal"}};
    WriteOptions options;
    options.timeout = kWriteTimeout;
    const auto stored = client.create_object(resource(ns), event, options);
    if (!stored) lost(note, stored.error());
  }

  void count(const EventSeries::Patch& patch) {
    const json series_patch = {{"series", {{"count", patch.count}, {"lastObservedTime", to_rfc3339_micro(patch.last)}}}};
    WriteOptions options;
    options.timeout = kWriteTimeout;
    const auto stored = client.merge_patch(resource(patch.ns), patch.name, series_patch, options);
    if (stored) return;
    if (stored.error().kind != ErrorKind::kNotFound) return lost(patch.note, stored.error());
    series.forget(patch.note);  // the server has let it expire: told anew
    write(series.record(patch.note, monotonic_now(), patch.last));
  }

  void lost(const EventNote& note, const Error& error) {
    log::warn("Event not written", {{"reason", note.reason}, {"regarding", note.regarding.name}, {"error", describe(error)}});
    series.forget(note);
  }

  [[nodiscard]] static Resource resource(const std::string& ns) { return {"events.k8s.io", "v1", "events", ns}; }
};

EventRecorder::EventRecorder(Client& client, std::string controller, std::string instance)
    : impl_(std::make_unique<Impl>(client, std::move(controller), std::move(instance))) {}
EventRecorder::~EventRecorder() = default;

bool EventRecorder::post(EventNote note) {
  {
    const std::lock_guard lock(impl_->mutex);
    if (impl_->queue.size() >= kMaxQueued) {
      ++impl_->dropped;
      return false;
    }
    impl_->queue.emplace_back(std::move(note), wall_now());
  }
  impl_->came.notify_one();
  return true;
}

void EventRecorder::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    const auto next = impl_->take(stop, seconds(1));
    if (next) impl_->write(impl_->series.record(next->first, monotonic_now(), next->second));
    if (!stop.stop_requested()) impl_->write(impl_->series.due(monotonic_now()));
  }
  const Instant end = monotonic_now() + kFlushTime;
  while (monotonic_now() < end) {
    const auto next = impl_->take(stop, Duration(0));
    if (!next) break;
    impl_->write(impl_->series.record(next->first, monotonic_now(), next->second));
  }
  if (monotonic_now() < end) impl_->write(impl_->series.due(monotonic_now(), true));
}

std::uint64_t EventRecorder::dropped() const {
  const std::lock_guard lock(impl_->mutex);
  return impl_->dropped;
}

}  // namespace vmha::kube
