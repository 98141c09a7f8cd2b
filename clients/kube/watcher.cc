#include "clients/kube/watcher.h"

#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <optional>
#include <random>
#include <utility>
#include <variant>

#include "base/time.h"
#include "clients/kube/line_splitter.h"
#include "clients/kube/watch_step.h"

namespace vmha::kube {
namespace {

using nlohmann::json;
using watching::ListPage;
using watching::OpenWatch;
using watching::ReadOn;

/// False when the stop came first.
bool sleep_for(Duration duration, const std::stop_token& stop) {
  if (stop.stop_requested()) return false;
  if (duration <= Duration(0)) return true;
  std::mutex mutex;
  std::condition_variable_any waiting;
  std::unique_lock lock(mutex);
  waiting.wait_for(lock, stop, duration, [] { return false; });
  return !stop.stop_requested();
}

/// Carries out what step() asks for. Lives for one run_watch.
class Driver {
 public:
  Driver(Client& client, const Resource& resource, const WatchSink& sink, const std::stop_token& stop, const WatchOptions& options)
      : client_(client), resource_(resource), sink_(sink), stop_(stop), options_(options), state_(std::random_device{}()) {}

  void run() {
    take(watching::Started{});
    while (!stop_.stop_requested()) {
      const watching::Next next = next_;
      if (const auto* list = std::get_if<ListPage>(&next)) {
        do_list(*list);
      } else if (const auto* watch = std::get_if<OpenWatch>(&next)) {
        do_watch(*watch);
      } else {
        take(watching::Ended{Duration(0)});  // ReadOn outside a watch: step() makes a fresh start of it
      }
    }
  }

 private:
  void take(watching::Input input) {
    watching::Step made = watching::step(std::move(state_), std::move(input));
    state_ = std::move(made.state);
    next_ = std::move(made.next);
    for (const watching::Output& output : made.outputs) tell(output);
  }

  void tell(const watching::Output& output) {
    if (const auto* applied = std::get_if<watching::Applied>(&output)) {
      if (sink_.applied) sink_.applied(applied->object);
    } else if (const auto* deleted = std::get_if<watching::Deleted>(&output)) {
      if (sink_.deleted) sink_.deleted(deleted->key);
    } else if (const auto* replaced = std::get_if<watching::Replaced>(&output)) {
      if (sink_.replaced) sink_.replaced(replaced->gone);
    } else if (std::holds_alternative<watching::Synced>(output)) {
      if (sink_.synced) sink_.synced();
    } else if (const auto* trouble = std::get_if<watching::Trouble>(&output)) {
      if (sink_.on_error) sink_.on_error(trouble->error);
    }
  }

  void alive() {
    if (sink_.on_alive) sink_.on_alive();
  }

  void do_list(const ListPage& ask) {
    if (!sleep_for(ask.after, stop_)) return;
    auto page = client_.list_page(resource_, {options_.page_limit, ask.continue_token, options_.label_selector, options_.field_selector});
    if (stop_.stop_requested()) return;
    if (!page) return take(watching::Failed{std::move(page.error())});
    alive();
    take(watching::PageCame{std::move(*page)});
  }

  void do_watch(const OpenWatch& ask) {
    if (!sleep_for(ask.after, stop_)) return;
    take(watching::Opened{});
    const Instant opened = monotonic_now();
    LineSplitter lines;
    std::optional<std::string> bad;
    const auto on_line = [this, &bad](std::string_view line) {
      json event = json::parse(line, nullptr, false);
      if (event.is_discarded()) {
        bad = "a line of the watch is not JSON";
        return false;
      }
      take(watching::EventCame{std::move(event)});
      return std::holds_alternative<ReadOn>(next_) && !stop_.stop_requested();
    };
    const auto on_data = [&](std::string_view piece) {
      alive();
      return lines.feed(piece, on_line);
    };
    const auto ended = client_.watch(resource_, {ask.resource_version, ask.timeout, options_.label_selector, options_.field_selector},
                                     options_.idle, on_data, [this] { return !stop_.stop_requested(); });
    if (stop_.stop_requested() || !std::holds_alternative<ReadOn>(next_)) return;  // an event has already said how to go on
    if (lines.too_long()) bad = "a line of the watch is too long";
    if (bad) return take(watching::Failed{{Error{ErrorKind::kInvalid, *bad}, false}});
    if (!ended) return take(watching::Failed{ended.error()});
    take(watching::Ended{monotonic_now() - opened});
  }

  Client& client_;
  const Resource& resource_;
  const WatchSink& sink_;
  const std::stop_token& stop_;
  const WatchOptions& options_;
  watching::State state_;
  watching::Next next_ = ReadOn{};
};

}  // namespace

void run_watch(Client& client, const Resource& resource, const WatchSink& sink, const std::stop_token& stop, const WatchOptions& options) {
  Driver(client, resource, sink, stop, options).run();
}

}  // namespace vmha::kube
