#include "controller/questions.h"

#include <algorithm>

namespace vmha::controller {

Result<api::HostExplanation> Questions::ask(const NodeName& node, Duration patience) {
  auto question = std::make_shared<Question>(Question{node, {}});
  auto answered = question->answer.get_future();
  {
    const std::lock_guard lock(mutex_);
    if (waiting_.size() >= kMaxWaiting) return fail(ErrorKind::kThrottled, "too many questions wait");
    waiting_.push_back(question);
  }
  if (answered.wait_for(patience) != std::future_status::ready) return fail(ErrorKind::kTimeout, "the loop did not answer within {}", to_text(patience));
  auto explanation = answered.get();
  if (!explanation) return fail(ErrorKind::kNotFound, "there is no ComputeNode {}", node.value);
  return std::move(*explanation);
}

void Questions::answer(const Explain& explain) {
  std::deque<std::shared_ptr<Question>> asked;
  {
    const std::lock_guard lock(mutex_);
    asked.swap(waiting_);
  }
  for (const auto& question : asked) question->answer.set_value(explain(question->node));
}

}  // namespace vmha::controller
