// Power and storage, side by side, until they are proven; then kept readable for as long as a recovery relies on them.
#include <algorithm>
#include <set>

#include <fmt/core.h>

#include "base/address.h"
#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

using api::ProofState;

constexpr Duration kFailedPowerPause = seconds(10);  ///< a method that failed goes on trying, slower: "after that it is completed"

std::string lane_of_name(const std::string& device) { return "power/" + device; }
std::string lane_of(const api::PowerDevice& device) { return lane_of_name(device.name); }

/// Off already: read on. Else ask for Off, again every kRequestAgain, and read what became of it in between.
void fence_device(Pass& pass, const api::PowerDevice& device, bool slow) {
  const std::string lane = lane_of(device);
  const NodeName node{pass.view.object->metadata.name};
  const auto found = pass.view.devices.find(device.name);
  const DeviceReadings readings = found == pass.view.devices.end() ? DeviceReadings{} : found->second;
  const Instant now = pass.view.now;
  pass.out.wake(now + kFencingReadEvery);
  const auto last = pass.view.lanes.find(lane);
  // A run of Off has to be read closely whatever went before: a pause longer than kOffRunGap would end it, and it would never be a proof.
  const Duration pace = slow && !readings.first_off ? kFailedPowerPause : kFencingReadEvery;
  if (last != pass.view.lanes.end() && now - last->second.finished < pace && last->second.failures_in_a_row > 0) return;
  const bool read_lately = readings.last && now - readings.last->at < pace;
  if (readings.first_off) {
    if (!read_lately) pass.wish(lane, kPowerReadTimeout, ReadPower{node, device});
    return;
  }
  const auto asked = pass.view.requested.find(lane);
  // An order that took longer than kRequestAgain would follow itself for ever, and what became of it would never be read.
  const bool read_since = last == pass.view.lanes.end() || last->second.operation != name_of(PowerOff{});
  if (asked == pass.view.requested.end() || (read_since && now - asked->second > (slow ? kFailedPowerPause : kRequestAgain)))
    if (may_power_off(pass, *pass.out.status.fence)) return pass.wish(lane, kPowerActTimeout, PowerOff{node, device, expected_uuid(pass.view, device)});
  if (!read_lately) pass.wish(lane, kPowerReadTimeout, ReadPower{node, device});
}

/// The level to work on: one that is proven off; else the lowest until its time is over, then the next one, the last one for ever.
int current_level(const Pass& pass, const std::vector<int>& all, const Instant started) {
  for (const int level : all)
    if (level_proven_off(pass.view, level)) return level;
  const auto each = std::max<Duration>(pass.policy().fencing.power_timeout, seconds(1));
  const auto passed = static_cast<std::size_t>((pass.view.now - started) / each);
  return all[std::min(passed, all.size() - 1)];
}

/// Why there is no proof of power yet, where nothing else is known to be wrong.
std::string why_no_power_proof(const Pass& pass, const api::Fence& fence) {
  if (off_is_contradicted(pass.view)) return "WrongDevice: it reads Off, but the host was alive after that; no proof until it was read On";
  if (!reads_on_again(pass.view)) return {};
  if (!may_power_off(pass, fence)) return "adopted, and it reads On: not switched off unless the host is judged dead, or a person asks for the fence";
  return pass.view.requested.count(lane_of_name(fence.power.device)) > 0 ? "asked to switch off, and it still reads On" : std::string();
}

void fence_by_power(Pass& pass, api::Fence& fence, const LiveProof& proof) {
  if (fence.power.state == ProofState::kSkipped) return;
  const std::string hash = devices_hash(pass.spec());
  if (fence.power.device_hash != hash) {
    fence.power = api::PowerProof{ProofState::kRequested, "", hash, std::nullopt, "the devices were edited: started anew"};
    return;
  }
  const auto all = levels(pass.spec());
  if (all.empty()) return;
  const auto begun = pass.view.requested.find("fence");
  const Instant started = begun == pass.view.requested.end() ? pass.view.now : begun->second;
  const bool late = pass.view.now - started > pass.policy().fencing.power_timeout * static_cast<int>(all.size());
  if (proof.power) {
    if (fence.power.state != ProofState::kProven) pass.announce(false, "PowerOffProven", "power reads Off");
    fence.power.state = ProofState::kProven;
    fence.power.message = "read Off twice";
    if (!fence.power.proven_time) fence.power.proven_time = pass.view.wall;
    if (!fence.host_fenced_time) fence.host_fenced_time = pass.view.wall;
  } else if (fence.power.state == ProofState::kProven && (reads_on_again(pass.view) || off_is_contradicted(pass.view))) {
    fence.power.state = ProofState::kRequested;
    fence.power.proven_time.reset();
    fence.host_fenced_time.reset();
    pass.announce(true, "FenceFailed", reads_on_again(pass.view) ? "power reads On again" : "power reads Off, and the host was alive after that");
  } else if (fence.power.state == ProofState::kRequested && late) {
    fence.power.state = ProofState::kFailed;
    pass.announce(true, "FenceFailed", "power could not be proven off in time");
  }
  const bool needed = pass.policy().fencing.require == api::RequiredProof::kHost || fence.storage.state != ProofState::kProven;
  if (!proof.power && !needed && has_new_boot_id(pass.view, fence)) return;
  const int level = current_level(pass, all, started);
  std::string trouble;
  for (const api::PowerDevice& device : pass.spec().fencing.devices) {
    if (device.level != level) continue;
    std::string why_not;
    if (!is_usable(pass.view, device, &why_not)) {
      trouble = why_not;
      continue;  // never power off what may be another machine
    }
    fence.power.device = device.name;
    const auto readings = pass.view.devices.find(device.name);
    if (readings != pass.view.devices.end() && !readings->second.read_error.empty()) trouble = readings->second.read_error;
    fence_device(pass, device, fence.power.state == ProofState::kFailed);
  }
  if (trouble.empty()) trouble = why_no_power_proof(pass, fence);
  if (!proof.power && !trouble.empty()) fence.power.message = api::cut_message(trouble);
}

std::vector<ImageId> images_of_host(const NodeView& view) {
  std::vector<ImageId> images;
  if (!view.disks) return images;
  for (const ServerImages& server : view.disks->value)
    for (const ceph::ImageWatch& image : server.images)
      if (image.found || !image.read) images.push_back(image.image);  // one that did not answer now may be there
  return images;
}

bool is_subset(const std::vector<ImageId>& images, const std::vector<ImageId>& of) {
  return std::all_of(images.begin(), images.end(), [&](const ImageId& image) { return std::find(of.begin(), of.end(), image) != of.end(); });
}

/// A server whose disks may rightly be open elsewhere: the gates of its own recovery judge those.
bool is_moving(const NodeView& view, const nova::Server& server) {
  if (!server.task_state.empty()) return true;
  if (!view.migrations) return false;
  return std::any_of(view.migrations->value.begin(), view.migrations->value.end(),
                     [&](const nova::Migration& m) { return m.server == server.id && !nova::is_final(m); });
}

/// "vms/x_disk is watched from 10.77.0.19": a client of the host that the fence does not cover; empty if there is none.
std::string unfenced_watch(const NodeView& view, const api::Fence& fence) {
  const std::set<Address> fenced(fence.storage.addresses.begin(), fence.storage.addresses.end());
  const auto is_co_attachment = [&](const ImageId& image, const Address& address) {
    const auto recorded = view.recorded_watchers.find(image.path());
    if (recorded == view.recorded_watchers.end() || recorded->second.count(address) == 0) return false;
    // Only beside the host's own client: alone it may be the host itself under an address that the fence does not know.
    return std::any_of(recorded->second.begin(), recorded->second.end(), [&](const Address& other) { return covers(fenced, other); });
  };
  if (!view.servers) return "nova's list of the host's servers is not known yet";
  for (const nova::Server& server : view.servers->value) {
    if (is_moving(view, server)) continue;
    const auto images = std::find_if(view.disks->value.begin(), view.disks->value.end(), [&](const ServerImages& s) { return s.server == server.id; });
    if (images == view.disks->value.end()) return server.id.value + ": its disks were not looked at yet";  // it showed up after the reading
    for (const ceph::ImageWatch& image : images->images) {
      // A volume may be attached elsewhere, too; the gate of each instance that has it judges that.
      if (image.image.name.rfind(server.id.value, 0) != 0) continue;
      if (!image.read) return image.image.path() + ": its watch list cannot be read";
      for (const ceph::Watcher& watcher : image.watchers) {
        if (!covers(fenced, watcher.address) && !is_co_attachment(image.image, watcher.address))
          return fmt::format("{} is watched from {}", image.image.path(), watcher.address.value);
      }
    }
  }
  return {};
}

std::vector<ServerDisks> servers_of(const NodeView& view) {
  std::vector<ServerDisks> wanted;
  if (view.servers)
    for (const nova::Server& server : view.servers->value) wanted.push_back(ServerDisks{server.id, server.volumes});
  return wanted;
}

bool asked(const NodeView& view, const std::string& lane) { return view.requested.count(lane) > 0; }

/// The next call towards the storage proof; one at a time, each looked at before the next.
void work_on_blocklist(Pass& pass, api::Fence& fence) {
  const NodeView& view = pass.view;
  const auto& addresses = fence.storage.addresses;
  if (!view.cluster_addresses_known) {
    fence.storage.message = "waits: the addresses of mons and OSDs are not known yet, one of these could be theirs";
    return pass.wish("addresses", kReadTimeout, ReadClusterAddresses{});
  }
  if (!view.shared_address.empty()) {
    fence.storage.state = ProofState::kSkipped;
    fence.storage.message = api::cut_message("SharedAddress: " + view.shared_address);
    return;
  }
  if (!pass.may_try("storage")) return;
  const auto outcome = view.lanes.find("storage");
  const bool read_since_act = view.blocklist && asked(view, "storage") && outcome != view.lanes.end() && view.blocklist->is_since(outcome->second.finished);
  const bool untouched = !asked(view, "storage") && !(fence.adopted && all_listed(view, addresses));
  if (untouched || (read_since_act && !all_listed(view, addresses))) {
    if (may_blocklist(pass, fence)) return pass.wish("storage", kActTimeout, BlocklistAdd{addresses});
    if (is_fresh(view.blocklist, kProofReadableWithin, view.now))
      fence.storage.message = "adopted, and not every client address is in the blocklist: not added unless the host is judged dead, or a person asks for the fence";
    return;
  }
  if (!all_listed(view, addresses)) {
    if (fence.storage.message.empty()) fence.storage.message = "Ceph's monitors were asked to list the addresses, and do not show them yet";
    return pass.wish("blocklist", kReadTimeout, ReadBlocklist{});
  }
  if (!view.blocklist_proven && view.disks) pass.wish("storage", kProveTimeout, ProveBlocklist{addresses, images_of_host(view)});
}

void conclude_storage(Pass& pass, api::Fence& fence) {
  const NodeView& view = pass.view;
  const Instant proven_at = view.blocklist_proven->proof.proven_at;
  if (!view.disks || !view.disks->is_since(proven_at)) return pass.wish("disks", kReadTimeout, ReadDisks{servers_of(view)});
  if (const auto& proven = view.blocklist_proven->images; !is_subset(images_of_host(view), proven))
    return pass.wish("storage", kProveTimeout, ProveBlocklist{fence.storage.addresses, images_of_host(view)});  // a later image may lie in another pool
  if (const std::string watch = unfenced_watch(view, fence); !watch.empty()) {
    fence.storage.message = api::cut_message("not proven: " + watch);
    if (view.now - view.disks->at > seconds(1)) pass.wish("disks", kReadTimeout, ReadDisks{servers_of(view)});
    return pass.out.wake(view.now + seconds(1));
  }
  fence.storage.state = ProofState::kProven;
  fence.storage.osdmap_epoch = view.blocklist_proven->proof.osdmap_epoch;
  fence.storage.proven_time = view.wall;
  fence.storage.message = fmt::format("{} placement groups confirmed it", view.blocklist_proven->proof.placement_groups);
  pass.announce(false, "StorageFenceProven", fmt::format("osdmap epoch {}, {}", *fence.storage.osdmap_epoch, fence.storage.message));
}

void fence_by_storage(Pass& pass, api::Fence& fence, const LiveProof& proof) {
  if (fence.storage.state == ProofState::kSkipped) return;
  const NodeView& view = pass.view;
  const auto begun = view.requested.find("fence");
  if (begun != view.requested.end() && !(view.servers && view.servers->is_since(begun->second - seconds(30))))
    pass.wish("servers", kReadTimeout, ReadHostServers{view.object->nova_host()});
  if (!view.disks && view.servers) pass.wish("disks", kReadTimeout, ReadDisks{servers_of(view)});
  pass.keep_fresh(view.blocklist, kBlocklistReadEvery, "blocklist", ReadBlocklist{});
  if (!proof.storage) {
    const bool listed = !is_fresh(view.blocklist, kProofReadableWithin, view.now) || all_listed(view, fence.storage.addresses);
    if (fence.storage.state == ProofState::kProven && !listed) {
      fence.storage.state = ProofState::kRequested;
      fence.storage.message = "an entry is no longer in the blocklist: adding it again";
      pass.announce(true, "FenceFailed", fence.storage.message);
    }
    work_on_blocklist(pass, fence);
    const auto outcome = view.lanes.find("storage");
    if (outcome != view.lanes.end() && !outcome->second.error.empty()) fence.storage.message = api::cut_message(outcome->second.error);
    return pass.out.wake(view.now + kFencingReadEvery);
  }
  if (fence.storage.state != ProofState::kProven) conclude_storage(pass, fence);
}

}  // namespace

void make_proof(Pass& pass) {
  if (!pass.hands_off().empty()) return;
  api::Fence& fence = *pass.out.status.fence;
  const LiveProof proof = live_proof(pass.view);
  fence_by_power(pass, fence, proof);
  fence_by_storage(pass, fence, proof);
}

void conclude_fencing(Pass& pass) {
  api::Fence& fence = *pass.out.status.fence;
  if (!requirement_met(pass.view, fence, live_proof(pass.view)) || !may_conclude(pass, fence)) return;
  fence.state = api::FenceState::kProven;
  fence.data_fenced_time = pass.view.wall;
}

}  // namespace vmha::computenode
