#include "clients/openstack/answer.h"

#include <cctype>
#include <utility>

#include <nlohmann/json.hpp>

namespace vmha::openstack {
namespace {

using nlohmann::json;

constexpr std::chrono::milliseconds kDefaultRetryAfter = std::chrono::seconds(1);

ErrorKind kind_of(int status, Verb verb) {
  switch (status) {
    case 401:
    case 403:
      return ErrorKind::kForbidden;
    case 404:
      return ErrorKind::kNotFound;
    case 409:
      return ErrorKind::kConflict;
    case 413:  // what nova's own rate limiter answers; 429 comes from proxies
    case 429:
      return ErrorKind::kThrottled;
    default:
      break;
  }
  if (status >= 500) return verb == Verb::kRead ? ErrorKind::kUnavailable : ErrorKind::kUnknownOutcome;
  return ErrorKind::kInvalid;
}

std::string first_message(const json& body) {
  if (!body.is_object()) return "";
  if (const auto it = body.find("message"); it != body.end() && it->is_string()) return it->get<std::string>();
  for (const auto& [key, value] : body.items()) {
    if (!value.is_object()) continue;
    if (const auto it = value.find("message"); it != value.end() && it->is_string()) return it->get<std::string>();
  }
  return "";
}

std::string one_line(std::string text) {
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  if (text.size() <= kMaxServiceMessage) return text;
  std::size_t end = kMaxServiceMessage;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) --end;  // not inside a UTF-8 sequence
  text.resize(end);
  return text;
}

std::string request_id(const http::Response& response) {
  for (const char* name : {"x-compute-request-id", "x-openstack-request-id"}) {
    const auto it = response.headers.find(name);
    if (it != response.headers.end() && !it->second.empty()) return " (" + one_line(it->second) + ")";
  }
  return "";
}

bool in_a_word(const std::string& text, std::size_t at, std::size_t size) {
  const auto is_letter = [&](std::size_t i) { return i < text.size() && std::isalnum(static_cast<unsigned char>(text[i])) != 0; };
  return (at > 0 && is_letter(at - 1)) || is_letter(at + size);
}

/// A short secret inside a longer word is no secret ("lab" in "available").
std::string without(std::string text, const std::string& secret) {
  constexpr std::size_t kShort = 8;
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at)) {
    if (secret.size() < kShort && in_a_word(text, at, secret.size())) {
      ++at;
      continue;
    }
    text.replace(at, secret.size(), "***");
    at += 3;
  }
  return text;
}

}  // namespace

std::string message_of(std::string_view body) {
  const json parsed = json::parse(body, nullptr, false);
  std::string message = parsed.is_discarded() ? "" : first_message(parsed);
  if (message.empty()) message = std::string(body.substr(0, kMaxServiceMessage + 1));
  return one_line(std::move(message));
}

Error error_of(const http::Response& response, Verb verb) {
  Error error{kind_of(response.status, verb), fmt::format("HTTP {}", response.status)};
  if (const std::string message = message_of(response.body); !message.empty()) error.message += ": " + message;
  error.message += request_id(response);
  error.retry_after = http::retry_after(response);
  if (error.kind == ErrorKind::kThrottled && !error.retry_after) error.retry_after = kDefaultRetryAfter;
  return error;
}

Error redacted(Error error, const std::vector<std::string>& secrets) {
  for (const std::string& secret : secrets) {
    if (!secret.empty()) error.message = without(std::move(error.message), secret);
  }
  return error;
}

}  // namespace vmha::openstack
