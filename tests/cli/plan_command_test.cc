#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <regex>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include <nlohmann/json.hpp>

#include "common/json/json_fwd.h"
#include "tests/cli/run_plan.h"

namespace rekindle::cli {
namespace {

using ::testing::HasSubstr;
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

// A kubectl that notes what it was asked and answers from files.
class LivePlan : public PlanCommand {
 protected:
  void SetUp() override {
    PlanCommand::SetUp();
    new_ = File("new.yaml", std::regex_replace(kWorkload, std::regex("web:1"), "web:2"));
    object_ = File("object.json", "");
    rest_ = File("rest.json", R"({"apiVersion":"v1","kind":"List","items":[]})");
    kubectl_ = File("kubectl", absl::StrCat("#!/bin/sh\necho \"$*\" >>", folder_.string(),
                                            "/asked\ncase $2 in *clonesets*) cat ", object_,
                                            ";; *) cat ", rest_, ";; esac\n"));
    std::filesystem::permissions(kubectl_, std::filesystem::perms::owner_all);
  }

  PlanRun Live(std::vector<std::string> more = {}) {
    std::vector<std::string> arguments = {"plan", "-f",        new_,    "--against",
                                          "live", "--kubectl", kubectl_};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return RunPlan(arguments);
  }
  std::string Asked() {
    std::ifstream file(folder_ / "asked");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void Script(const std::string& text) {
    std::ofstream(kubectl_, std::ios::trunc) << "#!/bin/sh\n" << text << "\n";
  }

  std::string new_, object_, rest_, kubectl_;
};

TEST_F(LivePlan, TypeThatTheClusterDoesNotHave) {
  const std::string unknown =
      "echo 'error: the server doesn'\"'\"'t have a resource type \"clonesets\"' >&2; exit 1";
  Script(unknown);
  const PlanRun run = Live();
  EXPECT_EQ(run.code, kExitRefused);
  EXPECT_THAT(run.err, HasSubstr("does not know clonesets.apps.kruise.io: the definition (CRD) is "
                                 "not installed"));
  // A job needs pods; without the type there are no requests.
  const std::string job = File("job.yaml", R"(
apiVersion: apps.kruise.io/v1alpha1
kind: ContainerRecreateJob
metadata: {name: again}
spec: {selector: {matchLabels: {app: web}}}
)");
  Script(absl::StrCat("case $2 in *containerrecreate*) ", unknown, ";; *) cat ", rest_, ";; esac"));
  const PlanRun plan = RunPlan({"plan", "-f", job, "--against", "live", "--kubectl", kubectl_});
  EXPECT_EQ(plan.code, kExitOk) << plan.err;
}

TEST_F(LivePlan, ReadsTheObjectAndWhatBelongsToIt) {
  const Json object = {{"apiVersion", "apps.kruise.io/v1beta1"},
                       {"kind", "CloneSet"},
                       {"metadata", {{"name", "web"}, {"namespace", "prod"}, {"uid", "u-1"}}},
                       {"spec",
                        {{"replicas", 2},
                         {"selector", {{"matchLabels", {{"app", "web"}}}}},
                         {"template",
                          {{"metadata", {{"labels", {{"app", "web"}}}}},
                           {"spec", {{"containers", {{{"name", "web"}, {"image", "web:1"}}}}}}}}}}};
  File("object.json", object.dump());
  const PlanRun run = Live({"--context", "staging", "--kubeconfig", "/k"});
  EXPECT_EQ(run.code, kExitOk) << run.err;
  EXPECT_THAT(run.out, HasSubstr("present web-5786dd6b56\nchange: "));
  EXPECT_EQ(Asked(),
            "get clonesets.apps.kruise.io web --ignore-not-found -o json --kubeconfig /k "
            "--context staging\n"
            "get pods,controllerrevisions.apps,persistentvolumeclaims -o json --kubeconfig /k "
            "--context staging\n");
}

TEST_F(LivePlan, AnObjectThatIsNotThereIsMade) {
  const PlanRun run = Live();
  EXPECT_EQ(run.code, kExitOk) << run.err;
  EXPECT_THAT(run.out, HasSubstr("create: 2 pods wanted, 0 there"));
}

TEST_F(LivePlan, TheNamespaceIsThatOfTheObject) {
  new_ = File("new.yaml",
              std::regex_replace(kWorkload, std::regex("name: web}"), "name: web, namespace: p}"));
  EXPECT_EQ(Live().code, kExitOk);
  EXPECT_THAT(Asked(), HasSubstr("-o json --namespace p\n"));
}

TEST_F(LivePlan, NativeStatefulSetsAndJobsAreAskedForByTheirTypes) {
  new_ = File("new.yaml",
              std::regex_replace(
                  std::regex_replace(kWorkload, std::regex("apps.kruise.io/v1beta1"), "apps/v1"),
                  std::regex("CloneSet"), "StatefulSet"));
  Live();
  EXPECT_THAT(Asked(), StartsWith("get statefulsets.apps web --ignore-not-found"));
  new_ = File("new.yaml",
              "kind: ContainerRecreateJob\nmetadata: {name: j}\n"
              "spec: {selector: {matchLabels: {app: web}}, containers: [{name: web}]}\n");
  Live();
  EXPECT_THAT(Asked(), HasSubstr("\nget pods,containerrecreaterequests.apps.kruise.io -o json\n"
                                 "get nodes -o json\n"));
}

TEST_F(LivePlan, WhatKubectlSaysIsPassedOn) {
  Script("echo 'error: You must be logged in' >&2; exit 1");
  const PlanRun refused = Live();
  EXPECT_EQ(refused.code, kExitUnreachable);
  EXPECT_THAT(refused.err, HasSubstr("--against live: "));
  EXPECT_THAT(refused.err, HasSubstr("You must be logged in"));
  Script("exit 3");
  EXPECT_THAT(Live().err, HasSubstr("ended with code 3"));
  Script("kill -9 $$");
  EXPECT_THAT(Live().err, HasSubstr("ended by signal 9"));
  Script("echo '{\"kind\": '");
  EXPECT_EQ(Live().code, kExitUsage);
  std::filesystem::remove(kubectl_);
  const PlanRun missing = Live();
  EXPECT_EQ(missing.code, kExitNotFound);
  EXPECT_THAT(missing.err, HasSubstr("No such file"));
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
  EXPECT_THAT(run.out, HasSubstr("--against live"));
}

}  // namespace
}  // namespace rekindle::cli
