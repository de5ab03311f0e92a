// Scenarios 15 to 19 of spec container-recreate 19.2 as kube-apiserver brings them, and the other
// kinds.
#include <gmock/gmock.h>

#include "common/api/keys.h"
#include "common/api/schema/values.h"
#include "controller/admission/review.h"
#include "tests/controller/admission/reviews.h"

namespace rekindle::admission {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kAlpha[] = "apps.kruise.io/v1alpha1";
constexpr char kBeta[] = "apps.kruise.io/v1beta1";

ReviewAnswer AnswerTo(const Json& review) {
  ReviewAnswer answer = AnswerConversion(review.dump());
  EXPECT_EQ(answer.status, 200) << answer.body;
  return answer;
}

// All objects in that version; a failure fails the test.
std::vector<Json> To(const std::string& version, const std::vector<Json>& objects,
                     std::vector<std::string>* warnings = nullptr) {
  const ReviewAnswer answer = AnswerTo(ConversionOf(version, objects));
  const Json body = J(answer.body);
  EXPECT_EQ(body["apiVersion"], "apiextensions.k8s.io/v1");
  EXPECT_EQ(body["kind"], "ConversionReview");
  EXPECT_EQ(body["response"]["uid"], "c-1");
  EXPECT_EQ(body["response"]["result"]["status"], "Success") << body;
  if (warnings != nullptr) *warnings = answer.warnings;
  return body["response"]["convertedObjects"].get<std::vector<Json>>();
}
Json To(const std::string& version, const Json& object) {
  const std::vector<Json> out = To(version, std::vector<Json>{object});
  EXPECT_EQ(out.size(), 1U);
  return out.empty() ? Json() : out[0];
}

Json Draining() {
  Json out = RestartRequest();
  out["metadata"]["uid"] = "u-9";
  out["metadata"]["resourceVersion"] = "12";
  out["metadata"]["creationTimestamp"] = "2030-01-01T00:00:00Z";
  out["metadata"]["annotations"] = {{"mine", "stays"}};
  out["metadata"]["managedFields"] = J(R"([{"manager":"kubectl","operation":"Update"}])");
  out["status"] = J(R"({"phase":"Recreating",
    "conditions":[{"type":"PreRecreateGrace","status":"True","reason":"PreRecreateGrace",
      "message":"Pod has been forced to not-ready for unreadyGracePeriodSeconds drain",
      "lastTransitionTime":"2030-01-01T00:00:02Z"}],
    "containerRecreateStates":[{"name":"cart","phase":"Recreating","isKilled":true}],
    "containerStatusSnapshot":[
      {"name":"cart","ready":false,"restartCount":3,"containerID":"containerd://bb"}]})");
  return out;
}

TEST(ConversionTest, S15AnnotationsBecomeFields) {
  Json old = RestartRequest(R"({"podName":"cart-0","containers":[{"name":"cart"}]})", "v1alpha1");
  old["metadata"]["annotations"] = {
      {std::string(api::kAnnotationRecreateStatuses),
       R"([{"name":"cart","ready":true,"restartCount":4,"containerID":"containerd://cc"}])"},
      {std::string(api::kAnnotationRecreateUnready), "2030-01-01T02:00:02+02:00"}};
  old["status"] = {{"phase", "Recreating"}};
  Json now = To(kBeta, old);
  EXPECT_EQ(now["status"]["containerStatusSnapshot"][0]["containerID"], "containerd://cc");
  ASSERT_EQ(now["status"]["conditions"].size(), 1U);
  EXPECT_EQ(now["status"]["conditions"][0]["type"], "PreRecreateGrace");
  EXPECT_EQ(now["status"]["conditions"][0]["lastTransitionTime"], "2030-01-01T00:00:02Z");
  EXPECT_EQ(now["metadata"], old["metadata"]);
  // What is malformed gives nothing, and a warning.
  old["metadata"]["annotations"][std::string(api::kAnnotationRecreateStatuses)] = "{";
  old["metadata"]["annotations"][std::string(api::kAnnotationRecreateUnready)] = "yesterday";
  std::vector<std::string> warnings;
  now = To(kBeta, {old}, &warnings)[0];
  EXPECT_FALSE(now["status"].contains("containerStatusSnapshot"));
  EXPECT_FALSE(now["status"].contains("conditions"));
  EXPECT_THAT(warnings, ElementsAre(HasSubstr("object 0 (ContainerRecreateRequest shop/r): "),
                                    HasSubstr("is no time")));
}

TEST(ConversionTest, S16FieldsBecomeAnnotations) {
  const Json old = To(kAlpha, Draining());
  EXPECT_EQ(old["apiVersion"], kAlpha);
  EXPECT_EQ(old["metadata"]["annotations"][std::string(api::kAnnotationRecreateStatuses)],
            R"([{"name":"cart","ready":false,"restartCount":3,"containerID":"containerd://bb"}])");
  EXPECT_EQ(old["metadata"]["annotations"][std::string(api::kAnnotationRecreateUnready)],
            "2030-01-01T00:00:02Z");
  EXPECT_FALSE(old["status"].contains("conditions"));
}

TEST(ConversionTest, S17ThereAndBackAgain) {
  const Json before = Draining();
  const Json after = To(kBeta, To(kAlpha, before));
  EXPECT_EQ(after["spec"], before["spec"]);
  EXPECT_EQ(after["status"], before["status"]);
  // Of metadata only annotations may differ.
  Json metadata = after["metadata"];
  metadata["annotations"] = before["metadata"]["annotations"];
  EXPECT_EQ(metadata, before["metadata"]);
  EXPECT_EQ(after["metadata"]["annotations"]["mine"], "stays");
}

TEST(ConversionTest, S18ALabelThroughTheOldVersion) {
  Json old = To(kAlpha, Draining());
  old["metadata"]["labels"]["mine"] = "new";
  const Json now = To(kBeta, old);
  EXPECT_EQ(now["status"], Draining()["status"]);
  EXPECT_EQ(now["metadata"]["labels"]["mine"], "new");
}

TEST(ConversionTest, S19WhatIsMadeThroughTheOldVersionFitsTheNewSchema) {
  Json old = RestartRequest(R"({"podName":"cart-0","containers":[{"name":"cart"}]})", "v1alpha1");
  old["status"] = {{"phase", ""}};
  const Json now = To(kBeta, old);
  const api::KindInfo* kind =
      api::Kinds().Find("apps.kruise.io/v1beta1", "ContainerRecreateRequest");
  ASSERT_NE(kind, nullptr);
  api::FieldErrors errors;
  api::CheckValue(now, *kind->type, api::FieldPath(), api::Wording::kCustom, errors);
  EXPECT_TRUE(errors.empty());
  EXPECT_FALSE(now.contains("status"));
}

TEST(ConversionTest, AListKeepsItsOrder) {
  std::vector<Json> objects;
  for (int i = 0; i < 200; ++i) {
    Json one = i % 2 == 0 ? Draining() : CloneSet(i % 3 == 0 ? "v1alpha1" : "v1beta1");
    one["metadata"]["name"] = absl::StrCat("o-", i);
    objects.push_back(std::move(one));
  }
  const std::vector<Json> got = To(kAlpha, objects);
  ASSERT_EQ(got.size(), objects.size());
  for (size_t i = 0; i < got.size(); ++i) {
    EXPECT_EQ(got[i]["apiVersion"], kAlpha);
    EXPECT_EQ(got[i]["kind"], objects[i]["kind"]);
    EXPECT_EQ(got[i]["metadata"]["name"], objects[i]["metadata"]["name"]);
    // That is the wanted version already.
    if (objects[i]["apiVersion"] == kAlpha) {
      EXPECT_EQ(got[i], objects[i]);
    }
  }
  EXPECT_TRUE(To(kBeta, std::vector<Json>()).empty());
}

TEST(ConversionTest, EveryKindOfOursThereAndBack) {
  for (const api::KindInfo& kind : api::Kinds().kinds()) {
    if (kind.group != api::kKruiseGroup) continue;
    const Json object = {{"apiVersion", kind.ApiVersion()},
                         {"kind", kind.kind},
                         {"metadata", {{"name", "x"}, {"uid", "u"}, {"generation", 3}}}};
    for (const char* version : {kAlpha, kBeta}) {
      const Json made = To(version, object);
      EXPECT_EQ(made["apiVersion"], version) << kind.kind;
      EXPECT_EQ(made["kind"], kind.kind);
      EXPECT_EQ(made["metadata"]["uid"], "u");
      EXPECT_EQ(made["metadata"]["generation"], 3);
    }
  }
}

TEST(ConversionTest, OneBadObjectFailsAll) {
  const std::pair<Json, const char*> table[] = {
      {Json(7), "object 1"},
      {{{"apiVersion", kBeta}, {"kind", "Sundial"}}, "there is no such kind in "},
      {{{"apiVersion", "apps.kruise.io/v9"}, {"kind", "CloneSet"}}, "cannot convert"},
      {{{"apiVersion", "v1"}, {"kind", "Pod"}}, "there is no such kind"},
      {{{"apiVersion", kBeta}, {"kind", "CloneSet"}, {"metadata", {{"labels", 7}}}},
       "metadata.labels is no map"},
  };
  for (const auto& [bad, text] : table) {
    const ReviewAnswer answer = AnswerTo(ConversionOf(kAlpha, {CloneSet(), bad}, "v1beta1"));
    const Json body = J(answer.body);
    EXPECT_EQ(body["apiVersion"], "apiextensions.k8s.io/v1beta1");
    EXPECT_EQ(body["response"]["uid"], "c-1");
    EXPECT_EQ(body["response"]["result"]["status"], "Failure");
    EXPECT_THAT(body["response"]["result"]["message"].get<std::string>(), HasSubstr(text));
    EXPECT_FALSE(body["response"].contains("convertedObjects"));
    EXPECT_EQ(answer.outcome, Outcome::kUnconverted);
  }
  // A version of another group.
  const Json body = J(AnswerTo(ConversionOf("apps/v1", {CloneSet()})).body);
  EXPECT_EQ(body["response"]["result"]["status"], "Failure");
}

TEST(ConversionTest, GarbageIsAnsweredByAText) {
  Json good = ConversionOf(kAlpha, {CloneSet()});
  const auto without = [&](const char* member) {
    Json out = good;
    out["request"].erase(member);
    return out.dump();
  };
  for (const std::string& body :
       {std::string(), std::string("nonsense"), std::string("{}"), without("uid"),
        without("objects"), without("desiredAPIVersion"),
        ReviewOf("CREATE", "clonesets", CloneSet()).dump(), std::string(100'000, '[')}) {
    const ReviewAnswer answer = AnswerConversion(body);
    EXPECT_EQ(answer.status, 400) << body.substr(0, 100);
    EXPECT_THAT(answer.body, HasSubstr("no ConversionReview"));
  }
}

}  // namespace
}  // namespace rekindle::admission
