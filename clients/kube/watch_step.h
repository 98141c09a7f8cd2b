#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/rng.h"
#include "base/time.h"
#include "clients/kube/client.h"
#include "clients/kube/resource.h"

/// The watch as a value: what is known, what came in, what to tell, what to ask next. No I/O, no clock: unit-tested as it is.
///
/// Guarantees: an object is reported deleted only by a DELETED event or by its absence from a complete list; a list that breaks off
/// deletes nothing. Every page is handed on as it comes and then forgotten; between lists only keys are kept.
/// Assumptions: one Resource and one selector for the life of a State.
/// Caveats: an object deleted and made again between two lists shows as Applied with another uid. While a list runs, old and new
/// objects stand side by side, each of them once true. Items of built-in kinds come without apiVersion and kind in lists (not in watches).
namespace vmha::kube::watching {

inline constexpr int kPageLimit = 500;
inline constexpr Duration kFirstBackoff = milliseconds(800);
inline constexpr Duration kLastBackoff = seconds(30);
inline constexpr Duration kShortWatch = seconds(1);  ///< a watch that ends this soon without an event counts as a failure
inline constexpr int kRefusalsBeforeRelist = 3;      ///< a resourceVersion that the server cannot serve for other reasons than 410
inline constexpr int kShortestWatchSeconds = 300;
inline constexpr int kLongestWatchSeconds = 600;

// ---- what the watch can be doing
struct MustList {};
struct Listing {
  std::string continue_token;
  std::set<ObjectKey> seen;
};
struct MustWatch {
  std::string resource_version;
  int refusals = 0;
};
struct Watching {
  std::string resource_version;
  int refusals = 0;
  bool anything = false;  ///< an event or bookmark came in this watch
};
using Phase = std::variant<MustList, Listing, MustWatch, Watching>;

struct State {
  explicit State(std::uint64_t seed) : rng(seed) {}
  Phase phase = MustList{};
  std::set<ObjectKey> known;  ///< what the sink has been told exists
  bool synced = false;        ///< a complete list was seen
  int failures = 0;           ///< in a row
  Rng rng;                    ///< jitter
};

// ---- what can come in
struct Started {};
struct PageCame { nlohmann::json list; };
struct Opened {};                          ///< the watch is about to be read
struct EventCame { nlohmann::json event; };  ///< one line of the watch
struct Ended { Duration lasted; };         ///< the watch was ended by the server, or nothing came for a while
struct Failed { WatchFailure failure; };   ///< the list or the watch did not open, or broke
using Input = std::variant<Started, PageCame, Opened, EventCame, Ended, Failed>;

// ---- what is told
struct Applied { nlohmann::json object; };
struct Deleted { ObjectKey key; };
/// A complete list has ended: everything that exists was Applied since the last Replaced or Deleted; `gone` was known and is not there any more.
struct Replaced { std::vector<ObjectKey> gone; };
struct Synced {};  ///< once, after the first Replaced
struct Trouble { Error error; };
using Output = std::variant<Applied, Deleted, Replaced, Synced, Trouble>;

// ---- what is asked for next
struct ListPage {
  std::string continue_token;
  Duration after{0};  ///< wait this long first
};
struct OpenWatch {
  std::string resource_version;
  seconds timeout{kShortestWatchSeconds};
  Duration after{0};
};
struct ReadOn {};
using Next = std::variant<ListPage, OpenWatch, ReadOn>;

struct Step {
  State state;
  std::vector<Output> outputs;
  Next next;
};

/// Pure: the same state and input give the same step.
[[nodiscard]] Step step(State state, Input input);

}  // namespace vmha::kube::watching
