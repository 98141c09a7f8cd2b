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
  Telemetry();
  ~Telemetry();

  /// For http::Client::Observer: counts requests by system ("nova", "kubernetes", "redfish"), verb and code.
  [[nodiscard]] http::Client::Observer observer(const std::string& system);
  /// One finished effect: its kind, how it ended and how long the call took.
  void effect(const Operation& operation, const Result<Answer>& outcome, Duration took);
  /// A status that was stored: fences and recoveries are counted where their record says so first.
  void stored(const api::ComputeNode& before, const api::ComputeNode& after);
  void stored(const api::ProtectedInstance& before, const api::ProtectedInstance& after);
  void snapshot(const Snapshot& snapshot);
  void leading(bool leading);

  /// The text exposition format.
  [[nodiscard]] std::string text() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace vmha::controller
