#include "clients/ceph/text.h"

#include <gtest/gtest.h>

namespace vmha::ceph {
namespace {

TEST(EndpointTest, ReadsEverySpellingOfCeph) {
  EXPECT_EQ(parse_endpoint("10.77.0.11:0/123"), (Endpoint{Address{"10.77.0.11"}, 123}));
  EXPECT_EQ(parse_endpoint("v1:10.77.0.11:0/123"), (Endpoint{Address{"10.77.0.11"}, 123}));
  EXPECT_EQ(parse_endpoint("[fd00::11]:0/4294967295"), (Endpoint{Address{"fd00::11"}, 4294967295U}));
  EXPECT_EQ(parse_endpoint("v2:[fd00:0:0::11]:3300/0"), (Endpoint{Address{"fd00::11"}, 0}));
  EXPECT_EQ(parse_endpoint("127.0.0.1:6789"), (Endpoint{Address{"127.0.0.1"}, 0}));
}

TEST(EndpointTest, RefusesWhatIsNoEndpoint) {
  for (const char* text : {"", "-", ":/0", "10.77.0.11", "10.77.0.256:0/1", "10.77.0.11:0/x", "10.77.0.11:70000/1", "[fd00::11]", "[fd00::11:0/1", "fd00::11:0/1"})
    EXPECT_EQ(parse_endpoint(text), std::nullopt) << text;
}

TEST(EndpointTest, ReadsListsOfThem) {
  EXPECT_EQ(parse_endpoints("[v2:10.0.0.1:3300/0,v1:10.0.0.2:6789/0]"), (std::vector{Address{"10.0.0.1"}, Address{"10.0.0.2"}}));
  EXPECT_EQ(parse_endpoints("127.0.0.1:0/77"), (std::vector{Address{"127.0.0.1"}}));
  EXPECT_EQ(parse_endpoints("[fd00::1]:0/77"), (std::vector{Address{"fd00::1"}}));
  EXPECT_TRUE(parse_endpoints("-").empty());
}

TEST(TargetTest, WritesAnAddressAsCephWantsIt) {
  EXPECT_EQ(parse_target(Address{"10.77.0.11"})->whole(), "10.77.0.11:0/0");
  EXPECT_EQ(parse_target(Address{"FD00:0::11"})->whole(), "[fd00::11]:0/0");
  EXPECT_EQ(parse_target(Address{"10.77.0.11"})->cidr(), "10.77.0.11/32");
  EXPECT_EQ(parse_target(Address{"10.77.0.13/29"})->cidr(), "10.77.0.8/29");
  EXPECT_EQ(parse_target(Address{"fd00::ff/124"})->cidr(), "fd00::f0/124");
}

TEST(TargetTest, RefusesWhatCephWouldMisunderstand) {
  for (const char* text : {"", "compute-1", "10.77.0.11:0/0", "10.77.0.0/33", "10.77.0.0/0", "10.77.0/24", "10.77.0.0/", "fd00::/129", "10.77.0.11 ", "10.77.0.0/-1"}) {
    const auto target = parse_target(Address{text});
    ASSERT_FALSE(target.has_value()) << text;
    EXPECT_EQ(target.error().kind, ErrorKind::kInvalid);
  }
}

TEST(TargetTest, KnowsWhatANetworkCovers) {
  const auto network = *parse_target(Address{"10.77.0.8/29"});
  EXPECT_TRUE(network.covers(*parse_target(Address{"10.77.0.15"})));
  EXPECT_FALSE(network.covers(*parse_target(Address{"10.77.0.16"})));
  EXPECT_FALSE(network.covers(*parse_target(Address{"10.77.0.0/24"})));
  EXPECT_FALSE(network.covers(*parse_target(Address{"fd00::1"})));
}

/// A real answer of Ceph 16.2.15: two arrays one behind the other.
constexpr std::string_view kBlocklist =
    R"([{"addr":"[2001:db8::1]:0/0","until":"2026-11-23T12:06:09.669320+0000"},{"addr":"192.0.2.6:0/3034","until":"2026-11-23T14:06:09.248318+0200"}])"
    R"([{"range":"192.0.2.8:0/29","until":"2026-11-23T12:06:19.455365+0000"},{"range":"[2001:db8::]:0/126","until":"2026-11-23T12:06:09.926388+0000"}])";

TEST(BlocklistTextTest, ReadsEntriesAndRanges) {
  const auto entries = parse_blocklist(kBlocklist, *parse_rfc3339("2026-11-23T12:06:00Z"));
  ASSERT_TRUE(entries.has_value()) << describe(entries.error());
  ASSERT_EQ(entries->size(), 4U);
  EXPECT_EQ((*entries)[0], (BlocklistEntry{Address{"2001:db8::1"}, 0, "", "2026-11-23T12:06:09.669320+0000", 9}));
  EXPECT_EQ((*entries)[1], (BlocklistEntry{Address{"192.0.2.6"}, 3034, "", "2026-11-23T14:06:09.248318+0200", 9}));
  EXPECT_EQ((*entries)[2], (BlocklistEntry{Address{"192.0.2.8"}, 0, "192.0.2.8/29", "2026-11-23T12:06:19.455365+0000", 19}));
  EXPECT_EQ((*entries)[3].range, "2001:db8::/126");
}

TEST(BlocklistTextTest, AnEmptyListIsNotAnUnreadableOne) {
  EXPECT_TRUE(parse_blocklist("[][]", WallTime{})->empty());
  for (const char* text : {"", "{}", "[", R"([{"addr":"nobody","until":"2026-11-23T12:06:09.669320+0000"}][])", R"([{"addr":"10.0.0.1:0/0","until":)"})
    EXPECT_FALSE(parse_blocklist(text, WallTime{}).has_value()) << text;
}

TEST(BlocklistTextTest, AnUnreadableExpiryIsNoFutureOne) {
  const auto entries = parse_blocklist(R"([{"addr":"10.0.0.1:0/0","until":"some day"}][])", WallTime{});
  ASSERT_TRUE(entries.has_value());
  EXPECT_EQ(entries->front().expires_in_seconds, 0);
}

TEST(PoolTextTest, ReadsShapesAndSeesCacheTiers) {
  const auto pools = parse_pools(
      R"([{"pool_id":1,"pool_name":"vms","pg_num":8,"pg_placement_num":8,"pg_num_pending":7,"read_tier":-1,"write_tier":-1},)"
      R"({"pool_id":2,"pool_name":"cold","pg_num":16,"pg_placement_num":16,"read_tier":3,"write_tier":3}])");
  ASSERT_TRUE(pools.has_value());
  EXPECT_EQ((*pools)[0], (PoolShape{1, "vms", 8, 8, 7, false}));
  EXPECT_EQ((*pools)[1], (PoolShape{2, "cold", 16, 16, 16, true}));
  EXPECT_FALSE(parse_pools("no json").has_value());
}

TEST(BlocklistTextTest, AnEntryOfAnotherShapeIsAnError) {
  for (const char* text : {"[1][]", "[null]", R"([{"addr":7,"until":[]}])", R"([{"until":"x"}])", R"([{"addr":"10.0.0.1:0/0"}])", R"({"a":[7]})"})
    EXPECT_EQ(parse_blocklist(text, WallTime{}).error().kind, ErrorKind::kUnavailable) << text;
}

TEST(PoolTextTest, ANumberOfAnotherTypeIsAnError) {
  for (const char* number : {"1e300", "-8", "1.5", "4294967296", "\"8\"", "null"}) {
    const std::string pool = std::string(R"([{"pool_id":1,"pool_name":"vms","pg_placement_num":8,"pg_num":)") + number + "}]";
    EXPECT_EQ(parse_pools(pool).error().kind, ErrorKind::kUnavailable) << number;
    EXPECT_EQ(parse_epoch(std::string(R"({"epoch":)") + number + "}").error().kind, ErrorKind::kUnavailable) << number;
  }
  EXPECT_EQ(parse_pools("[3]").error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(parse_epoch("[]").error().kind, ErrorKind::kUnavailable);
}

TEST(DaemonAddressTest, ADumpOfAMillionLevelsIsSurvived) {
  const std::string levels(1'000'000, '[');
  EXPECT_TRUE(parse_daemon_addresses(levels + std::string(levels.size(), ']')).has_value());
  EXPECT_FALSE(parse_blocklist(levels + std::string(levels.size(), ']'), WallTime{}).has_value());
  EXPECT_FALSE(parse_daemon_addresses(R"({"mons":[{"addrvec":[7]}]})").has_value());
}

TEST(DaemonAddressTest, FindsEveryAddressVector) {
  const auto addresses = parse_daemon_addresses(
      R"({"mons":[{"public_addrs":{"addrvec":[{"type":"v2","addr":"10.0.0.1:3300","nonce":0},{"type":"v1","addr":"10.0.0.1:6789","nonce":0}]}}],)"
      R"("osds":[{"cluster_addrs":{"addrvec":[{"type":"v2","addr":"[fd00::5]:6800","nonce":7}]},"public_addrs":{"addrvec":[]}}]})");
  ASSERT_TRUE(addresses.has_value());
  EXPECT_EQ(*addresses, (std::vector{Address{"10.0.0.1"}, Address{"10.0.0.1"}, Address{"fd00::5"}}));
}

TEST(EncodingTest, StringsAndNumbersNeedAllTheirBytes) {
  const std::string name("\x0c\0\0\0"
                         "102586c1eaab",
                         16);
  EXPECT_EQ(decode_string(name), "102586c1eaab");
  EXPECT_EQ(decode_string(name.substr(0, 15)), std::nullopt);
  EXPECT_EQ(decode_int64(std::string("\x02\0\0\0\0\0\0\0", 8)), 2);
  EXPECT_EQ(decode_int64(std::string("\x02\0\0\0\0\0\0", 7)), std::nullopt);
}

/// lock_info_t with one locker: client.4101, "auto 1", 127.0.0.5, nonce 0x01020304.
std::string lock_bytes() {
  const auto versioned = [](const std::string& body) { return std::string("\x01\x01", 2) + static_cast<char>(body.size()) + std::string(3, '\0') + body; };
  const std::string id = versioned(std::string("\x08\x05\x10\0\0\0\0\0\0", 9) + std::string("\x06\0\0\0auto 1", 10));
  const std::string address = std::string("\x01", 1) + versioned(std::string("\x01\0\0\0", 4) + std::string("\x04\x03\x02\x01", 4) + std::string("\x10\0\0\0", 4) +
                                                                   std::string("\x02\0\0\0\x7f\0\0\x05\0\0\0\0\0\0\0\0", 16));
  const std::string info = versioned(std::string(8, '\0') + address + std::string(4, '\0'));
  return versioned(std::string("\x01\0\0\0", 4) + id + info + std::string("\x01\0\0\0\0", 5));
}

TEST(EncodingTest, ReadsTheOwnerOfALock) {
  const auto lock = decode_lock(lock_bytes());
  ASSERT_TRUE(lock.has_value());
  EXPECT_FALSE(lock->free);
  EXPECT_EQ(lock->owner, (Watcher{Address{"127.0.0.5"}, 0x01020304, 4101}));
}

TEST(EncodingTest, ALockCutAnywhereBeforeItsEndIsNotReadAsFree) {
  const std::string bytes = lock_bytes();
  for (std::size_t length = 0; length < bytes.size(); ++length) EXPECT_EQ(decode_lock(bytes.substr(0, length)), std::nullopt) << length;
  const auto released = decode_lock(std::string("\x01\x01\x09\0\0\0\0\0\0\0\x01\0\0\0\0", 15));
  ASSERT_TRUE(released.has_value());
  EXPECT_TRUE(released->free);
}

}  // namespace
}  // namespace vmha::ceph
