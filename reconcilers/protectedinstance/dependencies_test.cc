#include <gmock/gmock.h>

#include "reconcilers/protectedinstance/testing.h"

namespace vmha::protectedinstance::testing {
namespace {

using api::InstancePhase;
using ::testing::HasSubstr;
using State = Dependency::State;

Scene depending(State state) {
  Scene scene;
  scene.fenced();
  scene.rest.dependencies = {{InstanceName{"dns-0"}, State::kSettled}, {InstanceName{"dns-1"}, state}};
  scene.rest.unsettled_since = scene.now - seconds(299);
  return scene;
}

TEST(DependenciesTest, OneThatIsBeingRecoveredComesFirst) {
  Scene scene = depending(State::kRecovering);
  const InstanceDecision decision = scene.decided();
  EXPECT_EQ(decision.status.phase, InstancePhase::kWaiting);
  EXPECT_THAT(decision.status.recovery->message, HasSubstr("waits for dns-1"));
  EXPECT_FALSE(is_in_flight(decision.status)) << "it holds no place while it waits";
  scene.store(decision);
  scene.rest.dependencies[1].state = State::kSettled;
  EXPECT_TRUE(is_in_flight(scene.decided().status));
}

TEST(DependenciesTest, TheWaitIsBounded) {
  Scene scene = depending(State::kRecovering);
  scene.rest.unsettled_since = scene.now - seconds(300);
  EXPECT_TRUE(is_in_flight(scene.decided().status));
  scene.rest.unsettled_since = scene.now - seconds(1);
  EXPECT_FALSE(is_in_flight(scene.decided().status));
  scene.policy.spec.evacuation.dependency_timeout = std::chrono::seconds(0);
  EXPECT_TRUE(is_in_flight(scene.decided().status));
}

TEST(DependenciesTest, ANameThatThereIsNotAndACircleAreSaidAndNotWaitedFor) {
  for (const auto& [state, reason] : {std::pair{State::kAbsent, "DependencyNotFound"}, std::pair{State::kCircle, "DependencyCircle"}}) {
    const InstanceDecision decision = depending(state).decided();
    EXPECT_TRUE(is_in_flight(decision.status)) << reason;
    EXPECT_EQ(condition_reason(decision, api::condition::kReady), reason);
    EXPECT_TRUE(condition_is(decision, api::condition::kReady, api::ConditionStatus::kTrue)) << reason;
    EXPECT_THAT(api::find_condition(decision.status.conditions, api::condition::kReady)->message, HasSubstr("dns-1"));
  }
}

TEST(DependenciesTest, AnAttemptThatIsUnderWayIsNotHeldUp) {
  Scene scene = depending(State::kRecovering);
  scene.ready_to_ask();
  EXPECT_NE(wished<Evacuate>(scene.decided()), nullptr);
}

}  // namespace
}  // namespace vmha::protectedinstance::testing
