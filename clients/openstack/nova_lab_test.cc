// Against the lab's real keystone and nova: e2e/lab/lab up; eval "$(e2e/lab/lab env)". Makes one server and deletes it.
#include <cstdlib>
#include <string>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/openstack/nova.h"

namespace vmha::openstack {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kServerName = "openstack-test";
const NovaHost kHost{"compute-3"};

Instant soon() { return monotonic_now() + seconds(30); }

int lab(const std::string& arguments) { return std::system((std::string(VMHA_LAB) + " " + arguments + " >&2").c_str()); }

CloudConfig config(const char* cloud) {
  const char* file = std::getenv("OS_CLIENT_CONFIG_FILE");
  EXPECT_NE(file, nullptr) << "no lab: e2e/lab/lab up; eval \"$(e2e/lab/lab env)\"";
  const auto loaded = load_clouds_yaml(file == nullptr ? "clouds.yaml" : file, cloud);
  EXPECT_TRUE(loaded) << loaded.error().message;
  return loaded.value_or(CloudConfig{});
}

class NovaLabTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto made = Nova::connect(config("lab"), {}, soon());
    ASSERT_TRUE(made) << made.error().message;
    nova_ = made->release();
    ASSERT_EQ(lab(std::string("boot ") + kServerName + " --host " + kHost.value), 0);
  }
  static void TearDownTestSuite() {
    lab(std::string("delete ") + kServerName);
    delete nova_;
  }
  void SetUp() override { ASSERT_NE(nova_, nullptr); }

  static nova::Service service() {
    const auto all = nova_->services(soon());
    EXPECT_TRUE(all) << all.error().message;
    for (const auto& one : all->items) {
      if (one.host == kHost) return one;
    }
    ADD_FAILURE() << kHost.value << " has no service";
    return {};
  }
  static nova::Server server() {
    const auto on_host = nova_->servers_on(kHost, soon());
    EXPECT_TRUE(on_host) << on_host.error().message;
    for (const auto& one : on_host->items) {
      if (one.name == kServerName) return one;
    }
    ADD_FAILURE() << kServerName << " is not on " << kHost.value;
    return {};
  }
  template <class Condition>
  static bool becomes(Condition condition) {
    for (const Instant end = monotonic_now() + seconds(90); monotonic_now() < end; std::this_thread::sleep_for(milliseconds(100))) {
      if (condition()) return true;
    }
    return false;
  }

  static inline Nova* nova_ = nullptr;
};

TEST_F(NovaLabTest, AnApplicationCredentialConnectsToo) {
  const auto other = Nova::connect(config("lab-application-credential"), {}, soon());
  ASSERT_TRUE(other) << other.error().message;
  EXPECT_EQ((*other)->microversion(), "2.93");
  EXPECT_EQ((*other)->services(soon())->items.size(), 3U);
}

TEST_F(NovaLabTest, AWrongPasswordIsForbiddenAndNotShown) {
  auto wrong = config("lab");
  wrong.password = "not-the-password";
  const auto refused = Nova::connect(wrong, {}, soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kForbidden);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("keystone: HTTP 401"), Not(HasSubstr("not-the-password"))));
}

TEST_F(NovaLabTest, ServicesShowEveryComputeHost) {
  const auto all = nova_->services(soon());
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_EQ(all->malformed, 0U);
  ASSERT_EQ(all->items.size(), 3U);
  for (const auto& one : all->items) {
    EXPECT_TRUE(one.state_known);
    EXPECT_FALSE(one.id.empty());
    EXPECT_FALSE(one.updated_at.empty());
  }
}

TEST_F(NovaLabTest, TheHeartbeatMoves) {
  const std::string before = service().updated_at;
  EXPECT_TRUE(becomes([&] { return service().updated_at != before; }));
}

TEST_F(NovaLabTest, AServerLooksTheSameInEachList) {
  const nova::Server listed = server();
  const auto alone = nova_->server(listed.id, soon());
  ASSERT_TRUE(alone) << alone.error().message;
  EXPECT_EQ(*alone, listed);
  const auto all = nova_->servers(soon());
  ASSERT_TRUE(all) << all.error().message;
  EXPECT_THAT(all->items, Contains(listed));
  EXPECT_EQ(all->malformed, 0U);
}

TEST_F(NovaLabTest, MigrationsCanBeAskedForInEveryWay) {
  for (const MigrationFilter& filter : {MigrationFilter{}, MigrationFilter{.touches = kHost}, MigrationFilter{.source = kHost, .type = "evacuation", .status = "done"},
                                        MigrationFilter{.server = server().id}, MigrationFilter{.newest = 1}}) {
    const auto listing = nova_->migrations(filter, soon());
    ASSERT_TRUE(listing) << listing.error().message;
    EXPECT_EQ(listing->malformed, 0U);
  }
}

TEST_F(NovaLabTest, AnUnknownServerIsNotFound) {
  const auto none = nova_->server(ServerId{"00000000-0000-0000-0000-000000000000"}, soon());
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().kind, ErrorKind::kNotFound);
  EXPECT_THAT(none.error().message, HasSubstr("(req-"));
}

TEST_F(NovaLabTest, ALockShowsItsReasonUntilItIsLifted) {
  const ServerId id = server().id;
  ASSERT_TRUE(nova_->lock(id, "vmha: test", soon()));
  EXPECT_TRUE(server().locked);
  EXPECT_EQ(server().locked_reason, "vmha: test");
  ASSERT_TRUE(nova_->unlock(id, soon()));
  EXPECT_FALSE(server().locked);
  EXPECT_EQ(server().locked_reason, "");
}

TEST_F(NovaLabTest, DisablingShowsItsReasonUntilItIsEnabled) {
  const ServiceId id = service().id;
  ASSERT_TRUE(nova_->disable(id, "vmha: test", soon()));
  EXPECT_FALSE(service().enabled);
  EXPECT_EQ(service().disabled_reason, "vmha: test");
  ASSERT_TRUE(nova_->enable(id, soon()));
  EXPECT_TRUE(service().enabled);
  EXPECT_EQ(service().disabled_reason, "");
}

TEST_F(NovaLabTest, EvacuationFromAHostThatIsUpIsRefused) {
  const auto refused = nova_->evacuate(server().id, std::nullopt, soon());
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().kind, ErrorKind::kInvalid);
  const auto nowhere = nova_->evacuate(server().id, NovaHost{"no-such-host"}, soon());
  ASSERT_FALSE(nowhere);
  EXPECT_EQ(nowhere.error().kind, ErrorKind::kNotFound);
}

TEST_F(NovaLabTest, AServerStopsStartsAndCanBeSetToError) {
  const ServerId id = server().id;
  ASSERT_TRUE(nova_->stop(id, soon()));
  EXPECT_TRUE(becomes([] { return server().vm_state == "stopped"; }));
  EXPECT_EQ(server().power_state, 4);
  ASSERT_TRUE(nova_->start(id, soon()));
  EXPECT_TRUE(becomes([] { return server().vm_state == "active"; }));
  ASSERT_TRUE(nova_->reset_state_to_error(id, soon()));
  EXPECT_TRUE(becomes([] { return server().status == "ERROR"; }));
}

}  // namespace
}  // namespace vmha::openstack
