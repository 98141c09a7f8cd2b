#pragma once

#include <memory>
#include <string>

#include "base/time.h"
#include "clients/http/client.h"
#include "engine/snapshot.h"
#include "reconcilers/effects.h"

namespace vmha::controller {

/// Prometheus metrics. Thread rule: any thread. No host or instance label on histograms.
class Telemetry {
 public:
  explicit Telemetry(const std::string& version = "test");
  ~Telemetry();

  /// For http::Client::Observer: counts requests by system ("nova", "kubernetes", "redfish"), verb and code.
  [[nodiscard]] http::Client::Observer observer(const std::string& system);
  /// The same for Kubernetes, and client-go's rest_client_requests_total beside it; `server` as in a kubeconfig.
  [[nodiscard]] http::Client::Observer kubernetes_observer(const std::string& server);
  /// One finished effect: its kind, how it ended and how long the call took.
  void effect(const Effect& effect, const Result<Answer>& outcome, Duration took);
  /// What a watch showed. While another process leads, it counts what happens: here it is only remembered as counted.
  void seen(const api::ComputeNode& node);
  void seen(const api::ProtectedInstance& instance);
  /// A status that this process stored: a fence or recovery is counted where its record says so first.
  void stored(const api::ComputeNode& after);
  void stored(const api::ProtectedInstance& after);
  void snapshot(const Snapshot& snapshot);
  void leading(bool leading);

  /// The text exposition format.
  [[nodiscard]] std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmha::controller
