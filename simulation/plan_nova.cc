// What goes wrong in and around nova: destinations, conductor, migrations, tenants, room, cells.
#include <fmt/core.h>

#include "simulation/world.h"

namespace vmha::sim {

void World::plan_destination() {
  const std::vector<Bmc> ordinary = {Bmc::kHonest, Bmc::kSlow, Bmc::kDead, Bmc::kLies};
  plan_host_loss(victims_.front(), seconds(0), plan_rng_.chance(500) ? Failure::kPowerLost : Failure::kMainsLost, Bmc::kHonest);
  const auto failure = static_cast<Failure>(plan_rng_.below(kFailures));
  const auto which = plan_rng_.below(4);
  const Bmc controller = ordinary[plan_rng_.below(ordinary.size())];
  if (plan_rng_.chance(750)) {
    const Duration after = milliseconds(plan_rng_.below(4000));
    plan_.add(seconds(0), fmt::format("the destination of evacuation {} dies {} ms after it was chosen", which + 1, after / milliseconds(1)), [=, this] {
      auto chosen = std::make_shared<std::uint64_t>(0);
      kills_destination_ = true;
      nova_.destination_chosen = [=, this](const nova::Migration& record) {
        if (!kills_destination_ || (*chosen)++ != which) return;
        kills_destination_ = false;
        clock_.after(after, [this, host = record.destination, failure, controller] { lose(host, failure, controller); });
      };
    });
  } else {
    plan_conductor();
  }
  if (plan_rng_.chance(300)) plan_crashes();
}

void World::plan_conductor() {
  plan_window(between(8, 25), 5, 40, "nova-conductor is dead", [this] { nova_.conductor = false; }, [this] { nova_.conductor = true; });
}

/// Servers of the victim are on their way to other hosts, and others on their way to it, when it dies; or the other end dies.
void World::plan_moves() {
  const NovaHost victim = victims_.front();
  const auto move = [&](const NovaHost& from, const NovaHost& to, bool live) {
    plan_.add(-between(0, 15), fmt::format("a {} migration from {} to {}", live ? "live" : "cold", from.value, to.value), [=, this] {
      for (const ServerId& id : servers_on(from))
        if (nova_.all().at(id).task_state.empty() && nova_.all().at(id).vm_state == "active") {
          excuse(id, "it is being moved by its administrator");
          return nova_.migrate(id, to, live);
        }
    });
  };
  for (int i = 0; i < 2; ++i) move(victim, any_other(), plan_rng_.chance(700));
  move(any_other(), victim, plan_rng_.chance(700));
  plan_host_loss(victim, seconds(0), {Bmc::kHonest, Bmc::kSlow, Bmc::kDead, Bmc::kLies});
}

void World::tenant_asks(const ServerId& server, TenantWish wish) {
  if (!nova_.ask(server, wish)) return;
  Expected& expected = checkers_.expect(server);
  switch (wish) {
    case TenantWish::kDelete: expected.gone = true; break;
    case TenantWish::kLock: expected.before.locked = true; break;
    case TenantWish::kUnlock: expected.before.locked = false; break;
    default: excuse(server, fmt::format("its tenant {} it in the middle", to_string(wish))); break;
  }
}

void World::plan_tenants() {
  for (auto left = 3 + plan_rng_.below(8); left > 0; --left) {
    const auto wish = static_cast<TenantWish>(plan_rng_.below(kWishes));
    const auto which = plan_rng_.below(64);
    plan_.add(between(-5, 60), fmt::format("a tenant {} a server", to_string(wish)), [=, this] {
      std::vector<ServerId> mine;  // of the host that is lost, wherever they are now
      for (const auto& [id, expected] : checkers_.expected)
        if (expected.before.host == victims_.front() && !expected.gone) mine.push_back(id);
      if (!mine.empty()) tenant_asks(mine[which % mine.size()], wish);
    });
  }
  if (plan_rng_.chance(200)) plan_.add(seconds(-20), "the last guest of the host is stopped or moved away", [this] {
    for (const ServerId& id : servers_on(victims_.front())) tenant_asks(id, TenantWish::kStop);
  });
}

void World::plan_no_room() {
  plan_host_loss(victims_.front(), seconds(0), {Bmc::kHonest, Bmc::kSlow, Bmc::kDead, Bmc::kLies});
  const auto spare = plan_rng_.below(2);
  plan_window(seconds(-5), 40, 110, "no host has room",
              [this, spare] {
                for (auto& [name, host] : machines_.hosts()) host.room = servers_on(name).size() + spare;
              },
              [this] {
                for (auto& [name, host] : machines_.hosts()) host.room = 1000;
              });
}

void World::plan_cells() {
  const NovaHost victim = victims_.front();
  plan_host_loss(victim, seconds(0), {Bmc::kHonest, Bmc::kSlow, Bmc::kDead, Bmc::kLies});
  for (auto left = 1 + plan_rng_.below(2); left > 0; --left) {
    const std::string cell = plan_rng_.chance(700) ? machines_.host(victim).cell : plan_rng_.chance(500) ? "cell-1" : "cell-2";
    plan_window(between(-20, 60), 5, 60, fmt::format("the database of {} is away", cell), [this, cell] { nova_.cells_away.insert(cell); },
                [this, cell] { nova_.cells_away.erase(cell); });
  }
}

}  // namespace vmha::sim
