#pragma once

#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>

#include "clients/kube/client.h"
#include "clients/kube/event_series.h"

namespace vmha::kube {

/// Posts events.k8s.io/v1 Events. Best effort: a full queue drops the newest, a failed write is logged and forgotten.
/// Lifecycle: make it, run() on one thread until stopped, post() from any thread at any time. post() never blocks on I/O.
class EventRecorder {
 public:
  static constexpr std::size_t kMaxQueued = 1000;  // a rack of 40 hosts with 1,000 instances makes that many within seconds

  /// `controller`: "vmha.openstack.org/controller"; `instance`: the identity of this process.
  EventRecorder(Client& client, std::string controller, std::string instance);
  ~EventRecorder();

  /// False when the queue was full.
  bool post(EventNote note);

  /// Writes events until stopped, then what is queued, for at most 2 s.
  void run(const std::stop_token& stop);

  [[nodiscard]] std::uint64_t dropped() const;

  EventRecorder(const EventRecorder&) = delete;
  EventRecorder& operator=(const EventRecorder&) = delete;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmha::kube
