#include <gtest/gtest.h>

#include "clients/ceph/client.h"
#include "clients/ceph/testing/shared_cluster.h"

namespace vmha::ceph {
namespace {

using testing::cluster;
using testing::eventually;
using testing::Stopped;

constexpr milliseconds kDeadline{1000};
constexpr milliseconds kSlack{800};  // two busy cores; what hangs, hangs for much longer

/// Calls, and fails when the deadline did not hold.
template <class Call>
auto within_deadline(Call call, milliseconds deadline = kDeadline) {
  const Instant begin = monotonic_now();
  auto result = call();
  EXPECT_LT(monotonic_now() - begin, deadline + kSlack);
  return result;
}

template <class T>
ErrorKind kind_of(const Result<T>& result) {
  EXPECT_FALSE(result.has_value());
  return result ? ErrorKind::kInvalid : result.error().kind;
}

/// What must hold of every call that needs the mon, while it does not answer. Returns how the changes ended.
void expect_mon_calls_end(Client& client, const Address& host) {
  EXPECT_EQ(kind_of(within_deadline([&] { return client.blocklist(kDeadline); })), ErrorKind::kTimeout);
  EXPECT_EQ(kind_of(within_deadline([&] { return client.prove_blocklist({host}, {}, kDeadline); })), ErrorKind::kTimeout);
  EXPECT_EQ(kind_of(within_deadline([&] { return client.drill(kDeadline); })), ErrorKind::kTimeout);
  EXPECT_EQ(kind_of(within_deadline([&] { return client.cluster_addresses(kDeadline); })), ErrorKind::kTimeout);
  EXPECT_EQ(kind_of(within_deadline([&] { return client.blocklist_add({host}, kDeadline); })), ErrorKind::kUnknownOutcome);
  EXPECT_EQ(kind_of(within_deadline([&] { return client.blocklist_remove({host}, kDeadline); })), ErrorKind::kUnknownOutcome);
}

TEST(DeadlineTest, HoldWhileTheMonIsStoppedAndGuestsAreStillHeard) {
  auto client = cluster().vmha();
  const ImageId image{"vms", "mon-stopped"};
  cluster().create_image(image);
  const auto guest = cluster().guest("127.0.0.5", image);
  ASSERT_TRUE(client->ping({image}, kDeadline)->canary_acknowledged);
  const Config config = cluster().user("late", kMonCaps, osd_caps({"vms"}));
  {
    const Stopped mon({cluster().daemon("mon.a")});
    expect_mon_calls_end(*client, Address{"127.0.2.60"});
    EXPECT_EQ(kind_of(within_deadline([&] { return Client::connect(config, kDeadline); })), ErrorKind::kTimeout);
    const auto round = within_deadline([&] { return client->ping({image}, kDeadline); });
    ASSERT_TRUE(round.has_value());
    EXPECT_TRUE(round->canary_acknowledged);
    EXPECT_EQ(round->pings[0].acknowledged.size(), 1U);
    within_deadline([&] { client.reset(); return 0; }, seconds(2));
  }
  client = cluster().vmha();
  const auto entries = client->blocklist(seconds(10));
  ASSERT_TRUE(entries.has_value());
  for (const BlocklistEntry& entry : *entries) EXPECT_NE(entry.address.value, "127.0.2.60") << "a call whose caller was gone began nothing new";
}

TEST(DeadlineTest, HoldWhileEveryOsdIsStoppedAndSilenceIsThenUnknown) {
  auto client = cluster().vmha();
  const ImageId image{"vms", "osds-stopped"};
  cluster().create_image(image);
  const auto guest = cluster().guest("127.0.0.5", image);
  ASSERT_TRUE(client->ping({image}, kDeadline)->canary_acknowledged);
  {
    const Stopped osds({cluster().daemon("osd.0"), cluster().daemon("osd.1"), cluster().daemon("osd.2")});
    for (int i = 0; i < 3; ++i) {
      const auto round = within_deadline([&] { return client->ping({image}, kDeadline); });
      ASSERT_TRUE(round.has_value());
      EXPECT_FALSE(round->canary_acknowledged);
      EXPECT_FALSE(round->pings[0].answered);
    }
    const auto watches = within_deadline([&] { return client->watches({image}, kDeadline); });
    ASSERT_TRUE(watches.has_value());
    EXPECT_FALSE(watches->at(0).read);
    EXPECT_EQ(kind_of(within_deadline([&] { return client->images_of({ServerId{"x"}}, kDeadline); })), ErrorKind::kTimeout);
    within_deadline([&] { client.reset(); return 0; }, seconds(2));
    client = cluster().vmha();  // connects by the mon alone
    const auto first = within_deadline([&] { return client->ping({image}, kDeadline); });
    EXPECT_TRUE(first && !first->canary_acknowledged);
  }
  EXPECT_TRUE(eventually([&] {
    const auto round = client->ping({image}, seconds(3));
    return round && round->canary_acknowledged && round->pings[0].acknowledged.size() == 1;
  }));
}

/// A cluster of its own, as this one does not survive.
TEST(DeadlineTest, HoldAfterEverythingWasKilled) {
  testing::Cluster own;
  auto client = own.vmha();
  const ImageId image{"vms", "killed"};
  own.create_image(image);
  ASSERT_TRUE(client->ping({image}, seconds(5))->canary_acknowledged);
  for (const char* name : {"mon.a", "osd.0", "osd.1", "osd.2"}) own.kill(name);
  expect_mon_calls_end(*client, Address{"127.0.2.61"});
  const auto round = within_deadline([&] { return client->ping({image}, kDeadline); });
  ASSERT_TRUE(round.has_value());
  EXPECT_FALSE(round->canary_acknowledged);
  EXPECT_FALSE(round->pings[0].answered);
  within_deadline([&] { client.reset(); return 0; }, seconds(2));
}

TEST(DeadlineTest, LostCallsFillUpAndThenEveryCallFailsAtOnce) {
  auto client = cluster().vmha();
  {
    const Stopped mon({cluster().daemon("mon.a")});
    for (int i = 0; i < kMaxLostCalls; ++i) EXPECT_EQ(kind_of(client->blocklist(milliseconds(10))), ErrorKind::kTimeout) << i;
    EXPECT_EQ(kind_of(within_deadline([&] { return client->blocklist(seconds(60)); }, milliseconds(0))), ErrorKind::kUnavailable);
  }
  EXPECT_TRUE(eventually([&] { return client->blocklist(seconds(10)).has_value(); })) << "they come back with the mon";
}

}  // namespace
}  // namespace vmha::ceph
