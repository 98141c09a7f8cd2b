#pragma once

#include <map>
#include <optional>
#include <string>

#include "api/explanation.h"
#include "reconcilers/computenode/view.h"

namespace vmha::computenode {

/// What a view does not hold, as it decides nothing: what the engine remembers of its looks at whole sources.
struct Looks {
  std::map<api::EvidenceSource, std::optional<Duration>> age;  ///< of the newest successful look
  std::map<api::EvidenceSource, std::string> gates;            ///< why a source is shut for all hosts; empty or absent: it is not
  std::optional<Duration> held;                                ///< how long the judgement has held without a break
  Duration acts_in{0};                                         ///< a new leader waits before its first act
};

/// Pure. Why the host is judged as it is, what decide() would do with this very view, and everything that keeps the next step from happening.
[[nodiscard]] api::HostExplanation explain(const NodeView& view, const Looks& looks);

/// The row of the verdict table that these readings are: "NovaService Stale, KubernetesNode Stale, StoragePing Stale, Power not Off: Dead".
[[nodiscard]] std::string row_of(const std::vector<api::Evidence>& evidence, api::VerdictValue value);

/// Where a host with this fence stands, in words; the protocol's steps by number.
[[nodiscard]] std::string step_of(const std::optional<api::Fence>& fence, const std::optional<api::NodeRecovery>& recovery);

}  // namespace vmha::computenode
