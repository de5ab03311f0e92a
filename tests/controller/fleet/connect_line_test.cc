#include "controller/fleet/connect_line.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>

namespace rekindle::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> TakeAll(ConnectLine& line) {
  std::vector<std::string> out;
  while (const auto node = line.Next()) out.push_back(*node);
  return out;
}

TEST(ConnectLineTest, NewNodesGoBeforeThoseThatFailed) {
  ConnectLine line(4);
  line.Add("failed", true);
  line.Add("a", false);
  line.Add("b", false);
  line.Add("a", false);
  EXPECT_THAT(TakeAll(line), ElementsAre("a", "b", "failed"));
  EXPECT_EQ(line.connecting(), 3);
  EXPECT_EQ(line.waiting(), 0);
}

TEST(ConnectLineTest, NodesThatFailedGetHalfOfTheRoom) {
  ConnectLine line(4);
  for (const char* node : {"1", "2", "3"}) line.Add(node, true);
  EXPECT_THAT(TakeAll(line), ElementsAre("1", "2"));
  for (const char* node : {"a", "b", "c"}) line.Add(node, false);
  EXPECT_THAT(TakeAll(line), ElementsAre("a", "b"));
  line.Remove("a");
  EXPECT_THAT(TakeAll(line), ElementsAre("c"));
  line.Remove("1");
  EXPECT_THAT(TakeAll(line), ElementsAre("3"));
}

TEST(ConnectLineTest, SlowAttemptsMakeRoom) {
  ConnectLine line(2);
  for (const char* node : {"off1", "off2", "a"}) line.Add(node, false);
  EXPECT_THAT(TakeAll(line), ElementsAre("off1", "off2"));
  line.Slow("off1");
  line.Slow("off1");
  line.Slow("a");  // has not begun
  line.Slow("unknown");
  EXPECT_THAT(TakeAll(line), ElementsAre("a"));
  EXPECT_EQ(line.connecting(), 3);
  line.Remove("off1");
  line.Add("off1", true);
  EXPECT_THAT(TakeAll(line), IsEmpty());  // off2 and a
  line.Remove("a");
  EXPECT_THAT(TakeAll(line), ElementsAre("off1"));
  line.Slow("off1");
  line.Remove("off1");
  line.Remove("off2");
  EXPECT_EQ(line.connecting(), 0);
  EXPECT_EQ(line.waiting(), 0);
}

TEST(ConnectLineTest, SlowAttemptsAreBoundedToo) {
  ConnectLine line(1);
  for (const char* node : {"1", "2", "3", "4", "5", "6"}) line.Add(node, false);
  for (const char* node : {"1", "2", "3", "4"}) {
    EXPECT_THAT(TakeAll(line), ElementsAre(node));
    line.Slow(node);
  }
  EXPECT_THAT(TakeAll(line), ElementsAre("5"));
  line.Slow("5");
  EXPECT_THAT(TakeAll(line), IsEmpty());
  line.Remove("1");
  line.Slow("5");
  EXPECT_THAT(TakeAll(line), ElementsAre("6"));
}

TEST(ConnectLineTest, WhoLeavesIsNotCalled) {
  ConnectLine line(1);
  line.Add("a", false);
  line.Add("b", true);
  line.Remove("a");
  line.Remove("b");
  line.Remove("c");
  EXPECT_THAT(TakeAll(line), IsEmpty());
  line.Add("b", true);
  EXPECT_THAT(TakeAll(line), ElementsAre("b"));  // however little room: one at least
}

}  // namespace
}  // namespace rekindle::fleet
