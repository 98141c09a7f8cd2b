#include "engine/evidence/address_set.h"

#include <gtest/gtest.h>

namespace vmha::evidence {
namespace {

TEST(AddressSetTest, CoversAddressesAndNetworksOfBothFamilies) {
  const AddressSet set({"10.77.0.11", "10.78.0.8/29", "fd00:1::/63", "fd00:9::1"});
  for (const char* inside : {"10.77.0.11", "10.78.0.8", "10.78.0.15", "fd00:1::1", "fd00:1:0:1::1", "fd00:9:0::1"}) {
    EXPECT_TRUE(set.covers({inside})) << inside;
  }
  for (const char* outside : {"10.77.0.12", "10.78.0.16", "10.78.0.7", "fd00:1:0:2::1", "fd00:9::2", "", "x", "10.78.0.8/32"}) {
    EXPECT_FALSE(set.covers({outside})) << outside;
  }
}

TEST(AddressSetTest, WhatCannotBeParsedCoversNothing) {
  EXPECT_TRUE(AddressSet({"10.0.0.0/33", "10.0.0.0/", "10.0.0.0/8x", "host", "10.0.0/8"}).empty());
  EXPECT_TRUE(AddressSet({"0.0.0.0/0"}).covers({"1.2.3.4"}));
  EXPECT_FALSE(AddressSet({"0.0.0.0/0"}).covers({"::1"}));
}

}  // namespace
}  // namespace vmha::evidence
