#include "clients/kube/config.h"

#include <yaml-cpp/yaml.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

#include "clients/kube/base64.h"

namespace vmha::kube {
namespace {

namespace fs = std::filesystem;

struct Kubeconfig {
  fs::path path;
  YAML::Node root;
};

/// One named entry (a cluster, user or context) and the file it is in.
struct Entry {
  const Kubeconfig* file = nullptr;
  std::string what;  ///< "user lab", for messages
  YAML::Node node;
};

Result<std::string> read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return fail(ErrorKind::kInvalid, "cannot read {}", path.string());
  return std::string{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::string trimmed(std::string text) {
  const auto end = text.find_last_not_of(" \t\r\n");
  text.resize(end == std::string::npos ? 0 : end + 1);
  return text;
}

Result<Kubeconfig> read_kubeconfig(const fs::path& path) {
  auto text = read_file(path);
  if (!text) return tl::unexpected(text.error());
  try {
    Kubeconfig config{path, YAML::Load(*text)};
    if (!config.root.IsMap()) return fail(ErrorKind::kInvalid, "{}: not a kubeconfig", path.string());
    return config;
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::kInvalid, "{}: {}", path.string(), error.what());
  }
}

std::string scalar(const YAML::Node& node, const char* key) {
  if (!node || !node.IsMap()) return {};
  const YAML::Node value = node[key];
  return value && value.IsScalar() ? value.Scalar() : std::string();
}

/// The first file that has `<list>: [{name: <name>, <kind>: ...}]`.
Result<Entry> find_entry(const std::vector<Kubeconfig>& files, const char* list, const char* kind, const std::string& name) {
  for (const Kubeconfig& file : files) {
    const YAML::Node entries = file.root[list];
    if (!entries || !entries.IsSequence()) continue;
    for (const YAML::Node& entry : entries)
      if (entry.IsMap() && scalar(entry, "name") == name && entry[kind] && entry[kind].IsMap()) return Entry{&file, fmt::format("{} {}", kind, name), entry[kind]};
  }
  return fail(ErrorKind::kInvalid, "{}: there is no {} named \"{}\"", files.front().path.string(), kind, name);
}

/// A path in a kubeconfig is relative to its file.
fs::path resolve(const Entry& entry, const std::string& path) { return entry.file->path.parent_path() / path; }

/// `<key>-data` (base64) or the file that `<key>` names; empty when neither is there.
Result<std::string> pem(const Entry& entry, const std::string& key) {
  const std::string data = scalar(entry.node, (key + "-data").c_str());
  if (!data.empty()) {
    auto decoded = base64_decode(data);
    if (!decoded) return fail(ErrorKind::kInvalid, "{}: {}: {}-data is not base64", entry.file->path.string(), entry.what, key);
    return std::move(*decoded);
  }
  const std::string path = scalar(entry.node, key.c_str());
  if (path.empty()) return std::string();
  auto text = read_file(resolve(entry, path));
  if (!text) return fail(text.error(), "{}: {}: {}", entry.file->path.string(), entry.what, key);
  return text;
}

Result<Done> refuse(const Entry& entry, const char* key, const char* advice) {
  if (!entry.node[key]) return Done{};
  return fail(ErrorKind::kInvalid, "{}: {}: {} is not supported; {}", entry.file->path.string(), entry.what, key, advice);
}

Result<Done> read_cluster(const Entry& cluster, Config& config) {
  for (const auto& [key, advice] : {std::pair{"proxy-url", "reach the API server directly"},
                                    std::pair{"tls-server-name", "use a server address that its certificate names"}}) {
    if (auto refused = refuse(cluster, key, advice); !refused) return refused;
  }
  config.server = scalar(cluster.node, "server");
  if (config.server.empty()) return fail(ErrorKind::kInvalid, "{}: {}: server is missing", cluster.file->path.string(), cluster.what);
  config.insecure_skip_verify = scalar(cluster.node, "insecure-skip-tls-verify") == "true";
  auto ca = pem(cluster, "certificate-authority");
  if (!ca) return tl::unexpected(ca.error());
  config.ca_pem = std::move(*ca);
  return Done{};
}

Result<Done> read_user(const Entry& user, Config& config) {
  constexpr const char* kAdvice = "use a client certificate, a token or a token file";
  for (const char* key : {"exec", "auth-provider", "username", "password", "as"})
    if (auto refused = refuse(user, key, kAdvice); !refused) return refused;
  auto certificate = pem(user, "client-certificate");
  if (!certificate) return tl::unexpected(certificate.error());
  auto key = pem(user, "client-key");
  if (!key) return tl::unexpected(key.error());
  if (certificate->empty() != key->empty())
    return fail(ErrorKind::kInvalid, "{}: {}: client-certificate and client-key must be given together", user.file->path.string(), user.what);
  config.client_cert_pem = std::move(*certificate);
  config.client_key_pem = std::move(*key);
  config.token = scalar(user.node, "token");
  const std::string token_file = scalar(user.node, "tokenFile");
  if (!token_file.empty()) config.token_file = resolve(user, token_file).string();
  return Done{};
}

std::string current_context(const std::vector<Kubeconfig>& files) {
  for (const Kubeconfig& file : files)
    if (std::string name = scalar(file.root, "current-context"); !name.empty()) return name;
  return {};
}

Result<Config> read_kubeconfigs(const std::vector<fs::path>& paths, const std::string& wanted_context) {
  std::vector<Kubeconfig> files;
  for (const fs::path& path : paths) {
    auto file = read_kubeconfig(path);
    if (!file) return tl::unexpected(file.error());
    files.push_back(std::move(*file));
  }
  const std::string context_name = wanted_context.empty() ? current_context(files) : wanted_context;
  if (context_name.empty()) return fail(ErrorKind::kInvalid, "{}: current-context is missing", paths.front().string());
  const auto context = find_entry(files, "contexts", "context", context_name);
  if (!context) return tl::unexpected(context.error());
  const auto cluster = find_entry(files, "clusters", "cluster", scalar(context->node, "cluster"));
  if (!cluster) return tl::unexpected(cluster.error());
  const auto user = find_entry(files, "users", "user", scalar(context->node, "user"));
  if (!user) return tl::unexpected(user.error());
  Config config;
  if (auto read = read_cluster(*cluster, config); !read) return tl::unexpected(read.error());
  if (auto read = read_user(*user, config); !read) return tl::unexpected(read.error());
  if (std::string ns = scalar(context->node, "namespace"); !ns.empty()) config.ns = std::move(ns);
  return config;
}

Result<Config> from_kubeconfigs(const std::vector<fs::path>& paths, const std::string& wanted_context) {
  try {
    return read_kubeconfigs(paths, wanted_context);
  } catch (const YAML::Exception& error) {  // a node is not what its place asks for: yaml-cpp throws where it is looked into
    return fail(ErrorKind::kInvalid, "{}: not a kubeconfig: {}", paths.front().string(), error.what());
  }
}

Result<Config> from_service_account(const ConfigSources& sources) {
  const fs::path folder = sources.service_account_folder;
  const bool is_v6 = sources.service_host.find(':') != std::string::npos;
  Config config;
  config.server = fmt::format("https://{}:{}", is_v6 ? "[" + sources.service_host + "]" : sources.service_host, sources.service_port);
  config.token_file = (folder / "token").string();
  auto ca = read_file(folder / "ca.crt");
  if (!ca) return fail(ca.error(), "service account");
  config.ca_pem = std::move(*ca);
  if (auto token = read_file(config.token_file); !token) return fail(token.error(), "service account");
  if (auto ns = read_file(folder / "namespace"); ns && !trimmed(*ns).empty()) config.ns = trimmed(*ns);
  return config;
}

std::string environment(const char* name) {
  const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read before the first thread
  return value != nullptr ? value : "";
}

}  // namespace

ConfigSources ConfigSources::from_environment() {
  ConfigSources sources;
  std::string rest = environment("KUBECONFIG");
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(':'), rest.size());
    if (end > 0) sources.env_files.push_back(rest.substr(0, end));
    rest.erase(0, end + 1);
  }
  sources.service_host = environment("KUBERNETES_SERVICE_HOST");
  sources.service_port = environment("KUBERNETES_SERVICE_PORT");
  if (const std::string home = environment("HOME"); !home.empty()) sources.home_file = home + "/.kube/config";
  return sources;
}

Result<Config> load_config(const ConfigSources& sources) {
  if (!sources.kubeconfig.empty()) return from_kubeconfigs({sources.kubeconfig}, sources.context);
  std::error_code ignored;
  std::vector<fs::path> files;
  for (const std::string& file : sources.env_files)
    if (fs::exists(file, ignored)) files.emplace_back(file);
  if (!files.empty()) return from_kubeconfigs(files, sources.context);
  if (!sources.env_files.empty()) return fail(ErrorKind::kNotFound, "KUBECONFIG: {} does not exist", sources.env_files.front());
  if (!sources.service_host.empty() && !sources.service_port.empty()) return from_service_account(sources);
  if (!sources.home_file.empty() && fs::exists(sources.home_file, ignored)) return from_kubeconfigs({sources.home_file}, sources.context);
  return fail(ErrorKind::kNotFound, "no kubeconfig (flag, KUBECONFIG or ~/.kube/config) and no service account of a pod");
}

}  // namespace vmha::kube
