#include "bench/measure.h"

#include <sys/resource.h>

#include <algorithm>
#include <memory>
#include <stdexcept>
#include <vector>

#include <fmt/core.h>

#include "bench/bare.h"
#include "bench/images.h"

namespace vmha::bench {
namespace {

using librados::AioCompletion;

constexpr std::size_t kWidth = ceph::kMaxPingsInFlight;
constexpr std::size_t kWarmUp = 512;
constexpr milliseconds kPatience{120'000};
constexpr char kPayload[] = {1, 1, 4, 0, 0, 0, '\xff', '\xff', '\xff', '\x7f'};  ///< clients/ceph/ping.cc
const Address kFenced{"192.0.2.77"};                                            ///< TEST-NET-1: nobody has it

void must(bool holds, const std::string& what) {
  if (!holds) throw std::runtime_error(what);
}

long resident_kib() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

/// `call` returns how many it did.
template <class Call>
Figure measure(Call call) {
  Figure figure;
  figure.base_kib = resident_kib();
  const Instant begun = monotonic_now();
  figure.count = call();
  figure.seconds = std::chrono::duration<double>(monotonic_now() - begun).count();
  figure.max_kib = resident_kib();
  return figure;
}

std::unique_ptr<ceph::Client> client_of(const ceph::Config& config) {
  auto client = ceph::Client::connect(config, kPatience);
  must(client.has_value(), client ? "" : describe(client.error()));
  return std::move(*client);
}

std::vector<ImageId> first(std::size_t count) {
  std::vector<ImageId> images;
  for (std::size_t i = 0; i < count; ++i) images.push_back(image(i));
  return images;
}

/// Bare librados and the pool.
struct Bare {
  explicit Bare(const ceph::Config& config) {
    connect(rados, config);
    must(rados.ioctx_create(kPool, io) == 0, "no pool");
  }
  ~Bare() { rados.shutdown(); }
  Bare(const Bare&) = delete;
  Bare& operator=(const Bare&) = delete;

  std::string mon(const std::string& command) {
    librados::bufferlist none, out;
    std::string status;
    must(rados.mon_command(command, none, &out, &status) >= 0, status);
    return out.to_str();
  }

  librados::Rados rados;
  librados::IoCtx io;
};

std::size_t bare_pings(Bare& bare, std::size_t count) {
  run_bare(count, 2, kWidth, [&](std::size_t i, int step, Slot& slot, AioCompletion* completion) {
    if (step == 0) {
      librados::bufferlist payload;
      payload.append(kPayload, sizeof kPayload);
      return bare.io.aio_notify(header_object(i), completion, payload, 1000, &slot.output);
    }
    librados::ObjectReadOperation read;
    read.list_watchers(&slot.watchers, nullptr);
    return bare.io.aio_operate(header_object(i), completion, &read, nullptr);
  });
  return count;
}

std::size_t bare_sweep(Bare& bare, std::size_t count) {
  run_bare(count, 2, kWidth, [&](std::size_t i, int step, Slot& slot, AioCompletion* completion) {
    if (step == 0) return bare.io.aio_read(id_object(i), completion, &slot.output, 4096, 0);
    librados::ObjectReadOperation read;
    read.list_watchers(&slot.watchers, nullptr);
    read.getxattrs(&slot.values, nullptr);
    return bare.io.aio_operate(header_object(i), completion, &read, nullptr);
  });
  return count;
}

/// An object name in each placement group.
std::vector<std::string> names_for_all(Bare& bare, std::size_t groups) {
  std::vector<std::string> names(groups);
  for (std::size_t i = 0, found = 0; found < groups; ++i) {
    const std::string name = fmt::format("vmha_proof.{}", i);
    std::uint32_t position = 0;
    must(bare.io.get_object_pg_hash_position2(name, &position) >= 0 && position < groups, "placement groups changed");
    if (!names[position].empty()) continue;
    names[position] = name;
    ++found;
  }
  return names;
}

/// What a proof asks of the cluster: the same mon commands, the newest map, one operation a placement group; nothing is looked at.
std::size_t bare_proof(Bare& bare, const std::vector<std::string>& names) {
  const char* listed = R"({"prefix":"osd blocklist ls","format":"json"})";
  const char* pools = R"({"prefix":"osd pool ls","detail":"detail","format":"json"})";
  bare.mon(listed);
  bare.mon(R"({"prefix":"osd stat","format":"json"})");
  must(bare.rados.wait_for_latest_osdmap() >= 0, "no map");
  bare.mon(pools);
  run_bare(names.size(), 1, kWidth, [&](std::size_t i, int, Slot& slot, AioCompletion* completion) { return bare.io.aio_stat(names[i], completion, &slot.size, &slot.modified); });
  bare.mon(pools);
  bare.mon(listed);
  return names.size();
}

std::size_t groups_of(ceph::Client& client) {
  const auto proof = client.prove_blocklist({kFenced}, {}, kPatience);
  must(proof.has_value(), proof ? "" : describe(proof.error()));
  return static_cast<std::size_t>(proof->placement_groups);
}

}  // namespace

void connect(librados::Rados& rados, const ceph::Config& config) {
  must(rados.init(config.user.c_str()) == 0 && rados.conf_read_file(config.conf_file.c_str()) == 0, "ceph.conf");
  if (!config.keyring_file.empty()) rados.conf_set("keyring", config.keyring_file.c_str());
  must(rados.connect() == 0, "cannot connect");
}

Figure ping(const ceph::Config& config, std::size_t images, bool by_vmha) {
  if (!by_vmha) {
    Bare bare(config);
    bare_pings(bare, images);
    return measure([&] { return bare_pings(bare, images); });
  }
  const auto client = client_of(config);
  const auto asked = first(images);
  const auto round = [&] {
    const auto answer = client->ping(asked, kPatience);
    must(answer.has_value(), answer ? "" : describe(answer.error()));
    must(answer->canary_acknowledged, "the canary is silent");
    return *answer;
  };
  round();
  ceph::PingRound last;
  const Figure figure = measure([&] {
    last = round();
    return last.pings.size();
  });
  must(std::ranges::all_of(last.pings, [](const ceph::Ping& p) { return p.answered && p.acknowledged.size() == 1; }), "a guest did not acknowledge");
  return figure;
}

Figure sweep(const ceph::Config& config, std::size_t images, std::size_t watched, bool by_vmha) {
  if (!by_vmha) {
    Bare bare(config);
    bare_sweep(bare, std::min(images, kWarmUp));
    return measure([&] { return bare_sweep(bare, images); });
  }
  const auto client = client_of(config);
  const auto asked = first(images);
  must(client->watches(first(std::min(images, kWarmUp)), kPatience).has_value(), "warm-up");
  std::vector<ceph::ImageWatch> found;
  const Figure figure = measure([&] {
    found = client->watches(asked, kPatience).value_or(std::vector<ceph::ImageWatch>());
    return found.size();
  });
  must(found.size() == images && std::ranges::all_of(found, [](const ceph::ImageWatch& w) { return w.found && w.read; }), "an image was not read");
  must(static_cast<std::size_t>(std::ranges::count_if(found, [](const ceph::ImageWatch& w) { return w.watchers.size() == 1; })) == std::min(watched, images), "watchers are missing");
  return figure;
}

Figure proof(const ceph::Config& config, bool by_vmha) {
  const auto client = client_of(config);
  must(client->blocklist_add({kFenced}, kPatience).has_value(), "blocklist_add");
  const std::size_t groups = groups_of(*client);
  if (by_vmha) return measure([&] { return groups_of(*client); });
  Bare bare(config);
  const auto names = names_for_all(bare, groups);
  bare_proof(bare, names);
  return measure([&] { return bare_proof(bare, names); });
}

}  // namespace vmha::bench
