#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "api/compute_node.h"
#include "api/enums.h"
#include "base/result.h"
#include "base/time.h"

/// What `GET /explain/computenodes/NAME` of the leading controller answers, and what kubectl-vmha shows of it. No resource: nothing of it is stored.
/// The names of its fields are as stable as those of the resources (docs/kubectl-plugin.md). It never holds a secret.
namespace vmha::api {

struct SourceExplanation {
  EvidenceSource source = EvidenceSource::kNovaService;
  EvidenceState state = EvidenceState::kUnknown;
  std::optional<WallTime> since;
  std::string detail;
  std::optional<std::chrono::seconds> proven_alive_ago;  ///< the host was surely alive then, by this source; absent: never seen, or not known here
  std::optional<std::chrono::seconds> looked_ago;        ///< newest successful look at the whole source
  std::string gate;                                      ///< why the source is shut for all hosts at once; empty: it is not
  bool operator==(const SourceExplanation&) const = default;
};

struct VerdictExplanation {
  VerdictValue value = VerdictValue::kUnknown;
  std::string detail;  ///< why, in words
  std::string row;     ///< the row of the verdict table: "NovaService Stale, KubernetesNode Stale, StoragePing Stale, Power not Off: Dead"
  std::optional<bool> confirmed;                   ///< may lead to something irreversible; absent: only the leader knows
  std::optional<std::chrono::seconds> held;        ///< for how long it has been judged like this without a break
  std::optional<std::chrono::seconds> held_needed; ///< how long it must, before anything irreversible
  bool operator==(const VerdictExplanation&) const = default;
};

/// One thing that keeps `next` from happening.
struct Hold {
  std::string reason;   ///< one CamelCase word, from the list in docs/kubectl-plugin.md
  std::string message;
  std::optional<std::chrono::seconds> left;  ///< it ends by itself after this long
  bool operator==(const Hold&) const = default;
};

struct HostExplanation {
  std::string node;
  std::optional<WallTime> time;
  std::string answered_by;  ///< "<leader identity>/<lease transitions>"; empty: made from the resources alone
  VerdictExplanation verdict;
  std::vector<SourceExplanation> evidence;
  std::string step;                ///< where the host stands on its way: "no fence", "2-3 power and storage are being proven", ...
  std::string next;                ///< what happens next, once nothing holds it back
  std::vector<std::string> calls;  ///< acts on the world that a pass would ask for right now: "PowerOff power/bmc"
  std::vector<Hold> holds;
  bool operator==(const HostExplanation&) const = default;
};

inline constexpr std::size_t kMaxHolds = 32;

[[nodiscard]] nlohmann::json encode(const HostExplanation& explanation);
/// kInvalid: not such a document; names the field.
[[nodiscard]] Result<HostExplanation> parse_explanation(std::string_view text);

}  // namespace vmha::api
