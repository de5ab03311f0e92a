#include "common/base/text.h"

#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace rekindle {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(ParseDurationText, ReadsUnits) {
  const struct {
    const char* text;
    absl::Duration want;
  } kRows[] = {
      {"0", absl::ZeroDuration()},  {"0s", absl::ZeroDuration()},
      {"30s", absl::Seconds(30)},   {"2m", absl::Minutes(2)},
      {"1h30m", absl::Minutes(90)}, {"250ms", absl::Milliseconds(250)},
      {"24h", absl::Hours(24)},     {"1.5s", absl::Milliseconds(1500)},
  };
  for (const auto& row : kRows) {
    auto got = ParseDurationText(row.text);
    ASSERT_TRUE(got.ok()) << row.text << ": " << got.status();
    EXPECT_EQ(*got, row.want) << row.text;
    EXPECT_EQ(*ParseDurationText(DurationText(*got)), row.want) << row.text;
  }
}

TEST(ParseDurationText, RefusesWithReason) {
  const struct {
    const char* text;
    const char* want;
  } kRows[] = {
      {"", "not a duration"},     {"30", "write 30s or 30m"}, {"5x", "not a duration"},
      {"-5s", "negative"},        {"inf", "not a duration"},  {"-inf", "not a duration"},
      {"30 s", "not a duration"}, {"1e3s", "not a duration"},
  };
  for (const auto& row : kRows) {
    auto got = ParseDurationText(row.text);
    ASSERT_FALSE(got.ok()) << row.text;
    EXPECT_EQ(got.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(got.status().message()), HasSubstr(row.want)) << row.text;
  }
}

TEST(ParseNumberText, KeepsToItsRange) {
  EXPECT_EQ(*ParseNumberText("1", 1, 10), 1u);
  EXPECT_EQ(*ParseNumberText("10", 1, 10), 10u);
  for (const char* bad : {"", "0", "11", "-1", "1.0", "0x2", " 2"}) {
    auto got = ParseNumberText(bad, 1, 10);
    ASSERT_FALSE(got.ok()) << bad;
    EXPECT_THAT(std::string(got.status().message()), HasSubstr("from 1 to 10"));
  }
}

TEST(NearestWords, OffersWhatWasMeant) {
  const std::vector<std::string> names = {"listen", "http_listen", "node_name", "state_dir"};
  EXPECT_THAT(NearestWords("listn", names, 1), ElementsAre("listen"));
  EXPECT_THAT(NearestWords("ndoe_name", names, 1), ElementsAre("node_name"));
  EXPECT_THAT(NearestWords("state", names, 3), ElementsAre("state_dir"));
  EXPECT_THAT(NearestWords("zzz", names, 3), IsEmpty());
  EXPECT_THAT(NearestWords("", names, 3), IsEmpty());
  EXPECT_THAT(NearestWords(std::string(100000, 'a'), names, 3), IsEmpty());
}

TEST(PrintableText, DefusesControlCharacters) {
  EXPECT_EQ(PrintableText("a\nb\tc\x1b[31m\x7f"), "a b c?[31m?");
  EXPECT_EQ(PrintableText("gr\xc3\xbc\xc3\x9f"), "gr\xc3\xbc\xc3\x9f");
}

}  // namespace
}  // namespace rekindle
