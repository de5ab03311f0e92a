#include "common/api/kinds/convert.h"

#include "common/api/schema/values.h"
#include "tests/common/api/kinds/admission_fixture.h"

namespace rekindle::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class ConvertTest : public AdmissionTest {
 protected:
  static Json Make(const char* version, const char* kind, const char* rest) {
    Json out = Json::parse(rest);
    out["apiVersion"] = absl::StrCat("apps.kruise.io/", version);
    out["kind"] = kind;
    return out;
  }
  static Json To(const char* version, const Json& object,
                 std::vector<std::string>* warnings = nullptr) {
    const std::string before = object.dump();
    const auto out = Convert(
        object, *Kinds().Find(kKruiseGroup, version, json::String(object, "kind")), warnings);
    EXPECT_TRUE(out.ok()) << out.status();
    EXPECT_EQ(object.dump(), before);
    return out.ok() ? *out : Json();
  }
};

// Scenarios 15 to 18 of spec cloneset 28.A.
TEST_F(ConvertTest, CloneSetReuseOfClaims) {
  const auto up = [&](const char* spec) {
    return To("v1beta1",
              Make("v1alpha1", "CloneSet", spec))["spec"]["scaleStrategy"]["enablePVCReuse"];
  };
  EXPECT_EQ(up(R"({"spec":{}})"), true);
  EXPECT_EQ(up(R"({"spec":{"scaleStrategy":{"disablePVCReuse":true}}})"), false);
  EXPECT_EQ(up(R"({"spec":{"scaleStrategy":{"disablePVCReuse":false}}})"), true);
  for (const bool reuse : {false, true}) {
    Json beta = Make("v1beta1", "CloneSet", R"({"spec":{"scaleStrategy":{}}})");
    beta["spec"]["scaleStrategy"]["enablePVCReuse"] = reuse;
    const Json alpha = To("v1alpha1", beta);
    EXPECT_EQ(alpha["spec"]["scaleStrategy"]["disablePVCReuse"], !reuse);
    EXPECT_FALSE(alpha["spec"]["scaleStrategy"].contains("enablePVCReuse"));
    EXPECT_EQ(To("v1beta1", alpha)["spec"]["scaleStrategy"]["enablePVCReuse"], reuse);
  }
}

TEST_F(ConvertTest, CloneSetExcludePreparingDelete) {
  const auto up = [&](const char* value) {
    Json alpha = Make("v1alpha1", "CloneSet", R"({"metadata":{"labels":{}},"spec":{}})");
    alpha["metadata"]["labels"]["apps.kruise.io/cloneset-scaling-exclude-preparing-delete"] = value;
    return json::Bool(To("v1beta1", alpha), {"spec", "scaleStrategy", "excludePreparingDelete"});
  };
  EXPECT_TRUE(up("true"));
  EXPECT_FALSE(up("TRUE"));
  // The reference loses it on the way down; here a label carries it (5.3).
  const Json beta =
      Make("v1beta1", "CloneSet", R"({"spec":{"scaleStrategy":{"excludePreparingDelete":true}}})");
  EXPECT_TRUE(json::Bool(To("v1beta1", To("v1alpha1", beta)),
                         {"spec", "scaleStrategy", "excludePreparingDelete"}));
}

TEST_F(ConvertTest, CloneSetPullingBeforehand) {
  const Json alpha = Make("v1alpha1", "CloneSet", R"({"metadata":{"annotations":{
      "apps.kruise.io/image-predownload-parallelism":"2",
      "apps.kruise.io/image-predownload-timeout-seconds":"300",
      "apps.kruise.io/image-predownload-min-updated-ready-pods":"5"}},
      "spec":{"updateStrategy":{"type":"InPlaceIfPossible"}}})");
  const Json beta = To("v1beta1", alpha);
  EXPECT_EQ(beta["spec"]["updateStrategy"]["rollingUpdate"]["inPlaceUpdateStrategy"],
            J(R"({"imagePreDownloadParallelism":2,"imagePreDownloadTimeoutSeconds":300,
                  "imagePreDownloadMinUpdatedReadyPods":5})"));
  Json odd = alpha;
  odd["metadata"]["annotations"]["apps.kruise.io/image-predownload-timeout-seconds"] = "soon";
  odd["metadata"]["annotations"]["apps.kruise.io/image-predownload-parallelism"] = "30%";
  EXPECT_EQ(To("v1beta1", odd)["spec"]["updateStrategy"]["rollingUpdate"]["inPlaceUpdateStrategy"],
            J(R"({"imagePreDownloadParallelism":"30%","imagePreDownloadMinUpdatedReadyPods":5})"));
  const Json down = To("v1alpha1", beta);
  EXPECT_EQ(down["spec"]["updateStrategy"]["type"], "InPlaceIfPossible");
  EXPECT_FALSE(down["spec"]["updateStrategy"].contains("inPlaceUpdateStrategy"));
  EXPECT_EQ(down["metadata"]["annotations"], alpha["metadata"]["annotations"]);
  EXPECT_EQ(To("v1beta1", down), beta);
  const Json empty = Make("v1beta1", "CloneSet", R"({"spec":{"updateStrategy":{"rollingUpdate":{
      "podUpdatePolicy":"InPlaceOnly","inPlaceUpdateStrategy":{}}}}})");
  EXPECT_FALSE(To("v1alpha1", empty)["spec"]["updateStrategy"].contains("inPlaceUpdateStrategy"));
}

TEST_F(ConvertTest, CloneSetUpdateStrategies) {
  const auto up = [&](const char* strategy) {
    Json alpha = Make("v1alpha1", "CloneSet", R"({"spec":{}})");
    alpha["spec"]["updateStrategy"] = J(strategy);
    return To("v1beta1", alpha)["spec"]["updateStrategy"];
  };
  EXPECT_EQ(up(R"({"type":"OnDelete","partition":3,"paused":true})"), J(R"({"type":"OnDelete"})"));
  EXPECT_EQ(up(R"({"type":"InPlaceOnly","partition":"20%","maxSurge":1,"paused":true,
                   "scatterStrategy":[{"key":"a","value":"b"}],
                   "inPlaceUpdateStrategy":{"gracePeriodSeconds":5}})"),
            J(R"({"type":"RollingUpdate","rollingUpdate":{"podUpdatePolicy":"InPlaceOnly",
                  "partition":"20%","maxSurge":1,"paused":true,
                  "scatterStrategy":[{"key":"a","value":"b"}],
                  "inPlaceUpdateStrategy":{"gracePeriodSeconds":5}}})"));
  EXPECT_EQ(up(R"({"type":"Odd"})"),
            J(R"({"type":"RollingUpdate","rollingUpdate":{"podUpdatePolicy":"ReCreate"}})"));
  const auto down = [&](const char* strategy) {
    Json beta = Make("v1beta1", "CloneSet", R"({"spec":{}})");
    beta["spec"]["updateStrategy"] = J(strategy);
    return To("v1alpha1", beta)["spec"]["updateStrategy"];
  };
  EXPECT_EQ(down(R"({"type":"OnDelete","rollingUpdate":{"partition":2}})"),
            J(R"({"type":"OnDelete","partition":2})"));
  EXPECT_EQ(down(R"({"type":"RollingUpdate"})"), J(R"({"type":"ReCreate"})"));
  EXPECT_EQ(down(R"({})"), J(R"({"type":"ReCreate"})"));
  // Unknown members of the template travel.
  const Json beta =
      Make("v1beta1", "CloneSet", R"({"spec":{"template":{"spec":{"future":[1,{"x":null}]}}}})");
  EXPECT_EQ(To("v1alpha1", beta)["spec"]["template"], beta["spec"]["template"]);
}

// Scenario 12 of spec statefulset 23.
TEST_F(ConvertTest, StatefulSetLosesAndSaysSo) {
  const Json beta = Make("v1beta1", "StatefulSet", R"({"metadata":{"name":"s"},
      "spec":{"replicas":3,"reserveOrdinals":[1],"ordinals":{"start":1},"serviceName":"n",
              "scaleStrategy":{},"updateStrategy":{"rollingUpdate":{"minReadySeconds":5}}},
      "status":{"replicas":3,"updatedReadyReplicas":2,"volumeClaims":[]}})");
  const Json alpha = To("v1alpha1", beta);
  EXPECT_EQ(alpha["spec"], J(R"({"replicas":3,"serviceName":"n",
      "updateStrategy":{"rollingUpdate":{"minReadySeconds":5}}})"));
  EXPECT_EQ(alpha["status"], J(R"({"replicas":3})"));
  const KindInfo& kind = *Kinds().Find(kKruiseGroup, "v1alpha1", "StatefulSet");
  EXPECT_THAT(LostByWrite(beta, kind),
              ElementsAre(HasSubstr("spec.reserveOrdinals"), HasSubstr("spec.ordinals")));
  EXPECT_THAT(LostByWrite(beta, *Kinds().Find(kKruiseGroup, "v1beta1", "StatefulSet")), IsEmpty());
}

// Scenarios 15 to 19 of spec container-recreate 19.2.
TEST_F(ConvertTest, RecreateRequests) {
  const char* kind = "ContainerRecreateRequest";
  const Json alpha = Make("v1alpha1", kind, R"({"metadata":{"name":"r","annotations":{
      "crr.apps.kruise.io/sync-container-statuses":
        "[{\"name\":\"cart\",\"ready\":false,\"restartCount\":3,\"containerID\":\"c://b\"}]",
      "crr.apps.kruise.io/unready-acquired":"2026-03-01T10:00:02+01:00"}},
      "spec":{"podName":"p","containers":[{"name":"cart"}]},"status":{"phase":"Recreating"}})");
  const Json beta = To("v1beta1", alpha);
  EXPECT_EQ(beta["status"]["containerStatusSnapshot"],
            J(R"([{"name":"cart","ready":false,"restartCount":3,"containerID":"c://b"}])"));
  EXPECT_EQ(beta["status"]["conditions"],
            J(R"([{"type":"PreRecreateGrace","status":"True","reason":"PreRecreateGrace",
                   "message":"Pod has been forced to not-ready for unreadyGracePeriodSeconds drain",
                   "lastTransitionTime":"2026-03-01T09:00:02Z"}])"));
  const Json down = To("v1alpha1", beta);
  EXPECT_EQ(down["metadata"]["annotations"]["crr.apps.kruise.io/sync-container-statuses"],
            R"([{"name":"cart","ready":false,"restartCount":3,"containerID":"c://b"}])");
  EXPECT_EQ(down["metadata"]["annotations"]["crr.apps.kruise.io/unready-acquired"],
            "2026-03-01T09:00:02Z");
  EXPECT_EQ(down["status"], J(R"({"phase":"Recreating"})"));
  EXPECT_EQ(To("v1beta1", down)["status"], beta["status"]);
  // A label written through v1alpha1 changes nothing else.
  Json labelled = down;
  labelled["metadata"]["labels"]["a"] = "b";
  EXPECT_EQ(To("v1beta1", labelled)["status"], beta["status"]);

  Json broken = alpha;
  broken["metadata"]["annotations"]["crr.apps.kruise.io/sync-container-statuses"] = "{";
  broken["metadata"]["annotations"]["crr.apps.kruise.io/unready-acquired"] = "soon";
  std::vector<std::string> warnings;
  EXPECT_EQ(To("v1beta1", broken, &warnings)["status"], J(R"({"phase":"Recreating"})"));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("is no JSON list"), HasSubstr("is no time")));

  // An empty snapshot is not the same as none; other conditions do not fit into v1alpha1.
  Json other = beta;
  other["status"]["containerStatusSnapshot"] = Json::array();
  other["status"]["conditions"][0]["status"] = "False";
  const Json other_down = To("v1alpha1", other);
  EXPECT_EQ(other_down["metadata"]["annotations"]["crr.apps.kruise.io/sync-container-statuses"],
            "[]");

  // What is created through v1alpha1 fits v1beta1 at once.
  const Json fresh = Make("v1alpha1", kind, R"({"metadata":{"name":"r","namespace":"ns"},
      "spec":{"podName":"p","containers":[{"name":"c"}]},"status":{"phase":""}})");
  const Json stored = To("v1beta1", fresh);
  EXPECT_FALSE(stored.contains("status"));
  FieldErrors errors;
  CheckValue(stored, *Kinds().Find(kKruiseGroup, "v1beta1", kind)->type, FieldPath(),
             Wording::kCustom, errors);
  EXPECT_TRUE(errors.empty()) << errors.Text();
}

TEST_F(ConvertTest, OthersAndRefusals) {
  const Json image = Make("v1beta1", "NodeImage", R"({"spec":{"images":{"x":{"pullSecrets":[
      {"namespace":"a","name":"b","mode":"batch"}]}}}})");
  EXPECT_EQ(To("v1alpha1", image)["spec"]["images"]["x"]["pullSecrets"],
            J(R"([{"namespace":"a","name":"b"}])"));
  EXPECT_EQ(To("v1beta1", image), image);
  const Json job = Make("v1alpha1", "ImagePullJob", R"({"spec":{"image":"x"}})");
  EXPECT_EQ(To("v1beta1", job)["spec"], job["spec"]);
  const KindInfo& kind = *Kinds().Find(kKruiseGroup, "v1beta1", "CloneSet");
  EXPECT_EQ(Convert(image, kind).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Convert(Make("v9", "CloneSet", "{}"), kind).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Convert(Json(7), kind).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Convert(Make("v1alpha1", "CloneSet", R"({"metadata":7})"), kind).status().code(),
            absl::StatusCode::kInvalidArgument);
  // Nothing of a wrong shape makes it fall over.
  for (const char* odd : {R"({"spec":7})", R"({"spec":{"updateStrategy":7,"scaleStrategy":[]}})",
                          R"({"spec":{"images":{"x":{"pullSecrets":[7]}}},"status":7})"}) {
    for (const char* name : {"CloneSet", "StatefulSet", "ContainerRecreateRequest", "NodeImage"}) {
      (void)To("v1beta1", Make("v1alpha1", name, odd));
      (void)To("v1alpha1", Make("v1beta1", name, odd));
    }
  }
}

}  // namespace
}  // namespace rekindle::api
