#include "base/address.h"

#include <gtest/gtest.h>

namespace vmha {
namespace {

TEST(AddressTest, OneSpellingForEachAddressAndNetwork) {
  EXPECT_EQ(canonical(Address{"10.77.0.11/29"}).value, "10.77.0.8/29");
  EXPECT_EQ(canonical(Address{"FD00:0::11"}).value, "fd00::11");
  EXPECT_EQ(canonical(Address{"10.77.0.11/32"}).value, "10.77.0.11");
  EXPECT_EQ(canonical(Address{"no address"}).value, "no address");
}

TEST(AddressTest, WhatIsNoAddressIsRefused) {
  for (const char* text : {"", "10.77.0", "10.77.0.1/33", "10.77.0.1/", "10.77.0.1/x", "fd00::/129", "10.77.0.1 "}) EXPECT_FALSE(parse_network(text).has_value()) << text;
}

TEST(AddressTest, NetworksOverlapWhenOneHoldsTheOther) {
  const auto net = [](const char* text) { return *parse_network(text); };
  EXPECT_TRUE(net("10.77.0.0/24").overlaps(net("10.77.0.12")));
  EXPECT_TRUE(net("10.77.0.12").overlaps(net("10.77.0.0/24")));
  EXPECT_FALSE(net("10.77.0.0/24").overlaps(net("10.77.1.0/24")));
  EXPECT_FALSE(net("10.77.0.0/24").overlaps(net("::/0")));
  EXPECT_TRUE(net("0.0.0.0/0").covers(net("192.0.2.1")));
}

TEST(AddressTest, ASetCoversByAddressAndByNetwork) {
  const std::set<Address> set = {Address{"10.77.0.11"}, Address{"fd00::/64"}};
  EXPECT_TRUE(covers(set, Address{"10.77.0.11"}));
  EXPECT_TRUE(covers(set, Address{"fd00::5"}));
  EXPECT_FALSE(covers(set, Address{"10.77.0.12"}));
}

}  // namespace
}  // namespace vmha
