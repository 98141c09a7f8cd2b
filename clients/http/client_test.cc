#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include "clients/http/test_requests.h"

namespace vmha::http {
namespace {

using test::connect;
using test::get;
using test::kShort;
using test::kSoon;
using test::post;
using test::RawServer;
using test::read_request;
using test::say;
using ::testing::HasSubstr;
using ::testing::Not;

/// A server that trickles one byte every 20 ms, far longer than any deadline of these tests.
void trickle(int fd, test::Signal& stop) {
  while (say(fd, "x") && !stop.wait_for(milliseconds(20))) {
  }
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

TEST(ClientTest, AnErrorThatRepeatsTheCredentialsIsHandedOnWithoutThem) {
  const std::string said = R"({"error": "I do not like 'Authorization: Basic dXNlcjpwYXNz' and X-Auth-Token tok-1234, tok-1234"})";
  const auto answer = [&](const std::string& status) {
    return [status, said](int fd) {
      read_request(fd);
      say(fd, "HTTP/1.1 " + status + "\r\nConnection: close\r\nContent-Length: " + std::to_string(said.size()) + "\r\n\r\n" + said);
    };
  };
  RawServer server({answer("401 Unauthorized"), answer("200 OK")});
  const auto client = connect(server.url());
  Request request = get("/");
  request.headers = {{"authorization", "Basic dXNlcjpwYXNz"}, {"X-Auth-Token", "tok-1234"}};
  const auto refused = client->send(request);
  ASSERT_TRUE(refused) << describe(refused.error());
  EXPECT_EQ(refused->body, R"({"error": "I do not like 'Authorization: Basic ***' and X-Auth-Token ***, ***"})");
  EXPECT_EQ(client->send(request)->body, said) << "an answer is not changed";
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
