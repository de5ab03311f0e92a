#include "common/metrics/metric_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(MetricSetTest, SaysWhichVersionItIsOf) {
  MetricSet set("cook", "1.2.3");
  EXPECT_THAT(set.Text(), AllOf(HasSubstr("# TYPE cook_build_info gauge"),
                                HasSubstr("cook_build_info{version=\"1.2.3\"} 1")));
}

TEST(MetricSetTest, Families) {
  MetricSet set("cook", "1");
  set.Count("cook_meals_total", "Meals.").Add({{"kind", "lunch"}}).Increment(3);
  set.Level("cook_guests", "Guests.").Add({}).Set(2);
  set.Spread("cook_wait_seconds", "Waits.")
      .Add({}, prometheus::Histogram::BucketBoundaries{1, 10})
      .Observe(5);
  EXPECT_THAT(set.Text(),
              AllOf(HasSubstr("# HELP cook_meals_total Meals."),
                    HasSubstr("cook_meals_total{kind=\"lunch\"} 3"), HasSubstr("cook_guests 2"),
                    HasSubstr("cook_wait_seconds_bucket{le=\"1\"} 0"),
                    HasSubstr("cook_wait_seconds_bucket{le=\"10\"} 1"),
                    HasSubstr("cook_wait_seconds_count 1")));
}

TEST(MetricSetTest, SourcesAreAskedAtEachScrape) {
  MetricSet set("cook", "1");
  double meals = 3;
  double guests = 7;
  set.AddSource("cook_meals_total", "Meals.", true, {}, [&] { return meals; });
  set.AddSource("cook_guests", "Guests.", false, {{"table", "a"}}, [&] { return guests; });
  set.AddSource("cook_guests", "Guests.", false, {{"table", "b"}}, [&] { return guests + 1; });
  EXPECT_THAT(set.Text(),
              AllOf(HasSubstr("cook_meals_total 3"), HasSubstr("cook_guests{table=\"a\"} 7"),
                    HasSubstr("cook_guests{table=\"b\"} 8")));
  meals = 5;
  guests = 1;
  EXPECT_THAT(set.Text(),
              AllOf(HasSubstr("cook_meals_total 5"), HasSubstr("cook_guests{table=\"a\"} 1")));
  // A counter never falls.
  meals = 4;
  EXPECT_THAT(set.Text(), HasSubstr("cook_meals_total 5"));
}

TEST(MetricSetTest, RaisedCountersKeepTheHighest) {
  MetricSet set("cook", "1");
  prometheus::Counter& counter = set.Count("cook_meals_total", "Meals.").Add({});
  for (const double now : {2.0, 5.0, 5.0, 1.0}) Raise(counter, now);
  EXPECT_EQ(counter.Value(), 5);
  EXPECT_THAT(set.Text(), Not(HasSubstr("cook_meals_total 13")));
}

}  // namespace
}  // namespace rekindle
