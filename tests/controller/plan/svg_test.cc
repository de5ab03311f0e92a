#include "controller/plan/svg.h"

#include <gtest/gtest.h>

namespace rekindle::plan {
namespace {

Timeline Rollout() {
  Timeline t;
  t.samples = {{0, 4, 4, 0, 0}, {5, 4, 2, 2, 1}, {10, 4, 4, 4, 2}};
  t.events = {{0, "web-0", "UpdateInPlace", ""},
              {0, "web-1", "UpdateInPlace", ""},
              {5, "web-0", "FinishInPlace", ""}};
  t.seconds = 10;
  t.lowest_available = 2;
  t.restarts = 2;
  t.ending = Ending::kFinished;
  return t;
}

size_t Count(const std::string& text, const std::string& what) {
  size_t n = 0;
  for (size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

TEST(Svg, DrawsThreeLinesAndAMarkForEachSecondOfWork) {
  const std::string svg = TimelineSvg(Rollout(), "CloneSet web");
  EXPECT_EQ(svg.rfind("<svg ", 0), 0U);
  EXPECT_EQ(svg.substr(svg.size() - 7), "</svg>\n");
  EXPECT_EQ(Count(svg, "<polyline"), 3U);
  EXPECT_EQ(Count(svg, "<line "), 2U);  // seconds 0 and 5
  EXPECT_NE(svg.find("10 s, lowest availability 2, 2 restarts"), std::string::npos);
  EXPECT_EQ(svg.find("NOT FINISHED"), std::string::npos);
}

TEST(Svg, AvailabilityIsAStaircase) {
  // 800 wide for 10 s, 300 high for 4 pods, origin at 60,50: down from 4 to 2 at second 5.
  EXPECT_NE(
      TimelineSvg(Rollout(), "t").find("points=\"60,50 460,50 460,200 860,200 860,50 860,50\""),
      std::string::npos);
}

TEST(Svg, TextIsEscapedAndAnUnfinishedRolloutSaysSo) {
  Timeline t = Rollout();
  t.ending = Ending::kStandsStill;
  const std::string svg = TimelineSvg(t, "a<b>&c");
  EXPECT_NE(svg.find("a&lt;b&gt;&amp;c"), std::string::npos);
  EXPECT_NE(svg.find("NOT FINISHED"), std::string::npos);
}

TEST(Svg, AnEmptyTimelineIsStillAPicture) {
  const std::string svg = TimelineSvg(Timeline(), "nothing");
  EXPECT_EQ(Count(svg, "<polyline"), 3U);
  EXPECT_EQ(Count(svg, "nan"), 0U);
}

TEST(Svg, TheSameTimelineGivesTheSamePicture) {
  EXPECT_EQ(TimelineSvg(Rollout(), "t"), TimelineSvg(Rollout(), "t"));
}

}  // namespace
}  // namespace rekindle::plan
