#include "clients/ceph/testing/shared_cluster.h"

#include <gtest/gtest.h>

#include <list>
#include <memory>
#include <rbd/librbd.hpp>

namespace vmha::ceph::testing {
namespace {

std::unique_ptr<Cluster>& instance() {
  static std::unique_ptr<Cluster> cluster;
  return cluster;
}

class Environment : public ::testing::Environment {
 public:
  void TearDown() override { instance().reset(); }
};

const ::testing::Environment* const kEnvironment = ::testing::AddGlobalTestEnvironment(new Environment);

}  // namespace

Cluster& cluster() {
  if (!instance()) instance() = std::make_unique<Cluster>();
  return *instance();
}

void remove_image(librados::IoCtx& io, const std::string& name) { EXPECT_EQ(librbd::RBD().remove(io, name.c_str()), 0) << name; }

void rename_image(librados::IoCtx& io, const std::string& from, const std::string& to) {
  EXPECT_EQ(librbd::RBD().rename(io, from.c_str(), to.c_str()), 0) << from;
}

std::string own_watch(const std::string& pool) {
  librados::IoCtx io = cluster().pool(pool);
  std::list<obj_watch_t> watchers;
  EXPECT_EQ(io.list_watchers(kCanaryObject, &watchers), 0);
  const obj_watch_t* last = nullptr;
  for (const obj_watch_t& watch : watchers)
    if (last == nullptr || watch.watcher_id > last->watcher_id) last = &watch;
  return last == nullptr ? "" : last->addr;
}

}  // namespace vmha::ceph::testing
