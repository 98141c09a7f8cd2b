#include <CLI/CLI.hpp>
#include <unistd.h>

#include <cstdio>

#include "base/log.h"
#include "controller/config.h"
#include "controller/run.h"

namespace {

struct Flags {
  std::string config, kubeconfig, ns, level, format, listen;
  bool no_leader_election = false;
};

void declare(CLI::App& app, Flags& flags) {
  app.set_version_flag("--version", std::string("vmha-controller ") + VMHA_VERSION);
  app.add_option("--config", flags.config, "the controller's YAML file");
  app.add_option("--kubeconfig", flags.kubeconfig, "a kubeconfig; else KUBECONFIG, the pod's service account, ~/.kube/config");
  app.add_option("--namespace", flags.ns, "namespace of the vmha resources (watchNamespace)");
  app.add_option("--log-level", flags.level, "debug, info, warn or error (log.level)");
  app.add_option("--log-format", flags.format, "text or json (log.format); else text on a terminal, JSON otherwise");
  app.add_option("--listen", flags.listen, "host:port of /metrics, /livez and /readyz (listen)");
  app.add_flag("--no-leader-election", flags.no_leader_election, "for a single process in a test");
}

template <class T, class Parse>
std::optional<vmha::Error> overlay(const char* flag, const std::string& text, T& member, Parse parse) {
  if (text.empty()) return std::nullopt;
  const auto value = parse(text);
  if (!value) return vmha::Error{value.error().kind, std::string(flag) + ": " + value.error().message};
  member = *value;
  return std::nullopt;
}

vmha::Result<vmha::controller::Config> configure(const Flags& flags) {
  using namespace vmha::controller;
  Config config;
  if (!flags.config.empty()) {
    auto loaded = load_config(flags.config, config);
    if (!loaded) return loaded;
    config = *loaded;
  }
  if (!flags.ns.empty()) config.watch_namespace = flags.ns;
  if (!flags.listen.empty()) config.listen = flags.listen;
  if (flags.no_leader_election) config.leader_election.enabled = false;
  if (auto error = overlay("--log-level", flags.level, config.log.level, parse_level)) return tl::unexpected(*error);
  if (auto error = overlay("--log-format", flags.format, config.log.format, parse_format)) return tl::unexpected(*error);
  if (flags.format.empty() && !config.log.format_chosen) config.log.format = isatty(STDERR_FILENO) != 0 ? vmha::log::Format::kText : vmha::log::Format::kJson;
  if (const auto valid = validate(config); !valid) return tl::unexpected(valid.error());
  return config;
}

int refuse(const vmha::Error& error) {
  std::fprintf(stderr, "vmha-controller: %s\n", error.message.c_str());
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  vmha::controller::block_signals();
  CLI::App app("vmha: instance high availability for OpenStack on Kubernetes, powered by Ceph");
  Flags flags;
  declare(app, flags);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  const auto config = configure(flags);
  if (!config) return refuse(config.error());
  vmha::log::configure(config->log.level, config->log.format);
  auto sources = vmha::kube::ConfigSources::from_environment();
  if (!flags.kubeconfig.empty()) sources.kubeconfig = flags.kubeconfig;
  const auto kubernetes = vmha::kube::load_config(sources);
  if (!kubernetes) return refuse(kubernetes.error());
  vmha::controller::Settings settings(*config, [&flags] { return configure(flags); });
  return vmha::controller::run(settings, *kubernetes, VMHA_VERSION);
}
