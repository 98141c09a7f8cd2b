#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <tl/expected.hpp>
#include <utility>

#include <fmt/core.h>

namespace vmha {

/// What a caller can do about a failure; anything finer belongs in the message.
enum class ErrorKind {
  kNotFound,
  kConflict,        ///< somebody else changed it: read again, decide again
  kThrottled,       ///< wait `retry_after`, then ask again
  kTimeout,         ///< not sent, or surely without effect
  kUnavailable,     ///< the other side is down or answered 5xx to a read
  kForbidden,       ///< credentials or rights; a person has to act
  kInvalid,         ///< the request (or what a user wrote) is wrong; asking again will not help
  kUnknownOutcome,  ///< sent, answer lost: never retried blindly, observe again
};

[[nodiscard]] const char* to_string(ErrorKind kind);

struct Error {
  ErrorKind kind = ErrorKind::kUnavailable;
  std::string message;
  std::optional<std::chrono::milliseconds> retry_after = std::nullopt;
};

template <class T>
using Result = tl::expected<T, Error>;

/// Success without a value.
struct Done {
  auto operator<=>(const Done&) const = default;
};

template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(ErrorKind kind, fmt::format_string<Args...> text, Args&&... args) {
  return tl::unexpected(Error{kind, fmt::format(text, std::forward<Args>(args)...)});
}

/// Adds one layer of context: "evacuate 5b8e: <what the layer below said>". Kind and retry_after are kept.
template <class... Args>
[[nodiscard]] tl::unexpected<Error> fail(const Error& cause, fmt::format_string<Args...> text, Args&&... args) {
  Error error = cause;
  error.message = fmt::format(text, std::forward<Args>(args)...) + ": " + cause.message;
  return tl::unexpected(std::move(error));
}

/// "Conflict: <message>", for logs and status messages.
[[nodiscard]] std::string describe(const Error& error);

}  // namespace vmha
