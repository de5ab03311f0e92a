#include "common/json/patch.h"

#include <algorithm>
#include <map>
#include <memory>
#include <random>
#include <string>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace rekindle::json {
namespace {

Json J(const char* text) { return Json::parse(text); }

// A type made of rules by path; enough of a Pod for these tests.
class Schema : public MergeSchema {
 public:
  explicit Schema(std::string path) : path_(std::move(path)) {}
  const MergeSchema* MemberSchema(absl::string_view name) const override {
    const std::string path = name.empty() ? path_ + "[]" : path_ + "." + std::string(name);
    auto& below = below_[path];
    if (below == nullptr) below = std::make_unique<Schema>(path);
    return below.get();
  }
  ListRule MergeRule() const override {
    static const std::map<std::string, ListRule> rules = {
        {".metadata.finalizers", {ListRule::Kind::kMergePrimitive, ""}},
        {".spec.containers", {ListRule::Kind::kMergeByKey, "name"}},
        {".spec.containers[].env", {ListRule::Kind::kMergeByKey, "name"}},
        {".spec.containers[].ports", {ListRule::Kind::kMergeByKey, "containerPort"}},
        {".spec.volumes", {ListRule::Kind::kMergeByKey, "name"}}};
    const auto it = rules.find(path_);
    return it == rules.end() ? ListRule() : it->second;
  }
  bool RetainsKeys() const override { return path_ == ".spec.volumes[]"; }

 private:
  std::string path_;
  mutable std::map<std::string, std::unique_ptr<Schema>> below_;
};

absl::StatusOr<Json> Apply(const Json& tree, const Json& patch) {
  const Schema pod("");
  return ApplyStrategicPatch(tree, patch, &pod);
}

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
    const auto got = Apply(J(c.tree), J(c.patch));
    ASSERT_TRUE(got.ok()) << got.status();
    EXPECT_EQ(*got, J(c.want));
  }
}

TEST(StrategicPatch, OrderOfElements) {
  const auto names = [](const char* tree, const char* patch) {
    const auto got = Apply(Json{{"spec", {{"containers", J(tree)}}}}, Json{{"spec", J(patch)}});
    std::string out;
    for (const Json& c : (*got)["spec"]["containers"]) out += c["name"].get<std::string>();
    return out;
  };
  constexpr char kThree[] = R"([{"name":"a"},{"name":"b"},{"name":"c"}])";
  // What the patch does not name stays in front of the elements that it preceded.
  EXPECT_EQ(names(kThree, R"({"containers":[{"name":"c","x":1}]})"), "abc");
  EXPECT_EQ(names(kThree, R"({"containers":[{"name":"d"},{"name":"b","x":1}]})"), "dabc");
  EXPECT_EQ(names(kThree, R"({"containers":[{"name":"b","x":1},{"name":"d"}]})"), "abdc");
  EXPECT_EQ(names(kThree, R"({"$setElementOrder/containers":[{"name":"c"},{"name":"a"}],
                              "containers":[{"name":"b","$patch":"delete"}]})"),
            "ca");
  // An order alone is enough.
  EXPECT_EQ(names(kThree, R"({"$setElementOrder/containers":
                              [{"name":"c"},{"name":"b"},{"name":"a"}]})"),
            "cba");
  // An element deleted and set again in one patch begins anew.
  const auto again = Apply(J(R"({"spec":{"containers":[{"name":"a","x":1}]}})"),
                           J(R"({"spec":{"containers":[{"name":"a","$patch":"delete"},
                                                       {"name":"a","y":2}]}})"));
  EXPECT_EQ(*again, J(R"({"spec":{"containers":[{"name":"a","y":2}]}})"));
}

TEST(StrategicPatch, DirectivesNeverReachTheResult) {
  const auto got = Apply(J("{}"), J(R"({"spec":{"containers":[
      {"name":"a","$patch":"merge","x":null,"env":[{"name":"E"},{"name":"F","$patch":"delete"}]},
      {"name":"gone","$patch":"delete"}],
      "tolerations":[{"key":"k","extra":{"$patch":"replace","y":1}},{"$patch":"delete"}]}})"));
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, J(R"({"spec":{"containers":[{"name":"a","env":[{"name":"E"}]}],
                        "tolerations":[{"key":"k","extra":{"y":1}}]}})"));
}

TEST(StrategicPatch, Refusals) {
  const Json tree = J(R"({"spec":{"containers":[{"name":"a"}]}})");
  const auto why = [&](const char* patch) {
    const absl::Status status = Apply(tree, J(patch)).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << patch;
    return std::string(status.message());
  };
  EXPECT_EQ(why(R"({"spec":{"containers":[{"image":"o"}]}})"),
            "map: map[image:o] does not contain declared merge key: name");
  EXPECT_EQ(why(R"({"spec":{"containers":[7]}})"),
            "map: 7 does not contain declared merge key: name");
  EXPECT_EQ(why(R"({"spec":{"$patch":"remove"}})"), "unknown $patch directive \"remove\"");
  EXPECT_EQ(why(R"({"spec":{"$retainKeys":"a"}})"), "$retainKeys is no list");
  EXPECT_EQ(why("[]"), "a strategic merge patch is an object");
}

TEST(StrategicPatch, TwoWayPatchLeadsFromBeforeToAfter) {
  const Schema pod("");
  const Json before = J(R"({"metadata":{"labels":{"a":"1","b":"2"},"finalizers":["x","y"]},
      "spec":{"containers":[{"name":"a","image":"i:1"},{"name":"b","image":"j:1"}],
              "volumes":[{"name":"v","emptyDir":{}}]}})");
  const Json after = J(R"({"metadata":{"labels":{"a":"3"},"finalizers":["y","z"]},
      "spec":{"containers":[{"name":"a","image":"i:2"},{"name":"c","image":"k"}],
              "volumes":[{"name":"v","hostPath":{"path":"/p"}}]}})");
  const Json patch = MakeStrategicPatch(before, after, &pod);
  EXPECT_EQ(patch["metadata"]["labels"], J(R"({"a":"3","b":null})"));
  EXPECT_EQ(patch["metadata"]["$deleteFromPrimitiveList/finalizers"], J(R"(["x"])"));
  EXPECT_EQ(patch["metadata"]["$setElementOrder/finalizers"], J(R"(["y","z"])"));
  EXPECT_EQ(patch["spec"]["volumes"][0]["$retainKeys"], J(R"(["hostPath","name"])"));
  const auto got = Apply(before, patch);
  ASSERT_TRUE(got.ok());
  EXPECT_EQ(*got, after);
  EXPECT_EQ(MakeStrategicPatch(after, after, &pod), Json::object());
  // Two ports of one number cannot be told apart by the merge key: the list is replaced.
  const Json ports = J(R"({"spec":{"containers":[{"name":"a","ports":[
      {"containerPort":53,"protocol":"UDP"},{"containerPort":53,"protocol":"TCP"}]}]}})");
  const Json empty = J(R"({"spec":{"containers":[{"name":"a","ports":[]}]}})");
  EXPECT_EQ(*Apply(empty, MakeStrategicPatch(empty, ports, &pod)), ports);
}

// Random containers with random members: the patch made is the patch that leads there.
TEST(StrategicPatch, RoundTripOfRandomLists) {
  const Schema pod("");
  std::mt19937 random(20260301);
  const auto tree = [&] {
    std::vector<std::string> names = {"a", "b", "c", "d", "e"};
    std::shuffle(names.begin(), names.end(), random);
    Json containers = Json::array();
    for (size_t i = 0; i < random() % 5; ++i) {
      Json container = {{"name", names[i]}};
      if (random() % 2) container["image"] = std::to_string(random() % 3);
      if (random() % 2)
        container["env"] = {{{"name", "E"}, {"value", std::to_string(random() % 2)}}};
      containers.push_back(container);
    }
    Json finalizers = Json::array();
    for (const std::string& name : names) {
      if (random() % 2) finalizers.push_back(name);
    }
    return Json{{"metadata", {{"finalizers", finalizers}}}, {"spec", {{"containers", containers}}}};
  };
  for (int i = 0; i < 500; ++i) {
    const Json before = tree();
    const Json after = tree();
    const Json patch = MakeStrategicPatch(before, after, &pod);
    const auto got = Apply(before, patch);
    ASSERT_TRUE(got.ok()) << got.status();
    ASSERT_EQ(*got, after) << before << "\n" << patch;
  }
}

}  // namespace
}  // namespace rekindle::json
