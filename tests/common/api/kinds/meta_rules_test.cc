#include "common/api/kinds/meta_rules.h"

#include "tests/common/api/kinds/admission_fixture.h"

namespace rekindle::api {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

class MetaTest : public AdmissionTest {
 protected:
  Json Map(const char* metadata) {
    Json out = {{"apiVersion", "v1"}, {"kind", "ConfigMap"}, {"metadata", J(metadata)}};
    if (!out["metadata"].contains("namespace")) out["metadata"]["namespace"] = "ns";
    return out;
  }
};

// Spec kubernetes-api 2.1 to 2.3 and 8.3.
TEST_F(MetaTest, Rules) {
  EXPECT_EQ(Write(Map(R"({"name":"a.b","labels":{"app":"x"},"annotations":{"Any/Thing":"\n"},
                          "finalizers":["orphan","example.io/x"]})"))
                .code(),
            200);
  const struct {
    const char* metadata;
    const char* want;
  } cases[] = {
      {R"({})", "metadata.name: Required value: name or generateName is required"},
      {R"({"name":"Bad_Name"})",
       R"(metadata.name: Invalid value: "Bad_Name": a lowercase RFC 1123 subdomain must)"},
      {R"({"generateName":"Bad_","name":"x"})", R"(metadata.generateName: Invalid value: "Bad_")"},
      {R"({"name":"a","namespace":"a.b"})", R"(metadata.namespace: Invalid value: "a.b")"},
      {R"({"name":"a","labels":{"a b":"x"}})",
       R"(metadata.labels: Invalid value: "a b": name part must consist)"},
      {R"({"name":"a","labels":{"Bad_/b":"x"}})",
       R"(metadata.labels: Invalid value: "Bad_/b": prefix part a lowercase)"},
      {R"({"name":"a","labels":{"a":"x y"}})",
       R"(metadata.labels: Invalid value: "x y": a valid label must)"},
      {R"({"name":"a","annotations":{"a/b/c":"x"}})",
       R"(metadata.annotations: Invalid value: "a/b/c": a qualified name must)"},
      {R"({"name":"a","generation":-1})", "metadata.generation: Invalid value: -1"},
      {R"({"name":"a","finalizers":["mine"]})",
       R"(metadata.finalizers[0]: Invalid value: "mine": name is neither a standard finalizer name)"},
      {R"({"name":"a","finalizers":["orphan","foregroundDeletion"]})",
       "metadata.finalizers: Invalid value: [\"orphan\",\"foregroundDeletion\"]: finalizer orphan "
       "and foregroundDeletion cannot be both set"},
      {R"({"name":"a","ownerReferences":[{"apiVersion":"","kind":"A","name":"b","uid":"u"}]})",
       "metadata.ownerReferences[0].apiVersion"},
      {R"({"name":"a","ownerReferences":[{"apiVersion":"v1","kind":"A","name":"","uid":"u"}]})",
       "metadata.ownerReferences[0].name"},
      {R"({"name":"a","ownerReferences":[
            {"apiVersion":"v1","kind":"A","name":"b","uid":"u","controller":true},
            {"apiVersion":"v1","kind":"C","name":"d","uid":"w","controller":true}]})",
       "metadata.ownerReferences: Invalid value: "},
  };
  for (const auto& c : cases) {
    const Result got = Write(Map(c.metadata));
    EXPECT_EQ(got.code(), 422) << c.metadata;
    EXPECT_THAT(got.causes(), Contains(StartsWith(c.want))) << c.metadata;
  }
  Json big = Map(R"({"name":"a"})");
  big["metadata"]["annotations"]["k"] = std::string(262144, 'x');
  EXPECT_THAT(Write(big).causes(),
              ElementsAre("metadata.annotations: Too long: must have at most 262144 bytes"));
  big["metadata"]["annotations"]["k"] = std::string(262143, 'x');
  EXPECT_EQ(Write(big).code(), 200);
}

TEST_F(MetaTest, NamesOfEachKind) {
  const auto name = [&](const char* version, const char* kind) {
    return NameRule(*Kinds().Find(version, kind));
  };
  EXPECT_EQ(name("v1", "Namespace"), TextRule::kLabel);
  EXPECT_EQ(name("v1", "Service"), TextRule::kLabel1035);
  EXPECT_EQ(name("v1", "Pod"), TextRule::kSubdomain);
  EXPECT_EQ(name("apps/v1", "StatefulSet"), TextRule::kSubdomain);
  EXPECT_EQ(name("apps.kruise.io/v1beta1", "StatefulSet"), TextRule::kLabel);
  EXPECT_EQ(name("apps.kruise.io/v1beta1", "CloneSet"), TextRule::kSubdomain);
  Json node = J(R"({"apiVersion":"v1","kind":"Node","metadata":{"name":"n","namespace":"ns"}})");
  EXPECT_THAT(Write(node).causes(),
              ElementsAre("metadata.namespace: Forbidden: not allowed on this type"));
}

TEST_F(MetaTest, Updates) {
  const Json old = Map(R"({"name":"a","uid":"u","creationTimestamp":"2030-01-02T03:04:05Z"})");
  const auto fields = [&](const char* metadata) {
    Json now = Map(metadata);
    return Write(now, &old).fields();
  };
  EXPECT_THAT(fields(R"({"name":"b","namespace":"other","uid":"w",
                         "creationTimestamp":"2031-01-02T03:04:05Z"})"),
              ElementsAre("metadata.name", "metadata.namespace", "metadata.uid",
                          "metadata.creationTimestamp"));
  Json dying = old;
  dying["metadata"]["deletionTimestamp"] = "2030-01-02T03:05:05Z";
  dying["metadata"]["finalizers"] = {"a/b"};
  Json now = dying;
  now["metadata"]["labels"]["x"] = "y";  // other changes are fine
  EXPECT_EQ(Write(now, &dying).code(), 200);
  now["metadata"]["finalizers"] = {"a/b", "c/d"};
  EXPECT_THAT(Write(now, &dying).causes(),
              ElementsAre("metadata.finalizers: Forbidden: no new finalizers can be added if the "
                          "object is being deleted, found new finalizers []string{\"c/d\"}"));
}

TEST_F(MetaTest, CustomResourcesNeedAResourceVersionAndMayUseAnyFinalizer) {
  Json image = J(R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"NodeImage",
                     "metadata":{"name":"n","finalizers":["mine"]},"spec":{}})");
  EXPECT_EQ(Write(image).code(), 200);
  EXPECT_THAT(Write(image, &image).causes(),
              ElementsAre("metadata.resourceVersion: Invalid value: 0x0: must be specified for an "
                          "update"));
}

TEST(LabelSelector, Rules) {
  const auto check = [](const char* text) {
    FieldErrors errors;
    CheckLabelSelector(Json::parse(text), FieldPath("s"), errors);
    return errors.Text();
  };
  EXPECT_EQ(check(R"({"matchLabels":{"a":"b"},"matchExpressions":[
      {"key":"a","operator":"In","values":["x"]},{"key":"b","operator":"Exists"}]})"),
            "[]");
  EXPECT_THAT(check(R"({"matchExpressions":[{"key":"a","operator":"In"}]})"),
              HasSubstr("s.matchExpressions[0].values: Required value"));
  EXPECT_THAT(check(R"({"matchExpressions":[{"key":"a","operator":"Exists","values":["x"]}]})"),
              HasSubstr("s.matchExpressions[0].values: Forbidden"));
  EXPECT_THAT(check(R"({"matchExpressions":[{"key":"a","operator":"Like"}]})"),
              HasSubstr("not a valid selector operator"));
  EXPECT_THAT(check(R"({"matchExpressions":[{"key":"-","operator":"Exists"}]})"),
              HasSubstr("s.matchExpressions[0].key"));
  EXPECT_THAT(check(R"({"matchExpressions":[{"key":"a","operator":"In","values":["x y"]}]})"),
              HasSubstr("s.matchExpressions[0].values[0]"));
  EXPECT_THAT(check(R"({"matchLabels":{"a b":"x"}})"), HasSubstr("s.matchLabels: Invalid value"));
}

}  // namespace
}  // namespace rekindle::api
