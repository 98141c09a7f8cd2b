#include "clients/kube/lease.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <nlohmann/json.hpp>
#include <utility>
#include <variant>

namespace vmha::kube {

using nlohmann::json;

/// Source: staging/src/k8s.io/api/coordination/v1/types.go (LeaseSpec: every field is optional).
LeaseRecord lease_record(const json& lease) {
  LeaseRecord record;
  const auto text = [](const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
  };
  const auto number = [](const json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_number_integer() ? found->get<int>() : 0;
  };
  if (const auto metadata = lease.find("metadata"); metadata != lease.end()) record.resource_version = text(*metadata, "resourceVersion");
  const auto spec = lease.find("spec");
  if (spec == lease.end() || !spec->is_object()) return record;
  record.holder = text(*spec, "holderIdentity");
  record.acquire_time = text(*spec, "acquireTime");
  record.renew_time = text(*spec, "renewTime");
  record.duration_seconds = number(*spec, "leaseDurationSeconds");
  record.transitions = number(*spec, "leaseTransitions");
  return record;
}

namespace {

json encode(const LeaseRecord& record, const std::map<std::string, std::string>& annotations) {
  json spec = {{"holderIdentity", record.holder},
               {"leaseDurationSeconds", record.duration_seconds},
               {"leaseTransitions", record.transitions},
               {"renewTime", record.renew_time}};
  // A Lease made by hand may have none, and "" is no time.
  if (!record.acquire_time.empty()) spec["acquireTime"] = record.acquire_time;
  json lease = {{"metadata", json::object()}, {"spec", std::move(spec)}};
  for (const auto& [name, value] : annotations) lease["metadata"]["annotations"][name] = record.holder.empty() ? json() : json(value);
  return lease;
}

/// Carries out what election::step() asks for. Lives for one run_election.
class Driver {
 public:
  Driver(Client& client, const ElectionOptions& options, const ElectionHooks& hooks, const std::stop_token& stop)
      : client_(client),
        options_(options),
        hooks_(hooks),
        stop_(stop),
        leases_{"coordination.k8s.io", "v1", "leases", options.ns},
        state_(election::start(options.identity, options.times)) {}

  void run() {
    election::Action action = take(election::Tick{monotonic_now(), wall_now()});
    for (;;) {
      if (stop_.stop_requested()) return release();
      if (const auto* finish = std::get_if<election::Finish>(&action)) {
        if (led_ && hooks_.on_lost) hooks_.on_lost(finish->reason);
        return;
      }
      if (const auto* wait = std::get_if<election::Wait>(&action)) {
        sleep_until(wait->until);
        action = take(election::Tick{monotonic_now(), wall_now()});
      } else if (const auto* write = std::get_if<election::Write>(&action)) {
        action = do_write(election::Write(*write));
      } else {
        action = do_read();
      }
    }
  }

 private:
  election::Action take(const election::Input& input) {
    election::Step made = election::step(std::move(state_), input);
    state_ = std::move(made.state);
    return std::move(made.action);
  }

  [[nodiscard]] milliseconds time_for_a_call(Instant deadline) const {
    const auto left = std::chrono::duration_cast<milliseconds>(deadline - monotonic_now());
    return std::max(milliseconds(1), left);
  }

  void report(const Error& error) const {
    if (hooks_.on_error) hooks_.on_error(error);
  }

  void tell_holder() {
    if (!state_.seen || state_.seen->holder == told_holder_) return;
    told_holder_ = state_.seen->holder;
    if (hooks_.on_holder) hooks_.on_holder(told_holder_);
  }

  election::Action do_read() {
    const Instant deadline = monotonic_now() + options_.times.renew_deadline / 2;
    const auto lease = client_.get(leases_, options_.name, time_for_a_call(deadline));
    Result<LeaseRecord> record = lease ? Result<LeaseRecord>(lease_record(*lease)) : tl::unexpected(lease.error());
    if (!record && record.error().kind != ErrorKind::kNotFound) report(record.error());
    election::Action action = take(election::ReadDone{std::move(record), monotonic_now(), wall_now()});
    tell_holder();
    return action;
  }

  Result<json> send(const election::Write& write) {
    WriteOptions options;
    options.timeout = time_for_a_call(write.deadline);
    options.resource_version = write.record.resource_version;
    json lease = encode(write.record, options_.annotations);
    if (!write.record.resource_version.empty()) return client_.merge_patch(leases_, options_.name, std::move(lease), options);
    lease["apiVersion"] = "coordination.k8s.io/v1";
    lease["kind"] = "Lease";
    lease["metadata"]["name"] = options_.name;
    lease["metadata"]["namespace"] = options_.ns;
    return client_.create_object(leases_, lease, options);
  }

  election::Action do_write(const election::Write& write) {
    const bool led_before = state_.leading;
    const Instant started = monotonic_now();
    const auto stored = send(write);
    if (!stored) report(stored.error());
    Result<LeaseRecord> record = stored ? Result<LeaseRecord>(lease_record(*stored)) : tl::unexpected(stored.error());
    const bool renewed = record.has_value();
    election::Action action = take(election::WriteDone{std::move(record), started, monotonic_now()});
    tell_holder();
    const auto term = election::term(state_);
    if (!renewed || !term) return action;
    if (!led_before) {
      led_ = true;
      if (hooks_.on_leading) hooks_.on_leading(*term);
    } else if (hooks_.on_renewed) {
      hooks_.on_renewed(*term);
    }
    return action;
  }

  void release() {
    const election::Action action = take(election::Stop{monotonic_now(), wall_now()});
    const auto* write = std::get_if<election::Write>(&action);
    if (write == nullptr) return;
    if (const auto stored = send(*write); !stored) report(stored.error());
  }

  void sleep_until(Instant until) const {
    std::mutex mutex;
    std::condition_variable_any waiting;
    std::unique_lock lock(mutex);
    waiting.wait_for(lock, stop_, until - monotonic_now(), [] { return false; });
  }

  Client& client_;
  const ElectionOptions& options_;
  const ElectionHooks& hooks_;
  const std::stop_token& stop_;
  const Resource leases_;
  election::State state_;
  bool led_ = false;
  std::string told_holder_;
};

}  // namespace

void run_election(Client& client, const ElectionOptions& options, const ElectionHooks& hooks, const std::stop_token& stop) {
  Driver(client, options, hooks, stop).run();
}

}  // namespace vmha::kube
