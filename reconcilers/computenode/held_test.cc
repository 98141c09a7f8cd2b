// The budget holds a fence; a person lets it go, or asks for one.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "reconcilers/computenode/testing.h"

namespace vmha::computenode::testing {
namespace {

using api::FenceState;
using api::ProofState;
using api::VerdictValue;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// ---- The budget

TEST(BudgetTest, OverTheBudgetAFenceIsHeldAndTouchesNothing) {
  Scene scene;
  scene.dead().with_finalizer();
  scene.rest.budget_allows = false;
  scene.rest.budget_reason = "5 of 10 hosts are unhealthy, the budget is 4";
  const NodeDecision decision = scene.decided();
  ASSERT_TRUE(stands(decision));
  EXPECT_EQ(decision.status.fence->state, FenceState::kHeld);
  EXPECT_EQ(decision.status.phase, api::NodePhase::kHeld);
  EXPECT_EQ(announced(decision, "StormHeld"), 1);
  EXPECT_EQ(condition_reason(decision, api::condition::kHeld), "Storm");
  scene.store(decision);
  const NodeDecision next = scene.decided();
  EXPECT_THAT(acts(next), IsEmpty());
  EXPECT_EQ(next.status.fence->state, FenceState::kHeld);
}

struct ApprovalCase {
  std::string word;
  bool lets_go;
};

class ApprovalTest : public ::testing::TestWithParam<ApprovalCase> {};

TEST_P(ApprovalTest, OnlyTheFenceIdOrTheStormIdLetsAHeldFenceGo) {
  Scene scene;
  scene.intended(FenceState::kHeld).annotate(api::kApproveAnnotation, GetParam().word);
  scene.rest.budget_allows = false;
  scene.rest.storm_id = "storm-xyzzy";
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(decision.status.fence->state, GetParam().lets_go ? FenceState::kFencing : FenceState::kHeld);
  EXPECT_EQ(announced(decision, "StormReleased"), GetParam().lets_go ? 1 : 0);
  EXPECT_THAT(acts(decision), IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(All, ApprovalTest,
                         ::testing::Values(ApprovalCase{kFence.value, true}, ApprovalCase{"storm-xyzzy", true}, ApprovalCase{"compute-1-other", false}, ApprovalCase{"true", false},
                                           ApprovalCase{"", false}));

TEST(BudgetTest, AnEmptyApprovalDoesNotMatchAStormWithoutId) {
  Scene scene;
  scene.intended(FenceState::kHeld).annotate(api::kApproveAnnotation, "");
  scene.rest.budget_allows = false;
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kHeld);
}

TEST(BudgetTest, AnApprovalDoesNotReplaceTheEvidence) {
  Scene scene;
  scene.intended(FenceState::kHeld).annotate(api::kApproveAnnotation, kFence.value).judged(VerdictValue::kUnknown);
  scene.rest.budget_allows = false;
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kHeld);
}

TEST(BudgetTest, AHeldFenceGoesOnOnceThereIsRoom) {
  Scene scene;
  scene.intended(FenceState::kHeld);
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kFencing);
}

// ---- A person's word

struct WordCase {
  std::string name;
  Duration ago;
  bool counts;
};

class PersonsWordTest : public ::testing::TestWithParam<WordCase> {};

TEST_P(PersonsWordTest, CountsForFiveMinutesAndNeverBeforeItsTime) {
  Scene scene;
  scene.with_finalizer().person_asks(GetParam().ago);
  EXPECT_EQ(stands(scene.decided()), GetParam().counts);
}

INSTANTIATE_TEST_SUITE_P(All, PersonsWordTest,
                         ::testing::Values(WordCase{"now", seconds(0), true}, WordCase{"fresh", seconds(299), true}, WordCase{"exactly_five_minutes", seconds(300), true},
                                           WordCase{"stale", seconds(301), false}, WordCase{"in_the_future", -seconds(1), false}, WordCase{"from_another_year", std::chrono::hours(9000), false}),
                         [](const auto& of) { return of.param.name; });

TEST(PersonsWordTest, WhatIsNoTimeAsksForNothing) {
  for (const std::string word : {"", "true", "now", "2026-11-23", "2026-11-23T00:00:00"}) {
    Scene scene;
    scene.with_finalizer().annotate(api::kFenceAnnotation, word);
    EXPECT_FALSE(stands(scene.decided())) << word;
  }
}

TEST(PersonsWordTest, IsUsedUpOnceTheIntentIsStored) {
  Scene scene;
  scene.with_finalizer().person_asks(seconds(5));
  const NodeDecision first = scene.decided();
  ASSERT_TRUE(stands(first));
  EXPECT_FALSE(first.metadata) << "not before the intent is stored";
  EXPECT_EQ(first.status.fence->power.state, ProofState::kRequested) << "else a healthy host's fence would be withdrawn once the word is gone";
  scene.store(first);
  const NodeDecision second = scene.decided();
  ASSERT_TRUE(second.metadata);
  EXPECT_THAT(second.metadata->remove_annotations, ElementsAre(std::string(api::kFenceAnnotation)));
  scene.store(second);
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kFencing) << "the host still looks healthy; the word was given";
}

TEST(PersonsWordTest, OverTheBudgetItIsHeldUntilApprovedAndNotForgotten) {
  Scene scene;
  scene.with_finalizer().person_asks(seconds(5));
  scene.rest.budget_allows = false;
  scene.store(scene.decided());
  ASSERT_EQ(scene.fence().state, FenceState::kHeld);
  scene.store(scene.decided());
  ASSERT_EQ(scene.object.metadata.annotations.count(std::string(api::kFenceAnnotation)), 0U);
  scene.store(scene.decided());
  ASSERT_EQ(scene.fence().state, FenceState::kHeld) << "healthy, but a person asked";
  scene.annotate(api::kApproveAnnotation, scene.fence().id.value);
  EXPECT_EQ(scene.decided().status.fence->state, FenceState::kFencing);
}

TEST(PersonsWordTest, SkipsTheVerdictButNotTheProof) {
  Scene scene;
  scene.with_finalizer().person_asks(seconds(5));
  scene.store(scene.decided());
  const NodeDecision decision = scene.decided();
  EXPECT_EQ(wished<SetForcedDown>(decision), nullptr);
  EXPECT_EQ(decision.status.fence->state, FenceState::kFencing);
  EXPECT_FALSE(scene.in_force()->requirement_met);
}

}  // namespace
}  // namespace vmha::computenode::testing
