#pragma once

#include <string_view>

/// The fixed names of the API that are no fields: group, kinds, annotations, labels, finalizer, condition types.
namespace vmha::api {

inline constexpr std::string_view kGroup = "vmha.openstack.org";
inline constexpr std::string_view kVersion = "v1alpha1";
inline constexpr std::string_view kApiVersion = "vmha.openstack.org/v1alpha1";

inline constexpr std::string_view kPolicyKind = "HAPolicy";
inline constexpr std::string_view kPolicyPlural = "hapolicies";
inline constexpr std::string_view kComputeNodeKind = "ComputeNode";
inline constexpr std::string_view kComputeNodePlural = "computenodes";
inline constexpr std::string_view kProtectedInstanceKind = "ProtectedInstance";
inline constexpr std::string_view kProtectedInstancePlural = "protectedinstances";

inline constexpr std::string_view kDefaultPolicy = "default";  ///< used by whoever names no other

// Annotations people use.
inline constexpr std::string_view kPausedAnnotation = "vmha.openstack.org/paused";               ///< "true", on any resource
inline constexpr std::string_view kReleaseAnnotation = "vmha.openstack.org/release";             ///< a fence id: return the host by hand
inline constexpr std::string_view kApproveAnnotation = "vmha.openstack.org/approve";             ///< a fence or storm id: let a held action go on
inline constexpr std::string_view kRetryAnnotation = "vmha.openstack.org/retry";                 ///< any new value resets a Failed instance
inline constexpr std::string_view kFenceAnnotation = "vmha.openstack.org/fence";                 ///< RFC 3339 time: a person asks for a fence now
inline constexpr std::string_view kAbandonFenceAnnotation = "vmha.openstack.org/abandon-fence";  ///< a fence id: lets a ComputeNode go

/// On the leader's Lease: where it answers questions. "http://host:port", or "pod:<namespace>/<name>:<port>" behind the API server's proxy.
inline constexpr std::string_view kEndpointAnnotation = "vmha.openstack.org/endpoint";

inline constexpr std::string_view kDiscoveredLabel = "vmha.openstack.org/discovered";  ///< "true"; only such objects are ever deleted by vmha
inline constexpr std::string_view kFenceFinalizer = "vmha.openstack.org/fence";        ///< keeps a ComputeNode while its fence stands

/// Condition types.
namespace condition {
inline constexpr std::string_view kReady = "Ready";
// HAPolicy and ComputeNode
inline constexpr std::string_view kHeld = "Held";
// HAPolicy
inline constexpr std::string_view kEvidenceComplete = "EvidenceComplete";
// ComputeNode
inline constexpr std::string_view kHostFenced = "HostFenced";
inline constexpr std::string_view kDataFenced = "DataFenced";
inline constexpr std::string_view kFencingReady = "FencingReady";
inline constexpr std::string_view kConflict = "Conflict";
// ComputeNode and ProtectedInstance
inline constexpr std::string_view kRecovered = "Recovered";
// ProtectedInstance
inline constexpr std::string_view kRecoverable = "Recoverable";
inline constexpr std::string_view kPlaced = "Placed";
inline constexpr std::string_view kAttested = "Attested";
}  // namespace condition

}  // namespace vmha::api
