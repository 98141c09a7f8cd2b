#include "clients/ceph/client.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <set>

#include "clients/ceph/batch.h"
#include "clients/ceph/testing/shared_cluster.h"
#include "clients/ceph/text.h"

namespace vmha::ceph {
namespace {

using testing::cluster;
using testing::eventually;
using testing::Guest;

constexpr milliseconds kTimeout{5000};

std::set<std::string> addresses_of(const std::vector<Watcher>& watchers) {
  std::set<std::string> addresses;
  for (const Watcher& watcher : watchers) addresses.insert(watcher.address.value);
  return addresses;
}

using Addresses = std::set<std::string>;

ImageId new_image(const std::string& pool = "vms", const std::string& data_pool = "") {
  static int count = 0;
  const ImageId image{pool, "image-" + std::to_string(++count)};
  cluster().create_image(image, data_pool);
  return image;
}

PingRound ping(Client& client, const std::vector<ImageId>& images) {
  const auto round = client.ping(images, kTimeout);
  EXPECT_TRUE(round.has_value()) << (round ? "" : describe(round.error()));
  return round.value_or(PingRound{});
}

ImageWatch watch_of(Client& client, const ImageId& image) {
  const auto watches = client.watches({image}, kTimeout);
  EXPECT_TRUE(watches.has_value()) << (watches ? "" : describe(watches.error()));
  return watches ? watches->at(0) : ImageWatch{};
}

TEST(PingTest, AcknowledgementsCarryTheAddressOfTheHost) {
  const auto client = cluster().vmha();
  const ImageId a = new_image(), b = new_image("volumes"), idle = new_image();
  const auto first = cluster().guest("127.0.0.5", a), second = cluster().guest("127.0.0.6", b);
  const Instant before = monotonic_now();
  const PingRound round = ping(*client, {a, b, idle});
  EXPECT_TRUE(round.canary_acknowledged);
  EXPECT_GE(round.sent, before);
  ASSERT_EQ(round.pings.size(), 3U);
  EXPECT_EQ(addresses_of(round.pings[0].acknowledged), Addresses{"127.0.0.5"});
  EXPECT_EQ(addresses_of(round.pings[1].acknowledged), Addresses{"127.0.0.6"});
  EXPECT_TRUE(round.pings[2].answered);
  EXPECT_TRUE(round.pings[2].acknowledged.empty());
  EXPECT_TRUE(round.pings[0].silent.empty());
}

TEST(PingTest, AFrozenGuestIsSilentAndAThawedOneAnswersAgain) {
  const auto client = cluster().vmha();
  const ImageId image = new_image();
  const auto frozen = cluster().guest("127.0.0.5", image), live = cluster().guest("127.0.0.6", image);
  frozen->freeze();
  const Ping ping_frozen = ping(*client, {image}).pings[0];
  EXPECT_TRUE(ping_frozen.answered);
  EXPECT_EQ(addresses_of(ping_frozen.acknowledged), Addresses{"127.0.0.6"});
  EXPECT_EQ(addresses_of(ping_frozen.silent), Addresses{"127.0.0.5"});
  frozen->thaw();
  EXPECT_TRUE(eventually([&] { return addresses_of(ping(*client, {image}).pings[0].acknowledged) == Addresses{"127.0.0.5", "127.0.0.6"}; }));
}

TEST(PingTest, AKilledGuestIsListedButSilentAndTheCanaryAnswers) {
  const auto client = cluster().vmha();
  const ImageId image = new_image();
  const auto guest = cluster().guest("127.0.0.5", image);
  guest->kill();
  const PingRound round = ping(*client, {image});
  EXPECT_TRUE(round.canary_acknowledged);
  EXPECT_TRUE(round.pings[0].answered);
  EXPECT_TRUE(round.pings[0].acknowledged.empty());
  EXPECT_EQ(addresses_of(round.pings[0].silent), Addresses{"127.0.0.5"});
}

TEST(PingTest, ADeletedImageIsSaidToBeGoneAndAnotherOfItsNameIsFound) {
  const auto client = cluster().vmha();
  const ImageId image = new_image();
  EXPECT_TRUE(ping(*client, {image}).pings[0].image_found);
  librados::IoCtx io = cluster().pool("vms");
  testing::remove_image(io, image.name);
  const Ping gone = ping(*client, {image, {"no-such-pool", "x"}}).pings[0];
  EXPECT_FALSE(gone.image_found);
  EXPECT_TRUE(gone.answered);
  cluster().create_image(image);
  const auto guest = cluster().guest("127.0.0.7", image);
  EXPECT_EQ(addresses_of(ping(*client, {image}).pings[0].acknowledged), Addresses{"127.0.0.7"});
}

TEST(PingTest, AThousandImagesInOneCall) {
  const auto client = cluster().vmha();
  std::vector<ImageId> images;
  for (int i = 0; i < 5; ++i) images.push_back(new_image());
  const auto guest = cluster().guest("127.0.0.5", images[2]);
  for (int i = 5; i < 1000; ++i) images.push_back(i % 2 == 0 ? images[static_cast<std::size_t>(i) % 5] : ImageId{"vms", "missing-" + std::to_string(i)});
  const PingRound round = ping(*client, images);
  ASSERT_EQ(round.pings.size(), 1000U);
  for (const Ping& one : round.pings) {
    EXPECT_TRUE(one.answered) << one.image.path();
    EXPECT_EQ(one.acknowledged.size(), one.image == images[2] ? 1U : 0U) << one.image.path();
  }
}

TEST(PingTest, ACanaryThatAnotherVmhaLeftBehindHoldsNobodyBackForLong) {
  auto first = cluster().vmha();
  const auto second = cluster().vmha();
  EXPECT_TRUE(ping(*first, {}).canary_acknowledged);
  EXPECT_TRUE(ping(*second, {}).canary_acknowledged);
  first.reset();
  const auto quick = [&] {
    const Instant before = monotonic_now();
    return ping(*second, {}).canary_acknowledged && monotonic_now() - before < milliseconds(900);
  };
  EXPECT_TRUE(eventually(quick, seconds(3))) << "a watch that was given back is not waited for, until it expires after 5 s";
}

TEST(PingTest, WithoutTheRightToWatchACanaryNothingIsReadAndTheRightIsNamed) {
  const Config half = cluster().user("nocanary", kMonCaps, "allow r pool=vms");
  const auto blind = Client::connect(half, kTimeout);
  ASSERT_TRUE(blind.has_value());
  const auto refused = (*blind)->ping({}, kTimeout);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
  EXPECT_NE(refused.error().message.find("allow rw pool=vms object_prefix vmha_canary"), std::string::npos) << refused.error().message;
}

TEST(PingTest, WhenWeAreBlocklistedOurselvesThatIsSaidAndTheWatchComesBackAfterwards) {
  const auto client = cluster().vmha();
  ASSERT_TRUE(ping(*client, {}).canary_acknowledged);
  const std::string own = testing::own_watch("vms");
  ASSERT_FALSE(own.empty());
  cluster().mon(R"({"prefix":"osd blocklist","blocklistop":"add","addr":")" + own + R"("})");
  Result<PingRound> round = PingRound{};
  EXPECT_TRUE(eventually([&] { return !(round = client->ping({}, kTimeout)).has_value(); }));
  EXPECT_EQ(round.error().kind, ErrorKind::kForbidden);
  EXPECT_NE(round.error().message.find("our own address is on Ceph's blocklist"), std::string::npos) << round.error().message;
  cluster().mon(R"({"prefix":"osd blocklist","blocklistop":"rm","addr":")" + own + R"("})");
  EXPECT_TRUE(eventually([&] {
    const auto again = client->ping({}, kTimeout);
    return again && again->canary_acknowledged;
  }));
}

TEST(BatchTest, KeepsAtMost256OperationsInFlight) {
  librados::IoCtx io = cluster().pool("vms");
  Batch batch(monotonic_now() + seconds(20));
  int begun = 0, ended = 0, most = 0;
  for (int i = 0; i < 3000; ++i)
    batch.add(
        io,
        [&, i](Operation& op) {
          most = std::max(most, ++begun - ended);
          return op.io.aio_stat("none-" + std::to_string(i), op.completion, &op.size, &op.modified);
        },
        [&](Operation& op) {
          ++ended;
          EXPECT_EQ(op.rc, -ENOENT);
        });
  batch.run();
  EXPECT_EQ(ended, 3000);
  EXPECT_EQ(most, kMaxPingsInFlight);
}

TEST(WatchesTest, ShowsWatchersAndTheLockOwnerLive) {
  const auto client = cluster().vmha();
  const ImageId image = new_image();
  const auto idle = cluster().guest("127.0.0.6", image);
  const ImageWatch before = watch_of(*client, image);
  EXPECT_TRUE(before.found && before.read);
  EXPECT_EQ(addresses_of(before.watchers), Addresses{"127.0.0.6"});
  EXPECT_EQ(before.lock_owner, std::nullopt) << "the lock comes with the first write";
  const auto writer = cluster().guest("127.0.0.5", image, Guest::Mode::kWrite);
  ASSERT_TRUE(eventually([&] { return writer->state().writes > 0; }));
  const ImageWatch after = watch_of(*client, image);
  EXPECT_EQ(addresses_of(after.watchers), (Addresses{"127.0.0.5", "127.0.0.6"}));
  ASSERT_TRUE(after.lock_owner.has_value());
  EXPECT_EQ(after.lock_owner->address.value, "127.0.0.5");
  EXPECT_TRUE(std::ranges::count(after.watchers, *after.lock_owner)) << "the owner has the id and nonce of its watch";
}

TEST(WatchesTest, TellsAMissingImageFromAnUnreadableOne) {
  const auto client = cluster().vmha();
  const ImageWatch missing = watch_of(*client, {"vms", "nothing"});
  EXPECT_FALSE(missing.found);
  EXPECT_TRUE(missing.read);
  const ImageId image = new_image();
  const auto blind = Client::connect(cluster().user("novms", kMonCaps, "allow r pool=volumes"), kTimeout);
  ASSERT_TRUE(blind.has_value());
  const ImageWatch refused = watch_of(**blind, image);
  EXPECT_FALSE(refused.read);
}

TEST(WatchesTest, AnImageInTheTrashIsNotTakenForTheOneThatHasItsNameNow) {
  const auto client = cluster().vmha();
  const ImageId image = new_image();
  const auto guest = cluster().guest("127.0.0.5", image);
  ASSERT_EQ(ping(*client, {image}).pings[0].acknowledged.size(), 1U);  // its id is cached now
  librados::IoCtx io = cluster().pool("vms");
  testing::rename_image(io, image.name, image.name + "-old");
  cluster().create_image(image);
  EXPECT_TRUE(watch_of(*client, image).watchers.empty());
  EXPECT_EQ(watch_of(*client, {"vms", image.name + "-old"}).watchers.size(), 1U);
}

TEST(ImagesOfTest, FindsEveryDiskOfTheServersAndNothingElse) {
  const auto client = cluster().vmha();
  const std::string a = "aaaaaaaa-0000-4000-8000-000000000001", b = "aaaaaaaa-0000-4000-8000-000000000002";
  for (const std::string& name : {a + "_disk", a + "_disk.config", b + "_disk", a + "-snapshot"}) cluster().create_image({"vms", name});
  const auto images = client->images_of({ServerId{a}}, kTimeout);
  ASSERT_TRUE(images.has_value()) << describe(images.error());
  EXPECT_EQ(*images, (std::vector<ImageId>{{"vms", a + "_disk"}, {"vms", a + "_disk.config"}}));
  EXPECT_TRUE(client->images_of({}, kTimeout)->empty());
}

TEST(ImagesOfTest, ReadsADirectoryOfManyPages) {
  librados::IoCtx io = cluster().pool("vms");
  std::map<std::string, librados::bufferlist> entries;
  std::vector<ServerId> servers;
  for (int i = 0; i < 3500; ++i) {
    char uuid[37];
    std::snprintf(uuid, sizeof uuid, "bbbbbbbb-0000-4000-8000-%012d", i);
    entries["name_" + std::string(uuid) + "_disk"].append(std::string("\x02\0\0\0ab", 6));
    servers.push_back({uuid});
  }
  ASSERT_EQ(io.omap_set("rbd_directory", entries), 0);
  const auto images = cluster().vmha()->images_of(servers, kTimeout);
  std::set<std::string> keys;
  for (const auto& [key, value] : entries) keys.insert(key);
  ASSERT_EQ(io.omap_rm_keys("rbd_directory", keys), 0);
  ASSERT_TRUE(images.has_value()) << describe(images.error());
  EXPECT_EQ(images->size(), 3500U);
}

TEST(ClusterAddressesTest, HoldMonsOsdsAndOurselves) {
  const auto addresses = cluster().vmha()->cluster_addresses(kTimeout);
  ASSERT_TRUE(addresses.has_value()) << describe(addresses.error());
  EXPECT_EQ(*addresses, std::vector{Address{"127.0.0.1"}});
}

TEST(ConnectTest, AWrongKeyAndAMissingFileAreSaidPlainly) {
  Config config = cluster().user("wrongkey", kMonCaps, "allow r pool=vms");
  std::ofstream(config.keyring_file) << "[client.wrongkey]\n\tkey = AQD0KwRrOLcmLxAAmKbpr89bNNhSUSp5nquwjQ==\n";
  const auto refused = Client::connect(config, kTimeout);
  ASSERT_FALSE(refused.has_value());
  EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden) << refused.error().message;
  config.conf_file = "/nonexistent/ceph.conf";
  const auto missing = Client::connect(config, kTimeout);
  ASSERT_FALSE(missing.has_value());
  EXPECT_EQ(missing.error().kind, ErrorKind::kInvalid) << missing.error().message;
}

}  // namespace
}  // namespace vmha::ceph
