#include <gtest/gtest.h>

#include "engine/world.h"
#include "engine/world_for_tests.h"

namespace vmha::testing {
namespace {

nova::Server unreadable(const std::string& id) {
  nova::Server result;
  result.id = ServerId{id};
  result.host = NovaHost{"compute-1"};
  result.unreadable = "locked is not a boolean";
  return result;
}

TEST(UnreadableServerTest, IsUnknownForItselfOnly) {
  World world;
  world.put_servers(NovaHost{"compute-1"}, {server("s1"), unreadable("s2")}, Instant(seconds(10)));
  EXPECT_TRUE(world.server(ServerId{"s1"}).has_value());
  EXPECT_FALSE(world.server(ServerId{"s2"}).has_value());
  EXPECT_EQ(world.unreadable(ServerId{"s1"}), "");
  EXPECT_EQ(world.unreadable(ServerId{"s2"}), "locked is not a boolean");
  EXPECT_EQ(world.host_of_server.at(ServerId{"s2"}), NovaHost{"compute-1"}) << "it is there: a recovery of the host is not done without it";
}

TEST(UnreadableServerTest, WhatWasReadOfItBeforeGetsOlderAndStays) {
  World world;
  world.put_server(server("s2"), Instant(seconds(5)));
  world.put_servers(NovaHost{"compute-1"}, {unreadable("s2")}, Instant(seconds(10)));
  ASSERT_TRUE(world.server(ServerId{"s2"}).has_value());
  EXPECT_EQ(world.server(ServerId{"s2"})->at, Instant(seconds(5)));
}

TEST(UnreadableServerTest, IsNotDiscovered) {
  HandWorld world;
  world.lead();
  world.post(NodeChanged{node("compute-1")});
  world.pass(seconds(1));
  world.answer<ReadServices>(Answer(std::vector{service("compute-1")}));
  world.pass(seconds(1));
  ASSERT_TRUE(world.answer<ReadAllServers>(Answer(std::vector{server("s1"), unreadable("s2")})));
  EXPECT_EQ(world.count<CreateInstance>(), 1U);
}

}  // namespace
}  // namespace vmha::testing
