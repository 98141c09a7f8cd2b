#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "clients/http/client.h"
#include "clients/openstack/config.h"
#include "clients/openstack/parse.h"

namespace vmha::openstack {

inline constexpr Duration kMaxRenewalMargin = std::chrono::minutes(5);    // or a tenth of the token's life, if that is less
inline constexpr Duration kRenewalPause = std::chrono::seconds(1);        // after a failed renewal the others get its error for so long
inline constexpr Duration kRefusedPause = std::chrono::seconds(10);       // the same when the credentials were refused: keystone may lock the user

[[nodiscard]] const std::string& user_agent();  ///< "vmha/<version>"

/// "https://host:5000/v3" from an auth_url with or without a version or a final slash.
[[nodiscard]] std::string identity_url(std::string auth_url);

/// A token of keystone v3, cached, and the service catalogue that came with it.
/// Thread rule: any number of threads; one renews at a time and the others wait for it, without a lock held during I/O.
/// Guarantees: a token is renewed `margin` before its life ends, counted on our clock from before it was asked for (keystone's clock is never
/// compared with ours); while keystone is away, the old one is used to its end.
class Keystone {
 public:
  using Clock = std::function<Instant()>;

  static Result<std::unique_ptr<Keystone>> create(CloudConfig config, http::Client::Observer observer, Clock clock = monotonic_now);

  /// `rejected`: the token a service answered 401 to, so that it is not handed out again; empty otherwise.
  /// Errors: kForbidden (credentials refused), kUnavailable, kTimeout; never kUnknownOutcome, for asking for a token changes nothing.
  Result<std::string> token(Instant deadline, const std::string& rejected = "");

  /// The catalogue's URL of `service_type` in the configuration's region and interface. kInvalid names what the catalogue has instead.
  Result<std::string> endpoint(const std::string& service_type, Instant deadline);

  /// What must not appear in any text.
  [[nodiscard]] std::vector<std::string> secrets() const;

  Keystone(const Keystone&) = delete;
  Keystone& operator=(const Keystone&) = delete;

 private:
  struct Token {
    std::string value;
    Instant renew_at;
    Instant expires_at;
    std::vector<Endpoint> catalog;
  };

  Keystone(CloudConfig config, std::unique_ptr<http::Client> client, Clock clock);
  Result<Token> issue(Instant deadline);
  std::optional<Result<std::string>> answer_at_once(Instant now, const std::string& rejected) const;
  [[nodiscard]] bool usable(Instant now, const std::string& rejected) const;
  Result<std::string> finish(Result<Token> issued, const std::string& rejected);

  const CloudConfig config_;
  const std::unique_ptr<http::Client> client_;
  const Clock clock_;
  mutable std::mutex mutex_;
  std::condition_variable renewed_;
  bool renewing_ = false;
  std::optional<Token> token_;
  std::optional<Error> failure_;  ///< of the last renewal, kept until quiet_until_
  Instant quiet_until_{};
};

/// Picks one endpoint; see Keystone::endpoint.
[[nodiscard]] Result<std::string> select_endpoint(const std::vector<Endpoint>& catalog, const std::string& type, const std::string& interface,
                                                  const std::string& region);

/// The time left for one exchange; kTimeout, with nothing sent, if there is none.
[[nodiscard]] Result<milliseconds> time_left(Instant now, Instant deadline);

}  // namespace vmha::openstack
