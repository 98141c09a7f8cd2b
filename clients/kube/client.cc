#include "clients/kube/client.h"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/time.h"
#include "clients/kube/status.h"
#include "clients/kube/token_source.h"

namespace vmha::kube {

using nlohmann::json;

namespace {

constexpr std::chrono::seconds kListTimeout{60};  // a page of 500 large objects from a busy server

class Query {
 public:
  Query& add(std::string_view key, std::string_view value) {
    if (value.empty()) return *this;
    text_ += text_.empty() ? '?' : '&';
    text_ += std::string(key) + "=" + http::escape(value);
    return *this;
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  std::string text_;
};

bool is_success(int status) { return status >= 200 && status < 300; }

/// The body of a 2xx answer. A write whose answer cannot be read has happened all the same.
Result<json> document(const http::Response& response, bool is_read) {
  json parsed = json::parse(response.body, nullptr, false);
  if (parsed.is_object()) return parsed;
  return fail(is_read ? ErrorKind::kUnavailable : ErrorKind::kUnknownOutcome, "the answer (HTTP {}) is not a JSON object", response.status);
}

/// Bytes that are no UTF-8 (a message of a power controller, say) are replaced: they must not stop a status from being written.
std::string to_text(const json& document) { return document.dump(-1, ' ', false, json::error_handler_t::replace); }

WatchFailure failure(Error error) { return {std::move(error), false}; }

http::Request request_of(const char* method, std::string path, std::chrono::milliseconds timeout) {
  http::Request request;
  request.method = method;
  request.path = std::move(path);
  request.timeout = timeout;
  return request;
}

std::chrono::milliseconds or_default(std::chrono::milliseconds asked, std::chrono::milliseconds otherwise) {
  return asked.count() > 0 ? asked : otherwise;
}

}  // namespace

struct Client::Impl {
  std::unique_ptr<http::Client> http;
  TokenSource token;
  std::string ns;

  Impl(std::unique_ptr<http::Client> transport, Config config)
      : http(std::move(transport)), token(std::move(config.token), std::move(config.token_file)), ns(std::move(config.ns)) {}

  /// Runs `exchange` with the token of now, and once more when the server does not take it and the file holds another one.
  template <class Exchange>
  Result<http::Response> authorized(http::Request request, const Exchange& exchange) {
    const std::string bearer = token.get(monotonic_now());
    request.headers["Accept"] = "application/json";
    if (!bearer.empty()) request.headers["Authorization"] = "Bearer " + bearer;
    Result<http::Response> response = exchange(request);
    if (!response || response->status != 401 || !token.renew(bearer, monotonic_now())) return response;
    request.headers["Authorization"] = "Bearer " + token.get(monotonic_now());
    return exchange(request);
  }

  Result<http::Response> send(http::Request request) {
    const bool is_read = request.method == "GET";
    auto response = authorized(std::move(request), [this](const http::Request& r) { return http->send(r); });
    if (!response) return response;
    if (!is_success(response->status)) return tl::unexpected(error_of(*response, is_read));
    return response;
  }

  Result<json> ask(http::Request request) {
    const bool is_read = request.method == "GET";
    const auto response = send(std::move(request));
    if (!response) return tl::unexpected(response.error());
    return document(*response, is_read);
  }
};

Client::Client(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Client::~Client() = default;

Result<std::unique_ptr<Client>> Client::create(Config config, std::string user_agent, http::Client::Observer observer) {
  http::Tls tls{config.ca_pem, config.client_cert_pem, config.client_key_pem, config.insecure_skip_verify};
  auto transport = http::Client::create(config.server, std::move(tls), std::move(user_agent), std::move(observer));
  if (!transport) return fail(transport.error(), "API server {}", config.server);
  auto impl = std::make_unique<Impl>(std::move(*transport), std::move(config));
  return std::unique_ptr<Client>(new Client(std::move(impl)));
}

const std::string& Client::default_namespace() const { return impl_->ns; }

Result<json> Client::get(const Resource& resource, std::string_view name, std::chrono::milliseconds timeout) {
  http::Request request = request_of("GET", resource.object_path(name), or_default(timeout, kReadTimeout));
  auto answer = impl_->ask(std::move(request));
  if (!answer) return fail(answer.error(), "get {} {}", resource.text(), name);
  return answer;
}

WatchResult<json> Client::list_page(const Resource& resource, const ListQuery& query) {
  Query text;
  text.add("limit", std::to_string(query.limit)).add("continue", query.continue_token);
  text.add("labelSelector", query.label_selector).add("fieldSelector", query.field_selector);
  http::Request request = request_of("GET", resource.collection_path() + text.text(), kListTimeout);
  const auto response = impl_->authorized(std::move(request), [this](const http::Request& r) { return impl_->http->send(r); });
  const auto context = [&resource](const Error& cause) { return fail(cause, "list {}", resource.text()).value(); };
  if (!response) return tl::unexpected(failure(context(response.error())));
  if (!is_success(response->status)) return tl::unexpected(WatchFailure{context(error_of(*response, true)), response->status == 410});
  auto page = document(*response, true);
  if (!page) return tl::unexpected(failure(context(page.error())));
  return std::move(*page);
}

Result<json> Client::create_object(const Resource& resource, const json& object, const WriteOptions& options) {
  const std::string path = resource.collection_path() + Query().add("fieldManager", options.field_manager).text();
  http::Request request = request_of("POST", path, or_default(options.timeout, kWriteTimeout));
  request.body = to_text(object);
  auto answer = impl_->ask(std::move(request));
  if (!answer) return fail(answer.error(), "create {}", resource.text());
  return answer;
}

Result<Done> Client::remove(const Resource& resource, std::string_view name, const Preconditions& only_if) {
  json options = {{"apiVersion", "v1"}, {"kind", "DeleteOptions"}, {"propagationPolicy", "Background"}};
  if (!only_if.uid.empty()) options["preconditions"]["uid"] = only_if.uid;
  if (!only_if.resource_version.empty()) options["preconditions"]["resourceVersion"] = only_if.resource_version;
  http::Request request = request_of("DELETE", resource.object_path(name), kWriteTimeout);
  request.body = to_text(options);
  const auto answer = impl_->send(std::move(request));
  if (!answer) return fail(answer.error(), "delete {} {}", resource.text(), name);
  return Done{};
}

Result<json> Client::apply(const Resource& resource, std::string_view name, json object, const ApplyOptions& options, std::string_view subresource) {
  object["metadata"]["name"] = std::string(name);
  if (!resource.ns.empty()) object["metadata"]["namespace"] = resource.ns;
  if (!options.resource_version.empty()) object["metadata"]["resourceVersion"] = options.resource_version;
  Query query;
  query.add("fieldManager", options.field_manager).add("force", options.force ? "true" : "false");
  http::Request request = request_of("PATCH", resource.object_path(name, subresource) + query.text(), kWriteTimeout);
  request.body = to_text(object);
  request.content_type = "application/apply-patch+yaml";  // JSON is YAML
  auto answer = impl_->ask(std::move(request));
  if (!answer) return fail(answer.error(), "apply {} {}", resource.text(), name);
  return answer;
}

Result<json> Client::merge_patch(const Resource& resource, std::string_view name, json patch, const WriteOptions& options,
                                 std::string_view subresource) {
  if (!options.resource_version.empty()) patch["metadata"]["resourceVersion"] = options.resource_version;
  const std::string path = resource.object_path(name, subresource) + Query().add("fieldManager", options.field_manager).text();
  http::Request request = request_of("PATCH", path, or_default(options.timeout, kWriteTimeout));
  request.body = to_text(patch);
  request.content_type = "application/merge-patch+json";
  auto answer = impl_->ask(std::move(request));
  if (!answer) return fail(answer.error(), "patch {} {}", resource.text(), name);
  return answer;
}

WatchResult<Done> Client::watch(const Resource& resource, const WatchQuery& query, std::chrono::milliseconds idle,
                                const std::function<bool(std::string_view)>& on_data, const std::function<bool()>& keep_going) {
  Query text;
  text.add("watch", "true").add("allowWatchBookmarks", "true").add("resourceVersion", query.resource_version);
  text.add("timeoutSeconds", std::to_string(query.timeout.count()));
  text.add("labelSelector", query.label_selector).add("fieldSelector", query.field_selector);
  http::Request request = request_of("GET", resource.collection_path() + text.text(), kReadTimeout);  // until the headers have come
  const auto response = impl_->authorized(
      std::move(request), [&](const http::Request& r) { return impl_->http->stream(r, idle, on_data, keep_going); });
  const auto context = [&resource](const Error& cause) { return fail(cause, "watch {}", resource.text()).value(); };
  if (!response) return tl::unexpected(failure(context(response.error())));
  if (!is_success(response->status)) return tl::unexpected(WatchFailure{context(error_of(*response, true)), response->status == 410});
  return Done{};
}

Result<std::string> Client::get_raw(const std::string& path) {
  auto response = impl_->send(request_of("GET", path, kReadTimeout));
  if (!response) return fail(response.error(), "get {}", path);
  return std::move(response->body);
}

}  // namespace vmha::kube
