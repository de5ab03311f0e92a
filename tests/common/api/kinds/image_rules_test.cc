// ImagePullJob and NodeImage (spec container-recreate 17.2, 17.4; scenarios 68, 70).
#include "tests/common/api/kinds/admission_fixture.h"

namespace rekindle::api {
namespace {

using testing::HasSubstr;

class ImageTest : public AdmissionTest {
 protected:
  Json Job(const char* spec, const char* version = "v1beta1") {
    Json out = {{"apiVersion", absl::StrCat("apps.kruise.io/", version)},
                {"kind", "ImagePullJob"},
                {"metadata", {{"name", "j"}, {"namespace", "ns"}}},
                {"spec", J(R"({"image":"busybox:1","completionPolicy":{}})")}};
    out["spec"].merge_patch(J(spec));
    return out;
  }
  Json Node(const char* images) {
    return {{"apiVersion", "apps.kruise.io/v1beta1"},
            {"kind", "NodeImage"},
            {"metadata", {{"name", "n1"}}},
            {"spec", {{"images", J(images)}}}};
  }
};

TEST_F(ImageTest, Defaults) {
  for (const char* version : {"v1alpha1", "v1beta1"}) {
    const Result got = Write(Job("{}", version));
    ASSERT_EQ(got.code(), 200) << got.status;
    EXPECT_EQ(got.object["spec"],
              J(R"({"image":"busybox:1","parallelism":1,"imagePullPolicy":"IfNotPresent",
                    "pullPolicy":{"timeoutSeconds":600,"backoffLimit":3},
                    "completionPolicy":{"type":"Always"}})"));
  }
}

TEST_F(ImageTest, Refusals) {
  const struct {
    const char* spec;
    const char* message;
  } cases[] = {
      {R"({"image":""})", "image can not be empty"},
      {R"({"image":"a b"})", "invalid image a b"},
      {R"({"image":"x:"})", "invalid image x:"},
      {R"({"image":"x@sha256:zz"})", "invalid image"},
      {R"({"image":"a//b"})", "invalid image"},
      {R"({"selector":{"names":["a"]},"podSelector":{}})",
       "can not set both selector and podSelector"},
      {R"({"selector":{"names":["a"],"matchLabels":{"a":"b"}}})",
       "can not set both names and labelSelector in this spec.selector"},
      {R"({"selector":{"names":["a","a"]}})", "duplicated name in selector names"},
      {R"({"selector":{"matchExpressions":[{"key":"a","operator":"Odd"}]}})", "invalid selector"},
      {R"({"podSelector":{"matchExpressions":[{"key":"a","operator":"Odd"}]}})",
       "invalid podSelector"},
      {R"({"parallelism":"30%"})", "parallelism does not support percentage value"},
      {R"({"parallelism":"x"})", "parallelism must be a valid integer: x"},
      {R"({"parallelism":-1})", "parallelism must be non-negative"},
      {R"({"completionPolicy":{"activeDeadlineSeconds":599}})",
       "completionPolicy.activeDeadlineSeconds must be greater than"},
      {R"({"completionPolicy":{"type":"Never","activeDeadlineSeconds":700}})",
       "can only work with Always CompletionPolicyType"},
      {R"({"completionPolicy":{"type":"Never","ttlSecondsAfterFinished":7}})",
       "can only work with Always CompletionPolicyType"},
      {R"({"completionPolicy":{"type":"Odd"}})", "unknown type of completionPolicy: Odd"},
  };
  for (const auto& c : cases) {
    const Result got = Write(Job(c.spec));
    EXPECT_EQ(got.code(), 400) << c.spec << got.status;
    EXPECT_THAT(got.message(), HasSubstr(c.message)) << c.spec;
  }
  for (const char* fine :
       {R"({"parallelism":"3"})", R"({"parallelism":0})", R"({"selector":{}})",
        R"({"completionPolicy":{"activeDeadlineSeconds":600}})",
        R"({"image":"reg.example:5000/a/b:v1.2_x"})",
        R"({"image":"b@sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"})",
        R"({"completionPolicy":{"type":"Never"}})"}) {
    EXPECT_EQ(Write(Job(fine)).code(), 200) << fine;
  }
  const Json old = Write(Job(R"({"pullSecrets":["a"]})")).object;
  Json now = old;
  now["spec"]["pullSecrets"] = {"b"};
  EXPECT_EQ(Update(now, old).code(), 403);
  now["spec"]["pullSecrets"] = {"a"};
  now["spec"]["parallelism"] = 5;
  EXPECT_EQ(Update(now, old).code(), 200);
  gates_.image_pull_jobs = false;
  EXPECT_EQ(Write(Job("{}")).code(), 403);
  gates_ = AdmissionGates();
  gates_.daemon = false;
  EXPECT_EQ(Write(Job("{}")).code(), 403);
}

TEST_F(ImageTest, NodeImages) {
  const Result got = Write(Node(R"({"busybox":{"tags":[
      {"tag":"b","pullPolicy":{"ttlSecondsAfterFinished":1}},
      {"tag":"a","createdAt":"2030-01-02T03:04:05Z",
       "pullPolicy":{"timeoutSeconds":5,"ttlSecondsAfterFinished":1}}]}})"));
  ASSERT_EQ(got.code(), 200) << got.status;
  EXPECT_EQ(got.object["spec"]["images"]["busybox"]["tags"],
            J(R"([{"tag":"a","createdAt":"2030-01-02T03:04:05Z","pullPolicy":{
                   "timeoutSeconds":5,"backoffLimit":3,"ttlSecondsAfterFinished":1}},
                  {"tag":"b","createdAt":"2027-01-15T08:00:00Z","pullPolicy":{
                   "timeoutSeconds":600,"backoffLimit":3,"ttlSecondsAfterFinished":1}}])"));
  const struct {
    const char* images;
    const char* message;
  } cases[] = {
      {R"({"":{"tags":[]}})", "image can not be empty"},
      {R"({"x":{"tags":[{"tag":""}]}})", "tag can not be empty"},
      {R"({"x":{"tags":[{"tag":"a"}]}})", "pullPolicy must be set"},
      {R"({"x":{"tags":[{"tag":"a","pullPolicy":{}}]}})", "ttlSecondsAfterFinished must be set"},
      {R"({"x":{"tags":[{"tag":"a","version":-1,"pullPolicy":{"ttlSecondsAfterFinished":1}}]}})",
       "version must be non-negative"},
      {R"({"x":{"tags":[{"tag":"a","pullPolicy":{"ttlSecondsAfterFinished":1}},
                        {"tag":"a","pullPolicy":{"ttlSecondsAfterFinished":1}}]}})",
       "is duplicated"},
  };
  for (const auto& c : cases) {
    const Result bad = Write(Node(c.images));
    EXPECT_EQ(bad.code(), 400) << c.images;
    EXPECT_THAT(bad.message(), HasSubstr(c.message)) << c.images;
  }
  Json many = Json::object();
  for (int i = 0; i < 257; ++i) many[absl::StrCat("i", i)] = Json::object();
  EXPECT_EQ(Write(Node(many.dump().c_str())).code(), 400);
  gates_.daemon = false;
  EXPECT_EQ(Write(Node("{}")).code(), 403);
}

}  // namespace
}  // namespace rekindle::api
