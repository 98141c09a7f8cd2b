#include "api/conditions.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace vmha::api {
namespace {

const WallTime kNoon = *parse_rfc3339("2026-11-22T12:00:00.25Z");
const WallTime kLater = *parse_rfc3339("2026-11-22T12:05:00Z");

TEST(ConditionsTest, TheTimeMovesOnlyWithTheStatus) {
  std::vector<Condition> conditions;
  set_condition(conditions, "Ready", ConditionStatus::kUnknown, "FirstSight", "", 1, kNoon);
  ASSERT_EQ(conditions.size(), 1U);
  EXPECT_EQ(conditions[0].last_transition_time, parse_rfc3339("2026-11-22T12:00:00Z")) << "whole seconds, as metav1.Time";

  set_condition(conditions, "Ready", ConditionStatus::kUnknown, "NovaUnreachable", "connection refused", 2, kLater);
  EXPECT_EQ(conditions[0].last_transition_time, parse_rfc3339("2026-11-22T12:00:00Z"));
  EXPECT_EQ(conditions[0].reason, "NovaUnreachable");
  EXPECT_EQ(conditions[0].message, "connection refused");
  EXPECT_EQ(conditions[0].observed_generation, 2);

  set_condition(conditions, "Ready", ConditionStatus::kTrue, "Watching", "", 2, kLater);
  EXPECT_EQ(conditions[0].last_transition_time, kLater);
  EXPECT_EQ(conditions.size(), 1U);
}

TEST(ConditionsTest, EachTypeIsThereOnceAndFound) {
  std::vector<Condition> conditions;
  set_condition(conditions, "Ready", ConditionStatus::kTrue, "Watching", "", 1, kNoon);
  set_condition(conditions, "Held", ConditionStatus::kFalse, "Calm", "", 1, kNoon);
  set_condition(conditions, "Ready", ConditionStatus::kFalse, "Conflict", "", 1, kNoon);
  EXPECT_EQ(conditions.size(), 2U);
  EXPECT_EQ(find_condition(conditions, "Ready")->reason, "Conflict");
  EXPECT_EQ(find_condition(conditions, "Recovered"), nullptr);
  EXPECT_FALSE(is_true(conditions, "Ready"));
  EXPECT_FALSE(is_true(conditions, "Recovered"));
  set_condition(conditions, "Ready", ConditionStatus::kTrue, "Watching", "", 1, kNoon);
  EXPECT_TRUE(is_true(conditions, "Ready"));
}

TEST(ConditionsTest, AMessageIsCutAtItsBoundAndNeverInsideACharacter) {
  EXPECT_EQ(cut_message(std::string(512, 'x')), std::string(512, 'x'));
  EXPECT_EQ(cut_message(std::string(513, 'x')), std::string(509, 'x') + "...");
  EXPECT_EQ(cut_message("aééé", 6), "aé...");  // 1 + 3 * 2 bytes; the 3rd byte ends "é"
  EXPECT_EQ(cut_message("éééé", 6), "é...");
  EXPECT_EQ(cut_message("abc", 2), "..");
}

TEST(ConditionsTest, AListSaysHowManyMoreThereAre) {
  EXPECT_EQ(join_some({}, 20), "");
  EXPECT_EQ(join_some({"a", "b"}, 20), "a, b");
  EXPECT_EQ(join_some({"aaaa", "bbbb", "cccc", "dddd"}, 20), "aaaa and 3 more");
  EXPECT_EQ(join_some({"aaaa", "bbbb", "cccc", "dddd"}, 22), "aaaa, bbbb, cccc, dddd");
  EXPECT_EQ(join_some({std::string(30, 'x'), "b"}, 20), "2 items");
  const std::vector<std::string> many(1000, "compute-1");
  const std::string text = join_some(many, kMaxMessageBytes);
  EXPECT_LE(text.size(), kMaxMessageBytes);
  EXPECT_TRUE(text.ends_with(" more"));
}

}  // namespace
}  // namespace vmha::api
