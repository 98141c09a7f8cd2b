// The standing drill of the power controllers: what they read while all is well, and closer looks at a suspect.
#include <algorithm>

#include <fmt/core.h>

#include "reconcilers/computenode/pass.h"

namespace vmha::computenode {
namespace {

constexpr Duration kRestReadEvery = seconds(20);
constexpr Duration kSuspectReadEvery = seconds(1);
constexpr Duration kFirstRetryAfter = seconds(2);  ///< one lost answer is no reason to look away for long
constexpr Duration kDrillEvery = std::chrono::minutes(10);
constexpr Duration kFailedDrillEvery = std::chrono::minutes(1);

bool lives_by_other_evidence(const Judgement& judgement) {
  return std::any_of(judgement.evidence.begin(), judgement.evidence.end(),
                     [](const api::Evidence& e) { return e.source != api::EvidenceSource::kPower && e.state == api::EvidenceState::kAlive; });
}

void read_device(Pass& pass, const api::PowerDevice& device, const DeviceReadings& readings) {
  const std::string lane = "power/" + device.name;
  const NodeName node{pass.view.object->metadata.name};
  const bool closer = pass.view.judgement.suspect || readings.first_off.has_value();
  const Duration every = closer ? kSuspectReadEvery : kRestReadEvery;
  pass.out.wake(pass.view.now + every);
  // A refused connection answers at once: without a pause a dead controller would be asked thousands of times a second, and one that refuses the
  // password would lock the account.
  const auto tried = pass.view.lanes.find(lane);
  const int failures = tried == pass.view.lanes.end() ? 0 : tried->second.failures_in_a_row;
  if (failures > 0) {
    const Duration pause = failures == 1 ? std::min(every, kFirstRetryAfter) : every;
    if (pass.view.now - tried->second.finished < pause) return pass.out.wake(tried->second.finished + pause);
  }
  if (!is_fresh(readings.last, every, pass.view.now)) return pass.wish(lane, kPowerReadTimeout, ReadPower{node, device});
  const bool failed = readings.drill && !readings.drill->value.empty();
  if (!closer && !is_fresh(readings.drill, failed ? kFailedDrillEvery : kDrillEvery, pass.view.now))
    pass.wish(lane, kPowerReadTimeout, DrillPower{node, device});
}

api::DeviceStatus judge_device(const Pass& pass, const api::PowerDevice& device, api::DeviceStatus status, const DeviceReadings& readings) {
  status.name = device.name;
  status.hash = device_hash(device);
  if (readings.last) {
    const bool lives = lives_by_other_evidence(pass.view.judgement);
    const std::string& uuid = readings.last->value.system_uuid;
    // Another system behind the controller is another machine, unless the host itself says that it is that one (a new board).
    const bool own = pass.view.kubernetes_node && pass.view.kubernetes_node->system_uuid == uuid;
    if (!uuid.empty() && (status.system_uuid.empty() || (lives && own))) status.system_uuid = uuid;
    if (readings.last->value.state == power::State::kOn && lives && (uuid.empty() || uuid == status.system_uuid)) status.seen_on = true;
  }
  std::string why_not;
  if (pass.view.judgement.wrong_device && readings.first_off) {
    // Not believed again before it has read On while the host lives: when the host falls silent, too, this Off must not become its proof.
    status.seen_on = false;
    why_not = "WrongDevice: reads Off while the host is alive";
  } else if (!readings.read_error.empty()) {
    why_not = readings.read_error;
  } else if (std::string wrong; readings.last && !is_right_system(pass.view, device, status, &wrong)) {
    why_not = wrong;
  } else if (!status.seen_on) {
    why_not = "not yet read On while the host was alive";
  } else if (readings.drill && !readings.drill->value.empty()) {
    why_not = readings.drill->value;
  } else if (!readings.last || !readings.drill) {
    return status;  // after a start: what was found before stays until it was looked at again
  } else if (std::string reason; !is_usable(pass.view, device, &reason)) {
    why_not = reason;
  }
  status.ready = why_not.empty();
  status.message = api::cut_message(why_not.empty() ? readings.drill_note : why_not);
  status.rights_known = readings.drill && readings.drill->value.empty() && readings.rights_known;
  return status;
}

}  // namespace

void watch_devices(Pass& pass) {
  std::vector<api::DeviceStatus> devices;
  const bool fencing = is_called(pass.stored().fence);
  for (const api::PowerDevice& device : pass.spec().fencing.devices) {
    const auto found = pass.view.devices.find(device.name);
    const DeviceReadings readings = found == pass.view.devices.end() ? DeviceReadings{} : found->second;
    // One that the fence cannot use is looked at as before: what is wrong with it may be put right.
    if (!fencing || !is_usable(pass.view, device, nullptr)) read_device(pass, device, readings);
    const auto& known = pass.stored().devices;
    const auto old = std::find_if(known.begin(), known.end(), [&](const api::DeviceStatus& d) { return d.name == device.name; });
    const bool edited = old != known.end() && !old->hash.empty() && old->hash != device_hash(device);
    const api::DeviceStatus before = old == known.end() || edited ? api::DeviceStatus{} : *old;
    // During a fence the device is worked with, not drilled: its standing is what it was, unless the host lives on.
    const bool keeps = fencing && old != known.end() && !edited && !lives_by_other_evidence(pass.view.judgement);
    devices.push_back(keeps ? before : judge_device(pass, device, before, readings));
  }
  pass.out.status.devices = std::move(devices);
}

}  // namespace vmha::computenode
