#include "reconcilers/policy/storm.h"

#include <gtest/gtest.h>

#include <string>

namespace vmha::policy {
namespace {

const Instant kNow{seconds(1000)};

NodeName node(int i) { return NodeName{"compute-" + std::to_string(i)}; }

/// A cloud of hosts in racks of ten, of which some are unhealthy.
struct Cloud {
  std::map<NodeName, HostStanding> hosts;
  api::Storm limits;
  Storm storm;
  Instant now = kNow;

  explicit Cloud(int total) {
    for (int i = 0; i < total; ++i) hosts[node(i)].failure_domain = "r" + std::to_string(i / 10);
  }
  Cloud& unhealthy(int first, int count) {
    for (int i = first; i < first + count; ++i) hosts[node(i)].unhealthy = true;
    return *this;
  }
  Cloud& healthy(int first, int count) {
    for (int i = first; i < first + count; ++i) hosts[node(i)].unhealthy = false;
    return *this;
  }
  Cloud& held(int i, bool value = true) {
    hosts[node(i)].held = value;
    return *this;
  }
  BudgetVerdict ask(int i) {
    storm.update(hosts, limits, now);
    return storm.allows(node(i));
  }
};

struct BudgetCase {
  int total;
  api::Share budget;
  int unhealthy;
  bool allows;
};

class BudgetTest : public ::testing::TestWithParam<BudgetCase> {};

TEST_P(BudgetTest, AllowsExactlyTheBudgetAndNotOneMore) {
  const BudgetCase& c = GetParam();
  Cloud cloud(c.total);
  cloud.limits.max_unhealthy = c.budget;
  cloud.unhealthy(0, c.unhealthy);
  const BudgetVerdict verdict = cloud.ask(0);
  EXPECT_EQ(verdict.allows, c.allows) << verdict.reason;
  EXPECT_EQ(verdict.reason.empty(), c.allows);
}

INSTANTIATE_TEST_SUITE_P(All, BudgetTest,
                         ::testing::Values(BudgetCase{10, {40, true}, 4, true}, BudgetCase{10, {40, true}, 5, false}, BudgetCase{9, {40, true}, 3, true}, BudgetCase{9, {40, true}, 4, false},
                                           BudgetCase{10, {3, false}, 3, true}, BudgetCase{10, {3, false}, 4, false}, BudgetCase{2, {40, true}, 1, true}, BudgetCase{2, {40, true}, 2, false},
                                           BudgetCase{10, {0, true}, 1, true}, BudgetCase{1, {40, true}, 1, true}));

TEST(StormTest, AHostThatIsNotCountedYetIsNotFenced) {
  Cloud cloud(10);
  EXPECT_FALSE(cloud.ask(99).allows);
  EXPECT_FALSE(Storm().allows(node(0)).allows) << "before the first update";
}

TEST(StormTest, OverTheBudgetOneByOneHoldsAllThatAreStillToBeFenced) {
  Cloud cloud(10);
  cloud.unhealthy(0, 5);
  for (int i = 0; i < 5; ++i) EXPECT_FALSE(cloud.ask(i).allows);
}

TEST(StormTest, AHostThatLooksWellWouldCountOnceItIsFenced) {
  Cloud cloud(10);
  cloud.unhealthy(0, 3);
  EXPECT_TRUE(cloud.ask(9).allows);
  cloud.unhealthy(3, 1);
  EXPECT_TRUE(cloud.ask(3).allows);
  EXPECT_FALSE(cloud.ask(9).allows) << "it would be the fifth";
}

// ---- Failure domains

TEST(StormTest, AFailureDomainHasItsOwnBudget) {
  Cloud cloud(40);
  cloud.limits.max_unhealthy_per_failure_domain = {20, true};
  cloud.unhealthy(0, 2);
  EXPECT_TRUE(cloud.ask(0).allows);
  cloud.unhealthy(2, 1);
  EXPECT_FALSE(cloud.ask(0).allows);
  EXPECT_NE(cloud.ask(0).reason.find("r0"), std::string::npos);
}

TEST(StormTest, AHostThatLooksWellWouldCountInItsFailureDomain) {
  Cloud cloud(40);
  cloud.limits.max_unhealthy_per_failure_domain = {20, true};
  cloud.unhealthy(0, 2);
  EXPECT_FALSE(cloud.ask(9).allows);
  EXPECT_TRUE(cloud.ask(10).allows);
}

TEST(StormTest, AFailureDomainOverItsBudgetHoldsNoOther) {
  Cloud cloud(40);
  cloud.limits.max_unhealthy_per_failure_domain = {20, true};
  cloud.unhealthy(0, 3).unhealthy(10, 1);
  EXPECT_FALSE(cloud.ask(0).allows);
  EXPECT_TRUE(cloud.ask(10).allows);
  cloud.held(0);
  EXPECT_TRUE(cloud.ask(10).allows) << "also while the first one's hold stands";
}

TEST(StormTest, AHeldFailureDomainIsFreeOnlyAfterItsOwnCooldown) {
  Cloud cloud(40);
  cloud.limits.max_unhealthy_per_failure_domain = {20, true};
  cloud.unhealthy(0, 3).held(0);
  ASSERT_FALSE(cloud.ask(0).allows);
  cloud.healthy(1, 1).now += seconds(59);
  EXPECT_FALSE(cloud.ask(0).allows);
  cloud.now += seconds(1);
  EXPECT_TRUE(cloud.ask(0).allows);
}

TEST(StormTest, AHostWithoutFailureDomainHasNoneToExceed) {
  Cloud cloud(10);
  cloud.limits.max_unhealthy_per_failure_domain = {1, false};
  for (auto& [name, host] : cloud.hosts) host.failure_domain.clear();
  cloud.unhealthy(0, 4);
  EXPECT_TRUE(cloud.ask(0).allows);
}

// ---- Cooldown

TEST(StormTest, AfterAHoldTheEvidenceMustBeCalmForTheWholeCooldown) {
  Cloud cloud(10);
  cloud.unhealthy(0, 5).held(0);
  ASSERT_FALSE(cloud.ask(0).allows);
  cloud.healthy(3, 2).now += seconds(1);
  EXPECT_FALSE(cloud.ask(0).allows);
  cloud.now += seconds(40);
  cloud.unhealthy(3, 2);
  EXPECT_FALSE(cloud.ask(0).allows) << "over again: the calm begins anew";
  cloud.healthy(3, 2).now += seconds(59);
  EXPECT_FALSE(cloud.ask(0).allows);
  cloud.now += seconds(1);
  EXPECT_TRUE(cloud.ask(0).allows);
}

TEST(StormTest, WithoutAHoldThereIsNoCooldown) {
  Cloud cloud(10);
  cloud.unhealthy(0, 5);
  ASSERT_FALSE(cloud.ask(0).allows);
  cloud.healthy(3, 2).now += seconds(1);
  EXPECT_TRUE(cloud.ask(0).allows);
}

TEST(StormTest, SaysWhoIsHeldAndWhy) {
  Cloud cloud(10);
  cloud.unhealthy(0, 5).held(0).held(3);
  cloud.ask(0);
  EXPECT_TRUE(cloud.storm.is_held());
  EXPECT_EQ(cloud.storm.hosts(), (std::set<std::string>{"compute-0", "compute-3"}));
  EXPECT_EQ(cloud.storm.reason(), "5 of 10 hosts are unhealthy, the budget is 4");
  cloud.held(0, false).held(3, false).ask(0);
  EXPECT_FALSE(cloud.storm.is_held());
}

// ---- Fences at once

TEST(StormTest, NotMoreFencesAreMadeAtOnceThanTheLimit) {
  Cloud cloud(100);
  cloud.limits.max_concurrent_fences = 2;
  cloud.unhealthy(0, 3);
  cloud.hosts[node(0)].fencing = true;
  EXPECT_TRUE(cloud.ask(2).allows);
  cloud.hosts[node(1)].fencing = true;
  EXPECT_FALSE(cloud.ask(2).allows);
  cloud.held(2).hosts[node(0)].fencing = false;
  EXPECT_TRUE(cloud.ask(2).allows) << "no cooldown: this was no storm";
}

}  // namespace
}  // namespace vmha::policy
