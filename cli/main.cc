#include <unistd.h>

#include <fmt/core.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "api/conditions.h"
#include "base/log.h"
#include "cli/drill.h"
#include "cli/explain.h"
#include "cli/fetch.h"
#include "cli/from_status.h"
#include "cli/order.h"
#include "cli/overview.h"
#include "cli/timeline.h"
#include "clients/kube/config.h"

/// kubectl-vmha: `kubectl vmha explain cn/NAME`, `status`, `drill` and `timeline FENCE_ID` read; `fence cn/NAME`, `release FENCE_ID` and `approve ID` write one
/// annotation, after saying what it means. Exit codes: docs/kubectl-plugin.md.
namespace {

using namespace vmha;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNoSuchHost = 3;  // nor fence, nor storm
constexpr int kDrillFailed = 4;
constexpr int kNotOrdered = 5;

struct Flags {
  std::string ns, kubeconfig, context, output = "text", target, lease = "vmha-controller";
  std::size_t limit = 20;
  bool yes = false;
  bool json() const { return output == "json"; }
};

void declare(CLI::App& app, Flags& flags) {
  app.set_version_flag("--version", std::string("kubectl-vmha ") + VMHA_VERSION);
  app.require_subcommand(1);
  app.fallthrough();  // flags may stand before or behind the command
  app.add_option("-n,--namespace", flags.ns, "namespace of the vmha resources; else the context's");
  app.add_option("--kubeconfig", flags.kubeconfig, "a kubeconfig; else KUBECONFIG, the pod's service account, ~/.kube/config");
  app.add_option("--context", flags.context, "a context of the kubeconfig");
  app.add_option("-o,--output", flags.output, "text or json")->check(CLI::IsMember({"text", "json"}));
  app.add_option("--limit", flags.limit, "rows a table of text (default 20)")->check(CLI::Range(1, 100'000));
  app.add_option("--lease", flags.lease, "name of the controllers' Lease (leaderElection.leaseName)");
  app.add_flag("-y,--yes", flags.yes, "fence, release, approve: do not ask");
  app.add_subcommand("explain", "why a host is judged as it is, what happens next and what holds it back")->add_option("host", flags.target, "cn/NAME")->required();
  app.add_subcommand("status", "hosts, fences, recoveries and what is not ready, on one screen");
  app.add_subcommand("drill", "could each host be fenced and each instance be recovered, if it happened now?");
  app.add_subcommand("timeline", "what happened for one fence, in order")->add_option("fence", flags.target, "FENCE_ID")->required();
  app.add_subcommand("fence", "order a fence of a host now: its instances are cut off and recovered elsewhere")->add_option("host", flags.target, "cn/NAME")->required();
  app.add_subcommand("release", "let a fenced host return that waits for a person")->add_option("fence", flags.target, "FENCE_ID")->required();
  app.add_subcommand("approve", "let a held fence, or all that a storm holds, go on")->add_option("id", flags.target, "FENCE_ID or STORM_ID")->required();
}

int refuse(const Error& error, int code) {
  std::fprintf(stderr, "kubectl-vmha: %s\n", cli::clean(error.message).c_str());
  return code;
}

void print(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stdout); }

void print(const nlohmann::ordered_json& document) { print(document.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + "\n"); }

cli::Paint paint() {
  const char* no_colour = std::getenv("NO_COLOR");  // NOLINT(concurrency-mt-unsafe): one thread
  return {isatty(STDOUT_FILENO) != 0 && (no_colour == nullptr || *no_colour == '\0')};
}

int explain(kube::Client& client, const cli::Resources& resources, const Flags& flags, const std::string& name) {
  cli::HostPage page;
  page.resources = &resources;
  page.node = resources.node(name);
  if (page.node == nullptr) {
    std::vector<std::string> names;
    for (const api::ComputeNode& node : resources.nodes) names.push_back(node.metadata.name);
    const std::string known = names.empty() ? "there is none" : "there are " + api::join_some(names, 200);
    return refuse({ErrorKind::kNotFound, "no ComputeNode " + name + " in namespace " + resources.ns + "; " + known}, kNoSuchHost);
  }
  auto explanation = cli::ask_leader(client, resources.leader, name);
  page.now = wall_now();
  if (!explanation) page.why_not_leader = explanation.error().message;
  page.explanation = explanation ? std::move(*explanation) : cli::explain_from_status(*page.node, resources.policy_of(*page.node), page.now);
  if (flags.json()) print(cli::as_json(page));
  else print(cli::as_text(page, paint(), flags.limit));
  return 0;
}

int drill(kube::Client& client, const cli::Resources& resources, const Flags& flags) {
  const cli::Drill done = cli::run_drill(client, resources);
  if (flags.json()) print(cli::drill_json(done));
  else print(cli::drill_text(done, paint(), flags.limit));
  return done.passed() ? 0 : kDrillFailed;
}

int timeline(kube::Client& client, const cli::Resources& resources, const Flags& flags) {
  const auto events = cli::fetch_events(client, resources.ns);
  if (!events) return refuse(events.error(), kFailed);
  const auto made = cli::timeline_of(resources, *events, flags.target);
  if (!made) return refuse(made.error(), kNoSuchHost);
  if (flags.json()) print(cli::timeline_json(*made));
  else print(cli::timeline_text(*made, paint()));
  return 0;
}

Result<cli::Order> order_of(const std::string& command, const cli::Resources& resources, const std::string& target) {
  if (command == "fence") return cli::order_fence(resources, target, wall_now());
  return command == "release" ? cli::order_release(resources, target) : cli::order_approve(resources, target);
}

/// From a terminal a person says yes; elsewhere only --yes does.
bool is_confirmed(const Flags& flags) {
  if (flags.yes) return true;
  if (isatty(STDIN_FILENO) == 0) {
    std::fputs("kubectl-vmha: not ordered: nobody can be asked here; --yes orders it without asking\n", stderr);
    return false;
  }
  std::fputs("Type yes to order it: ", stderr);
  std::array<char, 16> answer{};
  return std::fgets(answer.data(), static_cast<int>(answer.size()), stdin) != nullptr && std::string_view(answer.data()) == "yes\n";
}

/// Between the question and the answer the world goes on: it is looked at again, and only what was shown is ordered.
int order(kube::Client& client, const cli::Resources& shown, const std::string& command, const std::string& target, const Flags& flags) {
  const auto code = [](const Error& error) { return error.kind == ErrorKind::kNotFound ? kNoSuchHost : kNotOrdered; };
  const auto asked = order_of(command, shown, target);
  if (!asked) return refuse(asked.error(), code(asked.error()));
  std::string text = asked->meaning;  // made clean where it takes words of the cluster
  for (const std::string& node : asked->nodes) text += fmt::format("annotation on cn/{}: {}={}\n", cli::clean(node), asked->annotation, cli::clean(asked->value));
  std::fputs(text.c_str(), stderr);
  if (!is_confirmed(flags)) return kNotOrdered;
  const auto resources = cli::fetch(client, shown.ns, flags.lease);
  if (!resources) return refuse(resources.error(), kFailed);
  const auto now = order_of(command, *resources, target);
  if (!now) return refuse(now.error(), code(now.error()));
  if (now->nodes != asked->nodes) return refuse({ErrorKind::kConflict, "not ordered: other hosts are concerned now than were shown; look again"}, kNotOrdered);
  if (const auto written = cli::write(client, resources->ns, *now); !written) return refuse(written.error(), kFailed);
  print("ordered; kubectl vmha explain cn/" + now->nodes.front() + " tells what follows\n");
  return 0;
}

int answer(kube::Client& client, const cli::Resources& resources, const std::string& command, const std::string& name, const Flags& flags) {
  if (command == "explain") return explain(client, resources, flags, name);
  if (command == "drill") return drill(client, resources, flags);
  if (command == "timeline") return timeline(client, resources, flags);
  if (command != "status") return order(client, resources, command, name, flags);
  if (flags.json()) print(cli::overview_json(resources, wall_now()));
  else print(cli::overview_text(resources, wall_now(), paint(), flags.limit));
  return 0;
}

int run(const CLI::App& app, const Flags& flags) {
  const std::string command = app.get_subcommands().front()->get_name();
  Result<std::string> name = flags.target;
  if (command == "explain" || command == "fence") name = cli::node_named(flags.target);
  if (!name) return refuse(name.error(), kUsage);
  auto sources = kube::ConfigSources::from_environment();
  sources.kubeconfig = flags.kubeconfig;
  sources.context = flags.context;
  const auto config = kube::load_config(sources);
  if (!config) return refuse(config.error(), kFailed);
  auto client = kube::Client::create(*config, std::string("kubectl-vmha/") + VMHA_VERSION);
  if (!client) return refuse(client.error(), kFailed);
  const auto resources = cli::fetch(**client, flags.ns.empty() ? config->ns : flags.ns, flags.lease);
  if (!resources) return refuse(resources.error(), kFailed);
  return answer(**client, *resources, command, *name, flags);
}

}  // namespace

int main(int argc, char** argv) {
  log::configure(log::Level::kError, log::Format::kText);  // what went wrong is said in one line of our own
  CLI::App app("What vmha knows about the hosts and instances of a cloud, and why.", "kubectl vmha");
  Flags flags;
  declare(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return run(app, flags);
}
