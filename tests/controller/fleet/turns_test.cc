#include "controller/fleet/turns.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

namespace rekindle::fleet {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<std::string> TakeAll(Turns& turns) {
  std::vector<std::string> out;
  while (const auto turn = turns.Next()) out.push_back(absl::StrCat(turn->node, turn->id));
  return out;
}

TEST(TurnsTest, ClosedNodesWait) {
  Turns turns({.per_node = 2, .in_all = 10});
  turns.Add("a", 1);
  EXPECT_THAT(TakeAll(turns), IsEmpty());
  turns.SetOpen("a", true);
  EXPECT_THAT(TakeAll(turns), ElementsAre("a1"));
  turns.SetOpen("a", false);
  turns.Add("a", 2);
  EXPECT_THAT(TakeAll(turns), IsEmpty());
  EXPECT_EQ(turns.waiting(), 1);
  EXPECT_EQ(turns.under_way(), 1);
}

TEST(TurnsTest, NodesTakeTurnsHoweverLongTheirLines) {
  Turns turns({.per_node = 10, .in_all = 10});
  for (const char* node : {"a", "b", "c"}) turns.SetOpen(node, true);
  for (Turns::Id id = 1; id <= 4; ++id) turns.Add("a", id);
  turns.Add("b", 5);
  turns.Add("c", 6);
  turns.Add("c", 7);
  EXPECT_THAT(TakeAll(turns), ElementsAre("a1", "b5", "c6", "a2", "c7", "a3", "a4"));
}

TEST(TurnsTest, BoundsPerNodeAndInAll) {
  Turns turns({.per_node = 2, .in_all = 3});
  turns.SetOpen("a", true);
  turns.SetOpen("b", true);
  for (Turns::Id id = 1; id <= 4; ++id) turns.Add("a", id);
  EXPECT_THAT(TakeAll(turns), ElementsAre("a1", "a2"));
  EXPECT_FALSE(turns.NodeHasRoom("a"));
  EXPECT_TRUE(turns.HasRoom());
  turns.Add("b", 5);
  turns.Add("b", 6);
  EXPECT_THAT(TakeAll(turns), ElementsAre("b5"));
  EXPECT_FALSE(turns.HasRoom());
  turns.Ended("a");
  // Both have room now, and b has waited for longer.
  EXPECT_THAT(TakeAll(turns), ElementsAre("b6"));
  turns.Ended("b");
  EXPECT_THAT(TakeAll(turns), ElementsAre("a3"));
  EXPECT_EQ(turns.UnderWay("a"), 2);
}

TEST(TurnsTest, WhatComesBackKeepsItsPlace) {
  Turns turns({.per_node = 1, .in_all = 3});
  turns.SetOpen("a", true);
  turns.Add("a", 1);
  turns.Add("a", 2);
  EXPECT_THAT(TakeAll(turns), ElementsAre("a1"));
  turns.Ended("a");
  turns.Add("a", 1);
  EXPECT_THAT(turns.Waiting("a"), ElementsAre(1, 2));
  EXPECT_THAT(TakeAll(turns), ElementsAre("a1"));
}

TEST(TurnsTest, RemovesOnlyWhatWaits) {
  Turns turns({.per_node = 1, .in_all = 3});
  turns.SetOpen("a", true);
  turns.Add("a", 1);
  turns.Add("a", 2);
  turns.Add("a", 2);
  EXPECT_EQ(turns.waiting(), 2);
  EXPECT_THAT(TakeAll(turns), ElementsAre("a1"));
  EXPECT_FALSE(turns.Remove("a", 1));
  EXPECT_TRUE(turns.Remove("a", 2));
  EXPECT_FALSE(turns.Remove("a", 2));
  EXPECT_FALSE(turns.Remove("b", 2));
  EXPECT_EQ(turns.waiting(), 0);
  turns.Ended("a");
  EXPECT_EQ(turns.under_way(), 0);
  EXPECT_THAT(TakeAll(turns), IsEmpty());
}

}  // namespace
}  // namespace rekindle::fleet
