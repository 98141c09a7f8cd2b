#include <gtest/gtest.h>

#include "engine/world_for_tests.h"

namespace vmha::testing {
namespace {

TEST(EngineExplainTest, AQuestionStartsNothingAndChangesNoDecision) {
  HandWorld asked;
  HandWorld quiet;
  for (HandWorld* world : {&asked, &quiet}) {
    world->lead();
    world->post(NodeChanged{fencing_node("compute-1")});
    world->post(NodeChanged{node("compute-2")});
  }
  for (int step = 0; step < 100; ++step) {
    for (HandWorld* world : {&asked, &quiet}) {
      world->pass(kTickEvery);
      if (step % 7 == 0) world->answer<ReadServices>(Answer(std::vector{service("compute-1"), service("compute-2")}));
    }
    const auto in_flight = asked.engine.snapshot(asked.now).effects_in_flight;
    for (const char* name : {"compute-1", "compute-2"}) EXPECT_TRUE(asked.engine.explain(NodeName{name}, asked.now, kWall).has_value());
    EXPECT_EQ(asked.engine.snapshot(asked.now).effects_in_flight, in_flight);
  }
  ASSERT_EQ(asked.started.size(), quiet.started.size());
  for (std::size_t i = 0; i < asked.started.size(); ++i) EXPECT_EQ(asked.started[i].key, quiet.started[i].key);
}

TEST(EngineExplainTest, ItKnowsWhoAnsweredHowOldTheLooksAreAndWhatItWaitsFor) {
  HandWorld world;
  world.lead(true);
  world.post(NodeChanged{node("compute-1")});
  world.answer<ReadServices>(Answer(std::vector{service("compute-1")}));
  world.pass(seconds(2));
  const auto explanation = world.engine.explain(NodeName{"compute-1"}, world.now, kWall);
  ASSERT_TRUE(explanation.has_value());
  EXPECT_EQ(explanation->answered_by, "vmha-0/7");
  ASSERT_EQ(explanation->evidence.size(), 4U);
  EXPECT_EQ(explanation->evidence[0].looked_ago, seconds(2));
  EXPECT_EQ(explanation->verdict.value, api::VerdictValue::kUnknown);
  bool waits = false;
  for (const api::Hold& hold : explanation->holds) waits = waits || (hold.reason == "NewLeader" && hold.left == seconds(3));
  EXPECT_TRUE(waits) << "taken over 2 s ago";
  EXPECT_FALSE(world.engine.explain(NodeName{"compute-9"}, world.now, kWall).has_value());
}

}  // namespace
}  // namespace vmha::testing
