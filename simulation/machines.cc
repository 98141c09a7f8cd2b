#include "simulation/machines.h"

namespace vmha::sim {

Host& Machines::add(Host host) { return hosts_.emplace(host.name, host).first->second; }

std::vector<Guest*> Machines::guests_of(const ServerId& server) {
  std::vector<Guest*> found;
  for (Guest& guest : guests_)
    if (guest.server == server) found.push_back(&guest);
  return found;
}

Guest* Machines::guest_on(const ServerId& server, const NovaHost& name) {
  for (Guest& guest : guests_)
    if (guest.server == server && guest.host == name && !guest.ended) return &guest;
  return nullptr;
}

Guest& Machines::start_guest(const ServerId& server, const NovaHost& name) {
  Guest guest;
  guest.server = server;
  guest.host = name;
  guest.address = hosts_.at(name).address;
  guest.nonce = next_nonce_++;
  guest.image = ImageId{"vms", server.value + "_disk"};
  if (volume_of) guest.volume = volume_of(server);
  guest.started = clock_.now();
  if (!reaches_storage(guest)) guest.silent_since = clock_.now();
  guests_.push_back(guest);
  timeline_.say("guest", "{} started on {}", server.value.substr(0, 8), name.value);
  return guests_.back();
}

void Machines::stop_guest(const ServerId& server, const NovaHost& name) {
  Guest* guest = guest_on(server, name);
  if (guest == nullptr) return;
  guest->ended = clock_.now();
  guest->closed = reaches_storage_from(name);
}

void Machines::power_off(const NovaHost& name, const char* why) {
  Host& host = hosts_.at(name);
  if (!host.on) return;
  host.on = false;
  host.frozen = false;
  host.agent = false;
  for (Guest& guest : guests_)
    if (guest.host == name && !guest.ended) guest.ended = guest.silent_since.value_or(clock_.now());
  timeline_.say("host", "{} is off: {}", name.value, why);
}

void Machines::power_on(const NovaHost& name, const char* why) {
  Host& host = hosts_.at(name);
  if (host.on || !host.mains) return;
  host.on = true;
  host.control = host.storage = true;
  const int boots = ++host.boots;
  timeline_.say("host", "{} boots: {}", name.value, why);
  clock_.after(clock_.between(seconds(4), seconds(12)), [this, name, boots] {
    Host& booting = hosts_.at(name);
    if (!booting.on || booting.boots != boots) return;
    booting.agent = true;
    timeline_.say("host", "{} is up again, boot id {}", name.value, booting.boot_id());
    if (booted) booted(name);
  });
}

void Machines::note_silence(const Host& host) {
  for (Guest& guest : guests_) {
    if (guest.host != host.name || guest.ended) continue;
    if (reaches_storage(guest)) guest.silent_since.reset();
    else if (!guest.silent_since) guest.silent_since = clock_.now();
  }
}

void Machines::freeze(const NovaHost& name, bool frozen) {
  Host& host = hosts_.at(name);
  if (!host.on) return;
  host.frozen = frozen;
  note_silence(host);
  timeline_.say("host", "{} {}", name.value, frozen ? "froze" : "thawed");
}

void Machines::cut(const NovaHost& name, bool control, bool storage) {
  Host& host = hosts_.at(name);
  host.control = control;
  host.storage = storage;
  note_silence(host);
  timeline_.say("host", "{}: control network {}, storage network {}", name.value, control ? "works" : "cut", storage ? "works" : "cut");
}

void Machines::kill_agent(const NovaHost& name) {
  hosts_.at(name).agent = false;
  timeline_.say("host", "{}: nova-compute is killed", name.value);
}

void Machines::start_agent(const NovaHost& name) {
  Host& host = hosts_.at(name);
  if (!host.on) return;
  host.agent = true;
  timeline_.say("host", "{}: nova-compute is started", name.value);
  if (booted) booted(name);
}

void Machines::swap_addresses(const NovaHost& one, const NovaHost& other) {
  std::swap(hosts_.at(one).address, hosts_.at(other).address);
  timeline_.say("host", "{} has {} now, and {} has {}", one.value, hosts_.at(one).address.value, other.value, hosts_.at(other).address.value);
  std::vector<std::pair<ServerId, NovaHost>> running;
  for (Guest& guest : guests_)
    if (!guest.ended && (guest.host == one || guest.host == other)) running.emplace_back(guest.server, guest.host);
  for (const auto& [server, where] : running) {
    stop_guest(server, where);
    start_guest(server, where);
  }
}

}  // namespace vmha::sim
