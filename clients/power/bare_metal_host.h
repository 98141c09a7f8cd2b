#pragma once

#include <chrono>
#include <string>

#include <nlohmann/json_fwd.hpp>

#include "api/observed/power.h"
#include "base/result.h"
#include "clients/kube/client.h"
#include "clients/power/order.h"

namespace vmha::power {

/// A BareMetalHost of metal3.io/v1alpha1: its power as the baremetal-operator knows and changes it (baremetal-operator,
/// internal/controller/metal3.io/baremetalhost_controller.go and docs/api: "Rebooting a host").
///
/// Off is asked for by the annotation reboot.metal3.io/vmha with {"mode": "hard"}: the operator powers the host off at once and keeps it
/// off until the annotation is taken away; then it powers it on again if spec.online says so.
///
/// What a reading is worth: status.poweredOn is written only when the operator sees it change, and nothing tells an operator that is down from one that
/// has nothing to write. So a host that merely *reads* off is Unknown. Off is believed only when the operator wrote it after our order: the order is
/// one patch, made only on the very version of the object that says poweredOn: true, and notes that; poweredOn: false beside that note
/// was therefore written later. The operator must also say that it can manage the host (OK, no error, not paused, not detached). A host
/// that lost its power before it was asked is not proven off by this device; another level or the storage fence has to do that.
/// On may be stale, too; that is harmless, it proves nothing.
///
/// There is no system UUID in a BareMetalHost. Lifecycle: no I/O before the first call, nothing kept between calls. Thread rule: any thread.
/// Errors: those of kube::Client; kConflict (a UUID is expected, or the object changed under an order: read again), kInvalid (its state
/// ignores the annotation).
class BareMetalHost {
 public:
  BareMetalHost(kube::Client& client, std::string ns, std::string name) : client_(client), namespace_(std::move(ns)), name_(std::move(name)) {}

  Result<Reading> read(std::chrono::milliseconds deadline);
  Result<Done> request_off(std::chrono::milliseconds deadline, const std::string& expected_uuid = {}, const Permit& permit = {});
  Result<Done> request_on(std::chrono::milliseconds deadline, const std::string& expected_uuid = {}, const Permit& permit = {});
  /// It is there, the operator can manage it and obeys the annotation in its state, and we may patch it (asked of the API server, changes nothing).
  Result<Drill> drill(std::chrono::milliseconds deadline);

 private:
  Result<nlohmann::json> get(std::chrono::milliseconds timeout);
  Result<Done> patch(const nlohmann::json& annotations, const std::string& version, const Permit& permit, Instant deadline);
  [[nodiscard]] tl::unexpected<Error> explain(const Error& error) const;

  kube::Client& client_;
  const std::string namespace_;
  const std::string name_;
};

/// What an object says about the power of its host, by the rules above.
[[nodiscard]] Reading reading_of(const nlohmann::json& bare_metal_host);

inline constexpr const char* kRebootAnnotation = "reboot.metal3.io/vmha";
inline constexpr const char* kWasOnAnnotation = "vmha.openstack.org/powered-on-when-asked-off";

}  // namespace vmha::power
