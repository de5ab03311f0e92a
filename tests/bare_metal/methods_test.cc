// Annotations of our own on a request (docs/recreate.md).
#include <filesystem>

#include "tests/bare_metal/bare_metal_fixture.h"
#include "tests/measure/probe.h"

namespace rekindle::bare_metal {
namespace {

Json BudgetFor(const std::string& ns, const std::string& app) {
  return {{"apiVersion", "policy/v1"},
          {"kind", "PodDisruptionBudget"},
          {"metadata", {{"namespace", ns}, {"name", "keep"}}},
          {"spec", {{"minAvailable", 1}, {"selector", {{"matchLabels", {{"app", app}}}}}}}};
}

std::string BudgetPath(const std::string& ns, const std::string& name = "") {
  return absl::StrCat("/apis/policy/v1/namespaces/", ns, "/poddisruptionbudgets",
                      name.empty() ? "" : "/", name);
}

}  // namespace

TEST_F(BareMetalTest, HotLosesNoRequest) {
  bed::Pod& pod = RunShown("hot", {"a"}, [](bed::PodSpec& spec) {
    spec.containers[0].args = {"serve",      "--port", "8080",    "--reuse-port",
                               "--drain-ms", "500",    "--diary", "/data/a"};
    // Connections that wait in the old listener's queue go to the new one.
    if (std::filesystem::exists("/proc/sys/net/ipv4/tcp_migrate_req")) {
      spec.sysctls["net.ipv4.tcp_migrate_req"] = "1";
    }
  });
  ASSERT_TRUE(bed::WaitHttp(pod.ip, 8080, "/healthz").ok());
  measure::LoadGenerator load(pod.ip, 8080, 4, 100);
  Create("hot", pod, {"a"}, Json::object(), {{"rekindle.io/method", "hot"}});
  Json ended = ExpectSuccess("hot", {"a"});
  const measure::LoadResult seen = load.Stop();
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  EXPECT_GT(seen.sent, 0);
  EXPECT_EQ(seen.failed, 0);
  ExpectStarts(pod, "a", 2);
  EXPECT_LT(Times(pod, "a", "start").at(1), Times(pod, "a", "term").at(0));
  EXPECT_TRUE(AwaitRequestEvent("hot", "Restarted", "(hot"));
}

// There is no kubelet to leave it to.
TEST_F(BareMetalTest, DelegateIsRefusedWithoutAKubelet) {
  bed::Pod& pod = RunShown("delegate", {"a"});
  Create("delegate", pod, {"a"}, Json::object(), {{"rekindle.io/method", "delegate"}});
  Json ended = AwaitEnd("delegate");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_THAT(StateOf(ended, "a").value("message", ""), testing::HasSubstr("kubelet"));
  EXPECT_TRUE(AwaitRequestEvent("delegate", "Failed", "kubelet"));
  ExpectUntouched(pod, "a");
}

TEST_F(BareMetalTest, AnAnnotationThatMeansNothingEndsTheRequest) {
  bed::Pod& pod = RunShown("typo", {"a"});
  Create("typo", pod, {"a"}, Json::object(), {{"rekindle.io/method", "hott"}});
  Json ended = AwaitEnd("typo");
  EXPECT_THAT(MessageOf(ended), testing::HasSubstr("hott"));
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  ExpectUntouched(pod, "a");
}

TEST_F(BareMetalTest, TheHookCanBeLeftOut) {
  bed::Pod& pod = RunShown("skip", {"a"}, [](bed::PodSpec& spec) {
    spec.containers[0].pre_stop =
        R"({"exec":{"command":["/testserver","append","/data/ran","x"]}})";
  });
  Create("skip", pod, {"a"}, Json::object(), {{"rekindle.io/skip-pre-stop", "true"}});
  ExpectSuccess("skip", {"a"});
  ExpectStarts(pod, "a", 2);
  EXPECT_EQ(bed::ReadFile(bed_->Volume("skip") + "/ran"), "");
}

TEST_F(BareMetalTest, ABudgetIsRespectedWhenAskedTo) {
  bed::Pod& pod =
      RunShown("budget", {"a"}, [](bed::PodSpec& spec) { spec.labels["app"] = "budget"; });
  ASSERT_TRUE(api_->Create(BudgetPath(ns_), BudgetFor(ns_, "budget")).ok());
  ASSERT_TRUE(bed::WaitUntil(
      [&] {
        const auto now = api_->Get(BudgetPath(ns_, "keep"));
        return now.ok() && (*now)["status"].value("currentHealthy", 0) == 1;
      },
      absl::Seconds(30)));
  Create("asks", pod, {"a"}, Json::object(), {{"rekindle.io/respect-budget", "true"}});
  ASSERT_TRUE(Await("asks", [](const Json& now) {
    return PhaseOf(now) == "Pending" &&
           absl::StrContains(MessageOf(now), "PodDisruptionBudget keep allows 0 disruptions");
  })) << requests_->Newest("asks").dump(1);
  EXPECT_TRUE(AwaitRequestEvent("asks", "Waiting", "PodDisruptionBudget keep"));
  ExpectUntouched(pod, "a");
  ASSERT_TRUE(api_->Delete(BudgetPath(ns_, "keep")).ok());
  ExpectSuccess("asks", {"a"});
  ExpectStarts(pod, "a", 2);
}

}  // namespace rekindle::bare_metal
