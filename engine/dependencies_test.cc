#include <gtest/gtest.h>

#include <map>
#include <string>

#include "api/conditions.h"
#include "engine/world_for_tests.h"

/// spec.dependsOn in the whole engine.
namespace vmha::testing {
namespace {

class DependenciesTest : public ::testing::Test {
 protected:
  DependenciesTest() {
    world_.post(CachesSynced{});
    world_.post(PolicyChanged{policy()});
    world_.post(LeadershipGained{"vmha-0/7", false});
  }
  void add(const std::string& name, std::vector<std::string> needs) {
    api::ProtectedInstance object = instance(name, "server-" + name);
    for (const std::string& each : needs) object.spec.depends_on.push_back({each});
    world_.post(InstanceChanged{object});
  }
  /// The condition Ready as it was last stored.
  std::string ready_of(const std::string& name) {
    for (int round = 0; round < 10; ++round) {
      world_.pass(milliseconds(500));
      store();
    }
    const auto* found = api::find_condition(stored_[name].conditions, "Ready");
    return found == nullptr ? "(none)" : found->reason;
  }
  /// Stores the status writes in flight as the API server would.
  void store() {
    while (const Effect* effect = world_.find<WriteInstanceStatus>("pi/")) {
      api::ProtectedInstance object = std::get<WriteInstanceStatus>(effect->operation).object;
      object.metadata.resource_version = std::to_string(++version_);
      stored_[object.metadata.name] = object.status;
      world_.answer(effect->id, Answer(object));
    }
  }
  void list(const std::vector<std::string>& names) {
    world_.post(NodeChanged{node("compute-1")});
    world_.pass(seconds(1));
    world_.answer<ReadServices>(Answer(std::vector{service("compute-1")}));
    world_.pass(seconds(1));
    std::vector<nova::Server> servers;
    for (const std::string& name : names) servers.push_back(server("server-" + name));
    ASSERT_TRUE(world_.answer<ReadAllServers>(Answer(servers)));
  }
  HandWorld world_;
  int version_ = 100;
  std::map<std::string, api::ProtectedInstanceStatus> stored_;
};

TEST_F(DependenciesTest, ANameThatThereIsNotIsSaid) {
  add("db", {"dns"});
  list({"db"});
  EXPECT_EQ(ready_of("db"), "DependencyNotFound");
}

TEST_F(DependenciesTest, EveryCircleIsFoundAndNothingElseIsOne) {
  add("a", {"b"});
  add("b", {"c"});
  add("c", {"b"});
  add("d", {"a", "e"});
  add("e", {});
  list({"a", "b", "c", "d", "e"});
  EXPECT_EQ(ready_of("b"), "DependencyCircle");
  EXPECT_EQ(ready_of("c"), "DependencyCircle");
  EXPECT_EQ(ready_of("a"), "Watched") << "it depends on a circle and is not in it";
  EXPECT_EQ(ready_of("d"), "Watched");
}

}  // namespace
}  // namespace vmha::testing
