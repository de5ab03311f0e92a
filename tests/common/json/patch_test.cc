#include "common/json/patch.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

Json J(const char* text) { return Json::parse(text); }

TEST(MergePatch, NullRemovesAndMapsMerge) {
  const Json before = J(R"({"a":{"x":1,"y":2},"b":[1],"c":3})");
  const Json after = J(R"({"a":{"x":1,"z":4},"b":[2],"d":5})");
  EXPECT_EQ(MakeMergePatch(before, after), J(R"({"a":{"y":null,"z":4},"b":[2],"c":null,"d":5})"));
  EXPECT_EQ(ApplyMergePatch(before, MakeMergePatch(before, after)), after);
}

struct PatchCase {
  std::string name;
  const char* tree;
  const char* patch;
  const char* want;
};

TEST(StrategicPatch, ListsOfThePodSpec) {
  const PatchCase cases[] = {
      {"containers merge by name",
       R"({"spec":{"containers":[{"name":"a","image":"x","tty":true},{"name":"b"}]}})",
       R"({"spec":{"containers":[{"name":"a","image":"y"}]}})",
       R"({"spec":{"containers":[{"name":"a","image":"y","tty":true},{"name":"b"}]}})"},
      {"new elements go in front", R"({"spec":{"containers":[{"name":"main"}]}})",
       R"({"spec":{"containers":[{"name":"side"}]}})",
       R"({"spec":{"containers":[{"name":"side"},{"name":"main"}]}})"},
      {"element order", R"({"spec":{"containers":[{"name":"main"}]}})",
       R"({"spec":{"$setElementOrder/containers":[{"name":"main"},{"name":"side"}],
           "containers":[{"name":"side"}]}})",
       R"({"spec":{"containers":[{"name":"main"},{"name":"side"}]}})"},
      {"element deleted", R"({"spec":{"volumes":[{"name":"v"},{"name":"w"}]}})",
       R"({"spec":{"volumes":[{"name":"v","$patch":"delete"}]}})",
       R"({"spec":{"volumes":[{"name":"w"}]}})"},
      {"list replaced", R"({"spec":{"volumes":[{"name":"v"},{"name":"w"}]}})",
       R"({"spec":{"volumes":[{"name":"n"},{"$patch":"replace"}]}})",
       R"({"spec":{"volumes":[{"name":"n"}]}})"},
      {"env inside containers",
       R"({"spec":{"containers":[{"name":"a","env":[{"name":"E","value":"1"}]}]}})",
       R"({"spec":{"containers":[{"name":"a","env":[{"name":"E","value":"2"}]}]}})",
       R"({"spec":{"containers":[{"name":"a","env":[{"name":"E","value":"2"}]}]}})"},
      {"tolerations are replaced", R"({"spec":{"tolerations":[{"key":"a"}]}})",
       R"({"spec":{"tolerations":[{"key":"b"}]}})", R"({"spec":{"tolerations":[{"key":"b"}]}})"},
      {"primitive list", R"({"metadata":{"finalizers":["a","c"]}})",
       R"({"metadata":{"finalizers":["b"],"$deleteFromPrimitiveList/finalizers":["c"]}})",
       R"({"metadata":{"finalizers":["b","a"]}})"},
      {"map replaced", R"({"spec":{"nodeSelector":{"a":"1"}}})",
       R"({"spec":{"nodeSelector":{"$patch":"replace","b":"2"}}})",
       R"({"spec":{"nodeSelector":{"b":"2"}}})"},
      {"retain keys", R"({"spec":{"volumes":[{"name":"v","emptyDir":{}}]}})",
       R"({"spec":{"volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/p"}}]}})",
       R"({"spec":{"volumes":[{"name":"v","hostPath":{"path":"/p"}}]}})"},
      {"unknown fields survive", R"({"spec":{"future":{"x":1},"containers":[]}})",
       R"({"metadata":{"labels":{"a":"b"}}})",
       R"({"metadata":{"labels":{"a":"b"}},"spec":{"future":{"x":1},"containers":[]}})"},
  };
  for (const PatchCase& c : cases) {
    SCOPED_TRACE(c.name);
    const auto got = ApplyStrategicPatch(J(c.tree), J(c.patch));
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, J(c.want));
  }
  EXPECT_EQ(ApplyStrategicPatch(J(R"({"spec":{"containers":[{"name":"a"}]}})"),
                                J(R"({"spec":{"containers":[{"image":"o"}]}})"))
                .status()
                .code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(StrategicPatch, TwoWayPatchLeadsFromBeforeToAfter) {
  const Json before = J(R"({"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["x","y"]},
      "spec":{"containers":[{"name":"a","image":"i:1"},{"name":"b","image":"j:1"}]}})");
  const Json after = J(R"({"metadata":{"labels":{"a":"3"},"finalizers":["y","z"]},
      "spec":{"containers":[{"name":"a","image":"i:2"},{"name":"c","image":"k"}]}})");
  const Json patch = MakeStrategicPatch(before, after);
  EXPECT_EQ(patch["metadata"]["labels"], J(R"({"a":"3","b":null})"));
  EXPECT_EQ(patch["metadata"]["$deleteFromPrimitiveList/finalizers"], J(R"(["x"])"));
  EXPECT_EQ(patch["metadata"]["$setElementOrder/finalizers"], J(R"(["y","z"])"));
  const auto got = ApplyStrategicPatch(before, patch);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(*got, after);
  EXPECT_EQ(MakeStrategicPatch(after, after), Json::object());
}

}  // namespace
}  // namespace rekindle::json
