#include <gtest/gtest.h>

#include <algorithm>

#include "clients/ceph/client.h"
#include "clients/ceph/testing/shared_cluster.h"
#include "clients/ceph/text.h"

namespace vmha::ceph {
namespace {

using testing::cluster;
using testing::eventually;
using testing::Guest;

constexpr milliseconds kTimeout{15000};

ImageId new_image(const std::string& pool = "vms", const std::string& data_pool = "") {
  static int count = 0;
  const ImageId image{pool, "disk-" + std::to_string(++count)};
  cluster().create_image(image, data_pool);
  return image;
}

void add_as_admin(const std::string& address, int expire, bool range = false) {
  cluster().mon(std::string(R"({"prefix":"osd blocklist",)") + (range ? R"("range":"range",)" : "") + R"("blocklistop":"add","addr":")" + address +
                R"(","expire":)" + std::to_string(expire) + ".0}");
}

std::vector<BlocklistEntry> blocklist(Client& client) {
  const auto entries = client.blocklist(kTimeout);
  EXPECT_TRUE(entries.has_value()) << (entries ? "" : describe(entries.error()));
  return entries.value_or(std::vector<BlocklistEntry>{});
}

bool listed(Client& client, const std::string& address) {
  const auto entries = blocklist(client);
  return std::ranges::any_of(entries, [&](const BlocklistEntry& entry) { return entry.address.value == address; });
}

int osdmap_epoch() { return static_cast<int>(parse_epoch(cluster().mon(R"({"prefix":"osd stat","format":"json"})")).value()); }

template <class T>
void expect_kind(const Result<T>& result, ErrorKind kind, const std::string& text) {
  ASSERT_FALSE(result.has_value());
  EXPECT_EQ(result.error().kind, kind) << result.error().message;
  EXPECT_NE(result.error().message.find(text), std::string::npos) << result.error().message;
}

/// S1 and S7 of the protocol: what was proven holds for every write, not for the average one.
TEST(FenceTest, AfterTheProofNotOneWriteOfTheFencedClientSucceeds) {
  const auto client = cluster().vmha();
  for (int run = 0; run < 10; ++run) {
    const std::string host = "127.0.2." + std::to_string(10 + run);
    const ImageId image = new_image("vms", run % 2 == 0 ? "" : "data");
    const auto guest = cluster().guest(host, image, run < 5 ? Guest::Mode::kFlood : Guest::Mode::kWrite);
    const auto neighbour = cluster().guest("127.0.3.1", new_image(), Guest::Mode::kWrite);
    ASSERT_TRUE(eventually([&] { return guest->state().writes > 50 && neighbour->state().writes > 50; })) << "run " << run;
    ASSERT_TRUE(client->blocklist_add({Address{host}}, kTimeout).has_value());
    const auto proof = client->prove_blocklist({Address{host}}, {image}, kTimeout);
    ASSERT_TRUE(proof.has_value()) << describe(proof.error());
    const auto contents = cluster().counters(image);
    EXPECT_GT(*std::ranges::max_element(contents), 0U);
    const std::uint64_t attempts = guest->state().attempts, others = neighbour->state().writes;
    EXPECT_TRUE(eventually([&] { return guest->state().attempts > attempts + 50 && neighbour->state().writes > others + 50; })) << "run " << run;
    EXPECT_LT(guest->state().last_ok_begin, proof->proven_at.time_since_epoch().count()) << "run " << run;
    EXPECT_EQ(guest->state().error, -108) << "run " << run;
    EXPECT_EQ(cluster().counters(image), contents) << "run " << run;
    const auto watches = client->watches({image}, kTimeout);
    EXPECT_TRUE(watches && watches->at(0).watchers.empty()) << "a fenced client is no watcher any more";
    EXPECT_TRUE(client->blocklist_remove({Address{host}}, kTimeout).has_value());
  }
}

TEST(FenceTest, TheProofGoesThroughEveryPoolOfTheImages) {
  const auto client = cluster().vmha();
  const Address host{"127.0.2.50"};
  ASSERT_TRUE(client->blocklist_add({host}, kTimeout).has_value());
  const ImageId plain = new_image(), split = new_image("volumes", "data");
  const auto narrow = client->prove_blocklist({host}, {plain}, kTimeout), wide = client->prove_blocklist({host}, {plain, split}, kTimeout);
  ASSERT_TRUE(narrow && wide);
  EXPECT_EQ(narrow->placement_groups, 16);
  EXPECT_EQ(wide->placement_groups, 32) << "the separate data pool has 16 more";
  EXPECT_GT(wide->osdmap_epoch, 0U);
  const auto blind = Client::connect(cluster().user("nodata", kMonCaps, osd_caps({"vms", "volumes"})), kTimeout);
  ASSERT_TRUE(blind.has_value());
  expect_kind((*blind)->prove_blocklist({host}, {split}, kTimeout), ErrorKind::kForbidden, "osd 'allow r pool=data'");
  expect_kind((*blind)->drill(kTimeout, {split}), ErrorKind::kForbidden, "osd 'allow r pool=data'");
  EXPECT_TRUE(client->blocklist_remove({host}, kTimeout).has_value());
}

TEST(FenceTest, NothingIsProvenWhileAnOsdDoesNotAnswer) {
  const auto client = cluster().vmha();
  const Address host{"127.0.2.51"};
  ASSERT_TRUE(client->blocklist_add({host}, kTimeout).has_value());
  {
    const testing::Stopped osd({cluster().daemon("osd.1")});
    const Instant begin = monotonic_now();
    expect_kind(client->prove_blocklist({host}, {}, seconds(2)), ErrorKind::kTimeout, "placement group");
    EXPECT_LT(monotonic_now() - begin, milliseconds(2800));
  }
  EXPECT_TRUE(eventually([&] { return client->prove_blocklist({host}, {}, seconds(5)).has_value(); }));
  EXPECT_TRUE(client->blocklist_remove({host}, kTimeout).has_value());
}

TEST(FenceTest, AnEntryThatAnAdminRemovedIsNoProofAndNotListed) {
  const auto client = cluster().vmha();
  const Address host{"127.0.2.52"};
  ASSERT_TRUE(client->blocklist_add({host}, kTimeout).has_value());
  ASSERT_TRUE(client->prove_blocklist({host}, {}, kTimeout).has_value());
  cluster().mon(R"({"prefix":"osd blocklist","blocklistop":"rm","addr":"127.0.2.52:0/0"})");
  expect_kind(client->prove_blocklist({host}, {}, kTimeout), ErrorKind::kNotFound, "127.0.2.52 is not on the blocklist");
  EXPECT_FALSE(listed(*client, "127.0.2.52"));
}

TEST(FenceTest, AnEntryOfOneClientIsNoFenceOfItsHost) {
  const auto client = cluster().vmha();
  add_as_admin("127.0.2.53:0/4711", 400000000);
  expect_kind(client->prove_blocklist({Address{"127.0.2.53"}}, {}, kTimeout), ErrorKind::kNotFound, "not on the blocklist");
  cluster().mon(R"({"prefix":"osd blocklist","blocklistop":"rm","addr":"127.0.2.53:0/4711"})");
}

TEST(FenceTest, AShortEntryIsNoProofAndIsReplacedWithoutAGap) {
  const auto client = cluster().vmha();
  const std::string host = "127.0.2.54";
  const ImageId image = new_image();
  const auto guest = cluster().guest(host, image, Guest::Mode::kWrite);
  ASSERT_TRUE(eventually([&] { return guest->state().writes > 50; }));
  add_as_admin(host + ":0/0", 60);
  expect_kind(client->prove_blocklist({Address{host}}, {image}, kTimeout), ErrorKind::kNotFound, "only until");
  ASSERT_TRUE(eventually([&] { return guest->state().error == -108; }));
  const int before = osdmap_epoch();
  ASSERT_TRUE(client->blocklist_add({Address{host}}, kTimeout).has_value());
  for (int epoch = before; epoch <= osdmap_epoch(); ++epoch) {  // OSDs take every map in turn, so this is what they see
    const std::string map = cluster().mon(R"({"prefix":"osd dump","format":"json","epoch":)" + std::to_string(epoch) + "}");
    EXPECT_TRUE(map.find('"' + host + ":0/0\"") != std::string::npos || map.find("\"cidr:" + host + ":0/32\"") != std::string::npos) << epoch;
  }
  auto entries = blocklist(*client);
  std::erase_if(entries, [&](const BlocklistEntry& entry) { return entry.address.value != host || entry.nonce != 0; });
  ASSERT_EQ(entries.size(), 1U) << "the range that closed the gap is gone";
  EXPECT_GT(entries[0].expires_in_seconds, seconds(kFarExpiry).count());
  ASSERT_TRUE(client->prove_blocklist({Address{host}}, {image}, kTimeout).has_value());
  EXPECT_TRUE(client->blocklist_remove({Address{host}}, kTimeout).has_value());
}

TEST(FenceTest, ARangeOverOneAddressKeepsItsClientsOut) {
  const auto guest = cluster().guest("127.0.2.56", new_image(), Guest::Mode::kWrite);
  ASSERT_TRUE(eventually([&] { return guest->state().writes > 50; }));
  add_as_admin("127.0.2.56/32", 3600, true);
  EXPECT_TRUE(eventually([&] { return guest->state().error == -108; }));
  EXPECT_TRUE(cluster().vmha()->blocklist_remove({Address{"127.0.2.56"}}, kTimeout).has_value());
}

TEST(FenceTest, WhatACrashedReplacementLeftBehindIsRemovedWithTheEntry) {
  const auto client = cluster().vmha();
  add_as_admin("127.0.2.55/32", 400000000, true);
  ASSERT_TRUE(client->blocklist_add({Address{"127.0.2.55"}}, kTimeout).has_value());
  ASSERT_TRUE(client->blocklist_remove({Address{"127.0.2.55"}}, kTimeout).has_value());
  EXPECT_FALSE(listed(*client, "127.0.2.55"));
}

TEST(FenceTest, AnAddressUnderAForeignRangeIsNotLiftedAndThatIsSaid) {
  const auto client = cluster().vmha();
  add_as_admin("127.0.4.0/29", 3600, true);
  ASSERT_TRUE(client->blocklist_add({Address{"127.0.4.1"}}, kTimeout).has_value());
  expect_kind(client->blocklist_remove({Address{"127.0.4.1"}}, kTimeout), ErrorKind::kConflict, "127.0.4.0/29");
  cluster().mon(R"({"prefix":"osd blocklist","range":"range","blocklistop":"rm","addr":"127.0.4.0/29"})");
}

TEST(FenceTest, Ipv6AndNetworksAreAddedAndRemoved) {
  const auto client = cluster().vmha();
  const std::vector<Address> hosts{Address{"2001:db8::11"}, Address{"192.0.2.8/29"}, Address{"2001:db8:1::/64"}};
  ASSERT_TRUE(client->blocklist_add(hosts, kTimeout).has_value());
  ASSERT_TRUE(client->blocklist_add(hosts, kTimeout).has_value()) << "adding again changes nothing";
  EXPECT_TRUE(client->prove_blocklist(hosts, {}, kTimeout).has_value());
  const auto removed = client->blocklist_remove(hosts, kTimeout);
  EXPECT_TRUE(removed.has_value()) << describe(removed.error());
  EXPECT_TRUE(client->blocklist_remove(hosts, kTimeout).has_value()) << "not listed is success";
  expect_kind(client->blocklist_add({hosts[0], Address{"compute-1"}}, kTimeout), ErrorKind::kInvalid, "compute-1");
  EXPECT_FALSE(listed(*client, "2001:db8::11")) << "refused before the first effect";
}

TEST(DrillTest, PassesWithTheDocumentedRightsAndLeavesNothing) {
  const auto client = cluster().vmha();
  const auto drilled = client->drill(kTimeout);
  EXPECT_TRUE(drilled.has_value()) << describe(drilled.error());
  for (const BlocklistEntry& entry : blocklist(*client)) EXPECT_FALSE(entry.address.value.starts_with("192.0.2.")) << entry.address.value;
}

TEST(DrillTest, NamesTheRightThatIsMissing) {
  const std::string good = osd_caps({"vms", "volumes"});
  const auto drill = [](const std::string& name, const std::string& mon, const std::string& osd) {
    const auto client = Client::connect(cluster().user(name, mon, osd), kTimeout);
    return client ? (*client)->drill(kTimeout) : Result<Done>(tl::unexpected(client.error()));
  };
  expect_kind(drill("norm", R"(allow r, allow command "osd blocklist" with blocklistop=add)", good), ErrorKind::kForbidden, "osd blocklist rm");
  expect_kind(drill("noadd", "allow r", good), ErrorKind::kForbidden, "osd blocklist add");
  expect_kind(drill("noread", kMonCaps, "allow rw pool=vms object_prefix vmha_canary, allow r pool=volumes"), ErrorKind::kForbidden, "pool=volumes");
}

}  // namespace
}  // namespace vmha::ceph
