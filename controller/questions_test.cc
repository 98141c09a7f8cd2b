#include "controller/questions.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace vmha::controller {
namespace {

api::HostExplanation about(const NodeName& node) {
  api::HostExplanation explanation;
  explanation.node = node.value;
  return explanation;
}

TEST(QuestionsTest, EachIsAnsweredOnTheLoopsThread) {
  Questions questions;
  const auto loop = std::this_thread::get_id();
  std::atomic<int> done{0};
  std::vector<std::jthread> people;
  for (int i = 0; i < 4; ++i)
    people.emplace_back([&, i] {
      const NodeName node{"compute-" + std::to_string(i)};
      const auto answer = questions.ask(node, seconds(30));
      EXPECT_TRUE(answer.has_value());
      EXPECT_EQ(answer ? answer->node : "none", node.value);
      ++done;
    });
  while (done < 4) {
    questions.answer([&](const NodeName& node) -> std::optional<api::HostExplanation> {
      EXPECT_EQ(std::this_thread::get_id(), loop);
      return about(node);
    });
  }
}

TEST(QuestionsTest, AnUnknownHostIsNotFound) {
  Questions questions;
  std::atomic<bool> done{false};
  std::jthread loop([&] {
    while (!done) questions.answer([](const NodeName&) { return std::optional<api::HostExplanation>(); });
  });
  const auto answer = questions.ask(NodeName{"compute-9"}, seconds(30));
  done = true;
  ASSERT_FALSE(answer.has_value());
  EXPECT_EQ(answer.error().kind, ErrorKind::kNotFound);
}

TEST(QuestionsTest, ALoopThatHangsTimesThemOutAndTheyStayBounded) {
  Questions questions;
  for (std::size_t i = 0; i < Questions::kMaxWaiting; ++i) EXPECT_EQ(questions.ask(NodeName{"a"}, milliseconds(1)).error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(questions.ask(NodeName{"a"}, seconds(30)).error().kind, ErrorKind::kThrottled);
  questions.answer(about);  // to nobody
  EXPECT_EQ(questions.ask(NodeName{"a"}, milliseconds(1)).error().kind, ErrorKind::kTimeout);
}

}  // namespace
}  // namespace vmha::controller
