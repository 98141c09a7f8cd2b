#include "clients/kube/lease.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <thread>

#include "clients/kube/live_cluster.h"

namespace vmha::kube {
namespace {

constexpr LeaseTimes kFast{.duration = seconds(4), .renew_deadline = seconds(3), .retry = milliseconds(300), .margin = milliseconds(500)};

/// One process that wants to lead, on a thread.
class Candidate {
 public:
  Candidate(const std::string& ns, const std::string& identity)
      : client_(LiveCluster::client()), options_{ns, "vmha-controller", identity, kFast, {{"test/endpoint", "http://" + identity}}}, thread_([this](const std::stop_token& stop) {
          run_election(*client_, options_, hooks(), stop);
        }) {}
  ~Candidate() {
    thaw();
    stop();
  }

  void stop() {
    thread_.request_stop();
    if (thread_.joinable()) thread_.join();
  }
  /// Stands still like a stopped process, from the next renewal on.
  void freeze() { set_frozen(true); }
  void thaw() { set_frozen(false); }

  std::optional<LeaseTerm> term() const { return locked(term_); }
  Instant led_at() const { return locked(led_at_); }
  Instant lost_at() const { return locked(lost_at_); }
  int led() const { return locked(led_); }
  std::vector<std::string> lost() const { return locked(lost_); }
  bool is_frozen() const { return locked(stands_); }
  std::string holder() const { return locked(holder_); }

 private:
  template <class T>
  T locked(const T& value) const {
    const std::lock_guard lock(mutex_);
    return value;
  }
  void set_frozen(bool on) {
    {
      const std::lock_guard lock(mutex_);
      frozen_ = on;
    }
    changed_.notify_all();
  }
  ElectionHooks hooks() {
    ElectionHooks hooks;
    hooks.on_leading = [this](const LeaseTerm& term) {
      const std::lock_guard lock(mutex_);
      ++led_;
      led_at_ = monotonic_now();
      term_ = term;
    };
    hooks.on_holder = [this](const std::string& identity) {
      const std::lock_guard lock(mutex_);
      holder_ = identity;
    };
    hooks.on_renewed = [this](const LeaseTerm& term) {
      std::unique_lock lock(mutex_);
      term_ = term;
      stands_ = frozen_;
      changed_.wait(lock, [this] { return !frozen_; });
      stands_ = false;
    };
    hooks.on_lost = [this](const std::string& reason) {
      const std::lock_guard lock(mutex_);
      lost_.push_back(reason);
      lost_at_ = monotonic_now();
    };
    return hooks;
  }

  std::unique_ptr<Client> client_;
  ElectionOptions options_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<LeaseTerm> term_;
  std::string holder_;
  Instant led_at_{};
  Instant lost_at_{};
  int led_ = 0;
  std::vector<std::string> lost_;
  bool frozen_ = false;
  bool stands_ = false;
  std::jthread thread_;
};

class LeaseLiveTest : public testing::Test {
 protected:
  std::unique_ptr<Client> client_ = LiveCluster::client();
  std::string ns_ = make_namespace(*client_);
  Resource leases_{"coordination.k8s.io", "v1", "leases", ns_};

  [[nodiscard]] std::string holder() {
    const auto lease = client_->get(leases_, "vmha-controller");
    return lease ? lease->at("spec").value("holderIdentity", "") : "";
  }
};

TEST_F(LeaseLiveTest, AFrozenHolderIsReplacedButNotBeforeItsLeaseRanOutAndItsTermEndedBefore) {
  Candidate first(ns_, "first");
  ASSERT_TRUE(eventually([&] { return first.led() == 1; }));
  Candidate second(ns_, "second");
  const Instant joined = monotonic_now();
  ASSERT_TRUE(eventually([&] { return monotonic_now() - joined > seconds(6); })) << "longer than the lease lasts";
  EXPECT_EQ(second.led(), 0) << "a holder that renews is not replaced";
  first.freeze();
  ASSERT_TRUE(eventually([&] { return first.is_frozen(); }));
  const LeaseTerm last = *first.term();
  const Instant renewed = last.safe_until - kFast.renew_deadline + kFast.margin;
  ASSERT_TRUE(eventually([&] { return second.led() == 1; }));
  EXPECT_GE(second.led_at(), renewed + kFast.duration);
  EXPECT_LE(second.led_at(), renewed + kFast.duration + seconds(10));
  EXPECT_GT(second.led_at(), last.safe_until);
  EXPECT_EQ(second.term()->transitions, last.transitions + 1);
  first.thaw();
  ASSERT_TRUE(eventually([&] { return !first.lost().empty(); }));
  first.stop();
  EXPECT_EQ(first.lost().size(), 1U);
  EXPECT_EQ(holder(), "second");
}

TEST_F(LeaseLiveTest, ACleanStopHandsTheLeaseOverAtOnce) {
  Candidate first(ns_, "first");
  ASSERT_TRUE(eventually([&] { return first.led() == 1; }));
  Candidate second(ns_, "second");
  first.stop();
  const Instant stopped = monotonic_now();
  EXPECT_THAT(first.lost(), testing::IsEmpty()) << "stopping is no loss";
  ASSERT_TRUE(eventually([&] { return second.led() == 1; }));
  EXPECT_LT(second.led_at() - stopped, kFast.duration / 2);
  EXPECT_EQ(second.term()->transitions, 1 + first.term()->transitions);
}

TEST_F(LeaseLiveTest, TheHoldersAnnotationsAreOnTheLeaseAndEveryCandidateKnowsWhoHoldsIt) {
  const auto endpoint = [&] {
    const auto lease = client_->get(leases_, "vmha-controller");
    return lease ? lease->value(nlohmann::json::json_pointer("/metadata/annotations/test~1endpoint"), std::string()) : "unreadable";
  };
  Candidate first(ns_, "first");
  ASSERT_TRUE(eventually([&] { return first.led() == 1; }));
  EXPECT_EQ(endpoint(), "http://first");
  Candidate second(ns_, "second");
  EXPECT_TRUE(eventually([&] { return second.holder() == "first"; }));
  EXPECT_EQ(first.holder(), "first");
  first.stop();
  ASSERT_TRUE(eventually([&] { return second.led() == 1; }));
  EXPECT_EQ(endpoint(), "http://second");
  EXPECT_EQ(second.holder(), "second");
  second.stop();
  EXPECT_EQ(endpoint(), "") << "nobody answers there any more";
}

TEST_F(LeaseLiveTest, OfManyOneLeads) {
  std::vector<std::unique_ptr<Candidate>> all;
  for (int i = 0; i < 5; ++i) all.push_back(std::make_unique<Candidate>(ns_, "c" + std::to_string(i)));
  const auto leaders = [&] { return std::count_if(all.begin(), all.end(), [](const auto& c) { return c->led() > 0; }); };
  ASSERT_TRUE(eventually([&] { return leaders() > 0; }));
  const Instant start = monotonic_now();
  ASSERT_TRUE(eventually([&] { return leaders() != 1 || monotonic_now() - start > seconds(2); }));
  EXPECT_EQ(leaders(), 1);
}

TEST_F(LeaseLiveTest, AHolderWhoseServerIsAwayTooLongLosesOnceAndStopsInTime) {
  Candidate first(ns_, "first");
  ASSERT_TRUE(eventually([&] { return first.led() == 1; }));
  LiveCluster::get().kill_apiserver();
  ASSERT_TRUE(eventually([&] { return !first.lost().empty(); }));
  const Instant renewed = first.term()->safe_until - kFast.renew_deadline + kFast.margin;
  EXPECT_LT(first.lost_at() - renewed, kFast.duration) << "before another could lead";
  LiveCluster::get().start_apiserver();
  first.stop();
  EXPECT_EQ(first.lost().size(), 1U);
  EXPECT_EQ(first.led(), 1);
}

TEST_F(LeaseLiveTest, AStrangersLabelDoesNotCostTheLease) {
  Candidate first(ns_, "first");
  ASSERT_TRUE(eventually([&] { return first.led() == 1; }));
  ASSERT_TRUE(client_->merge_patch(leases_, "vmha-controller", {{"metadata", {{"labels", {{"seen", "yes"}}}}}}).has_value());
  const Instant before = first.term()->safe_until;
  EXPECT_TRUE(eventually([&] { return first.term()->safe_until > before + seconds(1); }));
  EXPECT_THAT(first.lost(), testing::IsEmpty());
  EXPECT_EQ(client_->get(leases_, "vmha-controller")->at("metadata").at("labels").at("seen"), "yes");
}

}  // namespace
}  // namespace vmha::kube
