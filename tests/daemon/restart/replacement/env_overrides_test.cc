#include "daemon/restart/replacement/env_overrides.h"

#include <ostream>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::restart {
namespace {

using Pairs = std::vector<std::pair<std::string, std::string>>;
using ::testing::HasSubstr;

struct Row {
  const char* name;
  Pairs config;
  Pairs set;
  std::vector<std::string> unset;
  Pairs result;
  absl::StatusCode code = absl::StatusCode::kOk;
  const char* text = "";

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};

class Overrides : public ::testing::TestWithParam<Row> {};

TEST_P(Overrides, Apply) {
  const Row& row = GetParam();
  ::runtime::v1::ContainerConfig config;
  for (const auto& [key, value] : row.config) {
    auto& env = *config.add_envs();
    env.set_key(key);
    env.set_value(value);
  }
  nlohmann::json spec;
  spec["process"]["env"] = {"PATH=/bin", "A=1", "B=2", "EMPTY="};
  const absl::Status status = ApplyEnvOverrides(row.set, row.unset, spec, config);
  EXPECT_EQ(status.code(), row.code) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr(row.text));
  Pairs result;
  for (const auto& env : config.envs()) result.emplace_back(env.key(), env.value());
  EXPECT_EQ(result, status.ok() ? row.result : row.config);
}

constexpr auto kBad = absl::StatusCode::kInvalidArgument;
constexpr auto kRefused = absl::StatusCode::kFailedPrecondition;

INSTANTIATE_TEST_SUITE_P(
    All, Overrides,
    ::testing::Values(
        Row{"None", {{"A", "1"}, {"B", "2"}}, {}, {}, {{"A", "1"}, {"B", "2"}}},
        Row{"ReplacesInPlace",
            {{"A", "1"}, {"B", "2"}},
            {{"A", "x"}},
            {},
            {{"A", "x"}, {"B", "2"}}},
        Row{"AppendsInOrder",
            {{"A", "1"}},
            {{"Z", "z"}, {"C", "c"}, {"A", ""}},
            {},
            {{"A", ""}, {"Z", "z"}, {"C", "c"}}},
        Row{"ReplacesDuplicatesByOne",
            {{"A", "1"}, {"B", "2"}, {"A", "3"}},
            {{"A", "x"}},
            {},
            {{"A", "x"}, {"B", "2"}}},
        Row{"KeepsDuplicatesOfOthers",
            {{"A", "1"}, {"B", "2"}, {"A", "3"}},
            {{"B", "x"}},
            {},
            {{"A", "1"}, {"B", "x"}, {"A", "3"}}},
        Row{"UnsetsAll", {{"A", "1"}, {"B", "2"}, {"A", "3"}}, {}, {"A"}, {{"B", "2"}}},
        Row{"UnsetOfNothing", {{"A", "1"}}, {}, {"NEVER", "NEVER"}, {{"A", "1"}}},
        Row{"PrefixIsAnotherName", {{"A", "1"}}, {}, {"PAT", "EMPT"}, {{"A", "1"}}},
        Row{"UnsetOfTheImages",
            {{"A", "1"}},
            {},
            {"PATH"},
            {},
            kRefused,
            "PATH comes from the image"},
        Row{"UnsetOfTheImagesEmpty", {}, {}, {"EMPTY"}, {}, kRefused, "EMPTY"},
        Row{"EmptyName", {{"A", "1"}}, {{"", "x"}}, {}, {}, kBad, "env: \"\""},
        Row{"EqualsInName", {}, {{"A=B", "x"}}, {}, {}, kBad, "A=B"},
        Row{"NulInName", {}, {}, {std::string("A\0B", 3)}, {}, kBad, "unset_env"},
        Row{"NulInValue", {}, {{"A", std::string("x\0", 2)}}, {}, {}, kBad, "value of A"},
        Row{"SetTwice", {}, {{"A", "1"}, {"A", "2"}}, {}, {}, kBad, "A is set twice"},
        Row{"SetAndUnset", {{"A", "1"}}, {{"A", "1"}}, {"A"}, {}, kBad, "A is also set"}),
    [](const auto& row) { return row.param.name; });

}  // namespace
}  // namespace rekindle::restart
