#include "engine/evidence/guest_log.h"

#include <algorithm>
#include <unordered_set>

#include "base/address.h"

namespace vmha::evidence {
namespace {

constexpr int kRunning = 1;  // nova/compute/power_state.py
constexpr int kPaused = 3;
constexpr std::size_t kMostBeside = 16;

bool is_running(const nova::Server& server) { return server.status == "ACTIVE" && server.task_state.empty() && server.power_state == kRunning; }

/// Its process holds the images open, so it answers pings. A paused guest acknowledges too: librbd's threads run.
bool is_pingable(const nova::Server& server) { return server.power_state == kRunning || server.power_state == kPaused; }

bool has_image(const std::vector<ceph::ImageWatch>& images, const ImageId& id) {
  return std::any_of(images.begin(), images.end(), [&](const auto& image) { return image.found && image.image == id; });
}

}  // namespace

void GuestLog::configure(const api::Detection& detection) { detection_ = detection; }

void GuestLog::restart_watch() {
  break_runs();
  for (auto& [name, host] : hosts_) host.suspect_since.reset();
}

void GuestLog::track(const NovaHost& host, const std::vector<std::string>& client_addresses) {
  auto& known = hosts_[host];
  known.tracked = true;
  known.addresses.clear();
  for (const std::string& address : client_addresses) known.addresses.insert(Address{address});
}

void GuestLog::forget(const NovaHost& host) {
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return;
  const auto guests = found->second.guests;
  for (const auto& guest : guests) drop(guest);
  hosts_.erase(host);
}

void GuestLog::suspect(const NovaHost& host, std::optional<Instant> since) {
  if (const auto found = hosts_.find(host); found != hosts_.end()) found->second.suspect_since = since;
}

// ---- Which guests a host has

void GuestLog::place(const nova::Server& server, const NovaHost& host, Instant started) {
  auto [found, is_new] = guests_.try_emplace(server.id);
  auto& guest = found->second;
  if (!is_new && guest.listed > started) return;  // a newer list placed it
  if (!is_new && guest.host != host) {
    if (const auto old = hosts_.find(guest.host); old != hosts_.end()) std::erase(old->second.guests, server.id);
    for (auto& image : guest.images) image = {.id = image.id, .found = true, .acknowledged = false, .beside = {}, .silent_at = {}, .by_others = {}};
  }
  if (is_new || guest.host != host) hosts_[host].guests.push_back(server.id);
  guest.host = host;
  guest.listed = started;
  guest.running = is_running(server);
  guest.pingable = is_pingable(server);
}

void GuestLog::unlink(const ServerId& server, const ImageId& image) {
  const auto found = images_.find(image);
  if (found == images_.end()) return;
  std::erase(found->second, server);
  if (found->second.empty()) images_.erase(found);
}

void GuestLog::drop(const ServerId& server) {
  const auto found = guests_.find(server);
  if (found == guests_.end()) return;
  for (const auto& image : found->second.images) unlink(server, image.id);
  if (const auto host = hosts_.find(found->second.host); host != hosts_.end()) {
    std::erase(host->second.guests, server);
    host->second.migrating.erase(server);
  }
  guests_.erase(found);
}

void GuestLog::observe_host(const NovaHost& host, const std::vector<const nova::Server*>& servers, Instant started) {
  if (hosts_[host].listed && *hosts_[host].listed >= started) return;
  std::unordered_set<ServerId> listed;
  for (const auto* server : servers) {
    if (!server->host.empty() && server->host != host) continue;
    listed.insert(server->id);
    if (!server->unreadable.empty()) continue;  // what was known of it stays: it may run
    place(*server, host, started);
  }
  auto& known = hosts_[host];
  known.listed = started;
  std::vector<ServerId> gone;
  for (const auto& id : known.guests) {
    if (!listed.contains(id) && guests_.at(id).listed < started) gone.push_back(id);
  }
  for (const auto& id : gone) drop(id);
  end_run_without_guests(hosts_[host]);
}

void GuestLog::observe_all(const std::vector<nova::Server>& servers, Instant started) {
  std::unordered_map<NovaHost, std::vector<const nova::Server*>> by_host;
  for (const auto& server : servers) {
    if (!server.host.empty()) by_host[server.host].push_back(&server);
  }
  std::erase_if(hosts_, [&](const auto& entry) { return !entry.second.tracked && entry.second.guests.empty() && !by_host.contains(entry.first); });
  for (const auto& [name, host] : hosts_) by_host.try_emplace(name);  // a host without servers has none, which is worth knowing
  for (const auto& [name, of_host] : by_host) observe_host(name, of_host, started);
}

void GuestLog::observe_migrations(const NovaHost& host, const std::vector<nova::Migration>& migrations, Instant started) {
  const auto found = hosts_.find(host);
  if (found == hosts_.end() || (found->second.migrations_read && *found->second.migrations_read >= started)) return;
  found->second.migrations_read = started;
  found->second.migrating.clear();
  for (const auto& migration : migrations) {
    if (!nova::is_final(migration)) found->second.migrating.insert(migration.server);
  }
  end_run_without_guests(found->second);
}

/// Images that stay keep what is known of them.
void GuestLog::set_images(const ServerId& id, Guest& guest, const std::vector<ceph::ImageWatch>& images) {
  std::erase_if(guest.images, [&](const Image& known) {
    if (has_image(images, known.id)) return false;
    unlink(id, known.id);
    return true;
  });
  for (const auto& image : images) {
    const auto known = std::find_if(guest.images.begin(), guest.images.end(), [&](const Image& one) { return one.id == image.image; });
    if (!image.found) continue;
    if (known != guest.images.end()) {
      known->found = true;
      continue;
    }
    guest.images.push_back({.id = image.image, .found = true, .acknowledged = false, .beside = {}, .silent_at = {}, .by_others = {}});
    images_[image.image].push_back(id);
  }
}

void GuestLog::observe_disks(const std::vector<ServerImages>& servers) {
  for (const auto& server : servers) {
    const auto found = guests_.find(server.server);
    if (found == guests_.end()) continue;
    found->second.disks_known = true;
    set_images(server.server, found->second, server.images);
  }
}

// ---- What they answered

void GuestLog::break_runs() {
  for (auto& [name, host] : hosts_) {
    host.missed_rounds = 0;
    host.silent_since.reset();
  }
}

/// Rounds that were missed by guests which are known now not to run there say nothing: a stopped guest is no dead host.
void GuestLog::end_run_without_guests(Host& host) const {
  if (host.missed_rounds == 0 || count(host).acknowledged_before > 0) return;
  host.missed_rounds = 0;
  host.silent_since.reset();
}

void GuestLog::recall_watchers(const ImageId& image, const std::set<Address>& addresses) {
  if (addresses.empty()) recalled_.erase(image);
  else recalled_.insert_or_assign(image, addresses);
}

bool GuestLog::answered_before(const Image& image, const Host& host) const {
  if (image.acknowledged) return true;
  const auto found = recalled_.find(image.id);
  return found != recalled_.end() && std::ranges::any_of(found->second, [&](const Address& address) { return covers(host.addresses, address); });
}

void GuestLog::observe_pings(const Result<ceph::PingRound>& round, Instant started) {
  const Instant sent = round ? round->sent : started;
  if (last_round_ && sent <= *last_round_) return;  // overtaken, or told twice
  if (last_round_ && sent - *last_round_ > longest_blindness()) break_runs();
  last_round_ = sent;
  failure_.clear();
  if (!round) failure_ = "the storage does not answer us";
  if (round && !round->canary_acknowledged) failure_ = "our own canary did not acknowledge";
  if (!failure_.empty()) {
    break_runs();  // rounds in a row are counted only while the canary answers
    return;
  }
  last_good_ = sent;
  std::unordered_map<NovaHost, Tally> tallies;
  for (const auto& ping : round->pings) take(ping, sent, tallies);
  for (const auto& [name, tally] : tallies) {
    auto& host = hosts_.at(name);
    if (tally.acknowledged) {
      host.missed_rounds = 0;
      host.silent_since.reset();
    } else if (tally.silent > 0) {
      if (host.missed_rounds++ == 0) host.silent_since = sent;
    }
  }
}

/// A guest that is moving is open on both hosts for a moment: that is no second client.
void GuestLog::note_beside(const ceph::Ping& ping, const Host& host, Image& image) {
  for (const auto& watcher : ping.acknowledged)
    if (!covers(host.addresses, watcher.address) && image.beside.size() < kMostBeside) image.beside.insert(watcher.address);
}

void GuestLog::take(const ceph::Ping& ping, Instant sent, std::unordered_map<NovaHost, Tally>& tallies) {
  const auto servers = images_.find(ping.image);
  if (servers == images_.end()) return;
  for (const auto& id : servers->second) {
    auto& guest = guests_.at(id);
    auto& host = hosts_.at(guest.host);
    const auto image = std::find_if(guest.images.begin(), guest.images.end(), [&](const Image& one) { return one.id == ping.image; });
    if (image == guest.images.end()) continue;
    image->found = ping.image_found;
    if (!ping.image_found) continue;
    const bool ours =
        std::any_of(ping.acknowledged.begin(), ping.acknowledged.end(), [&](const auto& watcher) { return covers(host.addresses, watcher.address); });
    if (!ours && ping.acknowledged.empty() && !ping.answered) continue;  // Unknown
    image->silent_at.reset();
    image->by_others.reset();
    if (ours) {
      image->acknowledged = true;
      if (guest.running && !host.migrating.contains(id)) note_beside(ping, host, *image);
      host.ever_acknowledged = true;
      host.proven_alive = std::max(host.proven_alive.value_or(sent), sent);
      tallies[guest.host].acknowledged = true;
    } else if (std::any_of(ping.acknowledged.begin(), ping.acknowledged.end(), [&](const auto& watcher) { return !image->beside.contains(watcher.address); })) {
      image->by_others = sent;
    } else {
      image->silent_at = sent;
      const bool counts = guest.running && !host.migrating.contains(id) && answered_before(*image, host);
      if (counts) ++tallies[guest.host].silent;
    }
  }
}

// ---- What it means

Duration GuestLog::longest_blindness() const { return std::max<Duration>(detection_.poll * kMissedPolls, kShortestBlindness); }

std::string GuestLog::gate(Instant now) const {
  if (!last_round_) return "no storage ping was sent yet";
  if (!failure_.empty()) return failure_;
  if (!mons_answer_) return "Ceph's monitors do not answer (no quorum?)";
  if (now - *last_good_ > longest_blindness()) return "the last storage ping is too old";
  return {};
}

void GuestLog::count_guest(const Guest& guest, const Host& host, Count& count) const {
  if (!guest.disks_known) {
    ++count.never_asked;
    count.all_asked = false;
    return;
  }
  bool any = false;
  bool acknowledged = false;
  bool unasked = false;
  std::optional<Instant> silent_at;
  int by_others = 0;
  for (const auto& image : guest.images) {
    if (!image.found) continue;
    any = true;
    acknowledged = acknowledged || answered_before(image, host);
    if (image.by_others) {
      ++by_others;
    } else if (image.silent_at) {
      silent_at = std::min(silent_at.value_or(*image.silent_at), *image.silent_at);
    } else {
      unasked = true;  // or it acknowledged
    }
  }
  if (!any) return;  // not on the protected Ceph
  if (acknowledged) ++count.acknowledged_before;
  if (!acknowledged && unasked) ++count.never_asked;
  if (!acknowledged && !unasked && by_others > 0) ++count.elsewhere;
  if (unasked || !silent_at) count.all_asked = false;
  if (silent_at) count.asked_since = std::min(count.asked_since.value_or(*silent_at), *silent_at);
}

GuestLog::Count GuestLog::count(const Host& host) const {
  Count result;
  for (const auto& id : host.guests) {
    const auto& guest = guests_.at(id);
    if (guest.running && !host.migrating.contains(id)) count_guest(guest, host, result);
  }
  return result;
}

/// A guest that its tenant stops goes silent after nova wrote the task down; so a list that was asked for after the silence began shows it.
bool GuestLog::list_is_known(const Host& host, Instant now) const {
  if (!host.listed) return false;
  if (!host.suspect_since) return now - *host.listed <= kListRecent;
  const Instant silence = std::max(*host.suspect_since, host.silent_since.value_or(*host.suspect_since));
  return *host.listed >= silence && now - *host.listed <= kSuspectListRecent;
}

bool GuestLog::wants_list(const NovaHost& name, Instant now) const {
  const auto found = hosts_.find(name);
  if (found == hosts_.end() || !found->second.suspect_since) return false;
  return !list_is_known(found->second, now) || now - *found->second.listed > kSuspectListAgain;
}

computenode::StorageEvidence GuestLog::evidence(const NovaHost& name, Instant now) const {
  computenode::StorageEvidence result;
  result.configured = true;
  const auto found = hosts_.find(name);
  if (found == hosts_.end() || !found->second.listed) {
    result.unreadable_reason = "the host's guests are not known yet";
    return result;
  }
  const auto& host = found->second;
  const Count counted = count(host);
  result.configured = host.ever_acknowledged || counted.acknowledged_before > 0 || counted.never_asked > 0 || counted.elsewhere > 0;
  result.guests_known = list_is_known(host, now);
  result.running_guests = counted.acknowledged_before;
  result.missed_rounds = host.missed_rounds;
  result.proven_alive = host.proven_alive;
  const bool in_this_run = counted.all_asked && counted.asked_since && host.silent_since && *counted.asked_since >= *host.silent_since;
  if (in_this_run && (!host.proven_alive || *host.proven_alive < *counted.asked_since)) result.all_asked_since = counted.asked_since;
  result.unreadable_reason = gate(now);
  if (result.unreadable_reason.empty() && counted.acknowledged_before == 0) {
    if (counted.never_asked > 0) result.unreadable_reason = "the host's guests were not asked yet";
    if (counted.elsewhere > 0) result.unreadable_reason = "guests answer from an address that is not the host's";
  }
  result.readable = result.unreadable_reason.empty();
  return result;
}

bool GuestLog::silent(const NovaHost& host, Instant now) const {
  const auto found = hosts_.find(host);
  return found != hosts_.end() && gate(now).empty() && found->second.missed_rounds >= detection_.storage_missed_pings;
}

// ---- Whom to ask next

std::vector<ServerId> GuestLog::without_disks(const NovaHost& host, std::size_t max) const {
  std::vector<ServerId> result;
  const auto found = hosts_.find(host);
  if (found == hosts_.end()) return result;
  for (const auto& id : found->second.guests) {
    if (result.size() >= max) break;
    const auto& guest = guests_.at(id);
    if (guest.pingable && !guest.disks_known) result.push_back(id);
  }
  return result;
}

void GuestLog::ask_guest(Guest& guest, bool all_images, std::set<ImageId>& result) {
  if (all_images) {
    for (const auto& image : guest.images) result.insert(image.id);
    return;
  }
  result.insert(guest.images[guest.next_image++ % guest.images.size()].id);
  // One that answered before is always among them: a config drive, opened read-only, has no watch and never answers.
  const auto answers = std::find_if(guest.images.begin(), guest.images.end(), [](const Image& image) { return image.acknowledged; });
  if (answers != guest.images.end()) result.insert(answers->id);
}

std::size_t GuestLog::ask(Host& host, std::size_t guests, std::size_t images, std::set<ImageId>& result) {
  const std::size_t before = result.size();
  const std::size_t count = host.guests.size();
  for (std::size_t i = 0; i < count && guests > 0 && result.size() - before < images; ++i) {
    auto& guest = guests_.at(host.guests[host.next_guest++ % count]);
    if (!guest.pingable || guest.images.empty()) continue;
    --guests;
    ask_guest(guest, host.suspect_since.has_value(), result);
  }
  return result.size() - before;
}

/// A lost rack has more guests than a round can wait for: each of its hosts is sampled in every round, and what else there is gets its turn.
std::vector<ImageId> GuestLog::next_pings() {
  std::set<ImageId> images;
  std::vector<Host*> suspects;
  for (auto& [name, host] : hosts_) {
    if (!host.tracked) continue;
    ask(host, kSampledGuests, kMaxSuspectImages, images);
    if (host.suspect_since) suspects.push_back(&host);
  }
  std::size_t left = kMaxSuspectImages;
  for (std::size_t i = 0; i < suspects.size() && left > 0; ++i) {
    Host& host = *suspects[next_suspect_ % suspects.size()];
    left -= std::min(left, ask(host, host.guests.size(), left, images));
    if (left > 0) ++next_suspect_;  // else it goes on with this one
  }
  return {images.begin(), images.end()};
}

}  // namespace vmha::evidence
