#include "tests/bench/results.h"

#include <cstdio>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/bed/process.h"

namespace rekindle::bench {
namespace {

Row Plain() {
  return {.bench = "idle",
          .metric = "memory",
          .value = 12.34567,
          .unit = "MiB",
          .reference = std::nullopt,
          .limit = std::nullopt};
}

TEST(ResultsTest, PlainRow) {
  EXPECT_EQ(ToJsonLine(Plain()),
            R"({"bench":"idle","metric":"memory","value":12.346,"unit":"MiB"})");
}

TEST(ResultsTest, RowWithFloorLimitsTheRatio) {
  Row row = Plain();
  row.value = 110;
  row.reference = Reference{"floor", "raw", 100};
  row.limit = 1.1;
  EXPECT_EQ(ToJsonLine(row),
            R"({"bench":"idle","metric":"memory","value":110.0,"unit":"MiB","floor":100.0,)"
            R"("floor_name":"raw","ratio":1.1,"limit":1.1,"within_limit":true})");
  row.value = 111;
  EXPECT_FALSE(WithinLimit(row));
}

TEST(ResultsTest, RowWithoutFloorLimitsTheValue) {
  Row row = Plain();
  row.limit = 20;
  EXPECT_TRUE(WithinLimit(row));
  row.limit = 12;
  EXPECT_FALSE(WithinLimit(row));
}

TEST(ResultsTest, AppendsLinesAndRemembersAMissedLimit) {
  std::string path = ::testing::TempDir() + "/results_test.jsonl";
  std::remove(path.c_str());
  Results results(path);
  ASSERT_TRUE(results.Add(Plain()).ok());
  EXPECT_TRUE(results.all_within_limits());
  Row bad = Plain();
  bad.limit = 1;
  ASSERT_TRUE(results.Add(bad).ok());
  EXPECT_FALSE(results.all_within_limits());
  EXPECT_EQ(bed::ReadFile(path), ToJsonLine(Plain()) + "\n" + ToJsonLine(bad) + "\n");
  EXPECT_EQ(Results("/dev/null/results").Add(Plain()).code(), absl::StatusCode::kUnavailable);
  std::remove(path.c_str());
}

}  // namespace
}  // namespace rekindle::bench
