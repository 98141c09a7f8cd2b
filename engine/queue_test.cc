#include "engine/queue.h"

#include <gtest/gtest.h>

#include "engine/calls.h"

namespace vmha {
namespace {

using Priority = Queue::Priority;
const Instant kNow{seconds(1000)};

TEST(QueueTest, TheHigherPriorityGoesFirst) {
  Queue queue;
  queue.add("resync", Priority::kResync);
  queue.add("ordinary", Priority::kOrdinary);
  queue.add("fence", Priority::kFence);
  queue.add("recovery", Priority::kRecovery);
  for (const char* expected : {"fence", "recovery", "ordinary", "resync"}) EXPECT_EQ(queue.take(), expected);
  EXPECT_FALSE(queue.take());
}

TEST(QueueTest, AKeyIsInItOnceWithTheHighestPriorityAskedFor) {
  Queue queue;
  queue.add("a", Priority::kResync);
  queue.add("b", Priority::kOrdinary);
  queue.add("a", Priority::kFence);
  queue.add("a", Priority::kResync);
  EXPECT_EQ(queue.depth(), 2U);
  EXPECT_EQ(queue.take(), "a");
  EXPECT_EQ(queue.take(), "b");
  EXPECT_FALSE(queue.take());
}

TEST(QueueTest, OfTwoWakeTimesTheEarlierOneIsKept) {
  Queue queue;
  queue.wake("a", kNow + seconds(5));
  queue.wake("a", kNow + seconds(9));
  queue.wake("b", kNow + seconds(9));
  queue.wake("b", kNow + seconds(5));
  queue.fire(kNow + seconds(4), Priority::kOrdinary);
  EXPECT_EQ(queue.depth(), 0U);
  queue.fire(kNow + seconds(5), Priority::kOrdinary);
  EXPECT_EQ(queue.depth(), 2U);
  while (queue.take()) {
  }
  queue.fire(kNow + seconds(60), Priority::kOrdinary);
  EXPECT_EQ(queue.depth(), 0U) << "each fires once";
}

TEST(QueueTest, WhatIsForgottenNeitherComesNorWakes) {
  Queue queue;
  queue.add("a", Priority::kFence);
  queue.wake("a", kNow);
  queue.forget("a");
  queue.fire(kNow + seconds(1), Priority::kFence);
  EXPECT_FALSE(queue.take());
}

TEST(CallsTest, AKeyIsBusyUntilItsOwnAnswer) {
  Calls calls;
  const auto first = calls.start(Owner{"cn/a", "storage"}, "cn/a/storage", BlocklistAdd{}, kNow);
  ASSERT_TRUE(first);
  EXPECT_FALSE(calls.start(Owner{"cn/a", "storage"}, "cn/a/storage", BlocklistRemove{}, kNow));
  EXPECT_FALSE(calls.finish(EffectDone{first->id + 1, kNow, Answer(Done{})}, kNow));
  EXPECT_TRUE(calls.is_busy("cn/a/storage"));
  EXPECT_TRUE(calls.finish(EffectDone{first->id, kNow, Answer(Done{})}, kNow));
  EXPECT_FALSE(calls.finish(EffectDone{first->id, kNow, Answer(Done{})}, kNow)) << "doubled";
  EXPECT_FALSE(calls.is_busy("cn/a/storage"));
}

TEST(CallsTest, ALaneCountsFailuresInARowUntilASuccess) {
  Calls calls;
  const auto end = [&](Result<Answer> outcome) {
    const auto effect = calls.start(Owner{"cn/a", "power/bmc"}, "cn/a/power/bmc", ReadPower{}, kNow);
    calls.finish(EffectDone{effect->id, kNow, std::move(outcome)}, kNow);
    return calls.lanes("cn/a").at("power/bmc");
  };
  EXPECT_EQ(end(fail(ErrorKind::kTimeout, "no answer")).failures_in_a_row, 1);
  EXPECT_EQ(end(fail(ErrorKind::kTimeout, "no answer")).failures_in_a_row, 2);
  EXPECT_EQ(end(Answer(power::Reading{})).failures_in_a_row, 0);
  EXPECT_EQ(end(Answer(power::Reading{})).error, "");
  calls.forget("cn/a");
  EXPECT_TRUE(calls.lanes("cn/a").empty());
}

TEST(CallsTest, SharedReadsHaveOneKeyAndActsHaveTheirOwn) {
  const Owner a{"cn/a", "x"};
  const Owner b{"cn/b", "x"};
  const Operation shared[] = {ReadServices{}, ReadAllServers{}, ReadBlocklist{}, ReadHostServers{NovaHost{"h"}}, ReadMigrations{NovaHost{"h"}}, ReadServer{ServerId{"s"}}};
  for (const Operation& operation : shared) EXPECT_EQ(key_of(a, operation), key_of(b, operation)) << name_of(operation);
  EXPECT_NE(key_of(a, ReadHostServers{NovaHost{"h"}}), key_of(a, ReadHostServers{NovaHost{"i"}}));
  const Operation own[] = {BlocklistAdd{}, PowerOff{}, SetForcedDown{}, WriteNodeStatus{}, ReadDisks{}};
  for (const Operation& operation : own) EXPECT_NE(key_of(a, operation), key_of(b, operation)) << name_of(operation);
}

}  // namespace
}  // namespace vmha
