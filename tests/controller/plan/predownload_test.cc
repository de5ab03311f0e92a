#include "controller/plan/predownload.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using testing::J;
using testing::TemplateOf;
using testing::World;
using Step = PreDownloadPlan::Step;

class PreDownloadTest : public ::testing::Test {
 protected:
  PreDownloadTest() {
    Json before = TemplateOf({"main=web:1", "side=log:1"});
    Json after = TemplateOf({"main=web:2", "side=log:1"});
    after["spec"]["imagePullSecrets"] = {{{"name", "registry"}}};
    before["spec"]["imagePullSecrets"] = after["spec"]["imagePullSecrets"];
    old_ = world_.Rev("web-aaa", before, 1);
    new_ = world_.Rev("web-bbb", after, 2);
    object_ = J(R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"CloneSet",
      "metadata":{"name":"web","namespace":"prod"},
      "spec":{"replicas":5,"selector":{"matchLabels":{"app":"web"}},"template":{},
      "updateStrategy":{"rollingUpdate":{"podUpdatePolicy":"InPlaceIfPossible","partition":1}}}})");
  }
  PreDownloadPlan Plan() {
    const auto spec = ParseCloneSet(object_);
    EXPECT_TRUE(spec.ok()) << spec.status();
    return PlanPreDownload(PreDownloadOf(*spec, object_), {new_, old_, {old_, new_}}, {});
  }
  Json& Rolling() { return object_["spec"]["updateStrategy"]["rollingUpdate"]; }

  World world_;
  Revision old_, new_;
  Json object_;
};

TEST_F(PreDownloadTest, OneJobForEachNewImageScenario80) {
  Rolling()["inPlaceUpdateStrategy"] = {{"imagePreDownloadParallelism", "7"}};
  const PreDownloadPlan plan = Plan();
  EXPECT_EQ(plan.step, Step::kCreate);
  EXPECT_EQ(MarkerOf(plan.step), "apps.kruise.io/pre-predownload-created");
  ASSERT_EQ(plan.jobs.size(), 1U);
  const Json& job = plan.jobs[0];
  EXPECT_EQ(job["metadata"]["name"], "web-bbb-main");
  EXPECT_EQ(job["metadata"]["namespace"], "prod");
  EXPECT_EQ(job["metadata"]["labels"]["controller.kubernetes.io/hash"], "bbb");
  const Json& spec = job["spec"];
  EXPECT_EQ(spec["image"], "web:2");
  EXPECT_EQ(spec["parallelism"], 7);
  EXPECT_EQ(spec["pullSecrets"], Json::array({"registry"}));
  EXPECT_EQ(spec["pullPolicy"], J(R"({"backoffLimit":1,"timeoutSeconds":300})"));
  EXPECT_EQ(spec["completionPolicy"], J(R"({"type":"Always","ttlSecondsAfterFinished":600})"));
  EXPECT_EQ(spec["podSelector"]["matchLabels"]["app"], "web");
  EXPECT_EQ(
      spec["podSelector"]["matchExpressions"][0],
      J(R"({"key":"controller-revision-hash","operator":"NotIn","values":["web-bbb","bbb"]})"));
}

TEST_F(PreDownloadTest, AContainerThatIsNewHasANewImage) {
  new_ = world_.Rev("web-bbb", TemplateOf({"main=web:2", "side=log:2"}), 2);
  old_ = world_.Rev("web-aaa", TemplateOf({"main=web:1", "side=log:1"}), 1);
  EXPECT_EQ(Plan().jobs.size(), 2U);
}

TEST_F(PreDownloadTest, IgnoredInTheOrderOfSection24) {
  const struct {
    const char* rule;
    std::function<void()> change;
    const char* words;
  } kRows[] = {
      {"1 ReCreate", [&] { Rolling()["podUpdatePolicy"] = "ReCreate"; }, "recreated"},
      {"1 OnDelete",
       [&] {
         object_["spec"]["updateStrategy"] = {{"type", "OnDelete"}};
       },
       "recreated"},
      {"2 three replicas", [&] { object_["spec"]["replicas"] = 3; }, "too few"},
      {"3 one batch",
       [&] {
         Rolling()["partition"] = 0;
         Rolling()["maxUnavailable"] = "100%";
       },
       "at once"},
      {"4 not in place",
       [&] {
         new_ = world_.Rev(
             "web-bbb",
             J(R"({"metadata":{},"spec":{"containers":[{"name":"main","image":"web:2"}]}})"), 2);
       },
       "not made in place"},
  };
  const Json object = object_;
  const Revision fresh = new_;
  for (const auto& row : kRows) {
    object_ = object;
    new_ = fresh;
    row.change();
    const PreDownloadPlan plan = Plan();
    EXPECT_EQ(plan.step, Step::kIgnore) << row.rule;
    EXPECT_NE(plan.why.find(row.words), std::string::npos) << row.rule << ": " << plan.why;
    EXPECT_EQ(MarkerOf(plan.step), "apps.kruise.io/image-predownload-ignored");
    EXPECT_TRUE(plan.jobs.empty());
  }
  // The edges: four replicas are enough, and 99% of 5 rounds down to 4.
  object_ = object;
  new_ = fresh;
  object_["spec"]["replicas"] = 4;
  EXPECT_EQ(Plan().step, Step::kCreate);
  object_["spec"]["replicas"] = 5;
  Rolling()["partition"] = 0;
  Rolling()["maxUnavailable"] = "99%";
  EXPECT_EQ(Plan().step, Step::kCreate);
}

TEST_F(PreDownloadTest, OncePerRevisionAndGoneAtTheEnd) {
  new_.pre_download_done = true;
  EXPECT_EQ(Plan().step, Step::kNone);
  new_ = old_;
  EXPECT_EQ(Plan().step, Step::kDeleteJobs);
}

TEST_F(PreDownloadTest, WaitsForUpdatedPodsOfThisRevision) {
  Rolling()["inPlaceUpdateStrategy"] = {{"imagePreDownloadMinUpdatedReadyPods", 2}};
  object_["status"] = {{"updateRevision", "web-bbb"}, {"updatedReadyReplicas", 1}};
  EXPECT_EQ(Plan().step, Step::kWait);
  object_["status"]["updatedReadyReplicas"] = 2;
  EXPECT_EQ(Plan().step, Step::kCreate);
  object_["status"]["updateRevision"] = "web-old";  // counted for another revision
  EXPECT_EQ(Plan().step, Step::kWait);
}

TEST_F(PreDownloadTest, StatefulSetReadsAnnotationsOf14) {
  Json set = J(R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"StatefulSet",
    "metadata":{"name":"web","annotations":{"apps.kruise.io/image-predownload-parallelism":"3",
      "apps.kruise.io/image-predownload-timeout-seconds":"60",
      "apps.kruise.io/image-predownload-min-updated-ready-pods":"15%"}},
    "spec":{"replicas":10,"selector":{"matchLabels":{"app":"web"}},"template":{},
      "updateStrategy":{"rollingUpdate":{"podUpdatePolicy":"InPlaceIfPossible"}}},
    "status":{"updateRevision":"web-bbb","updatedReadyReplicas":1}})");
  const auto plan = [&] {
    return PlanPreDownload(PreDownloadOf(*ParseStatefulSet(set, {}), set),
                           {new_, old_, {old_, new_}}, {});
  };
  EXPECT_EQ(plan().step, Step::kWait);  // 15% of 10 round up to two
  set["status"]["updatedReadyReplicas"] = 2;
  ASSERT_EQ(plan().step, Step::kCreate);
  EXPECT_EQ(plan().jobs[0]["spec"]["parallelism"], 3);
  EXPECT_EQ(plan().jobs[0]["spec"]["pullPolicy"]["timeoutSeconds"], 60);
  set["apiVersion"] = "apps/v1";
  EXPECT_EQ(plan().step, Step::kIgnore);
}

}  // namespace
}  // namespace rekindle::plan
