#include "controller/config.h"

#include <yaml-cpp/yaml.h>

#include <charconv>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>

namespace vmha::controller {
namespace {

/// Walks one mapping of the file; remembers the first thing that is wrong.
class Section {
 public:
  Section(YAML::Node node, std::string path, const std::string& file, std::optional<Error>& error)
      : node_(std::move(node)), path_(std::move(path)), file_(file), error_(error) {
    if (node_ && !node_.IsNull() && !node_.IsMap()) refuse(node_, path_, "must be a mapping");
  }

  void text(const std::string& key, std::string& member) {
    scalar<std::string>(key, "text", [&](std::string value) { member = std::move(value); });
  }
  void flag(const std::string& key, bool& member) {
    scalar<bool>(key, "true or false", [&](bool value) { member = value; });
  }
  void list(const std::string& key, std::vector<std::string>& member) {
    const YAML::Node value = take(key);
    if (!value || error_) return;
    if (!value.IsSequence()) return refuse(value, name(key), "must be a list");
    member.clear();
    for (const YAML::Node& item : value) {
      if (!item.IsScalar()) return refuse(item, name(key), "must be a list of names");
      member.push_back(item.as<std::string>());
    }
  }
  template <class T, class Parse>
  void parsed(const std::string& key, T& member, Parse parse) {
    const YAML::Node value = take(key);
    if (!value || error_) return;
    const auto result = parse(value.IsScalar() ? value.as<std::string>() : std::string());
    if (!result) return refuse(value, name(key), result.error().message);
    member = *result;
  }
  Section section(const std::string& key) { return Section(take(key), name(key), file_, error_); }

  /// Call last: whatever was not asked for is a mistake of the user's.
  void done() {
    if (error_ || !node_ || !node_.IsMap()) return;
    for (const auto& entry : node_) {
      const auto key = entry.first.as<std::string>();
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      std::string all;
      for (const std::string& k : known_) all += (all.empty() ? "" : ", ") + k;
      return refuse(entry.first, name(key), "unknown field; known here are " + all);
    }
  }

 private:
  YAML::Node take(const std::string& key) {
    known_.push_back(key);
    return node_ && node_.IsMap() ? node_[key] : YAML::Node(YAML::NodeType::Undefined);
  }
  template <class T>
  void scalar(const std::string& key, const char* what, const std::function<void(T)>& set) {
    const YAML::Node value = take(key);
    if (!value || error_) return;
    try {
      set(value.as<T>());
    } catch (const YAML::Exception&) {
      refuse(value, name(key), std::string("must be ") + what);
    }
  }
  [[nodiscard]] std::string name(const std::string& key) const { return path_.empty() ? key : path_ + "." + key; }
  void refuse(const YAML::Node& at, const std::string& field, const std::string& why) {
    if (!error_) error_ = Error{ErrorKind::kInvalid, fmt::format("{}:{}: {}: {}", file_, at.Mark().line + 1, field, why)};
  }

  YAML::Node node_;
  std::string path_;
  const std::string& file_;
  std::optional<Error>& error_;
  std::vector<std::string> known_;
};

void read(Section& root, Config& config) {
  root.text("watchNamespace", config.watch_namespace);
  auto openstack = root.section("openstack");
  openstack.text("cloudsFile", config.openstack.clouds_file);
  openstack.text("cloud", config.openstack.cloud);
  openstack.text("region", config.openstack.region);
  openstack.text("interface", config.openstack.interface);
  openstack.done();
  auto ceph = root.section("ceph");
  ceph.text("confFile", config.ceph.conf_file);
  ceph.text("keyringFile", config.ceph.keyring_file);
  ceph.text("user", config.ceph.user);
  ceph.text("ephemeralPool", config.ceph.ephemeral_pool);
  ceph.list("volumePools", config.ceph.volume_pools);
  ceph.done();
  auto log = root.section("log");
  log.parsed("level", config.log.level, parse_level);
  log.parsed("format", config.log.format, [&](const std::string& text) {
    config.log.format_chosen = true;
    return parse_format(text);
  });
  log.done();
  root.text("listen", config.listen);
  root.text("advertise", config.advertise);
  auto election = root.section("leaderElection");
  election.flag("enabled", config.leader_election.enabled);
  election.text("leaseName", config.leader_election.lease_name);
  election.done();
  root.done();
}

}  // namespace

Result<log::Level> parse_level(const std::string& text) {
  static const std::map<std::string, log::Level> kLevels = {
      {"debug", log::Level::kDebug}, {"info", log::Level::kInfo}, {"warn", log::Level::kWarn}, {"error", log::Level::kError}};
  const auto found = kLevels.find(text);
  if (found == kLevels.end()) return fail(ErrorKind::kInvalid, "must be debug, info, warn or error, is \"{}\"", text);
  return found->second;
}

Result<log::Format> parse_format(const std::string& text) {
  if (text == "text") return log::Format::kText;
  if (text == "json") return log::Format::kJson;
  return fail(ErrorKind::kInvalid, "must be text or json, is \"{}\"", text);
}

Result<ListenAddress> parse_listen(const std::string& text) {
  const auto colon = text.rfind(':');
  int port = -1;
  if (colon != std::string::npos) {
    const char* end = text.data() + text.size();
    const auto parsed = std::from_chars(text.data() + colon + 1, end, port);
    if (parsed.ec != std::errc() || parsed.ptr != end) port = -1;
  }
  if (port < 0 || port > 65535) return fail(ErrorKind::kInvalid, "must be host:port or :port, is \"{}\"", text);
  std::string host = text.substr(0, colon);
  if (host.size() > 2 && host.front() == '[') host = host.substr(1, host.size() - 2);
  return ListenAddress{host.empty() ? "0.0.0.0" : host, port};
}

Result<Config> parse_config(const std::string& text, const std::string& name, Config config) {
  std::optional<Error> error;
  try {
    const YAML::Node root_node = YAML::Load(text);
    Section root(root_node, "", name, error);
    read(root, config);
  } catch (const YAML::Exception& e) {
    return fail(ErrorKind::kInvalid, "{}:{}: not YAML: {}", name, e.mark.line + 1, e.msg);
  }
  if (error) return tl::unexpected(*error);
  return config;
}

Result<Config> load_config(const std::string& path, Config config) {
  std::ifstream file(path);
  if (!file) return fail(ErrorKind::kInvalid, "{}: cannot be read; --config names the controller's YAML file", path);
  std::stringstream text;
  text << file.rdbuf();
  return parse_config(text.str(), path, std::move(config));
}

Result<Done> validate(const Config& config) {
  const auto need = [](const std::string& value, const char* field, const char* remedy) -> Result<Done> {
    if (value.empty()) return fail(ErrorKind::kInvalid, "{}: is empty; {}", field, remedy);
    return Done{};
  };
  for (const auto& result : {need(config.watch_namespace, "watchNamespace", "name the namespace that holds the vmha resources"),
                             need(config.openstack.clouds_file, "openstack.cloudsFile", "name a clouds.yaml"),
                             need(config.openstack.cloud, "openstack.cloud", "name a cloud of that file"),
                             need(config.ceph.conf_file, "ceph.confFile", "name a ceph.conf"), need(config.ceph.user, "ceph.user", "name a Ceph user without \"client.\""),
                             need(config.ceph.ephemeral_pool, "ceph.ephemeralPool", "name nova's pool, images_rbd_pool in nova.conf")})
    if (!result) return result;
  if (const auto listen = parse_listen(config.listen); !listen) return fail(listen.error(), "listen");
  if (!config.advertise.empty() && !config.advertise.starts_with("http://") && !config.advertise.starts_with("https://") && !config.advertise.starts_with("pod:"))
    return fail(ErrorKind::kInvalid, "advertise: must be http://host:port, https://host:port or pod:<namespace>/<name>:<port>, is \"{}\"", config.advertise);
  return Done{};
}

}  // namespace vmha::controller
