#include "controller/settings.h"

#include <fstream>
#include <sstream>

namespace vmha::controller {
namespace {

/// Empty if it cannot be read: what needs it says so itself when it connects.
std::string content(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  return text.str();
}

std::string ceph_files(const Config& config) { return content(config.ceph.conf_file) + content(config.ceph.keyring_file); }

Result<openstack::CloudConfig> cloud_of(const Config& config) {
  const Config::OpenStack& o = config.openstack;
  return openstack::load_clouds_yaml(o.clouds_file, o.cloud, o.region, o.interface);
}

/// What the process is bound to from its start keeps its value.
std::vector<std::string> keep_what_needs_a_restart(const Config& old, Config& edited) {
  std::vector<std::string> fields;
  const auto keep = [&](const char* field, const auto& before, auto& after) {
    if (before == after) return;
    fields.emplace_back(field);
    after = before;
  };
  keep("watchNamespace", old.watch_namespace, edited.watch_namespace);
  keep("listen", old.listen, edited.listen);
  keep("advertise", old.advertise, edited.advertise);
  keep("leaderElection", old.leader_election, edited.leader_election);
  return fields;
}

}  // namespace

Settings::Settings(Config first, Load load) : config_(std::make_shared<const Config>(std::move(first))), load_(std::move(load)), ceph_files_(ceph_files(*config_)) {
  if (auto cloud = cloud_of(*config_)) cloud_ = std::move(*cloud);
}

std::shared_ptr<const Config> Settings::now() const {
  const std::lock_guard lock(mutex_);
  return config_;
}

Settings::Change Settings::poll() {
  Change change;
  const std::shared_ptr<const Config> old = now();
  std::string refusal;
  auto edited = load_();
  if (!edited) {
    refusal = edited.error().message;
    edited = *old;  // the files that it names are looked at all the same
  }
  if (auto fields = keep_what_needs_a_restart(*old, *edited); fields != restart_fields_) {
    change.needs_restart = fields;
    restart_fields_ = std::move(fields);
  }
  if (auto cloud = cloud_of(*edited); cloud && *cloud != cloud_) {
    change.openstack = true;
    cloud_ = std::move(*cloud);
  } else if (!cloud) {
    edited->openstack = old->openstack;
    if (refusal.empty()) refusal = cloud.error().message;
  }
  auto files = ceph_files(*edited);
  change.ceph = edited->ceph != old->ceph || files != ceph_files_;
  ceph_files_ = std::move(files);
  change.log = edited->log != old->log;
  if (refusal != refusal_ && !refusal.empty()) change.refused = Error{ErrorKind::kInvalid, refusal};
  refusal_ = std::move(refusal);
  const std::lock_guard lock(mutex_);
  config_ = std::make_shared<const Config>(std::move(*edited));
  return change;
}

}  // namespace vmha::controller
