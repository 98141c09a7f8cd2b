#pragma once

#include <string>
#include <vector>

#include "base/log.h"
#include "base/result.h"

namespace vmha::controller {

/// What a user sets, from the file and the flags; a flag wins. Not a Kubernetes resource.
struct Config {
  std::string watch_namespace = "openstack";
  struct OpenStack {
    std::string clouds_file;
    std::string cloud;
    std::string region;
    std::string interface;
    bool operator==(const OpenStack&) const = default;
  } openstack;
  struct Ceph {
    std::string conf_file = "/etc/ceph/ceph.conf";
    std::string keyring_file;
    std::string user = "vmha";
    std::string ephemeral_pool = "vms";
    std::vector<std::string> volume_pools = {"volumes"};
    bool operator==(const Ceph&) const = default;
  } ceph;
  struct Log {
    log::Level level = log::Level::kInfo;
    log::Format format = log::Format::kText;
    bool format_chosen = false;  ///< else text on a terminal, JSON otherwise
    bool operator==(const Log&) const = default;
  } log;
  std::string listen = "127.0.0.1:8080";
  std::string advertise;  ///< where kubectl-vmha finds the leader; empty: made of `listen` (controller/advertise.h)
  struct LeaderElection {
    bool enabled = true;
    std::string lease_name = "vmha-controller";
    bool operator==(const LeaderElection&) const = default;
  } leader_election;
};

/// Reads a YAML file over `config`. kInvalid names file, line, field and remedy: "vmha.yaml:3: ceph.usr: unknown field; known are ...".
[[nodiscard]] Result<Config> load_config(const std::string& path, Config config);
/// The same from text, `name` standing for the file in messages.
[[nodiscard]] Result<Config> parse_config(const std::string& text, const std::string& name, Config config);

/// What the fields must be together; kInvalid names the field.
[[nodiscard]] Result<Done> validate(const Config& config);

[[nodiscard]] Result<log::Level> parse_level(const std::string& text);
[[nodiscard]] Result<log::Format> parse_format(const std::string& text);

/// "host:port" or ":port"; port 0 lets the system choose.
struct ListenAddress {
  std::string host;
  int port = 0;
};
[[nodiscard]] Result<ListenAddress> parse_listen(const std::string& text);

}  // namespace vmha::controller
