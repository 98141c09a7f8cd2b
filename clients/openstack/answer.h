#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "clients/http/client.h"

namespace vmha::openstack {

inline constexpr std::size_t kMaxServiceMessage = 300;  // bytes of a service's own words in one of our errors

/// What the call would have done: decides whether a 5xx or a lost answer leaves a doubt.
enum class Verb { kRead, kAct };

/// The error of an answer whose status is not 2xx: kind by status (see Nova), text "HTTP 409: <the service's message> (req-...)".
[[nodiscard]] Error error_of(const http::Response& response, Verb verb);

/// nova's {"itemNotFound": {"message": ...}} and keystone's {"error": {"message": ...}}; otherwise the body's first bytes.
/// One line, at most kMaxServiceMessage bytes, cut between characters.
[[nodiscard]] std::string message_of(std::string_view body);

/// Replaces each secret in the error's text: a service could send back what it was sent.
[[nodiscard]] Error redacted(Error error, const std::vector<std::string>& secrets);

}  // namespace vmha::openstack
