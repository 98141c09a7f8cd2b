#include "controller/telemetry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vmha::controller {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const WallTime kDecided{std::chrono::sys_days{std::chrono::year{2026} / 11 / 23}};

api::ComputeNode fenced(api::ProofState power, const std::string& id = "compute-1-x7k2q") {
  api::ComputeNode node;
  node.metadata.name = "compute-1";
  node.status.fence.emplace();
  node.status.fence->id = FenceId{id};
  node.status.fence->decided_time = kDecided;
  node.status.fence->power.state = power;
  if (power == api::ProofState::kProven) node.status.fence->power.proven_time = kDecided + seconds(4);
  return node;
}

api::ProtectedInstance recovering(api::RecoveryStep step) {
  api::ProtectedInstance instance;
  instance.metadata.name = "db-0";
  instance.status.recovery.emplace();
  instance.status.recovery->fence_id = FenceId{"compute-1-x7k2q"};
  instance.status.recovery->phase = step;
  instance.status.recovery->started_time = kDecided;
  instance.status.recovery->finished_time = kDecided + seconds(9);
  return instance;
}

TEST(TelemetryTest, EveryLabelValueExistsFromTheStart) {
  const std::string text = Telemetry("1.2.3").text();
  for (const char* line : {"vmha_fence_total{method=\"power\",outcome=\"failed\"} 0", "vmha_instance_recovery_total{outcome=\"failed\"} 0",
                           "vmha_protected_instances{phase=\"Failed\"} 0", "vmha_blocklist_entries{owner=\"foreign\"} 0",
                           "vmha_evidence_age_seconds{source=\"NovaService\"} Nan", "vmha_storm_held 0", "vmha_instances_not_recoverable 0",
                           "leader_election_master_status{name=\"vmha-controller\"} 0", "workqueue_depth{name=\"vmha\"} 0",
                           "vmha_effect_total{kind=\"Evacuate\",outcome=\"ok\"} 0", "vmha_effect_total{kind=\"EmitEvent\",outcome=\"UnknownOutcome\"} 0",
                           "controller_runtime_reconcile_total{controller=\"computenode\",result=\"error\"} 0",
                           "controller_runtime_reconcile_errors_total{controller=\"shared\"} 0", "vmha_build_info{version=\"1.2.3\"} 1"})
    EXPECT_THAT(text, HasSubstr(line));
}

TEST(TelemetryTest, AFenceIsCountedOnceWhenItsProofIsStored) {
  Telemetry telemetry;
  telemetry.leading(true);
  telemetry.seen(fenced(api::ProofState::kPending));
  telemetry.stored(fenced(api::ProofState::kRequested));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_fence_total{method=\"power\",outcome=\"proven\"} 0"));
  telemetry.stored(fenced(api::ProofState::kProven));
  telemetry.seen(fenced(api::ProofState::kProven));
  telemetry.stored(fenced(api::ProofState::kProven));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_fence_total{method=\"power\",outcome=\"proven\"} 1"));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_fence_duration_seconds_sum{method=\"power\"} 4"));
  telemetry.stored(fenced(api::ProofState::kProven, "compute-1-other"));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_fence_total{method=\"power\",outcome=\"proven\"} 2"));
}

TEST(TelemetryTest, TheWatchOfAWriteThatOvertakesItsAnswerHidesNothing) {
  Telemetry telemetry;
  telemetry.seen(fenced(api::ProofState::kPending));
  telemetry.leading(true);
  telemetry.seen(fenced(api::ProofState::kProven));
  telemetry.stored(fenced(api::ProofState::kProven));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_fence_total{method=\"power\",outcome=\"proven\"} 1"));
}

TEST(TelemetryTest, WhatTheLeaderBeforeCountedIsNotCountedAgain) {
  Telemetry telemetry;
  telemetry.seen(fenced(api::ProofState::kPending));
  telemetry.seen(fenced(api::ProofState::kProven));
  telemetry.seen(recovering(api::RecoveryStep::kRequested));
  telemetry.seen(recovering(api::RecoveryStep::kAttested));
  telemetry.leading(true);
  telemetry.stored(fenced(api::ProofState::kProven));
  telemetry.stored(recovering(api::RecoveryStep::kAttested));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_fence_total{method=\"power\",outcome=\"proven\"} 0"));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_instance_recovery_total{outcome=\"recovered\"} 0"));
}

TEST(TelemetryTest, ARecoveryIsCountedAtItsEnd) {
  Telemetry telemetry;
  telemetry.leading(true);
  telemetry.stored(recovering(api::RecoveryStep::kMoved));
  telemetry.stored(recovering(api::RecoveryStep::kAttested));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_instance_recovery_total{outcome=\"recovered\"} 1"));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_instance_recovery_duration_seconds_sum 9"));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_instance_recovery_total{outcome=\"failed\"} 0"));
}

TEST(TelemetryTest, AHostThatIsGoneLeavesNoSeries) {
  Telemetry telemetry;
  Snapshot snapshot;
  snapshot.verdicts["compute-1"] = api::VerdictValue::kDead;
  snapshot.fencing_ready["compute-1"] = true;
  snapshot.fences["compute-1"] = api::FenceState::kProven;
  telemetry.snapshot(snapshot);
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_compute_node_fence{node=\"compute-1\",state=\"Proven\"} 1"));
  EXPECT_THAT(telemetry.text(), HasSubstr("vmha_compute_node_fence{node=\"compute-1\",state=\"None\"} 0"));
  telemetry.snapshot({});
  EXPECT_THAT(telemetry.text(), Not(HasSubstr("compute-1")));
}

TEST(TelemetryTest, PassesAndFailedCallsAreReconciles) {
  Telemetry telemetry;
  Snapshot snapshot;
  snapshot.passes["computenode"] = 3;
  telemetry.snapshot(snapshot);
  snapshot.passes["computenode"] = 5;
  telemetry.snapshot(snapshot);
  const Effect write{1, "cn/compute-1/status", {}, WriteNodeStatus{}};
  telemetry.effect(write, fail(ErrorKind::kConflict, "newer"), seconds(1));
  telemetry.effect(write, fail(ErrorKind::kForbidden, "no right"), seconds(1));
  EXPECT_THAT(telemetry.text(), HasSubstr("controller_runtime_reconcile_total{controller=\"computenode\",result=\"success\"} 5"));
  EXPECT_THAT(telemetry.text(), HasSubstr("controller_runtime_reconcile_errors_total{controller=\"computenode\"} 1"));
}

TEST(TelemetryTest, RequestsToTheApiServerAreCountedAsClientGoDoes) {
  Telemetry telemetry;
  const auto observe = telemetry.kubernetes_observer("https://10.0.0.1:6443/prefix");
  observe({"GET", "/x", 200, std::chrono::milliseconds(3)});
  observe({"GET", "/x", 0, std::chrono::milliseconds(3)});
  EXPECT_THAT(telemetry.text(), HasSubstr("rest_client_requests_total{code=\"200\",host=\"10.0.0.1:6443\",method=\"GET\"} 1"));
  EXPECT_THAT(telemetry.text(), HasSubstr("rest_client_requests_total{code=\"<error>\",host=\"10.0.0.1:6443\",method=\"GET\"} 1"));
}

}  // namespace
}  // namespace vmha::controller
