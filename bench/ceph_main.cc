#include <CLI/CLI.hpp>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "bench/images.h"
#include "bench/measure.h"

/// One measurement a process; bench/ceph starts the cluster and calls this in turns.
namespace {

using namespace vmha::bench;

struct Flags {
  std::string what, with = "vmha";
  std::size_t images = 1000, watched = 0;
  vmha::ceph::Config config;
};

void declare(CLI::App& app, Flags& flags) {
  app.add_option("what", flags.what, "populate, guests, ping, sweep or proof")->required()->check(CLI::IsMember({"populate", "guests", "ping", "sweep", "proof"}));
  app.add_option("--with", flags.with, "vmha's client or bare librados")->check(CLI::IsMember({"vmha", "librados"}));
  app.add_option("--images", flags.images, "how many images");
  app.add_option("--watched", flags.watched, "how many of them have a guest");
  app.add_option("--conf", flags.config.conf_file, "ceph.conf")->required();
  app.add_option("--keyring", flags.config.keyring_file, "of the user");
  app.add_option("--user", flags.config.user, "without \"client.\"");
}

int run(const Flags& flags) {
  const bool by_vmha = flags.with == "vmha";
  if (flags.what == "populate" || flags.what == "guests") {
    librados::Rados rados;
    connect(rados, flags.config);
    librados::IoCtx io;
    if (rados.ioctx_create(kPool, io) < 0) throw std::runtime_error("no pool");
    if (flags.what == "populate") populate(io, flags.images);
    else stand_in_for_guests(io, flags.images);
    rados.shutdown();
    return 0;
  }
  const Figure figure = flags.what == "ping"    ? ping(flags.config, flags.images, by_vmha)
                        : flags.what == "sweep" ? sweep(flags.config, flags.images, flags.watched, by_vmha)
                                                : proof(flags.config, by_vmha);
  const nlohmann::json out = {{"seconds", figure.seconds}, {"count", figure.count}, {"baseKiB", figure.base_kib}, {"maxKiB", figure.max_kib}};
  std::puts(out.dump().c_str());
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Measures clients/ceph beside bare librados.");
  Flags flags;
  flags.config.volume_pools.clear();  // the pool `vms` alone
  declare(app, flags);
  CLI11_PARSE(app, argc, argv);
  try {
    return run(flags);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "vmha-bench-ceph %s: %s\n", flags.what.c_str(), error.what());
    return 1;
  }
}
