#include "controller/plan/recreate/call.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::plan {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class PodCallTest : public ::testing::Test {
 protected:
  PodCallTest()
      : pod_(Json::parse(R"({
          "apiVersion": "v1", "kind": "Pod",
          "metadata": {"name": "web-0", "namespace": "shop", "uid": "u-1", "labels": {"track": "blue"}},
          "spec": {"nodeName": "n-1", "restartPolicy": "Always", "terminationGracePeriodSeconds": 45,
            "containers": [
              {"name": "app", "image": "web:1",
               "lifecycle": {"preStop": {"httpGet": {"port": "http", "path": "/quit"}},
                             "postStart": {"exec": {"command": ["/bin/warm"]}}},
               "ports": [{"name": "http", "containerPort": 8080}],
               "env": [{"name": "T", "valueFrom": {"fieldRef": {"fieldPath": "metadata.labels['track']"}}},
                       {"name": "G", "valueFrom": {"configMapKeyRef": {"name": "cm", "key": "k"}}}]},
              {"name": "log", "image": "log:1"}],
            "initContainers": [
              {"name": "setup", "image": "s:1"},
              {"name": "proxy", "image": "p:1", "restartPolicy": "Always"}],
            "ephemeralContainers": [{"name": "debug"}]},
          "status": {"phase": "Running",
            "containerStatuses": [
              {"name": "log", "containerID": "cri-o://bb"},
              {"name": "app", "containerID": "containerd://aa"}],
            "initContainerStatuses": [
              {"name": "setup", "containerID": "containerd://cc"},
              {"name": "proxy", "containerID": "containerd://dd"}]}})")) {}

  PodCall Call(const RecreateWish& wish) {
    const auto call = PlanPodCall(pod_, wish);
    EXPECT_TRUE(call.ok()) << call.status();
    return call.ok() ? *call : PodCall();
  }
  absl::Status Error(const RecreateWish& wish) { return PlanPodCall(pod_, wish).status(); }

  static std::vector<std::string> Names(const PodCall& call) {
    std::vector<std::string> names;
    for (const ContainerCall& container : call.containers) names.push_back(container.name);
    return names;
  }

  Json pod_;
};

TEST_F(PodCallTest, WhetherTheKubeletChecksItsHealth) {
  EXPECT_FALSE(Call({.containers = {"app"}}).containers[0].health_checked);
  for (Json& container : pod_["spec"]["containers"]) {
    if (container["name"] == "app") container["readinessProbe"] = Json::object();
  }
  EXPECT_FALSE(Call({.containers = {"app"}}).containers[0].health_checked);
  for (const char* probe : {"livenessProbe", "startupProbe"}) {
    Json with = pod_;
    for (Json& container : with["spec"]["containers"]) {
      if (container["name"] == "app") container[probe] = Json::object();
    }
    const auto call = PlanPodCall(with, {.containers = {"app"}});
    ASSERT_TRUE(call.ok()) << call.status();
    EXPECT_TRUE(call->containers[0].health_checked) << probe;
  }
}

TEST_F(PodCallTest, WhatTheDaemonMustKnow) {
  const PodCall call = Call({.containers = {"app"}});
  EXPECT_EQ(call.ns, "shop");
  EXPECT_EQ(call.name, "web-0");
  EXPECT_EQ(call.uid, "u-1");
  EXPECT_EQ(call.node, "n-1");
  EXPECT_EQ(call.restart_policy, api::RestartPolicy::kAlways);
  EXPECT_FALSE(call.terminating);
  EXPECT_FALSE(call.is_static);
  EXPECT_EQ(call.grace, absl::Seconds(45));
  ASSERT_EQ(call.containers.size(), 1U);
  const ContainerCall& app = call.containers[0];
  EXPECT_EQ(app.expected_id, "aa");
  EXPECT_EQ(app.restart_policy, api::RestartPolicy::kAlways);
  EXPECT_TRUE(app.pre_stop == Hook(HttpGetHook{.host = "", .port = 8080, .path = "/quit"}));
  EXPECT_TRUE(app.post_start == Hook(ExecHook{{"/bin/warm"}}));
  EXPECT_THAT(app.env, ElementsAre(Pair("T", "blue")));
  EXPECT_THAT(app.references, ElementsAre("G (ConfigMap cm)"));
}

TEST_F(PodCallTest, ContainersInTheOrderAsked) {
  EXPECT_THAT(Names(Call({.containers = {"log", "app"}})), ElementsAre("log", "app"));
  EXPECT_EQ(Call({.containers = {"log"}}).containers[0].expected_id, "bb");
}

TEST_F(PodCallTest, AllMeansTheRegularOnes) {
  EXPECT_THAT(Names(Call({.containers = {}, .all = true})), ElementsAre("app", "log"));
}

TEST_F(PodCallTest, NoneNamed) {
  EXPECT_EQ(Error({}).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Error({}).message(), "pod shop/web-0 has several containers: app, log");
  pod_["spec"]["containers"].erase(1);
  EXPECT_THAT(Names(Call({})), ElementsAre("app"));
}

TEST_F(PodCallTest, Sidecars) {
  pod_["spec"]["restartPolicy"] = "Never";
  const PodCall call = Call({.containers = {"proxy", "app"}});
  EXPECT_EQ(call.restart_policy, api::RestartPolicy::kNever);
  EXPECT_EQ(call.containers[0].expected_id, "dd");
  EXPECT_EQ(call.containers[0].restart_policy, api::RestartPolicy::kAlways);
  EXPECT_EQ(call.containers[1].restart_policy, api::RestartPolicy::kNever);
}

TEST_F(PodCallTest, PoliciesOfContainers) {
  pod_["spec"]["containers"][0]["restartPolicy"] = "OnFailure";
  EXPECT_EQ(Call({.containers = {"app"}}).containers[0].restart_policy,
            api::RestartPolicy::kOnFailure);
  pod_["spec"].erase("restartPolicy");
  EXPECT_EQ(Call({.containers = {"log"}}).restart_policy, api::RestartPolicy::kAlways);
}

struct RefusalCase {
  const char* container;
  absl::StatusCode code;
  const char* message;
};

TEST_F(PodCallTest, ContainersThatAreNotRestarted) {
  const RefusalCase cases[] = {
      {"web", absl::StatusCode::kNotFound, "container \"web\": pod shop/web-0 has app, log, proxy"},
      {"setup", absl::StatusCode::kFailedPrecondition,
       "container \"setup\": is an init container; those run before the others and are not "
       "restarted (unless they are sidecars, with restartPolicy Always)"},
      {"debug", absl::StatusCode::kFailedPrecondition,
       "container \"debug\": is an ephemeral container; those run once and are not restarted"},
  };
  for (const RefusalCase& c : cases) {
    const absl::Status error = Error({.containers = {"app", c.container}});
    EXPECT_EQ(error.code(), c.code) << c.container;
    EXPECT_EQ(error.message(), c.message);
  }
  EXPECT_EQ(Error({.containers = {"app", "log", "app"}}).message(),
            "container \"app\": is named twice");
}

TEST_F(PodCallTest, ContainerThatNeverRan) {
  pod_["status"]["containerStatuses"][1].erase("containerID");
  EXPECT_EQ(Error({.containers = {"app"}}).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(Error({.containers = {"app"}}).message()), HasSubstr("has not run yet"));
  pod_["status"].erase("containerStatuses");
  EXPECT_EQ(Error({.containers = {"log"}}).code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(PodCallTest, Grace) {
  EXPECT_EQ(Call({.containers = {"app"}, .grace = absl::ZeroDuration()}).grace,
            absl::ZeroDuration());
  pod_["spec"]["terminationGracePeriodSeconds"] = 0;
  EXPECT_EQ(Call({.containers = {"app"}}).grace, absl::ZeroDuration());
  pod_["spec"]["terminationGracePeriodSeconds"] = -5;
  EXPECT_EQ(Call({.containers = {"app"}}).grace, absl::Seconds(1));
  pod_["spec"].erase("terminationGracePeriodSeconds");
  EXPECT_EQ(Call({.containers = {"app"}}).grace, absl::Seconds(30));
}

TEST_F(PodCallTest, Terminating) {
  pod_["metadata"]["deletionTimestamp"] = "2026-01-01T00:00:00Z";
  EXPECT_TRUE(Call({.containers = {"app"}}).terminating);
}

TEST_F(PodCallTest, StaticPod) {
  pod_["metadata"]["annotations"]["kubernetes.io/config.mirror"] = "0badcafe";
  const PodCall call = Call({.containers = {"app"}});
  EXPECT_TRUE(call.is_static);
  EXPECT_EQ(call.uid, "0badcafe");
}

TEST_F(PodCallTest, PodOfARuntimeWithoutKubelet) {
  pod_["metadata"]["annotations"]["rekindle.io/runtime-uid"] = "made-by-crictl";
  const PodCall call = Call({.containers = {"app"}});
  EXPECT_FALSE(call.is_static);
  EXPECT_EQ(call.uid, "made-by-crictl");
}

TEST_F(PodCallTest, PodsThatCannotBeRestarted) {
  const Json good = pod_;
  for (const char* phase : {"Succeeded", "Failed"}) {
    pod_["status"]["phase"] = phase;
    EXPECT_EQ(Error({.containers = {"app"}}).code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_EQ(Error({.containers = {"app"}}).message(),
              absl::StrCat("pod shop/web-0 has ended (phase ", phase, ")"));
  }
  pod_ = good;
  pod_["spec"].erase("nodeName");
  EXPECT_EQ(Error({.containers = {"app"}}).message(),
            "pod shop/web-0 has no node yet, so nothing of it runs");
}

TEST_F(PodCallTest, WhatIsNoPod) {
  for (const char* text : {"null", "[]", R"({"kind": "Node"})",
                           R"({"kind": "Pod", "metadata": {"name": "a", "namespace": "b"}})"}) {
    EXPECT_EQ(PlanPodCall(Json::parse(text), {}).status().code(),
              absl::StatusCode::kInvalidArgument)
        << text;
  }
  pod_["spec"].erase("containers");
  EXPECT_EQ(Error({}).message(), "spec.containers: missing");
  EXPECT_EQ(Error({.containers = {"app"}}).code(), absl::StatusCode::kNotFound);
}

TEST_F(PodCallTest, HookThatCannotBeRead) {
  pod_["spec"]["containers"][0]["ports"].clear();
  EXPECT_EQ(Error({.containers = {"app"}}).message(),
            "spec.containers[0].lifecycle.preStop.httpGet.port: the container has no port named "
            "\"http\"");
  EXPECT_TRUE(PlanPodCall(pod_, {.containers = {"log"}}).ok());  // of another container
}

}  // namespace
}  // namespace rekindle::plan
