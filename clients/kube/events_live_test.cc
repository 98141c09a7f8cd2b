#include "clients/kube/events.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "clients/kube/live_cluster.h"

namespace vmha::kube {
namespace {

using nlohmann::json;

class EventsLiveTest : public testing::Test {
 protected:
  std::unique_ptr<Client> client_ = LiveCluster::client();
  std::string ns_ = make_namespace(*client_);
  ObjectReference host_{"vmha.openstack.org/v1alpha1", "ComputeNode", ns_, "compute-1", "uid-1"};

  json events(const std::string& ns, const std::string& reason) {
    json found = json::array();
    const auto page = client_->list_page({"events.k8s.io", "v1", "events", ns}, {});
    if (!page) return found;
    for (const json& event : page->at("items"))
      if (event["reason"] == reason) found.push_back(event);
    return found;
  }
};

TEST_F(EventsLiveTest, EqualNotesAreOneEventWithASeries) {
  EventRecorder recorder(*client_, "vmha.openstack.org/controller", "host-1_abc");
  std::jthread thread([&](const std::stop_token& stop) { recorder.run(stop); });
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(recorder.post({host_, EventType::kWarning, "HostDead", "Judge", "power reads Off"}));
  EXPECT_TRUE(recorder.post({host_, EventType::kNormal, "HostReturned", "", "the boot id changed"}));
  ASSERT_TRUE(eventually([&] { return events(ns_, "HostReturned").size() == 1; }));
  thread.request_stop();
  thread.join();  // writes what was held back
  const json dead = events(ns_, "HostDead");
  ASSERT_EQ(dead.size(), 1U);
  const json& event = dead[0];
  EXPECT_EQ(event["series"]["count"], 5);
  EXPECT_EQ(event["regarding"]["name"], "compute-1");
  EXPECT_EQ(event["regarding"]["uid"], "uid-1");
  EXPECT_EQ(event["type"], "Warning");
  EXPECT_EQ(event["note"], "power reads Off");
  EXPECT_EQ(event["action"], "Judge");
  EXPECT_EQ(event["reportingController"], "vmha.openstack.org/controller");
  EXPECT_FALSE(events(ns_, "HostReturned")[0].contains("series"));
}

TEST_F(EventsLiveTest, AClusterScopedObjectsEventIsInDefaultAndALongNoteIsCutAtACharacter) {
  EventRecorder recorder(*client_, "vmha.openstack.org/controller", "host-1_abc");
  std::string note(1023, 'x');
  note += "\xc3\xa4\xc3\xa4";
  const std::string reason = "NodeSeen";
  recorder.post({{"v1", "Node", "", "node-of-" + ns_}, EventType::kNormal, reason, "", note});
  std::jthread thread([&](const std::stop_token& stop) { recorder.run(stop); });
  ASSERT_TRUE(eventually([&] { return !events("default", reason).empty(); }));
  EXPECT_EQ(events("default", reason)[0]["note"], std::string(1023, 'x'));
}

TEST_F(EventsLiveTest, ARepetitionOfAnEventThatIsGoneIsANewEvent) {
  EventRecorder recorder(*client_, "vmha.openstack.org/controller", "host-1_abc");
  std::jthread thread([&](const std::stop_token& stop) { recorder.run(stop); });
  const EventNote note{host_, EventType::kNormal, "FenceStarted", "", "x"};
  recorder.post(note);
  ASSERT_TRUE(eventually([&] { return events(ns_, "FenceStarted").size() == 1; }));
  const std::string first = events(ns_, "FenceStarted")[0]["metadata"]["name"].get<std::string>();
  ASSERT_TRUE(client_->remove({"events.k8s.io", "v1", "events", ns_}, first).has_value());
  recorder.post(note);
  ASSERT_TRUE(eventually([&] { return events(ns_, "FenceStarted").size() == 1; }));
  EXPECT_NE(events(ns_, "FenceStarted")[0]["metadata"]["name"], first);
}

TEST_F(EventsLiveTest, AFullQueueDropsAndCounts) {
  EventRecorder recorder(*client_, "vmha.openstack.org/controller", "host-1_abc");
  for (std::size_t i = 0; i < EventRecorder::kMaxQueued; ++i) ASSERT_TRUE(recorder.post({host_, EventType::kNormal, "HostDead", "", "x"}));
  EXPECT_FALSE(recorder.post({host_, EventType::kNormal, "HostDead", "", "x"}));
  EXPECT_EQ(recorder.dropped(), 1U);
}

}  // namespace
}  // namespace vmha::kube
