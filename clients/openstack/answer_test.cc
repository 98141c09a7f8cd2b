#include "clients/openstack/answer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/openstack/endpoint.h"

namespace vmha::openstack {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

http::Response response(int status, std::string body = "", std::map<std::string, std::string> headers = {}) {
  return {status, std::move(headers), std::move(body)};
}

TEST(AnswerTest, TheStatusDecidesWhatACallerCanDo) {
  const std::vector<std::pair<int, ErrorKind>> rules{{400, ErrorKind::kInvalid},   {401, ErrorKind::kForbidden}, {403, ErrorKind::kForbidden},
                                                     {404, ErrorKind::kNotFound},  {406, ErrorKind::kInvalid},   {409, ErrorKind::kConflict},
                                                     {413, ErrorKind::kThrottled}, {429, ErrorKind::kThrottled}, {300, ErrorKind::kInvalid}};
  for (const auto& [status, kind] : rules) {
    EXPECT_EQ(error_of(response(status), Verb::kRead).kind, kind) << status;
    EXPECT_EQ(error_of(response(status), Verb::kAct).kind, kind) << status;
  }
}

TEST(AnswerTest, AServerErrorToAnActLeavesItsOutcomeUnknown) {
  for (const int status : {500, 502, 503, 504}) {
    EXPECT_EQ(error_of(response(status), Verb::kRead).kind, ErrorKind::kUnavailable) << status;
    EXPECT_EQ(error_of(response(status), Verb::kAct).kind, ErrorKind::kUnknownOutcome) << status;
  }
}

TEST(AnswerTest, CarriesTheServicesMessageAndRequestId) {
  const auto error = error_of(response(409, R"({"conflictingRequest": {"code": 409, "message": "it is paused"}})", {{"x-compute-request-id", "req-1"}}), Verb::kAct);
  EXPECT_EQ(error.message, "HTTP 409: it is paused (req-1)");
  EXPECT_EQ(message_of(R"({"error": {"code": 401, "message": "no", "title": "Unauthorized"}})"), "no");
  EXPECT_EQ(message_of("<html>\nBad gateway</html>"), "<html> Bad gateway</html>");
  EXPECT_EQ(message_of(""), "");
}

TEST(AnswerTest, AMessageIsCutBetweenCharacters) {
  std::string text(kMaxServiceMessage - 1, 'x');
  text += "\xc3\xa9";  // two bytes, of which one would fit
  EXPECT_EQ(message_of(R"({"error": {"message": ")" + text + R"("}})"), std::string(kMaxServiceMessage - 1, 'x'));
  EXPECT_EQ(message_of(std::string(5000, 'y')).size(), kMaxServiceMessage);
}

TEST(AnswerTest, KeepsRetryAfterAndInventsOneForAThrottleWithoutIt) {
  EXPECT_EQ(error_of(response(429, "", {{"retry-after", "7"}}), Verb::kRead).retry_after, std::chrono::seconds(7));
  EXPECT_EQ(error_of(response(413), Verb::kRead).retry_after, std::chrono::seconds(1));
  EXPECT_EQ(error_of(response(503, "", {{"retry-after", "3"}}), Verb::kRead).retry_after, std::chrono::seconds(3));
  EXPECT_EQ(error_of(response(500), Verb::kRead).retry_after, std::nullopt);
}

TEST(AnswerTest, RedactsEachSecretEverywhere) {
  const Error error = redacted({ErrorKind::kInvalid, "pa55 and pa55, tok"}, {"pa55", "tok", ""});
  EXPECT_EQ(error.message, "*** and ***, ***");
  EXPECT_EQ(redacted({ErrorKind::kInvalid, "lab unavailable in lab"}, {"lab"}).message, "*** unavailable in ***");
  EXPECT_EQ(redacted({ErrorKind::kInvalid, "xlong-secret-1y"}, {"long-secret-1"}).message, "x***y");
}

TEST(EndpointTest, ThePathPrefixStaysAndAProjectGoes) {
  EXPECT_EQ(compute_url("http://nova:8774/v2.1"), "http://nova:8774/v2.1");
  EXPECT_EQ(compute_url("http://nova:8774/v2.1/"), "http://nova:8774/v2.1");
  EXPECT_EQ(compute_url("https://cloud/compute/v2.1/abcdef"), "https://cloud/compute/v2.1");
  EXPECT_EQ(compute_url("https://cloud/compute/v2/abcdef"), "https://cloud/compute/v2.1");
  EXPECT_EQ(compute_url("https://cloud/compute/"), "https://cloud/compute/v2.1");
  EXPECT_EQ(compute_url("https://v2.example"), "https://v2.example/v2.1");
}

TEST(EndpointTest, TheHighestMicroversionBothKnowIsChosen) {
  EXPECT_EQ(choose_microversion({{2, 1}, {2, 96}})->text(), "2.93");  // never 2.95: it leaves evacuated servers stopped
  EXPECT_EQ(choose_microversion({{2, 1}, {2, 93}})->text(), "2.93");
  EXPECT_EQ(choose_microversion({{2, 1}, {2, 79}})->text(), "2.79");
  const auto old = choose_microversion({{2, 1}, {2, 60}});
  ASSERT_FALSE(old);
  EXPECT_EQ(old.error().kind, ErrorKind::kInvalid);
  EXPECT_THAT(old.error().message, HasSubstr("highest microversion is 2.60; vmha needs 2.73"));
  EXPECT_FALSE(choose_microversion({{2, 94}, {2, 99}}));
}

}  // namespace
}  // namespace vmha::openstack
