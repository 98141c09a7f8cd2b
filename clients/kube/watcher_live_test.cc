#include "clients/kube/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <nlohmann/json.hpp>

#include "clients/kube/live_cluster.h"

namespace vmha::kube {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using Objects = std::map<std::string, std::string>;

class WatcherLiveTest : public testing::Test {
 protected:
  LiveCluster& cluster_ = LiveCluster::get();
  std::unique_ptr<Client> client_ = LiveCluster::client();
  Resource maps_{"", "v1", "configmaps", make_namespace(*client_)};

  json put(const std::string& name, const std::string& value) {
    const json object = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"data", {{"value", value}}}};
    const auto stored = client_->apply(maps_, name, object, {.field_manager = "test"});
    EXPECT_TRUE(stored.has_value()) << describe(stored.error());
    return stored.value_or(json());
  }

  void remove(const std::string& name) {
    const auto removed = client_->remove(maps_, name);
    EXPECT_TRUE(removed.has_value()) << describe(removed.error());
  }
};

TEST_F(WatcherLiveTest, ALongListComesInPagesAndIsCompleteOnce) {
  for (int i = 0; i < 1200; ++i) {
    const json object = {{"metadata", {{"name", "m" + std::to_string(i)}}}};
    ASSERT_TRUE(client_->create_object(maps_, object).has_value());
  }
  std::atomic<int> pages{0};
  auto observed = LiveCluster::client(LiveCluster::config(), [&pages](const http::Exchange& exchange) {
    if (exchange.path.find("limit=500") != std::string_view::npos) ++pages;
  });
  Mirror mirror(*observed, maps_);
  ASSERT_TRUE(eventually([&] { return mirror.synced(); }));
  EXPECT_EQ(mirror.objects().size(), 1200U);
  EXPECT_EQ(mirror.applied(), 1200);
  EXPECT_EQ(mirror.lists(), 1);
  EXPECT_EQ(pages, 3);
}

TEST_F(WatcherLiveTest, SeesWhatIsAddedChangedAndDeleted) {
  put("a", "1");
  put("b", "1");
  Mirror mirror(*client_, maps_);
  ASSERT_TRUE(eventually([&] { return mirror.synced(); }));
  put("c", "1");
  put("a", "2");
  remove("b");
  EXPECT_TRUE(eventually([&] { return mirror.objects() == Objects{{"a", "2"}, {"c", "1"}}; }));
  EXPECT_EQ(mirror.lists(), 1);
  EXPECT_THAT(mirror.errors(), IsEmpty());
}

TEST_F(WatcherLiveTest, AnObjectOfNearlyAMegabyteArrivesWhole) {
  Mirror mirror(*client_, maps_);
  ASSERT_TRUE(eventually([&] { return mirror.synced(); }));
  const std::string large(900 * 1024, 'x');
  const json object = {{"metadata", {{"name", "large"}}}, {"data", {{"value", large}}}};
  ASSERT_TRUE(client_->create_object(maps_, object).has_value());
  EXPECT_TRUE(eventually([&] { return mirror.objects() == Objects{{"large", large}}; }));
  EXPECT_EQ(mirror.lists(), 1);
}

TEST_F(WatcherLiveTest, OnlyTheSelectedObjectsAreSeen) {
  put("a", "1");
  put("b", "1");
  Mirror mirror(*client_, maps_, {.field_selector = "metadata.name=b"});
  ASSERT_TRUE(eventually([&] { return mirror.synced(); }));
  EXPECT_EQ(mirror.objects(), (Objects{{"b", "1"}}));
}

TEST_F(WatcherLiveTest, AQuietWatchIsOpenedAgainWhereItWasWithoutAList) {
  std::atomic<int> watches{0};
  auto observed = LiveCluster::client(LiveCluster::config(), [&watches](const http::Exchange& exchange) {
    if (exchange.path.find("watch=true") != std::string_view::npos) ++watches;
  });
  put("a", "1");
  Mirror mirror(*observed, maps_, {.idle = milliseconds(1100)});
  ASSERT_TRUE(eventually([&] { return watches >= 2; }));
  put("b", "1");
  EXPECT_TRUE(eventually([&] { return mirror.objects().size() == 2; }));
  EXPECT_EQ(mirror.lists(), 1);
  EXPECT_THAT(mirror.errors(), IsEmpty());
}

TEST_F(WatcherLiveTest, ADeleteIsNotMissedWhenTheServerRestartsInMidWatch) {
  put("a", "1");
  put("b", "1");
  auto watching = LiveCluster::client();
  Mirror mirror(*watching, maps_);
  ASSERT_TRUE(eventually([&] { return mirror.synced(); }));
  mirror.hold();
  put("gate", "1");
  ASSERT_TRUE(eventually([&] { return mirror.is_held(); }));
  cluster_.kill_apiserver();
  cluster_.start_apiserver();
  remove("a");  // the watch's connection is dead: this can only be seen by the next one
  put("c", "1");
  const Instant restarted = monotonic_now();
  mirror.go_on();
  EXPECT_TRUE(eventually([&] { return mirror.objects() == Objects{{"b", "1"}, {"c", "1"}, {"gate", "1"}}; }));
  EXPECT_GE(mirror.alive_at(), restarted);
  put("d", "1");
  EXPECT_TRUE(eventually([&] { return mirror.objects().count("d") == 1; }));
}

TEST_F(WatcherLiveTest, AServerThatIsAwayIsReportedAndComesBackByItself) {
  put("a", "1");
  auto watching = LiveCluster::client();
  Mirror mirror(*watching, maps_);
  ASSERT_TRUE(eventually([&] { return mirror.synced(); }));
  cluster_.kill_apiserver();
  EXPECT_TRUE(eventually([&] { return mirror.errors().size() >= 2; }));
  const Instant away = monotonic_now();
  EXPECT_LT(mirror.alive_at(), away);
  EXPECT_EQ(mirror.objects().size(), 1U) << "nothing is forgotten because the server is away";
  cluster_.start_apiserver();
  put("b", "1");
  EXPECT_TRUE(eventually([&] { return mirror.objects().size() == 2; }, seconds(60)));
  EXPECT_GT(mirror.alive_at(), away);
  EXPECT_THAT(mirror.gone(), IsEmpty());
}

TEST_F(WatcherLiveTest, AVersionThatIsGoneLeadsToAListWhoseDifferenceIsRight) {
  for (const char* name : {"deleted", "changed", "kept"}) put(name, "1");
  auto watching = LiveCluster::client();
  Mirror mirror(*watching, maps_);
  ASSERT_TRUE(eventually([&] { return mirror.synced(); }));
  mirror.hold();
  put("gate", "1");
  ASSERT_TRUE(eventually([&] { return mirror.is_held(); }));
  cluster_.kill_apiserver();  // so that nothing of the following waits in the watch's socket
  cluster_.start_apiserver();
  remove("deleted");
  put("changed", "2");
  cluster_.compact(put("new", "1")["metadata"]["resourceVersion"].get<std::string>());
  cluster_.kill_apiserver();  // so that the server has no history in its memory either
  cluster_.start_apiserver();
  mirror.go_on();
  EXPECT_TRUE(eventually([&] { return mirror.lists() == 2; }));
  EXPECT_EQ(mirror.objects(), (Objects{{"changed", "2"}, {"gate", "1"}, {"kept", "1"}, {"new", "1"}}));
  EXPECT_THAT(mirror.gone(), ElementsAre("deleted"));
  ASSERT_FALSE(mirror.errors().empty());
  EXPECT_THAT(mirror.errors().back().message, HasSubstr("too old resource version"));
}

TEST_F(WatcherLiveTest, AKindThatIsNotThereIsAnErrorAndNotAnEmptyList) {
  Mirror mirror(*client_, {"vmha.test", "v1", "nothings", "default"});
  EXPECT_TRUE(eventually([&] { return !mirror.errors().empty(); }));
  EXPECT_EQ(mirror.errors().front().kind, ErrorKind::kNotFound);
  EXPECT_FALSE(mirror.synced());
}

}  // namespace
}  // namespace vmha::kube
