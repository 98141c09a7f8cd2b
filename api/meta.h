#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "api/enums.h"
#include "base/time.h"

namespace vmha::api {

/// What every Kubernetes object carries (metav1.ObjectMeta), reduced to what vmha reads.
struct ObjectMeta {
  std::string name;
  std::string namespace_;
  std::string uid;
  std::string resource_version;
  std::int64_t generation = 0;
  std::map<std::string, std::string> labels;
  std::map<std::string, std::string> annotations;
  std::vector<std::string> finalizers;
  std::optional<std::string> deletion_timestamp;  ///< verbatim; present: the object is being deleted
  std::optional<std::string> creation_timestamp;
  bool operator==(const ObjectMeta&) const = default;
};

enum class ConditionStatus { kTrue, kFalse, kUnknown };
constexpr EnumNames<3> enum_names(ConditionStatus) { return {"True", "False", "Unknown"}; }

/// metav1.Condition. Set through set_condition() in api/conditions.h, which keeps its rules.
struct Condition {
  std::string type;
  ConditionStatus status = ConditionStatus::kUnknown;
  std::string reason;   ///< one CamelCase word
  std::string message;  ///< for people, at most kMaxMessageBytes
  std::optional<WallTime> last_transition_time;  ///< whole seconds; moves only with `status`
  std::optional<std::int64_t> observed_generation;
  bool operator==(const Condition&) const = default;
};

/// A Secret of the object's own namespace.
struct SecretRef {
  std::string name;
  bool operator==(const SecretRef&) const = default;
};

}  // namespace vmha::api
