#include "clients/kube/watch_step.h"

#include <algorithm>
#include <utility>

namespace vmha::kube::watching {
namespace {

using nlohmann::json;

/// A string inside an object, "" when it is not there or no string.
std::string text_at(const json& object, const char* key) {
  if (!object.is_object()) return {};
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

const json& child(const json& object, const char* key) {
  static const json kNothing;
  if (!object.is_object()) return kNothing;
  const auto found = object.find(key);
  return found != object.end() ? *found : kNothing;
}

ObjectKey key_of(const json& object) {
  const json& metadata = child(object, "metadata");
  return {text_at(metadata, "namespace"), text_at(metadata, "name")};
}

std::string version_of(const json& object) { return text_at(child(object, "metadata"), "resourceVersion"); }

/// 800 ms, 1.6 s, ... 15 s, each up to doubled by chance: many clients of a restarted server must not come at once.
Duration backoff(State& state) {
  Duration base = kFirstBackoff;
  for (int i = 0; i < state.failures && base < kLastBackoff / 2; ++i) base *= 2;
  base = std::min(base, kLastBackoff / 2);
  ++state.failures;
  const auto jitter = state.rng.below(static_cast<std::uint64_t>(base.count()) + 1);
  return base + Duration(static_cast<Duration::rep>(jitter));
}

Duration backoff(State& state, const Error& error) {
  const Duration own = backoff(state);
  return error.retry_after ? std::max(own, Duration(*error.retry_after)) : own;
}

OpenWatch open_watch(State& state, const std::string& version, Duration after = Duration(0)) {
  const auto spread = state.rng.below(kLongestWatchSeconds - kShortestWatchSeconds + 1);
  return {version, seconds(kShortestWatchSeconds + static_cast<int>(spread)), after};
}

Step list_again(State state, std::vector<Output> outputs, Duration after) {
  state.phase = MustList{};
  return {std::move(state), std::move(outputs), ListPage{{}, after}};
}

Step watch_again(State state, MustWatch phase, std::vector<Output> outputs, Duration after) {
  OpenWatch next = open_watch(state, phase.resource_version, after);
  state.phase = std::move(phase);
  return {std::move(state), std::move(outputs), std::move(next)};
}

/// Where to go on after a failure: with the same list page or version, or from the beginning.
Step after_failure(State state, WatchFailure failure) {
  if (failure.gone) state.failures = 0;  // the server is well and says what to do
  const Duration after = backoff(state, failure.error);
  // NotFound: the kind itself is gone (a CRD that was deleted); made again, its old versions mean nothing.
  const bool refused = failure.error.kind == ErrorKind::kInvalid || failure.error.kind == ErrorKind::kNotFound;
  std::vector<Output> outputs;
  outputs.emplace_back(Trouble{std::move(failure.error)});
  if (auto* listing = std::get_if<Listing>(&state.phase)) {
    if (failure.gone || refused) return list_again(std::move(state), std::move(outputs), after);
    std::string token = listing->continue_token;
    return {std::move(state), std::move(outputs), ListPage{std::move(token), after}};
  }
  MustWatch again;
  if (auto* watch = std::get_if<Watching>(&state.phase)) {
    again = {std::move(watch->resource_version), watch->refusals};
  } else if (auto* waiting = std::get_if<MustWatch>(&state.phase)) {
    again = std::move(*waiting);
  } else {
    return list_again(std::move(state), std::move(outputs), after);
  }
  if (refused) ++again.refusals;
  if (failure.gone || again.refusals >= kRefusalsBeforeRelist) return list_again(std::move(state), std::move(outputs), after);
  return watch_again(std::move(state), std::move(again), std::move(outputs), after);
}

Step broken(State state, const char* what) {
  return after_failure(std::move(state), {Error{ErrorKind::kUnavailable, what}, false});
}

/// Takes every object of a page out of the document; false when one has no name.
bool take_items(json& list, std::set<ObjectKey>& seen, std::vector<Output>& outputs) {
  for (json& item : list.at("items")) {
    ObjectKey key = key_of(item);
    if (key.name.empty()) return false;
    seen.insert(std::move(key));
    outputs.emplace_back(Applied{std::move(item)});
  }
  return true;
}

Step list_complete(State state, std::set<ObjectKey> seen, const std::string& version, std::vector<Output> outputs) {
  Replaced replaced;
  std::set_difference(state.known.begin(), state.known.end(), seen.begin(), seen.end(), std::back_inserter(replaced.gone));
  state.known = std::move(seen);
  outputs.emplace_back(std::move(replaced));
  if (!std::exchange(state.synced, true)) outputs.emplace_back(Synced{});
  return watch_again(std::move(state), {version, 0}, std::move(outputs), Duration(0));
}

Step on(State state, PageCame page) {
  Listing listing;
  if (auto* before = std::get_if<Listing>(&state.phase)) listing = std::move(*before);
  state.phase = MustList{};
  const std::string version = version_of(page.list);
  std::vector<Output> outputs;
  // A cut answer can look like a success; only a document with both is a list (and every page carries the version).
  if (version.empty() || !child(page.list, "items").is_array()) return broken(std::move(state), "the answer to a list is not a list");
  if (!take_items(page.list, listing.seen, outputs)) return broken(std::move(state), "a list has an object without a name");
  state.failures = 0;
  listing.continue_token = text_at(page.list["metadata"], "continue");
  // Told already, so it is known: should this list break off, the next one finds it gone.
  state.known.insert(listing.seen.begin(), listing.seen.end());
  if (listing.continue_token.empty()) return list_complete(std::move(state), std::move(listing.seen), version, std::move(outputs));
  ListPage next{listing.continue_token, Duration(0)};
  state.phase = std::move(listing);
  return {std::move(state), std::move(outputs), std::move(next)};
}

Step on(State state, const Opened&) {
  if (auto* ready = std::get_if<MustWatch>(&state.phase)) state.phase = Watching{std::move(ready->resource_version), ready->refusals, false};
  return {std::move(state), {}, ReadOn{}};
}

/// The server says why it ends the watch: a metav1.Status.
Step on_error_event(State state, const json& status) {
  const json& number = child(status, "code");
  const int code = number.is_number_integer() ? number.get<int>() : 0;
  const bool gone = code == 410 || text_at(status, "reason") == "Expired" || text_at(status, "reason") == "Gone";
  Error error{gone ? ErrorKind::kConflict : ErrorKind::kInvalid, "watch: " + text_at(status, "message")};
  if (code == 429) error.kind = ErrorKind::kThrottled;
  if (code >= 500) error.kind = ErrorKind::kUnavailable;
  return after_failure(std::move(state), {std::move(error), gone});
}

Step on(State state, EventCame came) {
  auto* watch = std::get_if<Watching>(&state.phase);
  if (watch == nullptr) return broken(std::move(state), "an event came outside a watch");
  const std::string type = text_at(came.event, "type");
  if (type == "ERROR") return on_error_event(std::move(state), child(came.event, "object"));
  if (!child(came.event, "object").is_object()) return broken(std::move(state), "an event of the watch has no object");
  json& object = came.event["object"];
  const std::string version = version_of(object);
  if (version.empty()) return broken(std::move(state), "an event of the watch has no resourceVersion");
  std::vector<Output> outputs;
  if (type == "ADDED" || type == "MODIFIED" || type == "DELETED") {
    ObjectKey key = key_of(object);
    if (key.name.empty()) return broken(std::move(state), "an event of the watch has no name");
    if (type == "DELETED") {
      state.known.erase(key);
      outputs.emplace_back(Deleted{std::move(key)});
    } else {
      state.known.insert(std::move(key));
      outputs.emplace_back(Applied{std::move(object)});
    }
  } else if (type != "BOOKMARK") {
    return broken(std::move(state), "an event of the watch is of an unknown type");
  }
  watch->resource_version = version;
  watch->refusals = 0;
  watch->anything = true;
  state.failures = 0;
  return {std::move(state), std::move(outputs), ReadOn{}};
}

Step on(State state, const Ended& ended) {
  auto* watch = std::get_if<Watching>(&state.phase);
  if (watch == nullptr) return broken(std::move(state), "a watch ended that was not open");
  const bool hasty = !watch->anything && ended.lasted < kShortWatch;
  MustWatch again{std::move(watch->resource_version), watch->refusals};
  if (!hasty) state.failures = 0;
  const Duration after = hasty ? backoff(state) : Duration(0);
  return watch_again(std::move(state), std::move(again), {}, after);
}

Step on(State state, const Started&) { return list_again(std::move(state), {}, Duration(0)); }
Step on(State state, Failed failed) { return after_failure(std::move(state), std::move(failed.failure)); }

}  // namespace

Step step(State state, Input input) {
  return std::visit([&state](auto&& what) { return on(std::move(state), std::forward<decltype(what)>(what)); }, std::move(input));
}

}  // namespace vmha::kube::watching
