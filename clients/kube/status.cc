#include "clients/kube/status.h"

#include <nlohmann/json.hpp>

namespace vmha::kube {
namespace {

constexpr std::size_t kMaxMessageBytes = 2048;  // a validation message lists every bad field

ErrorKind kind_of(int status, bool is_read) {
  switch (status) {
    case 401:
    case 403: return ErrorKind::kForbidden;
    case 404: return ErrorKind::kNotFound;
    case 409:
    case 410:
    case 412: return ErrorKind::kConflict;
    case 429: return ErrorKind::kThrottled;
    case 503: return ErrorKind::kUnavailable;
    default: break;
  }
  if (status >= 500) return is_read ? ErrorKind::kUnavailable : ErrorKind::kUnknownOutcome;
  return ErrorKind::kInvalid;
}

std::string message_of(const http::Response& response) {
  std::string message;
  const auto body = nlohmann::json::parse(response.body, nullptr, false);
  if (body.is_object()) {
    const auto found = body.find("message");
    if (found != body.end() && found->is_string()) message = found->get<std::string>();
  }
  if (message.empty() && !body.is_object()) message = response.body;
  while (!message.empty() && (message.back() == '\n' || message.back() == ' ')) message.pop_back();
  if (message.empty()) return fmt::format("HTTP {}", response.status);
  if (message.size() > kMaxMessageBytes) message.resize(kMaxMessageBytes);
  return fmt::format("{} (HTTP {})", message, response.status);
}

}  // namespace

Error error_of(const http::Response& response, bool is_read) {
  Error error{kind_of(response.status, is_read), message_of(response), http::retry_after(response)};
  if (error.kind == ErrorKind::kThrottled && !error.retry_after) error.retry_after = std::chrono::seconds(1);
  return error;
}

}  // namespace vmha::kube
