#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/http/test_requests.h"

namespace vmha::http {
namespace {

using test::ca;
using test::connect;
using test::get;
using test::kShort;
using test::kSoon;
using test::post;
using test::trusting;
using ::testing::HasSubstr;
using ::testing::Not;

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

}  // namespace
}  // namespace vmha::http
