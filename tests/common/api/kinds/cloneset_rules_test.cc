// CloneSet: scenarios 1 to 14 and 19 of spec cloneset 28.A.
#include "tests/common/api/kinds/admission_fixture.h"

namespace rekindle::api {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::IsEmpty;

class CloneSetTest : public AdmissionTest {
 protected:
  // A small valid set of a version with more members of its spec.
  Json Set(const char* version, const char* more = "{}") {
    Json out = J(R"({"kind":"CloneSet","metadata":{"name":"demo","namespace":"ns"},
      "spec":{"selector":{"matchLabels":{"app":"x"}},
        "template":{"metadata":{"labels":{"app":"x"}},
                    "spec":{"containers":[{"name":"main","image":"x:1.2"}]}}}})");
    out["apiVersion"] = absl::StrCat("apps.kruise.io/", version);
    out["spec"].merge_patch(J(more));
    return out;
  }
  std::vector<std::string> Fields(const char* version, const char* more) {
    const Result got = Write(Set(version, more));
    EXPECT_TRUE(got.code() == 200 || got.code() == 422) << got.status;
    return got.fields();
  }
};

TEST_F(CloneSetTest, S1DefaultsOfV1alpha1) {
  const Result got = Write(Set("v1alpha1"));
  ASSERT_EQ(got.code(), 200) << got.status;
  const Json& spec = got.object["spec"];
  EXPECT_EQ(spec["updateStrategy"],
            J(R"({"type":"ReCreate","partition":0,"maxUnavailable":"20%","maxSurge":0})"));
  EXPECT_EQ(spec["replicas"], 1);
  EXPECT_EQ(spec["revisionHistoryLimit"], 10);
  const Result in_place = Write(Set("v1alpha1", R"({"updateStrategy":{"type":"InPlaceOnly"}})"));
  EXPECT_EQ(in_place.object["spec"]["updateStrategy"]["inPlaceUpdateStrategy"], Json::object());
}

TEST_F(CloneSetTest, S2DefaultsOfV1beta1) {
  const Result got = Write(Set("v1beta1", R"({"scaleStrategy":{}})"));
  ASSERT_EQ(got.code(), 200) << got.status;
  EXPECT_EQ(got.object["spec"]["updateStrategy"],
            J(R"({"type":"RollingUpdate","rollingUpdate":{"podUpdatePolicy":"ReCreate",
                  "partition":0,"maxUnavailable":"20%","maxSurge":0}})"));
  EXPECT_EQ(got.object["spec"]["scaleStrategy"]["enablePVCReuse"], false);
  const Result on_delete = Write(Set("v1beta1", R"({"updateStrategy":{"type":"OnDelete"}})"));
  EXPECT_EQ(on_delete.code(), 200) << on_delete.status;
  EXPECT_EQ(on_delete.object["spec"]["updateStrategy"], J(R"({"type":"OnDelete"})"));
  EXPECT_FALSE(on_delete.object["spec"].contains("scaleStrategy"));
}

TEST_F(CloneSetTest, S3PullPolicyOfTemplates) {
  Json set = Set("v1beta1");
  set["spec"]["template"]["spec"]["initContainers"] = J(R"([{"name":"i","image":"x:1.2"}])");
  const Result got = Write(set);
  const Json& pod = got.object["spec"]["template"]["spec"];
  EXPECT_EQ(pod["containers"][0]["imagePullPolicy"], "Always");
  EXPECT_EQ(pod["initContainers"][0]["imagePullPolicy"], "IfNotPresent");
  gates_.template_no_defaults = true;
  EXPECT_EQ(Write(set).object["spec"]["template"], set["spec"]["template"]);
}

TEST_F(CloneSetTest, S4AnUpdateOfReplicasLeavesTheTemplateAlone) {
  const Json old = Set("v1beta1");  // stored without today's defaults
  Json now = old;
  now["spec"]["replicas"] = 3;
  const Result got = Update(now, old);
  ASSERT_EQ(got.code(), 200) << got.status;
  EXPECT_EQ(got.object["spec"]["template"], old["spec"]["template"]);
  now["spec"]["template"]["spec"]["containers"][0]["image"] = "x:2";
  EXPECT_EQ(Update(now, old).object["spec"]["template"]["spec"]["restartPolicy"], "Always");
}

TEST_F(CloneSetTest, S5SelectorAndTemplate) {
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    EXPECT_THAT(Fields(version, R"({"selector":{"matchLabels":null}})"),
                ElementsAre("spec.selector"));
    EXPECT_THAT(Fields(version, R"({"selector":{"matchLabels":{"app":"y"}}})"),
                ElementsAre("spec.template.metadata.labels"));
    EXPECT_THAT(Fields(version, R"({"template":{"spec":{"restartPolicy":"OnFailure"}}})"),
                ElementsAre("spec.template.spec.restartPolicy"));
    EXPECT_THAT(Fields(version, R"({"template":{"spec":{"activeDeadlineSeconds":5}}})"),
                ElementsAre("spec.template.spec.activeDeadlineSeconds"));
    EXPECT_THAT(Fields(version, R"({"selector":null})"), ElementsAre("spec.selector"));
    EXPECT_THAT(Fields(version, R"({"template":{"spec":{"containers":[{"name":"a"}]}}})"),
                ElementsAre("spec.template.spec.containers[0].image"));
  }
  // Claims may be mounted; their names must not repeat.
  const char* claims = R"({"template":{"spec":{"containers":[{"name":"a","image":"x",
      "volumeMounts":[{"name":"data","mountPath":"/d"}]}]}},
      "volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{}}]})";
  EXPECT_THAT(Fields("v1beta1", claims), IsEmpty());
  EXPECT_THAT(Fields("v1beta1", R"({"volumeClaimTemplates":[{"metadata":{"name":"d"}},
                                                             {"metadata":{"name":"d"}}]})"),
              ElementsAre("spec.volumeClaimTemplates[1].metadata.name"));
  EXPECT_THAT(Fields("v1beta1", R"({"volumeClaimTemplates":[{"metadata":{"name":"d"}}],
      "template":{"spec":{"volumes":[{"name":"d","emptyDir":{}}]}}})"),
              ElementsAre("spec.template.spec.volumes[0].name"));
}

TEST_F(CloneSetTest, S6AndS7Numbers) {
  const auto rolling = [&](const char* version, const char* members, const char* replicas = "3") {
    const std::string strategy = absl::string_view(version) == "v1alpha1"
                                     ? std::string(members)
                                     : absl::StrCat(R"({"rollingUpdate":)", members, "}");
    return Fields(
        version,
        absl::StrCat(R"({"replicas":)", replicas, R"(,"updateStrategy":)", strategy, "}").c_str());
  };
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    const std::string at = absl::string_view(version) == "v1alpha1"
                               ? "spec.updateStrategy."
                               : "spec.updateStrategy.rollingUpdate.";
    EXPECT_THAT(Fields(version, R"({"replicas":-1})"), ElementsAre("spec.replicas"));
    EXPECT_THAT(rolling(version, R"({"partition":-1})"), ElementsAre(at + "partition"));
    EXPECT_THAT(rolling(version, R"({"partition":"3"})"), ElementsAre(at + "partition"));
    EXPECT_THAT(rolling(version, R"({"partition":"12.5%"})"), IsEmpty());
    EXPECT_THAT(rolling(version, R"({"partition":9})"), IsEmpty());
    EXPECT_THAT(rolling(version, R"({"maxSurge":"5"})"), ElementsAre(at + "maxSurge"));
    EXPECT_THAT(rolling(version, R"({"maxUnavailable":"x%"})"), ElementsAre(at + "maxUnavailable"));
    EXPECT_THAT(rolling(version, R"({"maxUnavailable":0,"maxSurge":0})", "1"),
                ElementsAre(at + "maxUnavailable"));
    EXPECT_THAT(rolling(version, R"({"maxUnavailable":0,"maxSurge":0})", "0"), IsEmpty());
    // Scenario 7: in both versions, unlike in the reference (pitfall P1).
    EXPECT_THAT(rolling(version, R"({"maxUnavailable":0,"maxSurge":1})"), IsEmpty());
    EXPECT_THAT(rolling(version, R"({"maxUnavailable":"120%"})"), IsEmpty());
  }
}

TEST_F(CloneSetTest, S8NoSurgeInPlaceOnly) {
  EXPECT_THAT(Fields("v1alpha1", R"({"updateStrategy":{"type":"InPlaceOnly","maxSurge":1}})"),
              ElementsAre("spec.updateStrategy.maxSurge"));
  EXPECT_THAT(Fields("v1beta1", R"({"updateStrategy":{"rollingUpdate":{
                  "podUpdatePolicy":"InPlaceOnly","maxSurge":"1%"}}})"),
              ElementsAre("spec.updateStrategy.rollingUpdate.maxSurge"));
}

TEST_F(CloneSetTest, S9WhatMayChange) {
  const Json old = Write(Set("v1beta1")).object;
  const auto change = [&](const char* more) {
    Json now = old;
    now["spec"].merge_patch(J(more));
    const Result got = Update(now, old);
    return got.fields();
  };
  EXPECT_THAT(change(R"({"selector":{"matchLabels":{"tier":"b"}},
                         "template":{"metadata":{"labels":{"tier":"b"}}}})"),
              ElementsAre("spec"));
  for (const char* fine :
       {R"({"volumeClaimTemplates":[{"metadata":{"name":"d"},"spec":{}}]})",
        R"({"lifecycle":{"preDelete":{"finalizersHandler":["a/b"]}}})", R"({"minReadySeconds":5})",
        R"({"progressDeadlineSeconds":50})", R"({"replicas":7})", R"({"revisionHistoryLimit":2})",
        R"({"scaleStrategy":{"podsToDelete":["a"]}})"}) {
    EXPECT_THAT(change(fine), IsEmpty()) << fine;
  }
}

TEST_F(CloneSetTest, S10InPlaceOnlyChangesImagesAlone) {
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    const bool alpha = absl::string_view(version) == "v1alpha1";
    const Json old = Write(Set(version, alpha ? R"({"updateStrategy":{"type":"InPlaceOnly"}})"
                                              : R"({"updateStrategy":{"rollingUpdate":{
                                       "podUpdatePolicy":"InPlaceOnly"}}})"))
                         .object;
    Json now = old;
    now["spec"]["template"]["spec"]["containers"][0]["image"] = "x:2";
    now["spec"]["template"]["metadata"]["labels"]["more"] = "y";  // metadata is not compared
    EXPECT_THAT(Update(now, old).fields(), IsEmpty());
    now["spec"]["template"]["spec"]["containers"][0]["env"] = J(R"([{"name":"A","value":"1"}])");
    const Result got = Update(now, old);
    EXPECT_THAT(got.fields(), ElementsAre("spec"));
    EXPECT_THAT(got.message(), testing::HasSubstr("add /containers/0/env"));
  }
}

TEST_F(CloneSetTest, S11PodsToDelete) {
  reader_.objects["Pod/ns/mine"] = J(R"({"metadata":{"ownerReferences":[
      {"controller":true,"uid":"u1"}]}})");
  reader_.objects["Pod/ns/other"] = J(R"({"metadata":{"ownerReferences":[
      {"controller":true,"uid":"u2"}]}})");
  reader_.objects["Pod/ns/orphan"] = J(R"({"metadata":{}})");
  reader_.objects["Pod/ns/dying"] = J(R"({"metadata":{"deletionTimestamp":"2030-01-02T03:04:05Z",
      "ownerReferences":[{"controller":true,"uid":"u1"}]}})");
  const auto with = [&](const char* version, const char* name, const char* before = nullptr) {
    Json old = Write(Set(version)).object;
    if (before != nullptr) old["spec"]["scaleStrategy"]["podsToDelete"] = {before};
    Json now = old;
    now["spec"]["scaleStrategy"]["podsToDelete"] = {name};
    return Update(now, old).fields();
  };
  const char* at = "spec.scaleStrategy.podsToDelete";
  EXPECT_THAT(with("v1alpha1", "mine"), IsEmpty());
  for (const char* bad : {"other", "orphan", "dying", "gone"}) {
    EXPECT_THAT(with("v1alpha1", bad), ElementsAre(at)) << bad;
  }
  EXPECT_THAT(with("v1alpha1", "gone", "gone"), IsEmpty());
  EXPECT_THAT(with("v1beta1", "gone"), IsEmpty());
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    EXPECT_THAT(Fields(version, R"({"scaleStrategy":{"podsToDelete":["a","a"]}})"),
                ElementsAre(at));
  }
}

TEST_F(CloneSetTest, S12Priorities) {
  const auto alpha = [&](const char* strategy) {
    return Fields("v1alpha1", absl::StrCat(R"({"updateStrategy":)", strategy, "}").c_str());
  };
  const std::string at = "spec.updateStrategy.priorityStrategy";
  EXPECT_THAT(alpha(R"({"priorityStrategy":{"weightPriority":[{"weight":0,"matchSelector":
      {"matchLabels":{"a":"b"}}}],"orderPriority":[{"orderedKey":"k"}]}})"),
              ElementsAre(at));
  EXPECT_THAT(alpha(R"({"priorityStrategy":{"weightPriority":[{"weight":101,"matchSelector":
      {"matchLabels":{"a":"b"}}}]}})"),
              ElementsAre(at + ".weightPriority"));
  EXPECT_THAT(alpha(R"({"priorityStrategy":{"weightPriority":[{"weight":0,"matchSelector":
      {"matchLabels":{"a":"b"}}}]}})"),
              IsEmpty());
  EXPECT_THAT(alpha(R"({"priorityStrategy":{"weightPriority":[{"weight":1,"matchSelector":{}}]}})"),
              ElementsAre(at + ".weightPriority"));
  EXPECT_THAT(alpha(R"({"priorityStrategy":{"orderPriority":[{"orderedKey":""}]}})"),
              ElementsAre(at + ".orderPriority"));
  EXPECT_THAT(alpha(R"({"scatterStrategy":[{"key":"a","value":"b"},{"key":"a","value":"b"}]})"),
              ElementsAre("spec.updateStrategy.scatterStrategy"));
  EXPECT_THAT(alpha(R"({"scatterStrategy":[{"key":"a","value":"b"},{"key":"a","value":"c"}]})"),
              IsEmpty());
  EXPECT_THAT(alpha(R"({"scatterStrategy":[{"key":"","value":"b"}]})"),
              ElementsAre("spec.updateStrategy.scatterStrategy"));
}

TEST_F(CloneSetTest, S13Deadlines) {
  const char* at = "spec.progressDeadlineSeconds";
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    EXPECT_THAT(Fields(version, R"({"progressDeadlineSeconds":5,"minReadySeconds":5})"),
                ElementsAre(at));
    EXPECT_THAT(Fields(version, R"({"progressDeadlineSeconds":6,"minReadySeconds":5})"), IsEmpty());
    EXPECT_THAT(Fields(version, R"({"progressDeadlineSeconds":2147483647,
                                    "minReadySeconds":2147483647})"),
                IsEmpty());
    EXPECT_THAT(Fields(version, R"({"progressDeadlineSeconds":-1})"), ElementsAre(at));
    EXPECT_THAT(Fields(version, R"({"minReadySeconds":-1})"), ElementsAre("spec.minReadySeconds"));
    EXPECT_THAT(Fields(version, R"({"revisionHistoryLimit":-1})"),
                ElementsAre("spec.revisionHistoryLimit"));
  }
}

TEST_F(CloneSetTest, S14PullingBeforehand) {
  const auto with = [&](const char* member) {
    return Fields("v1beta1", absl::StrCat(R"({"updateStrategy":{"rollingUpdate":{
        "podUpdatePolicy":"InPlaceIfPossible","inPlaceUpdateStrategy":{)",
                                          member, "}}}}")
                                 .c_str());
  };
  const std::string at = "spec.updateStrategy.rollingUpdate.inPlaceUpdateStrategy.";
  EXPECT_THAT(with(R"("imagePreDownloadParallelism":"50%")"),
              ElementsAre(at + "imagePreDownloadParallelism"));
  EXPECT_THAT(with(R"("imagePreDownloadParallelism":"7")"), IsEmpty());
  EXPECT_THAT(with(R"("imagePreDownloadParallelism":-1)"),
              ElementsAre(at + "imagePreDownloadParallelism"));
  EXPECT_THAT(with(R"("imagePreDownloadParallelism":0)"), IsEmpty());
  EXPECT_THAT(with(R"("imagePreDownloadTimeoutSeconds":-1)"),
              ElementsAre(at + "imagePreDownloadTimeoutSeconds"));
  EXPECT_THAT(with(R"("imagePreDownloadMinUpdatedReadyPods":-1)"),
              ElementsAre(at + "imagePreDownloadMinUpdatedReadyPods"));
}

TEST_F(CloneSetTest, PoliciesAndTypes) {
  EXPECT_THAT(Fields("v1alpha1", R"({"updateStrategy":{"type":"OnDelete"}})"),
              ElementsAre("spec.updateStrategy.type"));
  EXPECT_THAT(Fields("v1beta1", R"({"updateStrategy":{"type":"Odd"}})"),
              ElementsAre("spec.updateStrategy.type"));
  EXPECT_THAT(Fields("v1beta1", R"({"updateStrategy":{"rollingUpdate":{
                  "podUpdatePolicy":"Odd"}}})"),
              ElementsAre("spec.updateStrategy.rollingUpdate.podUpdatePolicy"));
  // A partial block under OnDelete is not completed and so not accepted (7.3).
  EXPECT_THAT(Fields("v1beta1", R"({"updateStrategy":{"type":"OnDelete","rollingUpdate":{}}})"),
              Contains("spec.updateStrategy.rollingUpdate.partition"));
}

TEST_F(CloneSetTest, S19Delete) {
  Json set = Set("v1beta1", R"({"replicas":2})");
  const KindInfo& kind = *Kinds().Find("apps.kruise.io/v1beta1", "CloneSet");
  const auto code = [&](const char* protection, int replicas) {
    set["metadata"]["labels"]["policy.kruise.io/delete-protection"] = protection;
    set["spec"]["replicas"] = replicas;
    return Result{AdmitDelete(kind, set, gates_), {}}.code();
  };
  EXPECT_EQ(code("Always", 2), 200);  // gate off
  gates_.deletion_protection = true;
  EXPECT_EQ(code("Always", 0), 403);
  EXPECT_EQ(code("Cascading", 2), 403);
  EXPECT_EQ(code("Cascading", 0), 200);
  EXPECT_EQ(code("Other", 2), 200);
  set["metadata"]["deletionTimestamp"] = "2030-01-02T03:04:05Z";
  EXPECT_EQ(code("Always", 2), 200);
}

}  // namespace
}  // namespace rekindle::api
