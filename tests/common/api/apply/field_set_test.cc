#include "common/api/apply/field_set.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::api {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

FieldSet Set(const char* text) {
  auto out = FieldSet::FromJson(Json::parse(text));
  EXPECT_TRUE(out.ok()) << out.status();
  return out.ok() ? *out : FieldSet();
}

// Spec kubernetes-api 2.6.
TEST(FieldSet, JsonThereAndBack) {
  const Json fields = Json::parse(R"({"f:data":{".":{},"f:a":{}},
      "f:spec":{"f:containers":{"k:{\"name\":\"x\"}":{".":{},"f:image":{}}},
                "f:finalizers":{"v:\"a/b\"":{}},"f:list":{"i:3":{}}}})");
  const FieldSet set = Set(fields.dump().c_str());
  EXPECT_EQ(set.ToJson(), fields);
  EXPECT_THAT(set.Paths(), ElementsAre(".data", ".data.a", R"(.spec.containers[name="x"])",
                                       R"(.spec.containers[name="x"].image)",
                                       R"(.spec.finalizers[="a/b"])", ".spec.list[3]"));
  EXPECT_TRUE(set.Has({PathElement::Field("data"), PathElement::Field("a")}));
  EXPECT_FALSE(set.Has({PathElement::Field("spec")}));
  // The order of keys does not matter.
  EXPECT_EQ(Set(R"({"f:p":{"k:{\"b\":1,\"a\":2}":{}}})"),
            Set(R"({"f:p":{"k:{\"a\":2,\"b\":1}":{}}})"));
  EXPECT_TRUE(
      Set(R"({"f:a":{"f:b":{"f:c":{}}}})")
          .Has({PathElement::Field("a"), PathElement::Field("b"), PathElement::Field("c")}));
}

TEST(FieldSet, Refusals) {
  for (const char* bad :
       {R"([])", R"({"a":{}})", R"({"x:a":{}})", R"({"k:[]":{}})", R"({"k:{}":{}})",
        R"({"v:{":{}})", R"({"i:x":{}})", R"({"f:a":7})", R"({"":{}})"}) {
    EXPECT_EQ(FieldSet::FromJson(Json::parse(bad)).status().code(),
              absl::StatusCode::kInvalidArgument)
        << bad;
  }
}

TEST(FieldSet, Algebra) {
  const FieldSet a = Set(R"({"f:x":{},"f:y":{"f:1":{},"f:2":{}}})");
  const FieldSet b = Set(R"({"f:y":{".":{},"f:2":{},"f:3":{}},"f:z":{}})");
  EXPECT_THAT(a.Union(b).Paths(), ElementsAre(".x", ".y", ".y.1", ".y.2", ".y.3", ".z"));
  EXPECT_THAT(a.Intersection(b).Paths(), ElementsAre(".y.2"));
  EXPECT_THAT(a.Difference(b).Paths(), ElementsAre(".x", ".y.1"));
  EXPECT_THAT(a.RecursiveDifference(b).Paths(), ElementsAre(".x"));
  EXPECT_THAT(a.Difference(a).Paths(), IsEmpty());
  EXPECT_TRUE(a.Difference(a).Empty());
  EXPECT_EQ(a.Union(FieldSet()), a);
  EXPECT_EQ(a.Difference(a), FieldSet());
}

}  // namespace
}  // namespace rekindle::api
