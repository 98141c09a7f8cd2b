#pragma once

#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <optional>

#include "api/explanation.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"

namespace vmha::controller {

/// Questions of people on their way to the loop's thread, which alone may look into the engine.
/// Thread rule: ask() from any thread, answer() from the loop. A question that was given up is still answered, to nobody.
class Questions {
 public:
  static constexpr std::size_t kMaxWaiting = 16;
  using Explain = std::function<std::optional<api::HostExplanation>(const NodeName&)>;

  /// kNotFound: no such ComputeNode; kThrottled: kMaxWaiting wait already; kTimeout: the loop did not come by within `patience`.
  Result<api::HostExplanation> ask(const NodeName& node, Duration patience);
  /// Answers all that wait.
  void answer(const Explain& explain);

 private:
  struct Question {
    NodeName node;
    std::promise<std::optional<api::HostExplanation>> answer;
  };
  std::mutex mutex_;
  std::deque<std::shared_ptr<Question>> waiting_;
};

}  // namespace vmha::controller
