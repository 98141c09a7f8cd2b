#include "cli/order.h"

#include <gtest/gtest.h>

#include "api/names.h"
#include "cli/testing.h"

namespace vmha::cli::testing {
namespace {

api::ComputeNode& node(Resources& resources, const std::string& name) { return const_cast<api::ComputeNode&>(*resources.node(name)); }

TEST(OrderTest, AFenceIsOrderedByTheTimeOfNowAfterSayingWhatItMeans) {
  const Resources all = resources("healthy");
  const auto order = order_fence(all, "compute-1", kNow);
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(order->nodes, std::vector<std::string>{"compute-1"});
  EXPECT_EQ(order->annotation, "vmha.openstack.org/fence");
  EXPECT_EQ(parse_rfc3339(order->value), kNow);
  expect_text("order-fence.txt", order->meaning);
}

TEST(OrderTest, AFenceThatWouldNotBeObeyedIsRefused) {
  const auto refused = [](const Resources& all, const std::string& name) {
    const auto order = order_fence(all, name, kNow);
    return order ? "ordered" : order.error().message;
  };
  Resources all = resources("healthy");
  EXPECT_EQ(refused(all, "compute-9"), "no ComputeNode compute-9 in namespace openstack");
  node(all, "compute-1").spec.maintenance = true;
  EXPECT_EQ(refused(all, "compute-1"), "vmha would not fence compute-1: it says spec.maintenance: true");
  node(all, "compute-2").metadata.annotations[std::string(api::kPausedAnnotation)] = "true";
  EXPECT_EQ(refused(all, "compute-2"), "vmha would not fence compute-2: it has the annotation vmha.openstack.org/paused=true");
  all.policies.front().spec.mode = api::PolicyMode::kDryRun;
  EXPECT_EQ(refused(all, "compute-2"), "vmha would not fence compute-2: its policy default says mode: DryRun");
  all.policies.front().spec.paused = true;
  EXPECT_EQ(refused(all, "compute-2"), "vmha would not fence compute-2: its policy default is paused");
  all.policies.clear();
  EXPECT_EQ(refused(all, "compute-2"), "vmha would not fence compute-2: its policy default does not exist");
  EXPECT_EQ(refused(resources("fencing"), "compute-1"), "compute-1 has a fence already: compute-1-x7k2q");
}

TEST(OrderTest, AReleaseNamesTheFenceAndWhatIsNotRecovered) {
  Resources all = resources("fencing");
  node(all, "compute-1").status.recovery = api::NodeRecovery{FenceId{"compute-1-x7k2q"}, kNow, {}, 3, 1, 1, 0, 1};
  const auto order = order_release(all, "compute-1-x7k2q");
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(order->nodes, std::vector<std::string>{"compute-1"});
  EXPECT_EQ(order->annotation, "vmha.openstack.org/release");
  EXPECT_EQ(order->value, "compute-1-x7k2q");
  expect_text("order-release.txt", order->meaning);
}

TEST(OrderTest, OnlyAFenceThatStandsIsReleased) {
  Resources all = resources("fencing");
  EXPECT_EQ(order_release(all, "compute-1-other").error().kind, ErrorKind::kNotFound);
  node(all, "compute-1").status.fence->state = api::FenceState::kLifted;
  EXPECT_EQ(order_release(all, "compute-1-x7k2q").error().message, "fence compute-1-x7k2q does not stand any more: Lifted");
  node(all, "compute-1").status.fence->state = api::FenceState::kHeld;
  EXPECT_EQ(order_release(all, "compute-1-x7k2q").error().kind, ErrorKind::kInvalid) << "there is nothing to return from";
}

TEST(OrderTest, AStormIsApprovedOnEachHostThatItHolds) {
  Resources all = resources("storm");
  all.nodes.push_back(*resources("healthy").node("compute-2"));  // not held: gets no word that could count later
  const auto order = order_approve(all, "storm-k2j4p");
  ASSERT_TRUE(order) << order.error().message;
  EXPECT_EQ(order->nodes, std::vector<std::string>{"compute-1"});
  EXPECT_EQ(order->annotation, "vmha.openstack.org/approve");
  EXPECT_EQ(order->value, "storm-k2j4p");
  expect_text("order-approve.txt", order->meaning);
}

TEST(OrderTest, AFenceIsApprovedOnlyWhileItIsHeld) {
  EXPECT_EQ(order_approve(resources("storm"), "compute-1-x7k2q")->value, "compute-1-x7k2q");
  EXPECT_EQ(order_approve(resources("fencing"), "compute-1-x7k2q").error().message, "nothing is held by compute-1-x7k2q");
  EXPECT_EQ(order_approve(resources("fencing"), "storm-old").error().kind, ErrorKind::kNotFound);
}

}  // namespace
}  // namespace vmha::cli::testing
