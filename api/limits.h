#pragma once

#include <cstddef>

/// Bounds of the API. The schema refuses more; whoever fills a status keeps within them (cut_message, "and N more").
namespace vmha::api {

inline constexpr std::size_t kMaxMessageBytes = 512;  ///< also the schema's maxLength, which counts characters
inline constexpr std::size_t kMaxAddresses = 64;
inline constexpr std::size_t kMaxWatchers = 16;       ///< of a disk
inline constexpr std::size_t kMaxDisks = 64;
inline constexpr std::size_t kMaxDevices = 8;
inline constexpr std::size_t kMaxAgentParameters = 32;
inline constexpr std::size_t kMaxStormHosts = 64;
inline constexpr std::size_t kMaxConditions = 16;
inline constexpr std::size_t kMaxPlacementHosts = 64;
inline constexpr std::size_t kMaxDependencies = 16;
inline constexpr std::size_t kMaxSelectors = 16;
inline constexpr std::size_t kMaxNameBytes = 253;     ///< a DNS subdomain

}  // namespace vmha::api
