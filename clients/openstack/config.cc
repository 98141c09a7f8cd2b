#include "clients/openstack/config.h"

#include <exception>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string_view>
#include <utility>

#include <yaml-cpp/yaml.h>

namespace vmha::openstack {
namespace {

namespace fs = std::filesystem;

Result<std::string> read_text(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>()};
  if (!in) return fail(ErrorKind::kInvalid, "{}: cannot be read; check the path and its permissions", path.string());
  return text;
}

/// yaml-cpp's parse errors name a position, not the text there: nothing secret.
Result<YAML::Node> read_yaml(const fs::path& path) {
  auto text = read_text(path);
  if (!text) return tl::unexpected(text.error());
  try {
    return YAML::Load(*text);
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::kInvalid, "{}: not YAML at line {}: {}; correct it", path.string(), error.mark.line + 1, error.msg);
  }
}

/// The cloud of secure.yaml over that of clouds.yaml: maps are merged one level deep (`auth`), anything else is replaced.
void overlay(YAML::Node cloud, const YAML::Node& secret) {
  for (const auto& entry : secret) {
    const auto key = entry.first.as<std::string>();
    if (cloud[key] && cloud[key].IsMap() && entry.second.IsMap()) {
      YAML::Node below = cloud[key];
      for (const auto& field : entry.second) below[field.first.as<std::string>()] = field.second;
    } else {
      cloud[key] = entry.second;
    }
  }
}

/// One cloud of the file, read field by field; the first problem is kept.
class CloudReader {
 public:
  CloudReader(fs::path file, std::string cloud, YAML::Node node) : file_(std::move(file)), cloud_(std::move(cloud)), node_(std::move(node)) {}

  Result<CloudConfig> read(const std::string& region, const std::string& interface) {
    auth_url();
    credentials();
    place(region, interface);
    tls();
    if (problem_) return tl::unexpected(*problem_);
    return config_;
  }

 private:
  template <class... Args>
  void problem(std::string_view field, fmt::format_string<Args...> text, Args&&... args) {
    if (problem_) return;
    problem_ = Error{ErrorKind::kInvalid, fmt::format("{}: clouds.{}.{}: ", file_.string(), cloud_, field) +
                                              fmt::format(text, std::forward<Args>(args)...)};
  }

  /// Empty when absent. `section` is "auth" or "" for the cloud itself.
  std::string text(std::string_view section, const std::string& key) {
    const YAML::Node from = section.empty() ? node_ : node_[std::string(section)];
    const std::string field = section.empty() ? key : fmt::format("{}.{}", section, key);
    if (!from || !from.IsMap() || !from[key] || from[key].IsNull()) return "";
    if (!from[key].IsScalar()) {
      problem(field, "must be a text; write it as {}: \"...\"", key);
      return "";
    }
    return from[key].Scalar();
  }
  std::string auth(const std::string& key) { return text("auth", key); }

  void auth_url() {
    if (!node_["auth"] || !node_["auth"].IsMap()) return problem("auth", "is missing; it holds auth_url and the credentials");
    config_.auth_url = auth("auth_url");
    const bool is_url = config_.auth_url.starts_with("http://") || config_.auth_url.starts_with("https://");
    if (!is_url) problem("auth.auth_url", "must be keystone's URL; write https://host:port/v3");
    if (config_.auth_url.find('@') != std::string::npos) problem("auth.auth_url", "must not contain a user; use username and password");
  }

  void credentials() {
    const std::string type = text("", "auth_type");
    config_.username = auth("username");
    config_.user_id = auth("user_id");
    config_.user_domain_name = auth("user_domain_name");
    config_.user_domain_id = auth("user_domain_id");
    if (type == "v3applicationcredential") return application_credential();
    if (type.empty() || type == "password" || type == "v3password") return password();
    problem("auth_type", "{} is not supported; use v3password or v3applicationcredential", type);
  }

  void application_credential() {
    config_.application_credential_id = auth("application_credential_id");
    config_.application_credential_name = auth("application_credential_name");
    config_.application_credential_secret = auth("application_credential_secret");
    if (config_.application_credential_secret.empty())
      problem("auth.application_credential_secret", "is missing; take it from `openstack application credential create`");
    if (!config_.application_credential_id.empty()) return;
    if (config_.application_credential_name.empty())
      problem("auth.application_credential_id", "is missing; give it, or application_credential_name and the user");
    require_user();
  }

  void require_user() {
    if (!config_.user_id.empty()) return;
    if (config_.username.empty()) problem("auth.username", "is missing; give username and user_domain_name, or user_id");
    if (!config_.user_domain_name.empty() || !config_.user_domain_id.empty()) return;
    config_.user_domain_id = auth("domain_id");
    config_.user_domain_name = auth("domain_name");
    if (config_.user_domain_name.empty() && config_.user_domain_id.empty())
      problem("auth.user_domain_name", "is missing; name the user's domain, for example Default");
  }

  void password() {
    require_user();
    config_.password = auth("password");
    if (config_.password.empty()) problem("auth.password", "is missing; give it here or in secure.yaml beside this file");
    config_.project_id = auth("project_id");
    config_.project_name = auth("project_name");
    config_.project_domain_name = auth("project_domain_name");
    config_.project_domain_id = auth("project_domain_id");
    if (!config_.project_id.empty()) return;
    if (config_.project_name.empty()) problem("auth.project_name", "is missing; name the project in which the user is an administrator");
    if (!config_.project_domain_name.empty() || !config_.project_domain_id.empty()) return;
    config_.project_domain_name = config_.user_domain_name;
    config_.project_domain_id = config_.user_domain_id;
    if (config_.project_domain_name.empty() && config_.project_domain_id.empty())
      problem("auth.project_domain_name", "is missing; name the project's domain, for example Default");
  }

  void place(const std::string& region, const std::string& interface) {
    config_.region = region.empty() ? text("", "region_name") : region;
    config_.interface = interface.empty() ? text("", "interface") : interface;
    if (config_.interface.empty()) config_.interface = text("", "endpoint_type");
    if (config_.interface.empty()) config_.interface = "public";
    if (config_.interface.ends_with("URL")) config_.interface.resize(config_.interface.size() - 3);  // the old publicURL, internalURL, adminURL
    if (config_.interface != "public" && config_.interface != "internal" && config_.interface != "admin")
      problem("interface", "{} is unknown; use public, internal or admin", config_.interface);
  }

  void tls() {
    const std::string verify = text("", "verify");
    if (!verify.empty()) {
      bool value = true;
      if (!YAML::convert<bool>::decode(node_["verify"], value)) problem("verify", "must be true or false");
      config_.insecure = !value;
    }
    config_.ca_pem = pem("cacert");
    config_.client_cert_pem = pem("cert");
    config_.client_key_pem = pem("key");
    if (config_.client_cert_pem.empty() != config_.client_key_pem.empty()) problem("cert", "and key belong together; give both or neither");
  }

  /// The content of the PEM file that the field names.
  std::string pem(const std::string& key) {
    const std::string name = text("", key);
    if (name.empty()) return "";
    const fs::path path = fs::path(name).is_absolute() ? fs::path(name) : file_.parent_path() / name;
    auto content = read_text(path);
    if (!content) {
      problem(key, "{}", content.error().message);
      return "";
    }
    if (content->find("-----BEGIN") == std::string::npos) problem(key, "{} is not PEM; give a PEM file", path.string());
    return *content;
  }

  fs::path file_;
  std::string cloud_;
  YAML::Node node_;
  CloudConfig config_;
  std::optional<Error> problem_;
};

std::string names_of(const YAML::Node& clouds) {
  std::string names;
  for (const auto& entry : clouds) names += (names.empty() ? "" : ", ") + entry.first.as<std::string>("?");
  return names;
}

Result<CloudConfig> load(const fs::path& path, const std::string& cloud, const std::string& region, const std::string& interface) {
  auto document = read_yaml(path);
  if (!document) return tl::unexpected(document.error());
  const YAML::Node clouds = document->IsMap() ? (*document)["clouds"] : YAML::Node();
  if (!clouds || !clouds.IsMap()) return fail(ErrorKind::kInvalid, "{}: clouds: is missing; the file must be a clouds.yaml", path.string());
  const YAML::Node node = clouds[cloud];
  if (!node || !node.IsMap())
    return fail(ErrorKind::kInvalid, "{}: clouds.{}: is missing; the file has: {}", path.string(), cloud, names_of(clouds));
  const fs::path secure = path.parent_path() / "secure.yaml";
  std::error_code ignored;
  if (fs::exists(secure, ignored)) {
    auto secret = read_yaml(secure);
    if (!secret) return tl::unexpected(secret.error());
    if (secret->IsMap() && (*secret)["clouds"] && (*secret)["clouds"].IsMap()) {
      const YAML::Node over = (*secret)["clouds"][cloud];
      if (over && over.IsMap()) overlay(node, over);
    }
  }
  return CloudReader(path, cloud, node).read(region, interface);
}

}  // namespace

Result<CloudConfig> load_clouds_yaml(const std::string& path, const std::string& cloud, const std::string& region, const std::string& interface) {
  try {
    return load(path, cloud, region, interface);
  } catch (const YAML::Exception& error) {
    return fail(ErrorKind::kInvalid, "{}: not a clouds.yaml at line {}: {}; correct it", path, error.mark.line + 1, error.msg);
  } catch (const std::exception&) {
    return fail(ErrorKind::kInvalid, "{}: cannot be read as a clouds.yaml; correct it", path);
  }
}

}  // namespace vmha::openstack
