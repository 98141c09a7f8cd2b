#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>

#include "api/conditions.h"
#include "base/log.h"
#include "cli/explain.h"
#include "cli/fetch.h"
#include "cli/from_status.h"
#include "cli/overview.h"
#include "clients/kube/config.h"

/// kubectl-vmha: `kubectl vmha explain cn/NAME` and `kubectl vmha status`. Reads only. Exit codes: docs/kubectl-plugin.md.
namespace {

using namespace vmha;

constexpr int kFailed = 1;
constexpr int kUsage = 2;
constexpr int kNoSuchHost = 3;

struct Flags {
  std::string ns, kubeconfig, context, output = "text", target, lease = "vmha-controller";
  std::size_t limit = 20;
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
  app.add_subcommand("explain", "why a host is judged as it is, what happens next and what holds it back")->add_option("host", flags.target, "cn/NAME")->required();
  app.add_subcommand("status", "hosts, fences, recoveries and what is not ready, on one screen");
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

int run(const CLI::App& app, const Flags& flags) {
  Result<std::string> name = std::string();
  if (app.got_subcommand("explain")) name = cli::node_named(flags.target);
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
  if (app.got_subcommand("explain")) return explain(**client, *resources, flags, *name);
  if (flags.json()) print(cli::overview_json(*resources, wall_now()));
  else print(cli::overview_text(*resources, wall_now(), paint(), flags.limit));
  return 0;
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
