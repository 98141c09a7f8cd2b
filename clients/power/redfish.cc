#include "clients/power/redfish.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "clients/power/redfish_resource.h"
#include "clients/power/redfish_session.h"

namespace vmha::power {

using nlohmann::json;

namespace {

constexpr std::size_t kMaxAccounts = 32;  // controllers have 12 to 16; more would only eat the drill's time
constexpr const char* kResetPrivilege = "ConfigureComponents";  // POST to a ComputerSystem: DSP8011, Redfish_PrivilegeRegistry

/// A ComputerSystem and where it stands.
struct System {
  std::string path;
  json document;
};

using OfferedType = Result<std::string> (*)(const ResetAction&);

std::string lower(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return text;
}

bool has_privilege(const json& role) {
  if (!role.contains("AssignedPrivileges") || !role["AssignedPrivileges"].is_array()) return false;
  const auto& privileges = role["AssignedPrivileges"];
  return std::find(privileges.begin(), privileges.end(), kResetPrivilege) != privileges.end();
}

}  // namespace

struct Redfish::Impl {
  RedfishTarget target;
  RedfishSession session;

  Impl(RedfishTarget wanted, std::unique_ptr<http::Client> client)
      : target(std::move(wanted)), session(std::move(client), target.username, target.password) {}

  [[nodiscard]] tl::unexpected<Error> explain(const Error& error) const {
    const std::string id = target.system_id.empty() ? "" : " system " + target.system_id;
    return fail(error, "Redfish {}{}", target.endpoint, id);
  }

  /// The one member of the collection that is meant.
  Result<std::string> choose(const std::string& collection, Instant deadline) {
    const auto document = session.get(collection, deadline);
    if (!document) return tl::unexpected(document.error());
    const auto paths = members(*document);
    std::vector<std::string> ids;
    for (const auto& path : paths) {
      ids.push_back(last_segment(path));
      if (!target.system_id.empty() && ids.back() == target.system_id) return path;
    }
    if (paths.empty()) return fail(ErrorKind::kNotFound, "the controller has no computer system");
    if (!target.system_id.empty()) {
      return fail(ErrorKind::kNotFound, "systemID {}: the controller has no such system; it has: {}", target.system_id, fmt::join(ids, ", "));
    }
    if (paths.size() > 1) return fail(ErrorKind::kInvalid, "systemID is needed, the controller has several systems: {}", fmt::join(ids, ", "));
    return paths.front();
  }

  Result<System> system(Instant deadline) {
    const auto links = session.links(deadline);
    if (!links) return tl::unexpected(links.error());
    std::string collection = links->systems;
    while (collection.ends_with('/')) collection.pop_back();
    std::string direct;
    if (!target.system_id.empty()) {
      direct = collection + "/" + http::escape(target.system_id);
      auto document = session.get(direct, deadline);
      if (document) return System{direct, std::move(*document)};
      if (document.error().kind != ErrorKind::kNotFound) return tl::unexpected(document.error());
    }
    const auto path = choose(links->systems, deadline);
    if (!path) return tl::unexpected(path.error());
    auto document = session.get(*path, deadline);
    if (!document) return tl::unexpected(document.error());
    return System{*path, std::move(*document)};
  }

  Result<ResetAction> action_of(const System& system, Instant deadline) {
    ResetAction action = reset_action(system.document, system.path);
    if (action.allowed || action.action_info.empty()) return action;
    const auto info = session.get(action.action_info, deadline);
    // Without the list the order is still worth trying; a person learns of it from the drill's message.
    if (info) action.allowed = reset_types(*info);
    return action;
  }

  Result<Done> order(State wanted, OfferedType offered, const std::string& expected_uuid, const Permit& permit, Instant deadline) {
    const auto found = system(deadline);
    if (!found) return tl::unexpected(found.error());
    const auto uuid = to_reading(found->document).system_uuid;
    if (!expected_uuid.empty() && (uuid.empty() || !same_system(uuid, lower(expected_uuid)))) {
      return fail(ErrorKind::kConflict, "the system shows UUID {}, not {}: this is another machine's controller, nothing was sent",
                  uuid.empty() ? "(none)" : uuid, expected_uuid);
    }
    const auto action = action_of(*found, deadline);
    if (!action) return tl::unexpected(action.error());
    const auto type = offered(*action);
    if (!type) return tl::unexpected(type.error());
    const auto until = order_until(permit, deadline);
    if (!until) return tl::unexpected(until.error());
    const auto sent = session.post(action->target, {{"ResetType", *type}}, *until);
    if (sent) return Done{};
    const auto kind = sent.error().kind;
    if (kind == ErrorKind::kInvalid || kind == ErrorKind::kConflict) {
      // Many controllers refuse what is already so: with 409 (infra-operator #434), with 400 (iLO).
      const auto now = session.get(found->path, deadline);
      if (now && to_reading(*now).state == wanted) return Done{};
    }
    return fail(sent.error(), "{}", *type);
  }

  /// The role of our account; empty if this user may not see it.
  std::string find_role(const std::string& account_service, Instant deadline) {
    const auto service = session.get(account_service, deadline);
    if (!service) return "";
    const auto accounts = session.get(link(*service, "Accounts"), deadline);
    if (!accounts) return "";
    auto paths = members(*accounts);
    paths.resize(std::min(paths.size(), kMaxAccounts));
    for (const auto& path : paths) {
      const auto account = session.get(path, deadline);
      if (!account || text(*account, "UserName") != target.username) continue;
      if (account->contains("Links")) {
        if (auto role = link((*account)["Links"], "Role"); !role.empty()) return role;
      }
      const auto role_id = text(*account, "RoleId");
      const auto roles = link(*service, "Roles");
      return role_id.empty() || roles.empty() ? "" : roles + "/" + http::escape(role_id);
    }
    return "";
  }

  /// True: the role allows a reset; false: it cannot be seen. Errors: kForbidden if the role does not allow it.
  Result<bool> check_role(Instant deadline) {
    const auto links = session.links(deadline);
    if (!links || links->account_service.empty()) return false;
    const auto path = find_role(links->account_service, deadline);
    if (path.empty()) return false;
    const auto role = session.get(path, deadline);
    if (!role || !role->contains("AssignedPrivileges")) return false;
    if (has_privilege(*role)) return true;
    return fail(ErrorKind::kForbidden, "user {} has the role {}, which may not reset a system: give it a role with {}, such as Operator",
                target.username, last_segment(path), kResetPrivilege);
  }

  Result<Drill> drill(Instant deadline) {
    const auto found = system(deadline);
    if (!found) return tl::unexpected(found.error());
    const auto action = action_of(*found, deadline);
    if (!action) return tl::unexpected(action.error());
    if (const auto type = off_type(*action); !type) return tl::unexpected(type.error());
    const auto role = check_role(deadline);
    if (!role) return tl::unexpected(role.error());
    Drill drill{.reading = to_reading(found->document), .rights_known = *role, .message = {}};
    drill.message = action->allowed ? "ForceOff is offered" : "the controller does not list its reset types";
    drill.message += *role ? fmt::format(", user {} may use it", target.username)
                           : fmt::format(", the rights of user {} cannot be read", target.username);
    return drill;
  }
};

Redfish::Redfish(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Redfish::~Redfish() = default;

Result<std::unique_ptr<Redfish>> Redfish::create(RedfishTarget target, http::Client::Observer observer) {
  if (!target.endpoint.starts_with("https://")) return fail(ErrorKind::kInvalid, "the Redfish endpoint must start with https://");
  if (target.username.empty()) return fail(ErrorKind::kInvalid, "Redfish {}: the username is missing in the credentials Secret", target.endpoint);
  if (target.username.find(':') != std::string::npos) return fail(ErrorKind::kInvalid, "Redfish {}: a username cannot hold a colon", target.endpoint);
  auto client = http::Client::create(target.endpoint, target.tls, "vmha", std::move(observer));
  if (!client) return fail(client.error(), "Redfish");
  return std::unique_ptr<Redfish>(new Redfish(std::make_unique<Impl>(std::move(target), std::move(*client))));
}

Result<Reading> Redfish::read(std::chrono::milliseconds deadline) {
  const auto system = impl_->system(monotonic_now() + deadline);
  if (!system) return impl_->explain(system.error());
  return to_reading(system->document);
}

Result<Done> Redfish::request_off(std::chrono::milliseconds deadline, const std::string& expected_uuid, const Permit& permit) {
  auto sent = impl_->order(State::kOff, &off_type, expected_uuid, permit, monotonic_now() + deadline);
  if (!sent) return impl_->explain(sent.error());
  return sent;
}

Result<Done> Redfish::request_on(std::chrono::milliseconds deadline, const std::string& expected_uuid, const Permit& permit) {
  auto sent = impl_->order(State::kOn, &on_type, expected_uuid, permit, monotonic_now() + deadline);
  if (!sent) return impl_->explain(sent.error());
  return sent;
}

Result<Drill> Redfish::drill(std::chrono::milliseconds deadline) {
  auto drilled = impl_->drill(monotonic_now() + deadline);
  if (!drilled) return impl_->explain(drilled.error());
  return drilled;
}

}  // namespace vmha::power
