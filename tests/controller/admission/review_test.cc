// Scenarios 1 to 14 of spec container-recreate 19.1 as kube-apiserver brings them, and the reviews
// of the other kinds.
#include "controller/admission/review.h"

#include <set>

#include <gmock/gmock.h>

#include "common/api/keys.h"
#include "tests/controller/admission/reviews.h"

namespace rekindle::admission {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;

class ReviewTest : public ::testing::Test {
 protected:
  ReviewTest() {
    reader_.objects["Pod/shop/cart-0"] = CartPod();
    reader_.objects["Node//n1"] = NodeOne();
  }

  // The response's `response`.
  Json Ask(const std::string& path, const Json& review) {
    const Webhook* webhook = FindWebhook(path);
    if (webhook == nullptr) {
      ADD_FAILURE() << path;
      return Json::object();
    }
    answer_ = AnswerAdmission(*webhook, review.dump(),
                              {.gates = gates_, .reader = &reader_, .now = absl::UnixEpoch()});
    EXPECT_EQ(answer_.status, 200) << answer_.body;
    const Json body = J(answer_.body);
    EXPECT_EQ(body["apiVersion"], review["apiVersion"]);
    EXPECT_EQ(body["kind"], "AdmissionReview");
    EXPECT_EQ(body["response"]["uid"], review["request"]["uid"]);
    return body["response"];
  }
  Json Create(const Json& request) {
    return Ask(kRestart, ReviewOf("CREATE", "containerrecreaterequests", request));
  }
  Json Update(const Json& now, const Json& old) {
    return Ask(kRestart, ReviewOf("UPDATE", "containerrecreaterequests", now, old));
  }
  void ExpectDenied(const Json& response, int code, const std::string& message) {
    EXPECT_FALSE(response["allowed"].get<bool>());
    EXPECT_FALSE(response.contains("patch"));
    EXPECT_EQ(response["status"]["code"], code);
    EXPECT_THAT(response["status"]["message"].get<std::string>(), HasSubstr(message));
    EXPECT_EQ(answer_.outcome, code < 500 ? Outcome::kDenied : Outcome::kFailed);
  }

  static constexpr char kRestart[] = "/mutate-apps-kruise-io-containerrecreaterequest";
  FakeReader reader_;
  api::AdmissionGates gates_;
  ReviewAnswer answer_;
};

TEST_F(ReviewTest, S1TheGateIsNamed) {
  gates_.daemon = false;
  const Json request = RestartRequest();
  ExpectDenied(Create(request), 403, "feature-gate KruiseDaemon is not enabled");
  EXPECT_EQ(J(answer_.body)["response"]["status"]["reason"], "Forbidden");
  ExpectDenied(Update(request, request), 403, "feature-gate KruiseDaemon is not enabled");
}

struct Refusal {
  const char* spec;
  const char* message;
};

TEST_F(ReviewTest, S2ToS9RefusalsInBothVersions) {
  const Refusal table[] = {
      {R"({"containers":[{"name":"cart"}]})", "podName can not be empty"},
      {R"({"podName":"cart-0","containers":[]})", "containers list can not be null"},
      {R"({"podName":"cart-0"})", "containers list can not be null"},
      {R"({"podName":"cart-0","containers":[{"name":"cart"},{"name":"cart"}]})",
       "can not recreate cart multi times"},
      {R"({"podName":"cart-0","containers":[{"name":"cart"}],"activeDeadlineSeconds":2})",
       "activeDeadlineSeconds can not be less than 3s"},
      {R"({"podName":"cart-0","containers":[{"name":"cart"}],
           "strategy":{"terminationGracePeriodSeconds":-1}})",
       "terminationGracePeriodSeconds must be non-negative integer"},
      {R"({"podName":"cart-0","containers":[{"name":"cart"}],
           "strategy":{"unreadyGracePeriodSeconds":-1}})",
       "unreadyGracePeriodSeconds must be non-negative integer"},
      {R"({"podName":"cart-0","containers":[{"name":"cart"}],"strategy":{"minStartedSeconds":-1}})",
       "minStartedSeconds must be non-negative integer"},
      {R"({"podName":"cart-0","containers":[{"name":"cart"}],"ttlSecondsAfterFinished":-1})",
       "ttlSecondsAfterFinished must be non-negative integer"},
      {R"({"podName":"cart-0","containers":[{"name":"cart"}],
           "strategy":{"failurePolicy":"Retry"}})",
       "unknown failurePolicy Retry"},
      {R"({"podName":"gone","containers":[{"name":"cart"}]})", "no found Pod named gone"},
      {R"({"podName":"cart-0","containers":[{"name":"cart","preStop":{}}]})",
       "preStop, ports, statusContext in container are ready-only fields"},
      {R"({"podName":"cart-0","containers":[{"name":"cart","ports":[{"containerPort":1}]}]})",
       "preStop, ports, statusContext in container are ready-only fields"},
      {R"({"podName":"cart-0","containers":[{"name":"cart",
           "statusContext":{"containerID":"x","restartCount":0}}]})",
       "preStop, ports, statusContext in container are ready-only fields"},
      {R"({"podName":"cart-0","containers":[{"name":"nobody"}]})",
       "container nobody not found in Pod"},
      {R"({"podName":"cart-0","containers":[{"name":"debugger"}]})",
       "container debugger not found in Pod"},
      {R"({"podName":"cart-0","containers":[{"name":"init"}]})",
       "not found init containerStatus in Pod Status"},
      {R"({"podName":"cart-0","containers":[{"name":"sidecar"}]})",
       "not found sidecar containerStatus in Pod Status"},
      {R"({"podName":"cart-0","containers":[{"name":"fresh"}]})",
       "no containerID in fresh containerStatus, maybe the container has not been initialized"},
      // What cannot be decoded.
      {R"({"podName":7,"containers":[{"name":"cart"}]})", "cannot be handled as a"},
  };
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    for (const Refusal& row : table) {
      SCOPED_TRACE(absl::StrCat(version, " ", row.spec));
      ExpectDenied(Create(RestartRequest(row.spec, version)), 400, row.message);
    }
  }
}

TEST_F(ReviewTest, S3AndS5WhatIsGood) {
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    const Json request = RestartRequest(
        R"({"podName":"cart-0","containers":[{"name":"cart"}],"activeDeadlineSeconds":3})",
        version);
    const Json response = Create(request);
    EXPECT_TRUE(response["allowed"].get<bool>());
    EXPECT_EQ(Patched(request, response)["spec"]["strategy"]["failurePolicy"], "Fail");
    EXPECT_EQ(answer_.outcome, Outcome::kPatched);
  }
}

TEST_F(ReviewTest, S6AndS7ThePodsState) {
  const Json request = RestartRequest();
  Json& pod = reader_.objects["Pod/shop/cart-0"];
  const Json running = pod;
  reader_.objects.erase("Node//n1");
  ExpectDenied(Create(request), 400, "failed to get Node n1: ");
  reader_.objects["Node//n1"] = NodeOne();
  pod["spec"].erase("nodeName");
  ExpectDenied(Create(request), 400, "not allowed to recreate containers in a pending Pod");
  const auto inactive = [](Json one, const char* how) {
    if (std::string(how) == "deleting") {
      one["metadata"]["deletionTimestamp"] = "2030-01-02T03:04:05Z";
    } else {
      one["status"]["phase"] = how;
    }
    return one;
  };
  for (const char* how : {"Succeeded", "Failed", "deleting"}) {
    pod = inactive(running, how);
    ExpectDenied(Create(request), 400, "not allowed to recreate containers in an inactive Pod");
    pod["status"]["conditions"] = J(R"([{"type":"SidecarTerminated","status":"False"}])");
    EXPECT_TRUE(Create(request)["allowed"].get<bool>()) << how;
  }
}

TEST_F(ReviewTest, AnotherReadErrorIsNoRefusalOfTheRules) {
  reader_.error = absl::DeadlineExceededError("not in time");
  ExpectDenied(Create(RestartRequest()), 500, "failed to find Pod cart-0: not in time");
}

TEST_F(ReviewTest, S10WhatIsFilledIn) {
  Json request = RestartRequest();
  // In the mutating call of a create the server may leave these out.
  request["metadata"].erase("namespace");
  request["metadata"]["labels"] = {{"mine", "stays"},
                                   {std::string(api::kLabelRecreatePodUid), "forged"},
                                   {std::string(api::kLabelRecreateNode), "forged"},
                                   {std::string(api::kLabelRecreateActive), "false"}};
  request["metadata"]["managedFields"] = J(R"([{"manager":"kubectl","fieldsV1":{"f:spec":{}}}])");
  const Json response = Create(request);
  ASSERT_TRUE(response["allowed"].get<bool>()) << response;
  const Json stored = Patched(request, response);
  Json wanted = request;
  wanted["metadata"]["labels"] = {{"mine", "stays"},
                                  {std::string(api::kLabelRecreatePodUid), "pod-uid"},
                                  {std::string(api::kLabelRecreateNode), "n1"},
                                  {std::string(api::kLabelRecreateActive), "true"}};
  wanted["spec"]["strategy"] = {{"failurePolicy", "Fail"}, {"terminationGracePeriodSeconds", 45}};
  wanted["spec"]["containers"][0]["preStop"] = J(R"({"exec":{"command":["/bin/drain"]}})");
  wanted["spec"]["containers"][0]["statusContext"] =
      J(R"({"containerID":"containerd://aa","restartCount":2})");
  EXPECT_EQ(stored, wanted);
}

TEST_F(ReviewTest, S11HooksAndPorts) {
  const Json request = RestartRequest(R"({"podName":"cart-0","containers":[{"name":"web"}]})");
  const Json container = Patched(request, Create(request))["spec"]["containers"][0];
  EXPECT_EQ(container["preStop"], J(R"({"httpGet":{"port":"http"}})"));
  EXPECT_EQ(container["ports"][0]["containerPort"], 8080);
  const Json exec = RestartRequest();
  EXPECT_FALSE(Patched(exec, Create(exec))["spec"]["containers"][0].contains("ports"));
}

TEST_F(ReviewTest, S12VirtualNodes) {
  const Json request = RestartRequest();
  EXPECT_FALSE(Patched(request, Create(request))["metadata"]["labels"].contains("type"));
  reader_.objects["Node//n1"]["metadata"]["labels"]["type"] = "virtual-kubelet";
  EXPECT_EQ(Patched(request, Create(request))["metadata"]["labels"]["type"], "virtual-kubelet");
}

TEST_F(ReviewTest, S13UpdatesLeaveWhatIsAskedAlone) {
  Json old = RestartRequest();
  old = Patched(old, Create(old));
  Json now = old;
  now["metadata"]["labels"]["mine"] = "new";
  Json response = Update(now, old);
  EXPECT_TRUE(response["allowed"].get<bool>());
  EXPECT_FALSE(response.contains("patch"));
  now["spec"]["activeDeadlineSeconds"] = 10;
  ExpectDenied(Update(now, old), 403, "spec of ContainerRecreateRequest is immutable");
  for (const absl::string_view label : {api::kLabelRecreatePodUid, api::kLabelRecreateNode}) {
    now = old;
    now["metadata"]["labels"][std::string(label)] = "other";
    ExpectDenied(Update(now, old), 403,
                 absl::StrCat("not allowed to update immutable label ", label));
    now["metadata"]["labels"].erase(std::string(label));
    ExpectDenied(Update(now, old), 403, "not allowed to update immutable label");
  }
}

TEST_F(ReviewTest, S14TheDrainsAnnotation) {
  const std::string key(api::kAnnotationRecreateUnready);
  Json old = RestartRequest(R"({"podName":"cart-0","containers":[{"name":"cart"}]})", "v1alpha1");
  Json now = old;
  now["metadata"]["annotations"][key] = "2030-01-01T00:00:00Z";
  EXPECT_TRUE(Update(now, old)["allowed"].get<bool>());
  old = now;
  now["metadata"]["annotations"][key] = "2031-01-01T00:00:00Z";
  ExpectDenied(Update(now, old), 403, "not allowed to update immutable annotation " + key);
  now["metadata"].erase("annotations");
  ExpectDenied(Update(now, old), 403, "not allowed to update immutable annotation " + key);
  // v1beta1 has a condition instead.
  now["apiVersion"] = old["apiVersion"] = "apps.kruise.io/v1beta1";
  EXPECT_TRUE(Update(now, old)["allowed"].get<bool>());
}

TEST_F(ReviewTest, S19TheResourcesVersionCounts) {
  const std::string key(api::kAnnotationRecreateUnready);
  Json old = RestartRequest(R"({"podName":"cart-0","containers":[{"name":"cart"}]})", "v1alpha1");
  old["metadata"]["annotations"][key] = "2030-01-01T00:00:00Z";
  Json now = old;
  now["metadata"]["annotations"][key] = "";
  Json review = ReviewOf("UPDATE", "containerrecreaterequests", now, old);
  review["request"]["requestKind"] = {
      {"group", "apps.kruise.io"}, {"version", "v1beta1"}, {"kind", "ContainerRecreateRequest"}};
  review["request"]["requestResource"]["version"] = "v1beta1";
  ExpectDenied(Ask(kRestart, review), 403, "immutable annotation");
  // A version that nobody knows is read as v1alpha1.
  review["request"]["resource"]["version"] = "v9";
  ExpectDenied(Ask(kRestart, review), 403, "immutable annotation");
  review["request"]["resource"]["version"] = "v1beta1";
  EXPECT_TRUE(Ask(kRestart, review)["allowed"].get<bool>());
}

TEST_F(ReviewTest, DryRunsAndTheOldReviewVersion) {
  const Json request = RestartRequest();
  const Json stored = Patched(request, Create(request));
  Json review = ReviewOf("CREATE", "containerrecreaterequests", request, Json(), "v1beta1");
  review["request"]["dryRun"] = true;
  EXPECT_EQ(Patched(request, Ask(kRestart, review)), stored);
}

TEST_F(ReviewTest, WhatIsBeingDeletedCanBeReleased) {
  gates_.daemon = false;  // the way out when the gate was closed (20.2.5)
  Json old = RestartRequest();
  old["metadata"]["deletionTimestamp"] = "2030-01-02T03:04:05Z";
  old["metadata"]["finalizers"] = {"a/b", "c/d"};
  old["metadata"]["resourceVersion"] = "7";
  Json now = old;
  now["metadata"]["finalizers"] = {"c/d"};
  now["metadata"]["managedFields"] = Json::array();
  EXPECT_TRUE(Update(now, old)["allowed"].get<bool>());
  now["metadata"].erase("finalizers");
  EXPECT_TRUE(Update(now, old)["allowed"].get<bool>());
  // Nothing else may change with it, and nothing before it is deleted.
  now["spec"]["podName"] = "other";
  EXPECT_FALSE(Update(now, old)["allowed"].get<bool>());
  now = old;
  now["metadata"]["finalizers"] = {"e/f"};
  EXPECT_FALSE(Update(now, old)["allowed"].get<bool>());
  now["metadata"].erase("finalizers");
  now["metadata"].erase("deletionTimestamp");
  old["metadata"].erase("deletionTimestamp");
  EXPECT_FALSE(Update(now, old)["allowed"].get<bool>());
}

TEST_F(ReviewTest, WhatIsNotForUsIsLetThrough) {
  Json review = ReviewOf("CREATE", "containerrecreaterequests", RestartRequest(R"({})"));
  review["request"]["subResource"] = "status";
  Json response = Ask(kRestart, review);
  EXPECT_TRUE(response["allowed"].get<bool>());
  EXPECT_FALSE(response.contains("patch"));
  for (const char* operation : {"CONNECT", "DELETE"}) {
    EXPECT_TRUE(Ask(kRestart, ReviewOf(operation, "containerrecreaterequests", Json(),
                                       RestartRequest(R"({})")))["allowed"]
                    .get<bool>());
  }
  // A configuration that names our path for pods must not hold up pods.
  response =
      Ask(kRestart, ReviewOf("CREATE", "pods", {{"apiVersion", "core/v1"}, {"kind", "Pod"}}));
  EXPECT_TRUE(response["allowed"].get<bool>());
  EXPECT_THAT(response["warnings"][0].get<std::string>(), HasSubstr("let through unseen"));
  // But no kind of ours may be sent past its own rules.
  ExpectDenied(Ask("/mutate-apps-kruise-io-cloneset",
                   ReviewOf("CREATE", "containerrecreaterequests", RestartRequest())),
               400, "is for clonesets, not for containerrecreaterequests");
}

TEST_F(ReviewTest, ObjectsThatAreMissing) {
  ExpectDenied(
      Ask(kRestart, ReviewOf("CREATE", "containerrecreaterequests", Json(), RestartRequest())), 400,
      "request.object is missing");
  ExpectDenied(Ask(kRestart, ReviewOf("UPDATE", "containerrecreaterequests", RestartRequest())),
               400, "request.oldObject is missing");
}

TEST_F(ReviewTest, CloneSetsGetDefaultsAndAreValidated) {
  const Json set = CloneSet();
  const Json stored =
      Patched(set, Ask("/mutate-apps-kruise-io-cloneset", ReviewOf("CREATE", "clonesets", set)));
  EXPECT_EQ(stored["spec"]["replicas"], 1);
  EXPECT_EQ(stored["spec"]["template"]["spec"]["containers"][0]["imagePullPolicy"], "Always");
  // Once all are there nothing is changed.
  EXPECT_FALSE(
      Ask("/mutate-apps-kruise-io-cloneset", ReviewOf("UPDATE", "clonesets", stored, stored))
          .contains("patch"));
  EXPECT_EQ(answer_.outcome, Outcome::kAllowed);
  const std::string validate = "/validate-apps-kruise-io-cloneset";
  EXPECT_TRUE(Ask(validate, ReviewOf("CREATE", "clonesets", stored))["allowed"].get<bool>());
  Json bad = stored;
  bad["spec"]["replicas"] = -1;
  bad["spec"]["template"]["metadata"]["labels"]["app"] = "other";
  const Json response = Ask(validate, ReviewOf("UPDATE", "clonesets", bad, stored));
  ExpectDenied(response, 422, "CloneSet.apps.kruise.io \"web\" is invalid");
  EXPECT_EQ(response["status"]["reason"], "Invalid");
  EXPECT_GE(response["status"]["details"]["causes"].size(), 2U);
  EXPECT_EQ(response["status"]["details"]["kind"], "CloneSet");
}

TEST_F(ReviewTest, DeletionProtection) {
  gates_.deletion_protection = true;
  Json set = CloneSet();
  set["metadata"]["labels"][std::string(api::kLabelDeletionProtection)] = "Always";
  Json review = ReviewOf("DELETE", "clonesets", Json(), set);
  review["request"].erase("name");  // of a deletecollection
  ExpectDenied(Ask("/validate-apps-kruise-io-cloneset", review), 403, "Always");
  set["metadata"].erase("labels");
  EXPECT_TRUE(Ask("/validate-apps-kruise-io-cloneset",
                  ReviewOf("DELETE", "clonesets", Json(), set))["allowed"]
                  .get<bool>());
}

TEST_F(ReviewTest, AWriteThroughTheOldVersionOfAStatefulSetWarns) {
  Json set = CloneSet("v1alpha1");
  set["kind"] = "StatefulSet";
  set["spec"]["serviceName"] = "web";
  Json stored = set;
  stored["apiVersion"] = "apps.kruise.io/v1beta1";
  stored["spec"]["reserveOrdinals"] = {1};
  reader_.objects["StatefulSet/shop/web"] = stored;
  const std::string path = "/mutate-apps-kruise-io-statefulset";
  const Json response = Ask(path, ReviewOf("UPDATE", "statefulsets", set, set));
  ASSERT_TRUE(response["allowed"].get<bool>()) << response;
  EXPECT_THAT(response["warnings"][0].get<std::string>(), HasSubstr("spec.reserveOrdinals"));
  reader_.objects.clear();
  EXPECT_FALSE(Ask(path, ReviewOf("UPDATE", "statefulsets", set, set)).contains("warnings"));
}

TEST_F(ReviewTest, ImageKinds) {
  const Json job = {{"apiVersion", "apps.kruise.io/v1beta1"},
                    {"kind", "ImagePullJob"},
                    {"metadata", {{"name", "j"}, {"namespace", "shop"}}},
                    {"spec", J(R"({"image":"web:1","parallelism":"10%",
                       "completionPolicy":{"type":"Always"}})")}};
  for (const char* path :
       {"/mutate-apps-kruise-io-imagepulljob", "/validate-apps-kruise-io-imagepulljob"}) {
    ExpectDenied(Ask(path, ReviewOf("CREATE", "imagepulljobs", job)), 400,
                 "parallelism does not support percentage value");
  }
  Json image = {{"apiVersion", "apps.kruise.io/v1beta1"},
                {"kind", "NodeImage"},
                {"metadata", {{"name", "n1"}}},
                {"spec", J(R"({"images":{"web":{"tags":[
                   {"tag":"2","version":0,"pullPolicy":{"ttlSecondsAfterFinished":1}},
                   {"tag":"1","version":0,"pullPolicy":{"ttlSecondsAfterFinished":1}}]}}})")}};
  Json review = ReviewOf("CREATE", "nodeimages", image);
  review["request"].erase("namespace");
  const Json stored = Patched(image, Ask("/mutate-apps-kruise-io-nodeimage", review));
  EXPECT_EQ(stored["spec"]["images"]["web"]["tags"][0]["tag"], "1");
  EXPECT_FALSE(stored["metadata"].contains("namespace"));
  // Validation changes nothing.
  EXPECT_FALSE(Ask("/validate-apps-kruise-io-nodeimage", review).contains("patch"));
}

// Scenario 42; which pods want it is tested in tests/common/api/kinds.
TEST_F(ReviewTest, S42TheGateOfAPodAndNothingElse) {
  constexpr char kPods[] = "/mutate-pod";
  Json pod = CartPod();
  pod.erase("status");
  pod["spec"]["unheardOf"] = {{"kept", true}};
  pod["metadata"]["ownerReferences"] = J(R"([{"apiVersion":"apps.kruise.io/v1alpha1",
    "kind":"CloneSet","name":"cart","uid":"u","controller":true}])");
  Json response = Ask(kPods, ReviewOf("CREATE", "pods", pod));
  EXPECT_TRUE(response["allowed"].get<bool>());
  EXPECT_EQ(answer_.outcome, Outcome::kPatched);
  Json wanted = pod;
  wanted["spec"]["readinessGates"] = J(R"([{"conditionType":"KruisePodReady"}])");
  EXPECT_EQ(Patched(pod, response), wanted);
  // Behind its own; null and empty lists are as good as none.
  for (const char* own : {"null", "[]"}) {
    pod["spec"]["readinessGates"] = J(own);
    EXPECT_EQ(Patched(pod, Ask(kPods, ReviewOf("CREATE", "pods", pod))), wanted) << own;
  }
  pod["spec"]["readinessGates"] = J(R"([{"conditionType":"a"},{"conditionType":"b"}])");
  wanted["spec"]["readinessGates"] =
      J(R"([{"conditionType":"a"},{"conditionType":"b"},{"conditionType":"KruisePodReady"}])");
  EXPECT_EQ(Patched(pod, Ask(kPods, ReviewOf("CREATE", "pods", pod))), wanted);
  // Once.
  EXPECT_FALSE(Ask(kPods, ReviewOf("CREATE", "pods", wanted)).contains("patch"));
  EXPECT_EQ(answer_.outcome, Outcome::kAllowed);

  const Json bare = CartPod();
  EXPECT_FALSE(Ask(kPods, ReviewOf("CREATE", "pods", bare)).contains("patch"));
  gates_.ready_gate_for_all = true;
  EXPECT_TRUE(Ask(kPods, ReviewOf("CREATE", "pods", bare)).contains("patch"));
  gates_.pod_webhook = false;
  for (const Json& one : {bare, pod}) {
    EXPECT_FALSE(Ask(kPods, ReviewOf("CREATE", "pods", one)).contains("patch"));
  }
}

TEST_F(ReviewTest, APodIsNeverRefused) {
  constexpr char kPods[] = "/mutate-pod";
  gates_.ready_gate_for_all = true;
  reader_.error = absl::UnavailableError("nothing is looked up");
  const Json pod = CartPod();
  const auto expect_untouched = [&](const Json& review) {
    const Json response = Ask(kPods, review);
    EXPECT_TRUE(response["allowed"].get<bool>()) << review;
    EXPECT_FALSE(response.contains("patch")) << review;
  };
  expect_untouched(ReviewOf("UPDATE", "pods", pod, pod));
  expect_untouched(ReviewOf("DELETE", "pods", Json(), pod));
  expect_untouched(ReviewOf("CONNECT", "pods", pod));
  Json review = ReviewOf("CREATE", "pods", pod);
  review["request"]["subResource"] = "eviction";
  expect_untouched(review);
  for (const char* odd : {"null", "7", "[]", "{}", R"({"spec":[]})"}) {
    review = ReviewOf("CREATE", "pods", pod);
    review["request"]["object"] = J(odd);
    expect_untouched(review);
  }
  // What is no pod, whoever has registered it here.
  Json deployment = pod;
  deployment["apiVersion"] = "apps/v1";
  expect_untouched(ReviewOf("CREATE", "deployments", deployment));
  expect_untouched(ReviewOf("CREATE", "services", pod));
  // Our own kinds have rules of their own, at other paths.
  ExpectDenied(Ask(kPods, ReviewOf("CREATE", "containerrecreaterequests", RestartRequest())), 400,
               "/mutate-pod is for pods");
}

TEST_F(ReviewTest, GarbageIsAnsweredByAText) {
  const Webhook& webhook = *FindWebhook(kRestart);
  const Json good = ReviewOf("CREATE", "containerrecreaterequests", RestartRequest());
  const auto without = [&](const char* member) {
    Json out = good;
    out["request"].erase(member);
    return out.dump();
  };
  const auto with = [&](const char* member, const Json& value) {
    Json out = good;
    out[member] = value;
    return out.dump();
  };
  const std::pair<std::string, const char*> table[] = {
      {"", "no AdmissionReview"},
      {"{", "no AdmissionReview"},
      {"[]", "the body is no JSON object"},
      {std::string("\xff\xfe"), "no AdmissionReview"},
      {with("kind", "Pod"), "kind is \"Pod\""},
      {with("apiVersion", "admission.k8s.io/v2"), "apiVersion is \"admission.k8s.io/v2\""},
      {with("apiVersion", Json()), "apiVersion is \"\""},
      {with("request", Json()), "request is missing"},
      {with("request", 7), "request is missing"},
      {without("uid"), "request.uid"},
      {without("operation"), "request.operation or request.resource is missing"},
      {without("resource"), "request.operation or request.resource is missing"},
      {std::string(100'000, '['), "no AdmissionReview"},
      {absl::StrCat(R"({"request":)", std::string(50'000, '['), std::string(50'000, ']'), "}"),
       "no AdmissionReview"},
  };
  for (const auto& [body, text] : table) {
    const ReviewAnswer answer = AnswerAdmission(webhook, body, {.reader = &reader_});
    EXPECT_EQ(answer.status, 400) << body.substr(0, 200);
    EXPECT_THAT(answer.content_type, StartsWith("text/plain"));
    EXPECT_THAT(answer.body, HasSubstr(text)) << body.substr(0, 200);
    EXPECT_EQ(answer.outcome, Outcome::kMalformed);
  }
}

TEST(WebhooksTest, EveryKindOfOursHasItsRules) {
  std::set<std::string> plurals;
  for (const Webhook& webhook : Webhooks()) {
    EXPECT_EQ(FindWebhook(webhook.path), &webhook);
    EXPECT_THAT(std::string(webhook.path),
                StartsWith(webhook.phase == Phase::kMutate ? "/mutate-" : "/validate-"));
    if (webhook.phase == Phase::kMutate && !webhook.pods) plurals.emplace(webhook.plural);
  }
  std::set<std::string> kinds;
  for (const api::KindInfo& kind : api::Kinds().kinds()) {
    if (kind.group == api::kKruiseGroup) kinds.insert(kind.plural);
  }
  EXPECT_EQ(plurals, kinds);
  EXPECT_EQ(FindWebhook("/mutate"), nullptr);
  EXPECT_EQ(FindWebhook(""), nullptr);
}

}  // namespace
}  // namespace rekindle::admission
