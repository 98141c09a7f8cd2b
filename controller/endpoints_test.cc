#include "controller/endpoints.h"

#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>

#include "clients/http/client.h"

namespace vmha::controller {
namespace {

struct Served {
  explicit Served(std::function<HttpAnswer(const std::string&)> explain) {
    endpoints = std::move(*Endpoints::start({"127.0.0.1", 0}, {[] { return true; }, [] { return std::string(); }, [] { return std::string("# metrics\n"); }, std::move(explain)}));
    client = std::move(*http::Client::create("http://127.0.0.1:" + std::to_string(endpoints->port()), {}, "test"));
  }
  Result<http::Response> get(const std::string& path) const {
    http::Request request;
    request.path = path;
    return client->send(request);
  }
  std::unique_ptr<Endpoints> endpoints;
  std::unique_ptr<http::Client> client;
};

TEST(EndpointsTest, AnExplanationIsServedForANameAndNothingElse) {
  Served served([](const std::string& node) { return HttpAnswer{node == "compute-1.example" ? 200 : 404, "{\"node\":\"" + node + "\"}\n"}; });
  const auto found = served.get("/explain/computenodes/compute-1.example");
  ASSERT_TRUE(found.has_value());
  EXPECT_EQ(found->status, 200);
  EXPECT_EQ(found->body, "{\"node\":\"compute-1.example\"}\n");
  EXPECT_EQ(found->headers.at("content-type"), "application/json");
  EXPECT_EQ(served.get("/explain/computenodes/other")->status, 404);
  EXPECT_EQ(served.get("/explain/computenodes/")->status, 404);
  EXPECT_EQ(served.get("/explain/computenodes/a/b")->status, 404);
  EXPECT_EQ(served.get("/explain/computenodes/..%2Fx")->status, 404);
  EXPECT_EQ(served.get("/livez")->status, 200);
}

TEST(EndpointsTest, QuestionsThatTakeLongNeverKeepLivezWaiting) {
  std::mutex mutex;
  std::condition_variable changed;
  int asked = 0;
  bool answer = false;
  Served served([&](const std::string&) {
    std::unique_lock lock(mutex);
    ++asked;
    changed.notify_all();
    changed.wait(lock, [&] { return answer; });
    return HttpAnswer{200, "{}"};
  });
  std::vector<std::jthread> people;
  for (int i = 0; i < kMaxExplaining; ++i) people.emplace_back([&] { EXPECT_EQ(served.get("/explain/computenodes/a")->status, 200); });
  {
    std::unique_lock lock(mutex);
    ASSERT_TRUE(changed.wait_for(lock, std::chrono::seconds(30), [&] { return asked == kMaxExplaining; }));
  }
  const auto one_more = served.get("/explain/computenodes/a");
  EXPECT_EQ(one_more->status, 503);
  EXPECT_EQ(one_more->headers.at("retry-after"), "1");
  EXPECT_EQ(served.get("/livez")->status, 200);
  const std::lock_guard lock(mutex);
  answer = true;
  changed.notify_all();
}

}  // namespace
}  // namespace vmha::controller
