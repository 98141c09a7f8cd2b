#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <variant>
#include <vector>

#include "base/time.h"

namespace vmha::kube {

/// What an Event is about.
struct ObjectReference {
  std::string api_version;
  std::string kind;
  std::string ns;  ///< empty: cluster-scoped; its events are in "default"
  std::string name;
  std::string uid = {};
  auto operator<=>(const ObjectReference&) const = default;
};

enum class EventType { kNormal, kWarning };

/// One thing to tell people about an object.
struct EventNote {
  ObjectReference regarding;
  EventType type = EventType::kNormal;
  std::string reason;  ///< CamelCase, from an enum
  std::string action;  ///< CamelCase: what was done or tried; empty: the reason
  std::string note;    ///< a sentence; cut at 1,024 bytes
  auto operator<=>(const EventNote&) const = default;
};

/// Joins equal notes that come within kWindow into one Event with a series. Pure but for its own memory; not thread-safe.
class EventSeries {
 public:
  static constexpr Duration kWindow = std::chrono::minutes(6);      // client-go ends a series after this long, too
  static constexpr Duration kBetweenPatches = seconds(10);          // a note repeated every second costs six writes a minute
  static constexpr std::size_t kMaxOpen = 4096;                     // the oldest is forgotten: its next note makes a new Event

  struct Create {
    std::string name;
    EventNote note;
    WallTime time;
  };
  struct Patch {
    std::string ns;
    std::string name;
    int count = 0;
    WallTime last;
    EventNote note;  ///< to write it anew when the Event has expired on the server
  };
  using Write = std::variant<Create, Patch>;

  explicit EventSeries(std::uint64_t seed) : next_id_(seed) {}

  /// What has to be written because of this note, if anything now.
  [[nodiscard]] std::vector<Write> record(const EventNote& note, Instant now, WallTime wall);
  /// Counts that were held back and are due by now; forgets series that ended. `all`: hold nothing back.
  [[nodiscard]] std::vector<Write> due(Instant now, bool all = false);
  /// The Event of this note is not there (expired, or its creation failed): the next one makes a new Event.
  void forget(const EventNote& note);

  /// The namespace that the Event of an object belongs in.
  [[nodiscard]] static std::string namespace_of(const ObjectReference& regarding) { return regarding.ns.empty() ? "default" : regarding.ns; }

 private:
  struct Open {
    std::string name;
    int count = 1;
    int written = 1;
    Instant last;
    Instant last_write;
    WallTime last_wall;
  };
  Write patch(const EventNote& note, Open& open, Instant now);
  void make_room();

  std::uint64_t next_id_;
  std::map<EventNote, Open> open_;
};

}  // namespace vmha::kube
