#include "controller/reconfigure.h"

#include "base/log.h"

namespace vmha::controller {
namespace {

constexpr Duration kLookEvery = seconds(5);
constexpr Duration kConnectTimeout = seconds(5);  // a stop waits for it

}  // namespace

void Reconfigure::run(const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  while (!stopped_.wait_for(lock, stop, kLookEvery, [&] { return stop.stop_requested(); }) && !stop.stop_requested()) look();
}

void Reconfigure::look() {
  const Settings::Change change = settings_.poll();
  if (change.refused) log::error("The configuration was edited and is not used", {{"why", change.refused->message}});
  for (const std::string& field : change.needs_restart) log::warn("The configuration was edited; this takes a restart", {{"field", field}});
  if (change.log) log::configure(settings_.now()->log.level, settings_.now()->log.format);
  nova_ = nova_ || change.openstack;
  ceph_ = ceph_ || change.ceph;
  renew("nova", nova_, &Systems::renew_nova);
  renew("ceph", ceph_, &Systems::renew_ceph);
}

void Reconfigure::renew(const char* system, bool& wanted, Result<Done> (Systems::*connect)(Instant)) {
  if (!wanted) return;
  const auto renewed = (systems_.*connect)(monotonic_now() + kConnectTimeout);
  if (renewed) {
    wanted = false;
    log::info("Credentials were edited: connected anew", {{"system", system}});
  } else {
    log::error("Credentials were edited, but do not work; the old connection stays", {{"system", system}, {"why", describe(renewed.error())}});
  }
}

}  // namespace vmha::controller
