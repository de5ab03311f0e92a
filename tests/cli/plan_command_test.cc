#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <nlohmann/json.hpp>

#include "tests/cli/run_plan.h"

namespace rekindle::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kWorkload[] = R"(
apiVersion: apps.kruise.io/v1beta1
kind: CloneSet
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
)";

class PlanCommand : public ::testing::Test {
 protected:
  void SetUp() override {
    folder_ = std::filesystem::temp_directory_path() /
              ("rekindle-plan-" + std::to_string(getpid()) + "-" +
               ::testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::string File(const std::string& name, const std::string& text) {
    const std::string path = folder_ / name;
    std::ofstream(path) << text;
    return path;
  }

  std::filesystem::path folder_;
};

TEST_F(PlanCommand, ReadsStandardInput) {
  const PlanRun run = RunPlan({"plan", "-f", "-"}, kWorkload);
  EXPECT_EQ(run.code, kExitOk) << run.err;
  EXPECT_THAT(run.out, StartsWith("CloneSet web\n"));
  EXPECT_THAT(run.out, HasSubstr("create: 2 pods wanted, 0 there"));
  const std::string now = File("now.yaml", kWorkload);
  EXPECT_THAT(RunPlan({"plan", "-f", now, "--against", "-"}, kWorkload).out,
              HasSubstr("is on the wanted revision"));
}

TEST_F(PlanCommand, WrongInputIsNamed) {
  const std::string good = File("good.yaml", kWorkload);
  const struct {
    std::string text;
    const char* words;
  } kRows[] = {
      {"a: [1\n", "line "},
      {"kind: Pod\n", "holds 0 workloads"},
      {std::string(kWorkload) + "---" + kWorkload, "holds 2 workloads"},
      {"kind: CloneSet\nmetadata: {name: web}\n", "spec: missing"},
      {"kind: StatefulSet\nmetadata: {name: web}\nspec: {replicas: -1}\n", "spec.replicas"},
      {"kind: ContainerRecreateJob\nspec: {order: Sideways}\n", "spec.order"},
  };
  for (const auto& row : kRows) {
    const PlanRun run = RunPlan({"plan", "-f", File("bad.yaml", row.text)});
    EXPECT_EQ(run.code, kExitUsage) << row.text;
    EXPECT_THAT(run.err, HasSubstr(row.words)) << row.text;
    EXPECT_EQ(run.out, "");
  }
  EXPECT_EQ(RunPlan({"plan", "-f", "/nonexistent/new.yaml"}).code, kExitNotFound);
  EXPECT_EQ(RunPlan({"plan", "-f", good, "--against", "/nonexistent/now.yaml"}).code,
            kExitNotFound);
  EXPECT_EQ(RunPlan({"plan"}).code, kExitUsage);
  EXPECT_EQ(RunPlan({"plan", "-f", good, "-o", "xml"}).code, kExitUsage);
  const PlanRun twice = RunPlan({"plan", "-f", "-", "--against", "-"}, kWorkload);
  EXPECT_EQ(twice.code, kExitUsage);
  EXPECT_THAT(twice.err, HasSubstr("standard input"));
}

TEST_F(PlanCommand, LiveStateIsRefusedWithAWayOut) {
  const PlanRun run = RunPlan({"plan", "-f", File("n.yaml", kWorkload), "--against", "live"});
  EXPECT_EQ(run.code, kExitUsage);
  EXPECT_THAT(run.err, HasSubstr("kubectl get"));
}

TEST_F(PlanCommand, JsonIsWholeAndOneDocument) {
  const PlanRun run = RunPlan({"plan", "-f", "-", "-o", "json"}, kWorkload);
  const auto json = nlohmann::json::parse(run.out);
  EXPECT_EQ(json["workload"]["name"], "web");
  EXPECT_EQ(json["pods"].size(), 2U);
  EXPECT_FALSE(json["simulation"].contains("events"));
  const auto all = nlohmann::json::parse(
      RunPlan({"plan", "-f", "-", "-o", "json", "--simulate"}, kWorkload).out);
  EXPECT_FALSE(all["simulation"]["events"].empty());
  EXPECT_FALSE(all["simulation"]["samples"].empty());
}

TEST_F(PlanCommand, SvgGoesIntoItsFile) {
  const std::string svg = folder_ / "rollout.svg";
  EXPECT_EQ(RunPlan({"plan", "-f", "-", "--svg", svg}, kWorkload).code, kExitOk);
  std::ifstream in(svg);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  EXPECT_THAT(text, StartsWith("<svg "));
  const PlanRun run = RunPlan({"plan", "-f", "-", "--svg", "/nonexistent/x.svg"}, kWorkload);
  EXPECT_EQ(run.code, kExitFailed);
  EXPECT_THAT(run.err, HasSubstr("cannot be written"));
}

TEST_F(PlanCommand, ModelClusterIsConfigurable) {
  const auto seconds = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments = {"plan", "-f", "-", "-o", "json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return nlohmann::json::parse(RunPlan(arguments, kWorkload).out)["simulation"]["seconds"]
        .get<int>();
  };
  EXPECT_EQ(seconds({}), 6);  // schedule 1, start 2, ready 3
  EXPECT_EQ(seconds({"--start-seconds", "10", "--ready-seconds", "20"}), 31);
  EXPECT_EQ(RunPlan({"plan", "-f", "-", "--start-seconds", "-1"}, kWorkload).code, kExitUsage);
  const PlanRun never = RunPlan({"plan", "-f", "-", "--never-ready", "web:1"}, kWorkload);
  EXPECT_THAT(never.out, HasSubstr("NOT FINISHED"));
  EXPECT_THAT(never.out, HasSubstr("CrashLoopBackOff"));
  // Chance comes from the seed alone.
  const std::vector<std::string> jitter = {"plan", "-f",     "-", "--jitter-seconds",
                                           "9",    "--seed", "4"};
  EXPECT_EQ(RunPlan(jitter, kWorkload).out, RunPlan(jitter, kWorkload).out);
}

TEST_F(PlanCommand, HelpTellsWhereThePresentStateComesFrom) {
  const PlanRun run = RunPlan({"plan", "--help"});
  EXPECT_EQ(run.code, kExitOk);
  EXPECT_THAT(run.out, HasSubstr("--against"));
  EXPECT_THAT(run.out, HasSubstr("kubectl get"));
  EXPECT_THAT(run.out, Not(HasSubstr("live")));
}

}  // namespace
}  // namespace rekindle::cli
