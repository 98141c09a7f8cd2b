#include "clients/http/client.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include "base/time.h"
#include "clients/http/test_servers.h"

namespace vmha::http {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using test::RawServer;
using test::read_request;
using test::say;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr milliseconds kShort{300};
constexpr Duration kSoon = seconds(5);  // far above kShort and far below the seconds a missed deadline would take

const test::KeyPair& ca() {
  static const auto pair = test::make_ca("vmha test CA");
  return pair;
}

Tls trusting() { return {.ca_pem = ca().cert_pem, .client_cert_pem = {}, .client_key_pem = {}, .insecure_skip_verify = false}; }

std::unique_ptr<Client> connect(const std::string& url, Tls tls = trusting(), Client::Observer observer = {}) {
  auto client = Client::create(url, std::move(tls), "vmha/test", std::move(observer));
  EXPECT_TRUE(client) << describe(client.error());
  return std::move(*client);
}

Request get(std::string path, milliseconds timeout = seconds(20)) {
  Request request;
  request.path = std::move(path);
  request.timeout = timeout;
  return request;
}

Request post(std::string path, std::string body, milliseconds timeout = seconds(20)) {
  Request request = get(std::move(path), timeout);
  request.method = "POST";
  request.body = std::move(body);
  return request;
}

/// A server that trickles one byte every 20 ms, far longer than any deadline of these tests.
void trickle(int fd, test::Signal& stop) {
  while (say(fd, "x") && !stop.wait_for(milliseconds(20))) {
  }
}

class TlsTest : public ::testing::Test {
 protected:
  void serve(const std::vector<std::string>& names, const std::string& client_ca = {}) {
    server_ = std::make_unique<test::TlsServer>(test::make_leaf(ca(), "server", names), client_ca);
    server_->routes().Get("/hello", [](const httplib::Request& request, httplib::Response& response) {
      response.set_header("X-Port", std::to_string(request.remote_port));
      response.set_content("hello " + request.get_header_value("X-Name") + request.get_param_value("q"), "text/plain");
    });
    server_->routes().Post("/echo", [](const httplib::Request& request, httplib::Response& response) {
      response.set_content(request.get_header_value("Content-Type") + "|" + request.get_header_value("User-Agent") + "|" + request.body, "text/plain");
    });
    server_->routes().Get("/slow", [this](const httplib::Request&, httplib::Response&) { server_->stopping.wait_for(seconds(60)); });
    server_->routes().Post("/slow", [this](const httplib::Request&, httplib::Response&) { server_->stopping.wait_for(seconds(60)); });
    server_->start();
  }
  void serve() { serve({"IP:127.0.0.1", "DNS:localhost"}); }

  std::unique_ptr<test::TlsServer> server_;
};

TEST_F(TlsTest, AnswersCarryStatusHeadersAndBody) {
  serve();
  const auto client = connect(server_->url());
  Request request = get("/hello?q=%20there");
  request.headers["X-Name"] = "you";
  const auto answer = client->send(request);
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(answer->body, "hello you there");
  EXPECT_EQ(answer->headers.at("content-type"), "text/plain");
}

TEST_F(TlsTest, BodyContentTypeAndUserAgentArrive) {
  serve();
  const auto answer = connect(server_->url())->send(post("/echo", R"({"a":1})"));
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->body, R"(application/json|vmha/test|{"a":1})");
}

TEST_F(TlsTest, AnErrorStatusIsAnAnswer) {
  serve();
  const auto answer = connect(server_->url())->send(get("/nowhere"));
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->status, 404);
}

TEST_F(TlsTest, ThePrefixOfTheAddressIsPutInFront) {
  serve();
  const auto answer = connect(server_->url() + "/hel")->send(get("/lo"));
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  server_.reset();
  serve();
  server_->routes().Get("/identity/v3", [](const httplib::Request&, httplib::Response& response) { response.set_content("v3", "text/plain"); });
  EXPECT_EQ(connect(server_->url() + "/identity/")->send(get("/v3"))->body, "v3");
}

TEST_F(TlsTest, ConnectionsAreKeptAndReused) {
  serve();
  const auto client = connect(server_->url());
  const auto first = client->send(get("/hello"));
  const auto second = client->send(get("/hello"));
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->headers.at("x-port"), second->headers.at("x-port"));
}

TEST_F(TlsTest, ManyThreadsShareOneClient) {
  serve();
  const auto client = connect(server_->url());
  std::atomic<int> good{0};
  {
    std::vector<std::jthread> threads;
    for (int t = 0; t < 24; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < 5; ++i) {
          const auto text = std::to_string(t * 100 + i);
          const auto answer = client->send(get("/hello?q=" + text));
          if (answer && answer->body == "hello " + text) ++good;
        }
      });
    }
  }
  EXPECT_EQ(good, 120);
}

TEST_F(TlsTest, ACertificateOfAnotherCaIsForbiddenAndNothingIsSent) {
  serve();
  Tls tls = trusting();
  tls.ca_pem = test::make_ca("another").cert_pem;
  const auto answer = connect(server_->url(), tls)->send(post("/echo", "x"));
  ASSERT_FALSE(answer);
  EXPECT_EQ(answer.error().kind, ErrorKind::kForbidden);
  EXPECT_THAT(answer.error().message, HasSubstr("does not verify"));
}

TEST_F(TlsTest, ANameThatIsNotInTheCertificateIsForbidden) {
  serve({"DNS:other.example"});
  EXPECT_EQ(connect(server_->url())->send(get("/hello")).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(connect(server_->url("localhost"))->send(get("/hello")).error().kind, ErrorKind::kForbidden);
}

TEST_F(TlsTest, ADnsNameDoesNotMatchAnAddressAndTheReverse) {
  serve({"DNS:localhost"});
  EXPECT_TRUE(connect(server_->url("localhost"))->send(get("/hello")));
  EXPECT_EQ(connect(server_->url("127.0.0.1"))->send(get("/hello")).error().kind, ErrorKind::kForbidden);
}

TEST_F(TlsTest, TheCertificateItselfMayBeTrusted) {
  const auto identity = test::make_leaf(ca(), "controller", {"IP:127.0.0.1"});
  test::TlsServer server(identity, {});
  server.start();
  Tls tls = trusting();
  tls.ca_pem = identity.cert_pem;
  const auto answer = connect(server.url(), tls)->send(get("/"));
  EXPECT_TRUE(answer) << describe(answer.error());
}

TEST_F(TlsTest, VerificationCanBeSwitchedOff) {
  serve({"DNS:other.example"});
  Tls tls;
  tls.insecure_skip_verify = true;
  EXPECT_TRUE(connect(server_->url(), tls)->send(get("/hello")));
}

TEST_F(TlsTest, AClientCertificateIsShown) {
  serve({"IP:127.0.0.1"}, ca().cert_pem);
  const auto mine = test::make_leaf(ca(), "vmha", {});
  Tls tls = trusting();
  tls.client_cert_pem = mine.cert_pem;
  tls.client_key_pem = mine.key_pem;
  const auto answer = connect(server_->url(), tls)->send(get("/hello"));
  EXPECT_TRUE(answer) << describe(answer.error());
}

TEST_F(TlsTest, AMissingClientCertificateIsForbiddenAlsoForAWrite) {
  serve({"IP:127.0.0.1"}, ca().cert_pem);
  EXPECT_EQ(connect(server_->url())->send(get("/hello")).error().kind, ErrorKind::kForbidden);
  EXPECT_EQ(connect(server_->url())->send(post("/echo", "x")).error().kind, ErrorKind::kForbidden);
}

TEST_F(TlsTest, ASlowAnswerIsATimeoutForAReadAndUnknownForAWrite) {
  serve();
  const auto client = connect(server_->url());
  const Instant start = monotonic_now();
  EXPECT_EQ(client->send(get("/slow", kShort)).error().kind, ErrorKind::kTimeout);
  EXPECT_EQ(client->send(post("/slow", "x", kShort)).error().kind, ErrorKind::kUnknownOutcome);
  EXPECT_LT(monotonic_now() - start, kSoon);
}

TEST_F(TlsTest, OnlyMethodPathStatusAndTimeAreObserved) {
  serve();
  std::vector<std::string> seen;
  const auto client = connect(server_->url(), trusting(), [&](const Exchange& e) { seen.push_back(fmt::format("{} {} {}", e.method, e.path, e.status)); });
  Request request = post("/echo", "hunter2");
  request.headers["Authorization"] = "Bearer hunter2";
  ASSERT_TRUE(client->send(request));
  EXPECT_THAT(seen, ::testing::ElementsAre("POST /echo 200"));
}

TEST_F(TlsTest, ErrorsHoldNoHeaderBodyOrQuery) {
  serve();
  Request request = post("/slow?token=hunter2", "hunter2", kShort);
  request.headers["Authorization"] = "Bearer hunter2";
  const auto answer = connect(server_->url())->send(request);
  ASSERT_FALSE(answer);
  EXPECT_THAT(answer.error().message, Not(HasSubstr("hunter2")));
  EXPECT_THAT(answer.error().message, HasSubstr("POST /slow"));
}

TEST(ClientTest, NobodyListeningIsUnavailableAlsoForAWrite) {
  const auto client = connect("http://127.0.0.1:" + std::to_string(test::closed_port()));
  EXPECT_EQ(client->send(get("/")).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(client->send(post("/", "x")).error().kind, ErrorKind::kUnavailable);
}

TEST(ClientTest, ASilentHandshakeIsUnavailableWithinTheTimeout) {
  RawServer server({[&](int) { server.stopping.wait_for(seconds(60)); }});
  const Instant start = monotonic_now();
  const auto answer = connect("https" + server.url().substr(4))->send(post("/", "x", kShort));
  EXPECT_EQ(answer.error().kind, ErrorKind::kUnavailable);
  EXPECT_LT(monotonic_now() - start, kSoon);
}

TEST(ClientTest, ACutBodyIsAnErrorAndNotAnAnswer) {
  const auto cut = [](int fd) {
    read_request(fd);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"items\":[]}");
  };
  const auto cut_chunk = [](int fd) {
    read_request(fd);
    say(fd, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nc\r\n{\"items\":[]}\r\n");
  };
  RawServer server({cut, cut, cut_chunk});
  const auto client = connect(server.url());
  EXPECT_EQ(client->send(get("/")).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(client->send(post("/", "x")).error().kind, ErrorKind::kUnknownOutcome);
  EXPECT_EQ(client->send(get("/")).error().kind, ErrorKind::kUnavailable);
}

TEST(ClientTest, ATricklingBodyEndsAtTheDeadline) {
  RawServer server({[&](int fd) {
    read_request(fd);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
    trickle(fd, server.stopping);
  }});
  const Instant start = monotonic_now();
  EXPECT_EQ(connect(server.url())->send(get("/", kShort)).error().kind, ErrorKind::kTimeout);
  EXPECT_LT(monotonic_now() - start, kSoon);
}

TEST(ClientTest, TricklingHeadersEndAtTheDeadline) {
  RawServer server({[&](int fd) {
    read_request(fd);
    say(fd, "HTTP/1.1 200 OK\r\nX-Endless: ");
    trickle(fd, server.stopping);
  }});
  const Instant start = monotonic_now();
  EXPECT_EQ(connect(server.url())->send(get("/", kShort)).error().kind, ErrorKind::kTimeout);
  EXPECT_LT(monotonic_now() - start, kSoon);
}

TEST(ClientTest, EndlessHeadersAreRefused) {
  const auto one_line = [](int fd) {
    read_request(fd);
    say(fd, "HTTP/1.1 200 ");
    while (say(fd, std::string(10000, 'x'))) {
    }
  };
  const auto many_lines = [](int fd) {
    read_request(fd);
    say(fd, "HTTP/1.1 200 OK\r\n");
    while (say(fd, "X-Header: " + std::string(100, 'x') + "\r\n")) {
    }
  };
  RawServer server({one_line, many_lines});
  const auto client = connect(server.url());
  EXPECT_EQ(client->send(get("/", seconds(60))).error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(client->send(get("/", seconds(60))).error().kind, ErrorKind::kUnavailable);
}

TEST(ClientTest, ABodyAboveTheBoundIsRefused) {
  RawServer server({[&](int fd) {
    read_request(fd);
    say(fd, "HTTP/1.1 200 OK\r\nContent-Length: 10000000000\r\n\r\n");
    const std::string piece(1U << 20U, 'x');
    while (say(fd, piece)) {
    }
  }});
  const auto answer = connect(server.url())->send(get("/", seconds(60)));
  EXPECT_EQ(answer.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(answer.error().message, HasSubstr("64 MiB"));
}

TEST(ClientTest, SomethingThatIsNotHttpIsUnavailable) {
  RawServer server({[](int fd) {
    read_request(fd);
    say(fd, "220 mail.example ESMTP\r\n");
  }});
  EXPECT_EQ(connect(server.url())->send(get("/")).error().kind, ErrorKind::kUnavailable);
}

constexpr const char* kOk = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

TEST(ClientTest, AWriteDoesNotGoOverAConnectionTheServerHasClosed) {
  test::Signal closed;
  RawServer server({[&](int fd) {
                      read_request(fd);
                      say(fd, kOk);
                      ::shutdown(fd, SHUT_RDWR);
                      closed.set();
                    },
                    [](int fd) {
                      read_request(fd);
                      say(fd, kOk);
                    }});
  const auto client = connect(server.url());
  ASSERT_TRUE(client->send(get("/")));
  ASSERT_TRUE(closed.wait_for(seconds(20)));
  const auto answer = client->send(post("/", "x"));
  EXPECT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(server.accepted(), 2);
}

TEST(ClientTest, AReadIsAskedAgainWhenAKeptConnectionBreaks) {
  RawServer server({[](int fd) {
                      read_request(fd);
                      say(fd, kOk);
                      read_request(fd);  // and closes without an answer
                    },
                    [](int fd) {
                      read_request(fd);
                      say(fd, kOk);
                    }});
  const auto client = connect(server.url());
  ASSERT_TRUE(client->send(get("/")));
  const auto answer = client->send(get("/"));
  EXPECT_TRUE(answer) << describe(answer.error());
}

TEST(ClientTest, AWriteIsNeverSentTwice) {
  RawServer server({[](int fd) {
                      read_request(fd);
                      say(fd, kOk);
                      read_request(fd);
                    },
                    [](int fd) {
                      read_request(fd);
                      say(fd, kOk);
                    }});
  const auto client = connect(server.url());
  ASSERT_TRUE(client->send(get("/")));
  EXPECT_EQ(client->send(post("/", "x")).error().kind, ErrorKind::kUnknownOutcome);
  EXPECT_EQ(server.accepted(), 1);
}

TEST(ClientTest, AConnectionWithUnaskedBytesIsNotReused) {
  RawServer server({[](int fd) {
                      read_request(fd);
                      say(fd, std::string(kOk) + "HTTP/1.1 500 forged\r\nContent-Length: 0\r\n\r\n");
                      read_request(fd);
                    },
                    [](int fd) {
                      read_request(fd);
                      say(fd, kOk);
                    }});
  const auto client = connect(server.url());
  ASSERT_TRUE(client->send(get("/")));
  const auto answer = client->send(get("/"));
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->status, 200);
}

TEST(ClientTest, LineBreaksCannotBecomeHeaders) {
  const auto client = connect("http://127.0.0.1:1");
  Request request = get("/");
  request.headers["X-Auth-Token"] = "a\r\nX-Evil: b";
  EXPECT_EQ(client->send(request).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(client->send(get("/a b")).error().kind, ErrorKind::kInvalid);
  EXPECT_EQ(client->send(get("relative")).error().kind, ErrorKind::kInvalid);
}

std::string chunk(const std::string& text) { return fmt::format("{:x}\r\n{}\r\n", text.size(), text); }
constexpr const char* kChunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

struct Stream {
  std::string data;
  Result<Response> result = Response{};
};

Stream watch(Client& client, milliseconds idle, const std::function<bool()>& keep_going, milliseconds timeout = seconds(20)) {
  Stream out;
  out.result = client.stream(
      get("/watch", timeout), idle,
      [&](std::string_view data) {
        out.data += data;
        return true;
      },
      keep_going);
  return out;
}

bool always() { return true; }

TEST(StreamTest, PiecesArriveBeforeTheEnd) {
  test::Signal first_seen;
  RawServer server({[&](int fd) {
    read_request(fd);
    say(fd, kChunked + chunk("one,"));
    if (first_seen.wait_for(seconds(20))) say(fd, chunk("two") + "0\r\n\r\n");
  }});
  std::string data;
  const auto answer = connect(server.url())->stream(
      get("/watch"), seconds(20),
      [&](std::string_view piece) {
        data += piece;
        first_seen.set();
        return true;
      },
      always);
  ASSERT_TRUE(answer) << describe(answer.error());
  EXPECT_EQ(answer->status, 200);
  EXPECT_EQ(data, "one,two");
}

TEST(StreamTest, OutlivesTheTimeoutOfTheRequestWhileDataComes) {
  RawServer server({[&](int fd) {
    read_request(fd);
    say(fd, kChunked);
    for (int i = 0; i < 20 && !server.stopping.wait_for(milliseconds(30)); ++i) say(fd, chunk("x"));
    say(fd, "0\r\n\r\n");
  }});
  const auto out = watch(*connect(server.url()), seconds(20), always, kShort);
  EXPECT_TRUE(out.result) << describe(out.result.error());
  EXPECT_EQ(out.data, std::string(20, 'x'));
}

TEST(StreamTest, EndsWhenNothingCameForTheIdleTime) {
  RawServer server({[&](int fd) {
    read_request(fd);
    say(fd, kChunked + chunk("one"));
    server.stopping.wait_for(seconds(60));
  }});
  const Instant start = monotonic_now();
  const auto out = watch(*connect(server.url()), kShort, always);
  EXPECT_TRUE(out.result) << describe(out.result.error());
  EXPECT_EQ(out.data, "one");
  EXPECT_LT(monotonic_now() - start, kSoon);
}

TEST(StreamTest, StopsWithinASecondOfBeingToldTo) {
  RawServer server({[&](int fd) {
    read_request(fd);
    say(fd, kChunked);
    server.stopping.wait_for(seconds(60));
  }});
  std::optional<Instant> told;
  int asked = 0;
  const auto out = watch(*connect(server.url()), seconds(60), [&] {
    if (++asked == 4) told = monotonic_now();
    return !told;
  });
  EXPECT_TRUE(out.result) << describe(out.result.error());
  ASSERT_TRUE(told);
  EXPECT_LT(monotonic_now() - *told, seconds(1));
}

TEST(StreamTest, StopsWhenTheReceiverHasEnough) {
  RawServer server({[&](int fd) {
    read_request(fd);
    say(fd, kChunked + chunk("one"));
    server.stopping.wait_for(seconds(60));
  }});
  const auto answer = connect(server.url())->stream(get("/watch"), seconds(60), [](std::string_view) { return false; }, always);
  EXPECT_TRUE(answer) << describe(answer.error());
}

TEST(StreamTest, ACutStreamIsAnErrorAfterItsData) {
  RawServer server({[](int fd) {
    read_request(fd);
    say(fd, kChunked + chunk("one"));
  }});
  const auto out = watch(*connect(server.url()), seconds(20), always);
  ASSERT_FALSE(out.result);
  EXPECT_EQ(out.result.error().kind, ErrorKind::kUnavailable);
  EXPECT_EQ(out.data, "one");
}

TEST(StreamTest, AnotherStatusGivesItsBodyAndNoData) {
  RawServer server({[](int fd) {
    read_request(fd);
    say(fd, "HTTP/1.1 410 Gone\r\nContent-Length: 7\r\n\r\nexpired");
  }});
  const auto out = watch(*connect(server.url()), seconds(20), always);
  ASSERT_TRUE(out.result);
  EXPECT_EQ(out.result->status, 410);
  EXPECT_EQ(out.result->body, "expired");
  EXPECT_EQ(out.data, "");
}

TEST(StreamTest, HeadersThatDoNotComeAreATimeout) {
  RawServer server({[&](int fd) {
    read_request(fd);
    server.stopping.wait_for(seconds(60));
  }});
  const auto out = watch(*connect(server.url()), seconds(60), always, kShort);
  ASSERT_FALSE(out.result);
  EXPECT_EQ(out.result.error().kind, ErrorKind::kTimeout);
}

TEST(AddressTest, BadAddressesAreInvalidAndTheirSecretsNotEchoed) {
  for (const auto* url : {"", "127.0.0.1:1", "ftp://h", "https://", "https://h:0", "https://h:65536", "https://h:x", "https://[::1", "https://h/a?b", "https://a b"}) {
    const auto client = Client::create(url, {}, "vmha/test");
    ASSERT_FALSE(client) << url;
    EXPECT_EQ(client.error().kind, ErrorKind::kInvalid) << url;
  }
  const auto client = Client::create("https://admin:hunter2@10.0.0.1", {}, "vmha/test");
  ASSERT_FALSE(client);
  EXPECT_THAT(client.error().message, Not(HasSubstr("hunter2")));
}

TEST(AddressTest, AddressesWithoutPortAndOfIpv6AreUnderstood) {
  EXPECT_TRUE(Client::create("https://h.example", {}, "vmha/test"));
  EXPECT_TRUE(Client::create("https://[fd00::1]:8443/redfish", {}, "vmha/test"));
}

TEST(TlsSettingsTest, DamagedTextIsInvalidAndSaysWhichOne) {
  const auto pair = test::make_leaf(ca(), "vmha", {});
  const auto message = [](const std::string& ca_pem, const std::string& cert, const std::string& key) {
    const auto client = Client::create("https://h", {.ca_pem = ca_pem, .client_cert_pem = cert, .client_key_pem = key, .insecure_skip_verify = false}, "vmha/test");
    return client ? "" : to_string(client.error().kind) + (": " + client.error().message);
  };
  EXPECT_THAT(message("nonsense", "", ""), HasSubstr("CA certificate"));
  EXPECT_THAT(message(ca().cert_pem + "-----BEGIN CERTIFICATE-----\n@@\n-----END CERTIFICATE-----\n", "", ""), HasSubstr("CA certificate"));
  EXPECT_THAT(message("", pair.cert_pem, ""), HasSubstr("together"));
  EXPECT_THAT(message("", pair.cert_pem, "nonsense"), HasSubstr("client key"));
  EXPECT_THAT(message("", "nonsense", pair.key_pem), HasSubstr("client certificate"));
  EXPECT_THAT(message("", pair.cert_pem, ca().key_pem), HasSubstr("does not belong"));
  EXPECT_EQ(message(ca().cert_pem, pair.cert_pem, pair.key_pem), "");
}

TEST(HelperTest, EscapeKeepsOnlyUnreservedCharacters) { EXPECT_EQ(escape("a-Z_0.~/ +%ä"), "a-Z_0.~%2F%20%2B%25%C3%A4"); }

TEST(HelperTest, RetryAfterIsANumberOfSecondsOrAbsent) {
  EXPECT_EQ(retry_after({.status = 429, .headers = {{"retry-after", "3"}}, .body = {}}), seconds(3));
  EXPECT_EQ(retry_after({.status = 429, .headers = {}, .body = {}}), std::nullopt);
  for (const auto* bad : {"", "soon", "-1", "3s", "Wed, 21 Oct 2015 07:28:00 GMT"}) {
    EXPECT_EQ(retry_after({.status = 429, .headers = {{"retry-after", bad}}, .body = {}}), std::nullopt) << bad;
  }
}

}  // namespace
}  // namespace vmha::http
