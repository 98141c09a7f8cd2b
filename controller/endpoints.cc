#include "controller/endpoints.h"

#include <httplib.h>

#include <atomic>
#include <thread>

namespace vmha::controller {

struct Endpoints::Impl {
  httplib::Server server;
  Checks checks;
  int port = 0;
  std::atomic<int> explaining{0};
  std::jthread thread;
};

Result<std::unique_ptr<Endpoints>> Endpoints::start(const ListenAddress& address, Checks checks) {
  auto impl = std::make_unique<Impl>();
  Impl& i = *impl;
  i.checks = std::move(checks);
  i.server.new_task_queue = [] { return new httplib::ThreadPool(kMaxExplaining + 2); };  // NOLINT: httplib takes ownership of it
  i.server.Get("/livez", [&i](const httplib::Request&, httplib::Response& response) {
    const bool alive = i.checks.alive();
    response.status = alive ? 200 : 503;
    response.set_content(alive ? "ok\n" : "the loop does not tick\n", "text/plain");
  });
  i.server.Get("/readyz", [&i](const httplib::Request&, httplib::Response& response) {
    const std::string why = i.checks.not_ready();
    response.status = why.empty() ? 200 : 503;
    response.set_content(why.empty() ? "ok\n" : why + "\n", "text/plain");
  });
  i.server.Get("/metrics", [&i](const httplib::Request&, httplib::Response& response) {
    response.set_content(i.checks.metrics(), "text/plain; version=0.0.4; charset=utf-8");
  });
  i.server.Get(R"(/explain/computenodes/([a-z0-9][a-z0-9.-]{0,252}))", [&i](const httplib::Request& request, httplib::Response& response) {
    if (++i.explaining > kMaxExplaining) {
      response.status = 503;
      response.set_header("Retry-After", "1");
      response.set_content(R"({"error":"too many questions at once"})" "\n", "application/json");
    } else {
      HttpAnswer answer = i.checks.explain(request.matches[1].str());
      response.status = answer.status;
      response.set_content(std::move(answer.body), "application/json");
    }
    --i.explaining;
  });
  i.port = address.port;
  if (address.port == 0) i.port = i.server.bind_to_any_port(address.host.c_str());
  if (i.port < 0 || (address.port != 0 && !i.server.bind_to_port(address.host.c_str(), address.port)))
    return fail(ErrorKind::kUnavailable, "listen: {}:{} cannot be listened on; choose another address or port", address.host, address.port);
  i.thread = std::jthread([&i] { i.server.listen_after_bind(); });
  return std::unique_ptr<Endpoints>(new Endpoints(std::move(impl)));
}

Endpoints::Endpoints(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Endpoints::~Endpoints() { impl_->server.stop(); }
int Endpoints::port() const { return impl_->port; }

}  // namespace vmha::controller
