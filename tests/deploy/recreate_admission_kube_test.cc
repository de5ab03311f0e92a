// Admission and conversion through the deployed webhooks (spec container-recreate 19.1, 19.2).
#include "tests/deploy/recreate_fixture.h"

namespace rekindle::deploy {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

std::string OldPath(const std::string& name = "") {
  return absl::StrCat("/apis/apps.kruise.io/v1alpha1/namespaces/", kSpace,
                      "/containerrecreaterequests", name.empty() ? "" : "/", name);
}

json Request(const std::string& pod, const std::vector<std::string>& containers,
             json spec = json::object(), const std::string& version = "v1beta1") {
  json out = bare_metal::MakeRequest(kSpace, "asked", pod, containers, std::move(spec));
  out["apiVersion"] = "apps.kruise.io/" + version;
  return out;
}

}  // namespace

class RecreateKubeAdmission {
 public:
  explicit RecreateKubeAdmission(const kube::Cluster& cluster) : api_(cluster.api()) {}

  // Asks without anything being stored.
  absl::StatusOr<json> Ask(const json& request) const {
    const bool old = request["apiVersion"] == "apps.kruise.io/v1alpha1";
    return api_.Create((old ? OldPath() : RequestPath(kSpace)) + "?dryRun=All", request);
  }
  void ExpectRefused(const json& request, const std::string& text) const {
    SCOPED_TRACE(request["spec"].dump());
    const absl::Status status = Ask(request).status();
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr("HTTP 400"), HasSubstr("mcontainerrecreaterequest.kb.io"),
                      HasSubstr(text)));
  }

 private:
  const kube::ApiClient& api_;
};

// Scenarios 2 to 5, 8 and 9.
TEST_F(RecreateKubeTest, WhatCannotBeMeantIsRefusedWithTheReason) {
  json pod = MakePod("strict", {"a"});
  pod["spec"]["initContainers"] = json::array({{{"name", "prepare"},
                                                {"image", bed::kServerImage},
                                                {"imagePullPolicy", "Never"},
                                                {"args", {"exit", "0"}}}});
  // One that never comes up: no such image, and nobody pulls.
  pod["spec"]["containers"].push_back(
      {{"name", "absent"}, {"image", "nowhere.example/none:1"}, {"imagePullPolicy", "Never"}});
  Make(pod);
  ASSERT_TRUE(
      AwaitPod("strict", [](const json& now) { return StatusOf(now, "a").value("ready", false); }));
  const RecreateKubeAdmission admission(*cluster_);
  const auto hook = [](json member) {
    json request = Request("strict", {"a"});
    request["spec"]["containers"][0].update(member);
    return request;
  };
  const struct {
    json request;
    const char* text;
  } kRows[] = {
      {Request("", {"a"}), "podName can not be empty"},
      {Request("strict", {}), "containers list can not be null"},
      {Request("strict", {"a", "a"}), "can not recreate a multi times"},
      {Request("strict", {"a"}, {{"activeDeadlineSeconds", 2}}),
       "activeDeadlineSeconds can not be less than 3s"},
      {Request("strict", {"a"}, Strategy({{"terminationGracePeriodSeconds", -1}}), "v1alpha1"),
       "terminationGracePeriodSeconds must be non-negative integer"},
      {Request("strict", {"a"}, Strategy({{"unreadyGracePeriodSeconds", -1}}), "v1alpha1"),
       "unreadyGracePeriodSeconds must be non-negative integer"},
      {Request("strict", {"a"}, Strategy({{"minStartedSeconds", -1}}), "v1alpha1"),
       "minStartedSeconds"},
      {Request("strict", {"a"}, {{"ttlSecondsAfterFinished", -1}}, "v1alpha1"),
       "ttlSecondsAfterFinished"},
      {Request("strict", {"a"}, Strategy({{"failurePolicy", "Retry"}}), "v1alpha1"),
       "unknown failurePolicy Retry"},
      {Request("nobody", {"a"}), "no found Pod named nobody"},
      {Request("strict", {"z"}), "container z not found in Pod"},
      {Request("strict", {"prepare"}), "not found prepare containerStatus in Pod Status"},
      {Request("strict", {"absent"}), "no containerID in absent containerStatus"},
      {hook({{"preStop", {{"exec", {{"command", {"/bin/evil"}}}}}}}), "ready-only fields"},
      {hook({{"ports", json::array({{{"containerPort", 1}}})}}), "ready-only fields"},
      {hook({{"statusContext", {{"containerID", "containerd://x"}, {"restartCount", 0}}}}),
       "ready-only fields"},
  };
  for (const auto& row : kRows) admission.ExpectRefused(row.request, row.text);
  EXPECT_TRUE(admission.Ask(Request("strict", {"a"}, {{"activeDeadlineSeconds", 3}})).ok());
}

// Scenarios 6 and 7.
TEST_F(RecreateKubeTest, PodsThatDoNotRunAreRefused) {
  const RecreateKubeAdmission admission(*cluster_);
  json pending = MakePod("pending", {"a"});
  pending["spec"]["nodeSelector"] = {{"test/nowhere", "true"}};
  Make(pending);
  admission.ExpectRefused(Request("pending", {"a"}), "a pending Pod");

  json homeless = MakePod("homeless", {"a"});
  homeless["spec"]["nodeName"] = "no-such-node";
  Make(homeless);
  admission.ExpectRefused(Request("homeless", {"a"}), "failed to get Node no-such-node");

  json over = MakePod("over", {"a"});
  over["spec"]["restartPolicy"] = "Never";
  over["spec"]["containers"][0]["args"] = {"exit", "0"};
  Make(over);
  ASSERT_TRUE(AwaitPod("over", [](const json& now) {
    return now.is_object() && now["status"].value("phase", "") == "Succeeded";
  }));
  admission.ExpectRefused(Request("over", {"a"}), "an inactive Pod");
  // Its sidecars may still be told to end.
  ASSERT_TRUE(cluster_->api()
                  .Patch(kube::PodPath("over") + "/status",
                         {{"status",
                           {{"conditions",
                             json::array({{{"type", "SidecarTerminated"}, {"status", "True"}}})}}}},
                         "strategic-merge-patch")
                  .ok());
  const auto accepted = admission.Ask(Request("over", {"a"}));
  EXPECT_TRUE(accepted.ok()) << accepted.status();

  json leaving = MakePod("leaving", {"a"});
  leaving["metadata"]["finalizers"] = json::array({"test.example/keep"});
  Run(leaving);
  ASSERT_TRUE(cluster_->api().Delete(kube::PodPath("leaving")).ok());
  admission.ExpectRefused(Request("leaving", {"a"}), "an inactive Pod");
  ASSERT_TRUE(cluster_->api()
                  .Patch(kube::PodPath("leaving"), {{"metadata", {{"finalizers", nullptr}}}})
                  .ok());
}

// Scenarios 10 to 12.
TEST_F(RecreateKubeTest, WhatIsMissingIsFilledIn) {
  json pod = MakePod("filled", {"a", "b"});
  pod["spec"]["containers"][0]["lifecycle"] = {
      {"preStop", {{"httpGet", {{"path", "/id"}, {"port", "web-a"}}}}}};
  pod["spec"]["containers"][1]["lifecycle"] = {
      {"preStop", {{"exec", {{"command", {"/testserver", "append", "/diary/hook", "x"}}}}}}};
  const json before = Run(pod);
  ASSERT_TRUE(before.is_object());
  const RecreateKubeAdmission admission(*cluster_);
  json request = Request("filled", {"a", "b"});
  request["metadata"]["labels"] = {{"crr.apps.kruise.io/pod-uid", "forged"},
                                   {"crr.apps.kruise.io/node-name", "forged"},
                                   {kActiveLabel, "false"},
                                   {"mine", "stays"}};
  auto made = admission.Ask(request);
  ASSERT_TRUE(made.ok()) << made.status();
  const json& labels = (*made)["metadata"]["labels"];
  EXPECT_EQ(labels["crr.apps.kruise.io/pod-uid"], before["metadata"]["uid"]);
  EXPECT_EQ(labels["crr.apps.kruise.io/node-name"], cluster_->node_name());
  EXPECT_EQ(labels[kActiveLabel], "true");
  EXPECT_EQ(labels["mine"], "stays");
  EXPECT_FALSE(labels.contains("type"));
  const json& spec = (*made)["spec"];
  EXPECT_EQ(spec["strategy"]["failurePolicy"], "Fail");
  EXPECT_EQ(spec["strategy"]["terminationGracePeriodSeconds"], 10);
  EXPECT_EQ(spec["containers"][0]["statusContext"]["containerID"],
            kube::ContainerStatus(before, "a")["containerID"]);
  EXPECT_EQ(spec["containers"][0]["statusContext"]["restartCount"], 0);
  EXPECT_EQ(spec["containers"][0]["preStop"]["httpGet"]["port"], "web-a");
  EXPECT_EQ(spec["containers"][0]["ports"][0]["containerPort"], 8080);
  EXPECT_EQ(spec["containers"][1]["preStop"]["exec"]["command"][1], "append");
  EXPECT_FALSE(spec["containers"][1].contains("ports"));

  const std::string node = "/api/v1/nodes/" + cluster_->node_name();
  ASSERT_TRUE(cluster_->api()
                  .Patch(node, {{"metadata", {{"labels", {{"type", "virtual-kubelet"}}}}}})
                  .ok());
  made = admission.Ask(request);
  ASSERT_TRUE(cluster_->api().Patch(node, {{"metadata", {{"labels", {{"type", nullptr}}}}}}).ok());
  ASSERT_TRUE(made.ok()) << made.status();
  EXPECT_EQ((*made)["metadata"]["labels"]["type"], "virtual-kubelet");
}

// Scenarios 13 to 18, on a request that waits.
TEST_F(RecreateKubeTest, ARequestThatIsThereKeepsItsMeaningInBothVersions) {
  const json pod = RunPlain("kept");
  Create("kept", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 600}}));
  ASSERT_TRUE(AwaitDrain("kept"));
  const std::string path = RequestPath(kSpace, "kept");
  const kube::ApiClient& api = cluster_->api();
  const auto expect_refused = [&](const std::string& at, const json& patch, const char* text) {
    const absl::Status status = api.Patch(at, patch).status();
    EXPECT_THAT(std::string(status.message()), AllOf(HasSubstr("HTTP 403"), HasSubstr(text)));
  };
  expect_refused(path, {{"spec", {{"activeDeadlineSeconds", 9}}}}, "is immutable");
  for (const char* label : {"crr.apps.kruise.io/pod-uid", "crr.apps.kruise.io/node-name"}) {
    for (const json& value : {json("other"), json()}) {
      expect_refused(path, {{"metadata", {{"labels", {{label, value}}}}}},
                     "not allowed to update immutable label");
    }
  }
  // The same object through the older version.
  const auto old = api.Get(OldPath("kept"));
  ASSERT_TRUE(old.ok()) << old.status();
  const json since = Condition(requests_->Newest("kept"), "PreRecreateGrace")["lastTransitionTime"];
  EXPECT_EQ((*old)["metadata"]["annotations"][kUnreadyFinalizer], since);
  for (const json& value : {json("2030-01-01T00:00:00Z"), json()}) {
    expect_refused(OldPath("kept"), {{"metadata", {{"annotations", {{kUnreadyFinalizer, value}}}}}},
                   "not allowed to update immutable annotation");
  }
  for (const std::string& at : {path, OldPath("kept")}) {
    const auto labelled = api.Patch(at, {{"metadata", {{"labels", {{"mine", "new"}}}}}});
    EXPECT_TRUE(labelled.ok()) << labelled.status();
  }
  const auto now = api.Get(path);
  ASSERT_TRUE(now.ok()) << now.status();
  EXPECT_EQ(Condition(*now, "PreRecreateGrace")["lastTransitionTime"], since);
  EXPECT_EQ((*now)["metadata"]["labels"]["mine"], "new");
  Delete("kept");
  EXPECT_TRUE(Await("kept", [](const json& seen) { return seen.is_null(); }));
  ExpectUntouched(pod, "a");
}

// Scenario 19, by the user's own tool: made and read through the older version.
TEST_F(RecreateKubeTest, ARequestOfTheOlderVersionIsCarriedOut) {
  const json pod = RunPlain("older");
  const absl::Status applied = cluster_->Apply(Request("older", {"a"}, {}, "v1alpha1"));
  ASSERT_TRUE(applied.ok()) << applied;
  const json ended = ExpectSuccess("asked", {"a"});
  ExpectRestarted(pod, "a", 1);
  const auto old = cluster_->api().Get(OldPath("asked"));
  ASSERT_TRUE(old.ok()) << old.status();
  EXPECT_EQ((*old)["status"]["phase"], "Completed");
  EXPECT_EQ(json::parse((*old)["metadata"]["annotations"]["crr.apps.kruise.io/"
                                                          "sync-container-statuses"]
                            .get<std::string>()),
            ended["status"]["containerStatusSnapshot"]);
  const auto printed = cluster_->Kubectl({"get", "crr", "asked"});
  ASSERT_TRUE(printed.ok()) << printed.status();
  EXPECT_THAT(*printed,
              AllOf(HasSubstr("Completed"), HasSubstr("older"), HasSubstr(cluster_->node_name())));
}

}  // namespace rekindle::deploy
