#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/http/test_requests.h"

namespace vmha::http {
namespace {

using test::connect;
using test::get;
using test::kShort;
using test::kSoon;
using test::RawServer;
using test::read_request;
using test::say;

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

}  // namespace
}  // namespace vmha::http
