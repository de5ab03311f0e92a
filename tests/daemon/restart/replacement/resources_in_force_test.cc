#include "daemon/restart/replacement/resources_in_force.h"

#include <ostream>
#include <string>

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include "tests/daemon/cri/fixtures.h"

namespace rekindle::restart {
namespace {

using ::nlohmann::json;
using ::rekindle::testing::FromText;
using ::runtime::v1::ContainerConfig;
using ::testing::HasSubstr;

// What containerd 1.6 makes of the resources of a new container (1.7 rules 1 and 2).
json SpecOf(const ContainerConfig& config) {
  const auto& r = config.linux().resources();
  json out = {{"cpu", json::object()}, {"memory", json::object()}};
  if (r.cpu_shares() != 0) out["cpu"]["shares"] = r.cpu_shares();
  if (r.cpu_quota() != 0) out["cpu"]["quota"] = r.cpu_quota();
  if (r.cpu_period() != 0) out["cpu"]["period"] = r.cpu_period();
  if (!r.cpuset_cpus().empty()) out["cpu"]["cpus"] = r.cpuset_cpus();
  if (!r.cpuset_mems().empty()) out["cpu"]["mems"] = r.cpuset_mems();
  const int64_t limit = r.memory_limit_in_bytes();
  const int64_t swap = r.memory_swap_limit_in_bytes();
  if (limit != 0) out["memory"]["limit"] = limit;
  if (limit != 0 || swap != 0) out["memory"]["swap"] = swap == 0 ? limit : swap;
  for (const auto& h : r.hugepage_limits()) {
    out["hugepageLimits"].push_back({{"pageSize", h.page_size()}, {"limit", h.limit()}});
  }
  for (const auto& [key, value] : r.unified()) out["unified"][key] = value;
  return {{"linux", {{"resources", out}}}};
}

struct Row {
  const char* name;
  const char* config;
  const char* spec;  // linux.resources
  const char* result;

  friend void PrintTo(const Row& row, std::ostream* out) { *out << row.name; }
};

class InForce : public ::testing::TestWithParam<Row> {};

TEST_P(InForce, ReplacesWhatWasAtCreation) {
  auto config = FromText<ContainerConfig>(GetParam().config);
  const json spec = {{"linux", {{"resources", json::parse(GetParam().spec)}}}};
  const absl::Status status = ApplyResourcesInForce(spec, config);
  ASSERT_TRUE(status.ok()) << status;
  const auto expected = FromText<ContainerConfig>(GetParam().result);
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(expected, config))
      << config.DebugString();

  // A copy of the copy is the copy.
  auto again = config;
  ASSERT_TRUE(ApplyResourcesInForce(SpecOf(config), again).ok());
  EXPECT_TRUE(google::protobuf::util::MessageDifferencer::Equals(config, again))
      << again.DebugString();
}

INSTANTIATE_TEST_SUITE_P(
    All, InForce,
    ::testing::Values(
        Row{"NothingAnywhere", "", "{}", ""},
        Row{"SetStaysSet", "linux { resources { } }", R"({"cpu":{},"memory":{}})",
            "linux { resources { } }"},
        Row{"Resized",
            "linux { resources { cpu_period: 100000 cpu_quota: 50000 cpu_shares: 512 "
            "memory_limit_in_bytes: 64 oom_score_adj: 900 } }",
            R"({"cpu":{"shares":700,"quota":80000,"period":100000,"cpus":"0","mems":"0"},)"
            R"("memory":{"limit":96,"swap":96}})",
            "linux { resources { cpu_period: 100000 cpu_quota: 80000 cpu_shares: 700 "
            "memory_limit_in_bytes: 96 oom_score_adj: 900 cpuset_cpus: '0' cpuset_mems: '0' } }"},
        Row{"LimitsWhereNoneWere", "", R"({"memory":{"limit":7}})",
            "linux { resources { memory_limit_in_bytes: 7 } }"},
        Row{"QuotaTakenAway", "linux { resources { cpu_quota: 5 } }", R"({"cpu":{"quota":-1}})",
            "linux { resources { cpu_quota: -1 } }"},
        Row{"MissingMeansUnset",
            "linux { resources { cpu_quota: 5 cpuset_cpus: '1' memory_limit_in_bytes: 5 "
            "hugepage_limits { page_size: '2MB' limit: 1 } unified { key: 'a' value: 'b' } } }",
            "{}", "linux { resources { } }"},
        Row{"SwapThatWasAsked",
            "linux { resources { memory_limit_in_bytes: 5 memory_swap_limit_in_bytes: 9 } }",
            R"({"memory":{"limit":7,"swap":7}})",
            "linux { resources { memory_limit_in_bytes: 7 memory_swap_limit_in_bytes: 7 } }"},
        Row{"SwapAboveTheLimit", "linux { resources { memory_limit_in_bytes: 5 } }",
            R"({"memory":{"limit":5,"swap":8}})",
            "linux { resources { memory_limit_in_bytes: 5 memory_swap_limit_in_bytes: 8 } }"},
        Row{"HugepagesDoubledByUpdates",
            "linux { resources { hugepage_limits { page_size: '2MB' limit: 4 } } }",
            R"({"hugepageLimits":[{"pageSize":"2MB","limit":4},{"pageSize":"1GB","limit":0},)"
            R"({"pageSize":"2MB","limit":8}]})",
            "linux { resources { hugepage_limits { page_size: '1GB' } "
            "hugepage_limits { page_size: '2MB' limit: 8 } } }"},
        Row{"Unified", "linux { resources { unified { key: 'memory.high' value: '1' } } }",
            R"({"unified":{"memory.high":"2","memory.oom.group":"1"}})",
            "linux { resources { unified { key: 'memory.high' value: '2' } "
            "unified { key: 'memory.oom.group' value: '1' } } }"}),
    [](const auto& row) { return row.param.name; });

TEST(InForceErrors, NameTheKeyAndChangeNothing) {
  const std::pair<const char*, const char*> rows[] = {
      {R"({})", "linux.resources: missing"},
      {R"({"linux":{"resources":null}})", "linux.resources: missing"},
      {R"({"linux":{"resources":{"cpu":{"shares":"x"}}}})", "cpu.shares"},
      {R"({"linux":{"resources":{"cpu":{"shares":9223372036854775808}}}})", "cpu.shares"},
      {R"({"linux":{"resources":{"cpu":{"cpus":1}}}})", "cpu.cpus"},
      {R"({"linux":{"resources":{"memory":{"limit":1.5}}}})", "memory.limit"},
      {R"({"linux":{"resources":{"hugepageLimits":{}}}})", "hugepageLimits"},
      {R"({"linux":{"resources":{"hugepageLimits":[{"limit":1}]}}})", "hugepageLimits"},
      {R"({"linux":{"resources":{"hugepageLimits":[{"pageSize":"2MB","limit":-1}]}}})",
       "hugepageLimits"},
      {R"({"linux":{"resources":{"unified":{"a":1}}}})", "unified[\"a\"]"},
      {R"({"linux":{"resources":{"unified":[]}}})", "unified"},
  };
  for (const auto& [spec, text] : rows) {
    auto config = FromText<ContainerConfig>("linux { resources { cpu_shares: 3 } }");
    const absl::Status status = ApplyResourcesInForce(json::parse(spec), config);
    EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition) << spec;
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
    EXPECT_EQ(config.linux().resources().cpu_shares(), 3) << spec;
  }
}

}  // namespace
}  // namespace rekindle::restart
