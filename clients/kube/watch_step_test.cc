#include "clients/kube/watch_step.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace vmha::kube::watching {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;

json object(const std::string& name, const std::string& version) {
  return {{"metadata", {{"namespace", "ns"}, {"name", name}, {"resourceVersion", version}}}};
}

PageCame page(const std::vector<std::string>& names, const std::string& version, const std::string& more = {}) {
  json items = json::array();
  for (const auto& name : names) items.push_back(object(name, "1"));
  json metadata = {{"resourceVersion", version}};
  if (!more.empty()) metadata["continue"] = more;
  return {{{"items", items}, {"metadata", metadata}}};
}

EventCame event(const std::string& type, const std::string& name, const std::string& version) {
  return {{{"type", type}, {"object", object(name, version)}}};
}

EventCame error_event(int code, const std::string& reason = "") {
  return {{{"type", "ERROR"}, {"object", {{"kind", "Status"}, {"code", code}, {"reason", reason}, {"message", "no"}}}}};
}

Failed failed(ErrorKind kind, bool gone = false) { return {{Error{kind, "no"}, gone}}; }

/// Feeds inputs to step() and writes down what it says, as text.
class WatchStepTest : public testing::Test {
 protected:
  std::vector<std::string> feed(Input input) {
    Step made = step(std::move(state_), std::move(input));
    state_ = std::move(made.state);
    next_ = std::move(made.next);
    std::vector<std::string> said;
    for (const Output& output : made.outputs) said.push_back(text(output));
    return said;
  }

  static std::string text(const Output& output) {
    if (const auto* applied = std::get_if<Applied>(&output)) return "applied " + applied->object["metadata"]["name"].get<std::string>();
    if (const auto* deleted = std::get_if<Deleted>(&output)) return "deleted " + deleted->key.name;
    if (std::holds_alternative<Synced>(output)) return "synced";
    if (std::holds_alternative<Trouble>(output)) return "trouble";
    std::string gone = "replaced";
    for (const auto& key : std::get<Replaced>(output).gone) gone += " -" + key.name;
    return gone;
  }

  void sync(const std::vector<std::string>& names, const std::string& version) {
    feed(Started{});
    feed(page(names, version));
    feed(Opened{});
  }

  const ListPage& list() { return std::get<ListPage>(next_); }
  const OpenWatch& open() { return std::get<OpenWatch>(next_); }
  bool reads_on() { return std::holds_alternative<ReadOn>(next_); }

  State state_{7};
  Next next_ = ReadOn{};
};

TEST_F(WatchStepTest, BeginsWithAListOfTheFirstPage) {
  EXPECT_THAT(feed(Started{}), IsEmpty());
  EXPECT_EQ(list().continue_token, "");
  EXPECT_EQ(list().after, Duration(0));
}

TEST_F(WatchStepTest, HandsOnEachPageAndIsSyncedAfterTheLast) {
  feed(Started{});
  EXPECT_THAT(feed(page({"a", "b"}, "10", "more")), ElementsAre("applied a", "applied b"));
  EXPECT_EQ(list().continue_token, "more");
  EXPECT_THAT(feed(page({"c"}, "10")), ElementsAre("applied c", "replaced", "synced"));
  EXPECT_EQ(open().resource_version, "10");
}

TEST_F(WatchStepTest, AsksForAWatchOfFiveToTenMinutesThatIsNotAlwaysTheSame) {
  std::set<seconds> seen;
  sync({}, "1");
  for (int i = 0; i < 50; ++i) {
    feed(Ended{seconds(300)});
    EXPECT_GE(open().timeout, seconds(300));
    EXPECT_LE(open().timeout, seconds(600));
    seen.insert(open().timeout);
    feed(Opened{});
  }
  EXPECT_GT(seen.size(), 10U);
}

TEST_F(WatchStepTest, EventsAreToldAndMoveTheVersionToResumeFrom) {
  sync({"a"}, "10");
  EXPECT_THAT(feed(event("ADDED", "b", "11")), ElementsAre("applied b"));
  EXPECT_THAT(feed(event("MODIFIED", "a", "12")), ElementsAre("applied a"));
  EXPECT_THAT(feed(event("DELETED", "b", "13")), ElementsAre("deleted b"));
  EXPECT_TRUE(reads_on());
  feed(Ended{seconds(300)});
  EXPECT_EQ(open().resource_version, "13");
  EXPECT_EQ(open().after, Duration(0));
}

TEST_F(WatchStepTest, ABookmarkMovesTheVersionAndTellsNothing) {
  sync({"a"}, "10");
  EXPECT_THAT(feed(EventCame{{{"type", "BOOKMARK"}, {"object", {{"metadata", {{"resourceVersion", "99"}}}}}}}), IsEmpty());
  feed(failed(ErrorKind::kUnavailable));
  EXPECT_EQ(open().resource_version, "99");
}

TEST_F(WatchStepTest, AnErrorEvent410ListsAgainFromTheBeginning) {
  sync({"a", "b"}, "10");
  EXPECT_THAT(feed(error_event(410, "Expired")), ElementsAre("trouble"));
  EXPECT_EQ(list().continue_token, "");
  EXPECT_THAT(feed(page({"b", "c"}, "50")), ElementsAre("applied b", "applied c", "replaced -a"));
  EXPECT_EQ(open().resource_version, "50");
}

TEST_F(WatchStepTest, AnAnswer410ToTheWatchListsAgain) {
  sync({"a"}, "10");
  feed(failed(ErrorKind::kConflict, true));
  EXPECT_EQ(list().continue_token, "");
}

TEST_F(WatchStepTest, ABrokenWatchResumesAtTheSameVersionWithoutAList) {
  sync({"a"}, "10");
  feed(event("ADDED", "b", "11"));
  EXPECT_THAT(feed(failed(ErrorKind::kUnavailable)), ElementsAre("trouble"));
  EXPECT_EQ(open().resource_version, "11");
  EXPECT_GE(open().after, kFirstBackoff);
}

TEST_F(WatchStepTest, ABrokenListDeletesNothingAndGoesOnWithTheSamePage) {
  sync({"a", "b", "c"}, "10");
  feed(error_event(410));
  feed(page({"a"}, "20", "more"));
  EXPECT_THAT(feed(failed(ErrorKind::kUnavailable)), ElementsAre("trouble"));
  EXPECT_EQ(list().continue_token, "more");
  EXPECT_THAT(feed(page({"b"}, "20")), ElementsAre("applied b", "replaced -c"));
}

TEST_F(WatchStepTest, AnExpiredContinueTokenStartsTheListAnewAndForgetsItsHalf) {
  sync({"a", "b"}, "10");
  feed(error_event(410));
  feed(page({"a"}, "20", "more"));
  feed(failed(ErrorKind::kConflict, true));
  EXPECT_EQ(list().continue_token, "");
  EXPECT_THAT(feed(page({"b"}, "30")), ElementsAre("applied b", "replaced -a"));
}

TEST_F(WatchStepTest, AnObjectOfAListThatBrokeOffAndWentAwayIsToldAsGone) {
  feed(Started{});
  feed(page({"new"}, "20", "more"));
  feed(failed(ErrorKind::kConflict, true));
  EXPECT_THAT(feed(page({"a"}, "30")), ElementsAre("applied a", "replaced -new", "synced"));
}

TEST_F(WatchStepTest, ACutListIsNoList) {
  sync({"a"}, "10");
  feed(error_event(410));
  EXPECT_THAT(feed(PageCame{{{"items", json::array()}}}), ElementsAre("trouble")) << "no resourceVersion";
  EXPECT_THAT(feed(PageCame{{{"metadata", {{"resourceVersion", "11"}}}}}), ElementsAre("trouble")) << "no items";
  EXPECT_THAT(feed(PageCame{json(nullptr)}), ElementsAre("trouble"));
  EXPECT_THAT(feed(page({}, "11")), ElementsAre("replaced -a"));
}

TEST_F(WatchStepTest, BackoffDoublesFrom800MsTo30SecondsAndAnyProgressEndsIt) {
  sync({"a"}, "10");
  Duration low = kFirstBackoff;
  for (int i = 0; i < 12; ++i) {
    feed(failed(ErrorKind::kUnavailable));
    EXPECT_GE(open().after, low) << i;
    EXPECT_LE(open().after, std::min(2 * low, kLastBackoff)) << i;
    low = std::min(2 * low, kLastBackoff / 2);
    feed(Opened{});
  }
  feed(event("ADDED", "b", "11"));
  feed(failed(ErrorKind::kUnavailable));
  EXPECT_LE(open().after, 2 * kFirstBackoff);
}

TEST_F(WatchStepTest, AListAfter410IsNotDelayedByEarlierFailuresButNeverAHotLoop) {
  sync({"a"}, "10");
  for (int i = 0; i < 10; ++i) {
    feed(failed(ErrorKind::kUnavailable));
    feed(Opened{});
  }
  feed(error_event(410));
  EXPECT_GE(list().after, kFirstBackoff);
  EXPECT_LE(list().after, 2 * kFirstBackoff);
}

TEST_F(WatchStepTest, RetryAfterIsWaitedForWhenItIsLonger) {
  feed(Started{});
  feed(Failed{{Error{ErrorKind::kThrottled, "slow down", seconds(45)}, false}});
  EXPECT_EQ(list().after, seconds(45));
}

TEST_F(WatchStepTest, AWatchThatEndsAtOnceWithoutAWordIsNoReasonForAHotLoop) {
  sync({"a"}, "10");
  feed(Ended{milliseconds(5)});
  EXPECT_GE(open().after, kFirstBackoff);
}

TEST_F(WatchStepTest, AVersionThatTheServerKeepsRefusingLeadsToAList) {
  sync({"a"}, "10");
  for (int i = 1; i < kRefusalsBeforeRelist; ++i) {
    feed(failed(ErrorKind::kInvalid));
    EXPECT_EQ(open().resource_version, "10");
    feed(Opened{});
  }
  feed(failed(ErrorKind::kInvalid));
  EXPECT_EQ(list().continue_token, "");
}

TEST_F(WatchStepTest, AnUnreachableServerNeverLeadsToAList) {
  sync({"a"}, "10");
  for (int i = 0; i < 100; ++i) {
    feed(failed(ErrorKind::kUnavailable));
    ASSERT_EQ(open().resource_version, "10");
    feed(Opened{});
  }
}

TEST_F(WatchStepTest, SyncedIsToldOnce) {
  sync({"a"}, "10");
  feed(error_event(410));
  EXPECT_THAT(feed(page({"a"}, "20")), ElementsAre("applied a", "replaced"));
}

TEST_F(WatchStepTest, MalformedEventsAreTroubleAndLoseNoPlace) {
  for (const json& bad : {json(3), json::object(), json{{"type", "ADDED"}}, json{{"type", "ADDED"}, {"object", 3}},
                          json{{"type", "ADDED"}, {"object", {{"metadata", {{"name", "x"}}}}}},
                          json{{"type", "ADDED"}, {"object", {{"metadata", {{"resourceVersion", "5"}}}}}},
                          json{{"type", "NEWS"}, {"object", object("x", "5")}}}) {
    state_ = State(7);
    sync({"a"}, "10");
    EXPECT_THAT(feed(EventCame{bad}), ElementsAre("trouble")) << bad;
    EXPECT_EQ(open().resource_version, "10") << bad;
  }
}

TEST_F(WatchStepTest, TheSameStateAndInputGiveTheSameStep) {
  sync({"a"}, "10");
  State copy = state_;
  feed(failed(ErrorKind::kUnavailable));
  const Duration first = open().after;
  state_ = std::move(copy);
  feed(failed(ErrorKind::kUnavailable));
  EXPECT_EQ(open().after, first);
}

}  // namespace
}  // namespace vmha::kube::watching
