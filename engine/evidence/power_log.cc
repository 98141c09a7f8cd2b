#include "engine/evidence/power_log.h"

#include <algorithm>
#include <utility>

namespace vmha::evidence {

void PowerLog::restart_watch() {
  for (auto& [node, devices] : nodes_) {
    for (auto& device : devices) {
      device.state.reset();
      device.first_off.reset();
    }
  }
}

void PowerLog::track(const NodeName& node, const std::vector<HostRef::Device>& devices) {
  auto& known = nodes_[node];
  std::vector<Device> next;
  for (const auto& ref : devices) {
    const auto old = std::find_if(known.begin(), known.end(), [&](const Device& one) { return one.ref.name == ref.name && one.ref.identity == ref.identity; });
    Device device = old == known.end() ? Device{} : *old;
    device.ref = ref;
    next.push_back(std::move(device));
  }
  known = std::move(next);
}

void PowerLog::forget(const NodeName& node) { nodes_.erase(node); }

void PowerLog::observe(const NodeName& node, const std::string& name, const Result<power::Reading>& reading, Instant started, Instant answered) {
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return;
  const auto device = std::find_if(found->second.begin(), found->second.end(), [&](const Device& one) { return one.ref.name == name; });
  if (device == found->second.end() || (device->tried_at && *device->tried_at >= started)) return;
  device->tried_at = started;
  device->failed = !reading;
  if (!reading) return;
  last_look_ = std::max(last_look_.value_or(started), started);
  const bool off = reading->state == power::State::kOff;
  if (!off) device->first_off.reset();
  // A gap in which nothing could be read may hide an On: the run starts anew behind it.
  if (off && (!device->first_off || started - device->read_at > computenode::kOffRunGap + device->took)) {
    device->first_off = started;
    device->first_off_answered = answered;
  }
  device->state = reading->state;
  device->read_at = started;
  device->took = std::min<Duration>(answered - started, computenode::kLongestAnswer);
}

bool PowerLog::all_off(const Level& level, Instant now) {
  return std::all_of(level.begin(), level.end(), [&](const Device* device) {
    return device->ref.seen_on && device->state == power::State::kOff && device->first_off && now - device->read_at <= kPowerForgotten;
  });
}

bool PowerLog::confirmed_off(const Level& level, Instant now) {
  return std::all_of(level.begin(), level.end(), [&](const Device* device) {
    return device->read_at - device->first_off_answered >= computenode::kOffConfirm && now - device->read_at <= kOffRecent + device->took;
  });
}

std::string PowerLog::describe(const Device& device) {
  std::string text = device.ref.name + ": ";
  if (device.failed || !device.state) return text + "not readable";
  if (!device.ref.seen_on) return text + "never seen On";
  switch (*device.state) {
    case power::State::kOn: return text + "On";
    case power::State::kOff: return text + "Off";
    case power::State::kUnknown: break;
  }
  return text + "neither On nor Off";
}

computenode::PowerEvidence PowerLog::evidence(const NodeName& node, Instant now) const {
  computenode::PowerEvidence result;
  const auto found = nodes_.find(node);
  if (found == nodes_.end()) return result;
  std::map<int, Level> levels;
  result.readable = !found->second.empty();
  for (const auto& device : found->second) {
    levels[device.ref.level].push_back(&device);
    result.configured = result.configured || device.ref.seen_on;
    const bool clear = device.state && *device.state != power::State::kUnknown;
    if (!clear || device.failed || now - device.read_at > kPowerForgotten) result.readable = false;
    result.detail += (result.detail.empty() ? "" : ", ") + describe(device);
  }
  for (const auto& [number, level] : levels) {
    if (all_off(level, now)) {
      for (const auto* device : level) {
        result.first_off = std::max(result.first_off.value_or(*device->first_off), *device->first_off);
        result.last_off = std::min(result.last_off.value_or(device->read_at), device->read_at);
      }
      result.off_confirmed = confirmed_off(level, now) && *result.last_off - *result.first_off >= computenode::kOffConfirm;
      break;
    }
    const bool reads_on = std::any_of(level.begin(), level.end(), [](const Device* device) { return device->state == power::State::kOn; });
    if (reads_on) break;
  }
  return result;
}

}  // namespace vmha::evidence
