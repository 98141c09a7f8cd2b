#include "controller/history.h"

#include <gtest/gtest.h>

namespace vmha::controller {
namespace {

TEST(HistoryTest, AnOlderVersionOfTheSameObjectMeansThatTheServerWentBack) {
  History history;
  EXPECT_FALSE(history.goes_back("compute-1", "a", "100"));
  EXPECT_FALSE(history.goes_back("compute-1", "a", "100")) << "a new watch begins with what is known";
  EXPECT_FALSE(history.goes_back("compute-2", "b", "7")) << "another object counts for itself";
  EXPECT_FALSE(history.goes_back("compute-1", "a", "1000")) << "numbers, not text";
  EXPECT_TRUE(history.goes_back("compute-1", "a", "101"));
}

TEST(HistoryTest, AnObjectMadeAnewCountsFromItsOwnBeginning) {
  History history;
  history.goes_back("compute-1", "a", "100");
  EXPECT_FALSE(history.goes_back("compute-1", "c", "50"));
  history.forget("compute-1");
  EXPECT_FALSE(history.goes_back("compute-1", "c", "40"));
}

TEST(HistoryTest, AVersionThatIsNoNumberSaysNothing) {
  History history;
  history.goes_back("compute-1", "a", "100");
  EXPECT_FALSE(history.goes_back("compute-1", "a", "opaque"));
}

}  // namespace
}  // namespace vmha::controller
