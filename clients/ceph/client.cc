#include "clients/ceph/client.h"

#include <algorithm>
#include <future>
#include <system_error>
#include <thread>
#include <utility>

#include "clients/ceph/calls.h"
#include "clients/ceph/operations.h"

namespace vmha::ceph {
namespace {

constexpr seconds kFarewell{2};

/// What the work itself gets: a little less than the caller waits, so that a partial answer still arrives.
Instant inner(Instant deadline, milliseconds timeout) { return deadline - std::min(timeout / 10, milliseconds(100)); }

}  // namespace

std::string osd_caps(const std::vector<std::string>& pools, const std::vector<std::string>& data_pools) {
  std::string caps;
  const auto grant = [&caps](const std::string& text) { caps += (caps.empty() ? "" : ", ") + text; };
  for (const std::string& pool : pools) {
    grant("allow r pool=" + pool);
    grant("allow rw pool=" + pool + " object_prefix " + kCanaryObject);
  }
  for (const std::string& pool : data_pools) grant("allow r pool=" + pool);
  return caps;
}

struct Client::Impl {
  std::shared_ptr<Session> session;
  Calls calls{kMaxLostCalls};

  template <class T>
  Result<T> run(const char* what, milliseconds timeout, std::function<Result<T>(Session&, Instant)> work, ErrorKind when_late = ErrorKind::kTimeout) {
    const Instant deadline = monotonic_now() + timeout;
    return calls.run<T>(what, deadline, when_late,
                        [held = session, work = std::move(work), until = inner(deadline, timeout)] { return work(*held, until); });
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

Client::~Client() {
  // Closing a connection to a cluster that hangs can take minutes; whoever holds the session last does it, on a thread of its own.
  auto closed = std::make_shared<std::promise<void>>();
  auto done = closed->get_future();
  try {
    std::thread([session = std::move(impl_->session), closed]() mutable {
      session.reset();
      closed->set_value();
    }).detach();
  } catch (const std::system_error&) {
    return;  // no thread to be had: then here and now
  }
  done.wait_for(kFarewell);
}

Result<std::unique_ptr<Client>> Client::connect(const Config& config, milliseconds timeout) {
  static Calls connecting(kMaxLostCalls);
  const auto session = connecting.run<std::shared_ptr<Session>>("connect to Ceph", monotonic_now() + timeout, ErrorKind::kTimeout,
                                                                [config] { return Session::connect(config); });
  if (!session) return tl::unexpected(session.error());
  auto impl = std::make_unique<Impl>();
  impl->session = *session;
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

Result<PingRound> Client::ping(const std::vector<ImageId>& images, milliseconds timeout) {
  return impl_->run<PingRound>("storage ping", timeout, [images](Session& s, Instant until) { return ceph::ping(s, images, until); });
}

Result<std::vector<ImageId>> Client::images_of(const std::vector<ServerId>& servers, milliseconds timeout) {
  return impl_->run<std::vector<ImageId>>("images of servers", timeout,
                                          [servers](Session& s, Instant until) { return ceph::images_of(s, servers, until); });
}

Result<std::vector<ImageWatch>> Client::watches(const std::vector<ImageId>& images, milliseconds timeout) {
  return impl_->run<std::vector<ImageWatch>>("watch lists", timeout, [images](Session& s, Instant until) { return ceph::watches(s, images, until); });
}

Result<Done> Client::blocklist_add(const std::vector<Address>& addresses, milliseconds timeout) {
  return impl_->run<Done>("blocklist add", timeout, [addresses](Session& s, Instant until) { return ceph::blocklist_add(s, addresses, until); },
                          ErrorKind::kUnknownOutcome);
}

Result<Done> Client::blocklist_remove(const std::vector<Address>& addresses, milliseconds timeout) {
  return impl_->run<Done>("blocklist remove", timeout, [addresses](Session& s, Instant until) { return ceph::blocklist_remove(s, addresses, until); },
                          ErrorKind::kUnknownOutcome);
}

Result<std::vector<BlocklistEntry>> Client::blocklist(milliseconds timeout) {
  return impl_->run<std::vector<BlocklistEntry>>("blocklist", timeout, [](Session& s, Instant) { return ceph::blocklist(s); });
}

Result<BlocklistProof> Client::prove_blocklist(const std::vector<Address>& addresses, const std::vector<ImageId>& images, milliseconds timeout) {
  return impl_->run<BlocklistProof>("blocklist proof", timeout, [addresses, images](Session& s, Instant until) {
    return ceph::prove_blocklist(s, addresses, images, until);
  });
}

Result<Done> Client::drill(milliseconds timeout, const std::vector<ImageId>& images) {
  return impl_->run<Done>("drill", timeout, [images](Session& s, Instant until) { return ceph::drill(s, images, until); });
}

Result<std::vector<Address>> Client::cluster_addresses(milliseconds timeout) {
  return impl_->run<std::vector<Address>>("cluster addresses", timeout, [](Session& s, Instant) { return ceph::cluster_addresses(s); });
}

}  // namespace vmha::ceph
