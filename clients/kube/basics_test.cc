#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "clients/kube/base64.h"
#include "clients/kube/line_splitter.h"
#include "clients/kube/resource.h"
#include "clients/kube/status.h"

namespace vmha::kube {
namespace {

TEST(ResourceTest, PathsFollowTheApiConventions) {
  const Resource nodes{"", "v1", "nodes"};
  EXPECT_EQ(nodes.collection_path(), "/api/v1/nodes");
  EXPECT_EQ(nodes.object_path("n1"), "/api/v1/nodes/n1");
  const Resource hosts{"vmha.openstack.org", "v1alpha1", "computenodes", "openstack"};
  EXPECT_EQ(hosts.object_path("compute-1", "status"), "/apis/vmha.openstack.org/v1alpha1/namespaces/openstack/computenodes/compute-1/status");
  EXPECT_EQ(hosts.in("other").collection_path(), "/apis/vmha.openstack.org/v1alpha1/namespaces/other/computenodes");
}

TEST(ResourceTest, ANameCannotLeaveItsPlaceInThePath) {
  EXPECT_EQ((Resource{"", "v1", "nodes"}).object_path("../secrets?x=1"), "/api/v1/nodes/..%2Fsecrets%3Fx%3D1");
}

std::vector<std::string> split(const std::vector<std::string>& pieces) {
  LineSplitter splitter;
  std::vector<std::string> lines;
  for (const auto& piece : pieces) {
    EXPECT_TRUE(splitter.feed(piece, [&lines](std::string_view line) {
      lines.emplace_back(line);
      return true;
    }));
  }
  return lines;
}

TEST(LineSplitterTest, LinesDoNotDependOnHowTheyWereCut) {
  const std::vector<std::string> expected{"{\"a\":1}", "{\"b\":2}"};
  const std::string text = "{\"a\":1}\n\n{\"b\":2}\nrest";
  EXPECT_EQ(split({text}), expected);
  for (std::size_t i = 0; i <= text.size(); ++i) EXPECT_EQ(split({text.substr(0, i), text.substr(i)}), expected) << i;
  std::vector<std::string> bytes;
  for (const char c : text) bytes.emplace_back(1, c);
  EXPECT_EQ(split(bytes), expected);
}

TEST(LineSplitterTest, ALineOfTheLargestObjectFitsAndAnEndlessOneEndsTheStream) {
  LineSplitter splitter;
  std::size_t length = 0;
  EXPECT_TRUE(splitter.feed(std::string(3U << 20U, 'x') + "\n", [&length](std::string_view line) {
    length = line.size();
    return true;
  }));
  EXPECT_EQ(length, 3U << 20U);
  LineSplitter small(10);
  const auto take = [](std::string_view) { return true; };
  EXPECT_TRUE(small.feed("1234567890", take));
  EXPECT_FALSE(small.feed("1", take));
  EXPECT_TRUE(small.too_long());
}

TEST(LineSplitterTest, StopsWhenTheListenerHasEnough) {
  LineSplitter splitter;
  int lines = 0;
  EXPECT_FALSE(splitter.feed("a\nb\nc\n", [&lines](std::string_view) { return ++lines < 2; }));
  EXPECT_EQ(lines, 2);
  EXPECT_FALSE(splitter.too_long());
}

TEST(Base64Test, DecodesWhatKubernetesWrites) {
  EXPECT_EQ(base64_decode(""), "");
  EXPECT_EQ(base64_decode("YQ=="), "a");
  EXPECT_EQ(base64_decode("YWI="), "ab");
  EXPECT_EQ(base64_decode("YW\nJj\n"), "abc");
  EXPECT_EQ(base64_decode("AAD/"), std::string("\0\0\xff", 3));
}

TEST(Base64Test, RefusesAnythingElse) {
  for (const char* text : {"YQ", "YQ=", "Y=Q=", "====", "YW J", "YWJ!", " YWJj   "}) EXPECT_FALSE(base64_decode(text).has_value()) << text;
}

Error error(int status, bool is_read, const std::string& body = "") { return error_of({status, {}, body}, is_read); }

TEST(StatusTest, KindsSayWhatTheCallerCanDo) {
  EXPECT_EQ(error(401, true).kind, ErrorKind::kForbidden);
  EXPECT_EQ(error(403, true).kind, ErrorKind::kForbidden);
  EXPECT_EQ(error(404, true).kind, ErrorKind::kNotFound);
  EXPECT_EQ(error(409, false).kind, ErrorKind::kConflict);
  EXPECT_EQ(error(422, false).kind, ErrorKind::kInvalid);
  EXPECT_EQ(error(429, false).kind, ErrorKind::kThrottled);
  EXPECT_EQ(error(503, false).kind, ErrorKind::kUnavailable);
  EXPECT_EQ(error(500, true).kind, ErrorKind::kUnavailable);
}

TEST(StatusTest, A5xxToAWriteMayHaveHadItsEffect) {
  for (const int status : {500, 502, 504}) EXPECT_EQ(error(status, false).kind, ErrorKind::kUnknownOutcome) << status;
}

TEST(StatusTest, TheServersMessageIsKept) {
  EXPECT_EQ(error(422, false, R"({"kind":"Status","message":"spec.x: Required value"})").message, "spec.x: Required value (HTTP 422)");
  EXPECT_EQ(error(429, false, "Too many requests, please try again later.\n").message, "Too many requests, please try again later. (HTTP 429)");
  EXPECT_EQ(error(502, true).message, "HTTP 502");
}

TEST(StatusTest, RetryAfterIsKeptAndThrottlingAlwaysHasOne) {
  EXPECT_EQ(error_of({503, {{"retry-after", "7"}}, ""}, true).retry_after, std::chrono::seconds(7));
  EXPECT_EQ(error(429, true).retry_after, std::chrono::seconds(1));
  EXPECT_FALSE(error(500, true).retry_after.has_value());
}

}  // namespace
}  // namespace vmha::kube
