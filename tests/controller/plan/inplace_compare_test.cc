#include "controller/plan/inplace_compare.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using testing::J;
using testing::World;

constexpr char kBase[] =
    R"({"metadata":{"labels":{"app":"shop","zone":"eu"},"annotations":{"note":"1","a/b~c":"1"}},
 "spec":{"initContainers":[{"name":"init","image":"ops/init:1"}],"containers":[
  {"name":"web","image":"shop/web:2.4","env":[{"name":"ZONE","valueFrom":{"fieldRef":{"fieldPath":"metadata.labels['zone']"}}},
     {"name":"ODD","valueFrom":{"fieldRef":{"fieldPath":"metadata.annotations['a/b~c']"}}},{"name":"X","value":"1"}],
     "resources":{"requests":{"cpu":"250m"},"limits":{"cpu":"500m"}}},
  {"name":"log","image":"ops/log:1"}],"volumes":[{"name":"v"}]}})";

struct Case {
  std::string name;
  const char* patch;  // JSON patch on the base template
  std::string want;   // summary of the update, or "recreate"
  bool vertical = false;
  bool bare_metal = false;
};

// "images web=…; ref web zone=us; patch tier; env" and so on.
std::string Summary(const Comparison& c) {
  if (!c.in_place) return "recreate";
  std::vector<std::string> parts;
  for (const ContainerChange& change : c.update.containers) {
    std::string text = change.name;
    if (!change.image.empty()) text += " image " + change.image.str();
    for (const auto& [k, v] : change.metadata.labels) absl::StrAppend(&text, " label ", k, "=", v);
    for (const auto& [k, v] : change.metadata.annotations)
      absl::StrAppend(&text, " annotation ", k, "=", v);
    for (const auto& [k, v] : change.resources.requests) text += " request " + k + "=" + v.Text();
    for (const auto& [k, v] : change.resources.limits) text += " limit " + k + "=" + v.Text();
    if (change.env) text += " env";
    if (change.restart) text += " restart";
    if (change.replace) text += " replace";
    parts.push_back(text);
  }
  const MetadataChange& m = c.update.metadata;
  for (const auto& [k, v] : m.set_labels) parts.push_back(absl::StrCat("set label ", k, "=", v));
  for (const auto& [k, v] : m.set_annotations)
    parts.push_back(absl::StrCat("set annotation ", k, "=", v));
  for (const std::string& k : m.drop_labels) parts.push_back("drop label " + k);
  for (const std::string& k : m.drop_annotations) parts.push_back("drop annotation " + k);
  for (const std::string& k : m.add_finalizers) parts.push_back("add finalizer " + k);
  return absl::StrJoin(parts, "; ");
}

TEST(Compare, TableOfSection6AndExamplesOf72) {
  const Case cases[] = {
      {"equal revisions (scenario 1)", R"([])", ""},
      {"one image (scenario 3)",
       R"([{"op":"replace","path":"/spec/containers/1/image","value":"ops/log:2"}])",
       "log image ops/log:2"},
      {"two images and a label added (scenario 4)",
       R"([{"op":"replace","path":"/spec/containers/0/image","value":"shop/web:2.5"},
           {"op":"replace","path":"/spec/containers/1/image","value":"ops/log:2"},
           {"op":"add","path":"/metadata/labels/tier","value":"gold"}])",
       "web image shop/web:2.5; log image ops/log:2; set label tier=gold"},
      {"label read by env", R"([{"op":"replace","path":"/metadata/labels/zone","value":"us"}])",
       "web label zone=us env"},
      {"label read by env removed: restarts as well (pitfall 23)",
       R"([{"op":"remove","path":"/metadata/labels/zone"}])", "web env; drop label zone"},
      {"annotation key with slash and tilde (scenario 8)",
       R"([{"op":"replace","path":"/metadata/annotations/a~1b~0c","value":"2"}])",
       "web annotation a/b~c=2 env"},
      {"plain annotation", R"([{"op":"replace","path":"/metadata/annotations/note","value":"2"}])",
       "set annotation note=2"},
      {"finalizers (scenario 12)",
       R"([{"op":"add","path":"/metadata/finalizers","value":["f/x"]}])", "add finalizer f/x"},
      {"kubectl rollout restart restarts in place (pitfall 25)",
       R"([{"op":"add","path":"/metadata/annotations/kubectl.kubernetes.io~1restartedAt","value":"t"}])",
       "web restart; log restart; set annotation kubectl.kubernetes.io/restartedAt=t"},
      {"env order forces nothing (scenario 6, #1621)",
       R"([{"op":"move","from":"/spec/containers/0/env/2","path":"/spec/containers/0/env/0"}])",
       ""},
      {"defaulted field forces nothing (pitfall 53)",
       R"([{"op":"add","path":"/spec/dnsPolicy","value":"ClusterFirst"}])", ""},
      {"containers swapped (scenario 5)",
       R"([{"op":"move","from":"/spec/containers/1","path":"/spec/containers/0"}])", "recreate"},
      {"init container image (scenario 7)",
       R"([{"op":"replace","path":"/spec/initContainers/0/image","value":"ops/init:2"}])",
       "recreate"},
      {"container appended",
       R"([{"op":"add","path":"/spec/containers/-","value":{"name":"x","image":"y"}}])",
       "recreate"},
      {"image emptied", R"([{"op":"remove","path":"/spec/containers/1/image"}])", "recreate"},
      {"env value", R"([{"op":"replace","path":"/spec/containers/0/env/2/value","value":"2"}])",
       "recreate"},
      {"env value on bare metal",
       R"([{"op":"replace","path":"/spec/containers/0/env/2/value","value":"2"}])", "web replace",
       false, true},
      {"args on bare metal", R"([{"op":"add","path":"/spec/containers/1/args","value":["-v"]}])",
       "log replace", false, true},
      {"volumes on bare metal", R"([{"op":"add","path":"/spec/volumes/-","value":{"name":"w"}}])",
       "recreate", false, true},
      {"ports on bare metal",
       R"([{"op":"add","path":"/spec/containers/1/ports","value":[{"containerPort":80}]}])",
       "recreate", false, true},
      {"command", R"([{"op":"add","path":"/spec/containers/0/command","value":["x"]}])",
       "recreate"},
      {"tolerations", R"([{"op":"add","path":"/spec/tolerations","value":[{"key":"a"}]}])",
       "recreate"},
      {"one change that qualifies with one that does not",
       R"([{"op":"replace","path":"/spec/containers/0/image","value":"shop/web:2.5"},
           {"op":"add","path":"/spec/hostNetwork","value":true}])",
       "recreate"},
      {"cpu without the gate (scenario 20)",
       R"([{"op":"replace","path":"/spec/containers/0/resources/requests/cpu","value":"300m"}])",
       "recreate"},
      {"cpu request (scenario 17)",
       R"([{"op":"replace","path":"/spec/containers/0/resources/requests/cpu","value":"300m"}])",
       "web request cpu=300m", true},
      {"memory limit added (scenario 18)",
       R"([{"op":"add","path":"/spec/containers/0/resources/limits/memory","value":"1Gi"}])",
       "recreate", true},
      {"qos change",
       R"([{"op":"replace","path":"/spec/containers/0/resources/requests/cpu","value":"500m"},
         {"op":"replace","path":"/spec/containers/0/resources/limits/cpu","value":"400m"}])",
       "web request cpu=500m limit cpu=400m", true},
      {"cpu written as a number (pitfall 52)",
       R"([{"op":"replace","path":"/spec/containers/0/resources/requests/cpu","value":0.3}])",
       "web request cpu=300m", true},
      {"cpu in another notation (scenario 27)",
       R"([{"op":"replace","path":"/spec/containers/0/resources/requests/cpu","value":"0.25"}])",
       "", true},
  };
  World world;
  const Revision base = world.Rev("shop-1", J(kBase));
  for (const Case& c : cases) {
    SCOPED_TRACE(c.name);
    const Revision next = world.Rev("shop-2", J(kBase).patch(J(c.patch)));
    InPlaceOptions options;
    options.vertical = c.vertical;
    options.bare_metal = c.bare_metal;
    EXPECT_EQ(Summary(Compare(base, next, options, false)), c.want);
  }
}

TEST(Compare, RefusalNamesOperationFieldAndContainer) {
  World world;
  const Revision base = world.Rev("shop-1", J(kBase));
  const Revision next = world.Rev(
      "shop-2",
      J(kBase).patch(J(R"([{"op":"add","path":"/spec/containers/1/command","value":["x"]}])")));
  const Comparison c = Compare(base, next, {}, false);
  EXPECT_EQ(c.refusal.code, Code::kFieldNotInPlace);
  EXPECT_EQ(Words(c.refusal), "recreate: add of command in container log cannot change in place");
}

// What a plan says about the containers (spec 5.5, 6, 7.2).
TEST(Compare, WordsSayWhatRestarts) {
  api::PodParser parser;
  const auto words = [&](const char* patch, const InPlaceOptions& options) {
    const Json base = Json::parse(kBase);
    const auto rev = [&](const Json& tree) {
      Revision out;
      out.pod_template = *MakeTemplate(tree, {}, parser);
      return out;
    };
    return Compare(rev(base), rev(base.patch(Json::parse(patch))), options, false).words;
  };
  constexpr char kImage[] =
      R"([{"op":"replace","path":"/spec/containers/1/image","value":"ops/log:2"}])";
  constexpr char kZone[] = R"([{"op":"replace","path":"/metadata/labels/zone","value":"us"}])";
  constexpr char kNote[] = R"([{"op":"replace","path":"/metadata/annotations/note","value":"2"}])";
  constexpr char kEnv[] =
      R"([{"op":"replace","path":"/spec/containers/0/env/2/value","value":"2"}])";
  constexpr char kCpu[] =
      R"([{"op":"replace","path":"/spec/containers/0/resources/requests/cpu","value":"300m"}])";
  EXPECT_EQ(words(kImage, {}), "image of log to ops/log:2; restarts log");
  EXPECT_EQ(words(kZone, {}), "label zone; restarts web");
  EXPECT_EQ(words(kNote, {}), "annotation note; no container restarts");
  EXPECT_EQ(words(kEnv, {.bare_metal = true}), "env of web; replaces web");
  EXPECT_EQ(words(kCpu, {.vertical = true}), "cpu request of web to 300m; no container restarts");
  EXPECT_EQ(words(kZone, {.env_from_metadata = false}),
            "label zone; no container restarts, the environment of web keeps the old value");
}

TEST(Compare, QosClassMustStay) {
  World world;
  const Json guaranteed = J(
      R"({"spec":{"containers":[{"name":"a","image":"x","resources":{"limits":{"cpu":"1","memory":"1Gi"},"requests":{"cpu":"1","memory":"1Gi"}}}]}})");
  Json lower = guaranteed;
  lower["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "500m";
  const Comparison c =
      Compare(world.Rev("a", guaranteed), world.Rev("b", lower), {.vertical = true}, false);
  EXPECT_EQ(c.refusal.code, Code::kQosChanges);
}

TEST(Compare, OnlyCpuAndMemoryAreResized) {
  World world;
  const Json before = J(
      R"({"spec":{"containers":[{"name":"a","image":"x","resources":{"limits":{"memory":"1Gi","ephemeral-storage":"1Gi"}}}]}})");
  for (const auto& [resource, in_place] :
       {std::pair("memory", true), {"ephemeral-storage", false}}) {
    Json after = before;
    after["spec"]["containers"][0]["resources"]["limits"][resource] = "2Gi";
    EXPECT_EQ(
        Compare(world.Rev("a", before), world.Rev("b", after), {.vertical = true}, false).in_place,
        in_place)
        << resource;
  }
}

TEST(Compare, ClaimRuleOf56) {
  World world;
  Revision a = world.Rev("a", testing::TemplateOf({"m=x:1"}));
  Revision b = world.Rev("b", testing::TemplateOf({"m=x:2"}));
  const InPlaceOptions gate{.claim_rule = true};
  const auto in_place = [&](std::optional<std::string> old_hash,
                            std::optional<std::string> new_hash, const InPlaceOptions& options,
                            bool only) {
    a.claims_hash = std::move(old_hash);
    b.claims_hash = std::move(new_hash);
    return Compare(a, b, options, only).in_place;
  };
  EXPECT_TRUE(in_place(std::nullopt, "1", gate, false));
  EXPECT_TRUE(in_place("1", std::nullopt, gate, false));
  EXPECT_TRUE(in_place("", "", gate, false));
  EXPECT_FALSE(in_place("1", "2", gate, false));
  EXPECT_FALSE(in_place("", "2", gate, false));
  EXPECT_TRUE(in_place("1", "2", gate, true));
  EXPECT_TRUE(in_place("1", "2", {}, false));
}

TEST(Compare, FirstAnnotationEverIsAnEnvUpdateToo) {
  World world;
  const Json bare = J(
      R"({"spec":{"containers":[{"name":"a","image":"x","env":[{"name":"C","valueFrom":{"fieldRef":{"fieldPath":"metadata.annotations['cfg']"}}},
          {"name":"SIDECARSET_VERSION","valueFrom":{"fieldRef":{"fieldPath":"metadata.annotations['v']"}}}]}]}})");
  Json with = bare;
  with["metadata"]["annotations"]["cfg"] = "blue";
  EXPECT_EQ(Summary(Compare(world.Rev("a", bare), world.Rev("b", with), {}, false)),
            "a annotation cfg=blue env");
  EXPECT_EQ(Summary(Compare(world.Rev("a", bare), world.Rev("b", with),
                            {.env_from_metadata = false}, false)),
            "set annotation cfg=blue");
  with["metadata"]["annotations"] = {{"v", "2"}};  // scenario 14
  EXPECT_EQ(Summary(Compare(world.Rev("a", bare), world.Rev("b", with), {}, false)),
            "set annotation v=2");
}

TEST(HasResizeSubresource, VersionTextsOf155) {
  const std::pair<const char*, bool> cases[] = {{"v1.31.9", false},
                                                {"v1.32.0", true},
                                                {"v1.33.4-eks-abc", true},
                                                {"v1.32.0-rc.1", true},
                                                {"v1.32+vendor.3", true},
                                                {"1.32", false},
                                                {"", false},
                                                {"unknown", false},
                                                {"v2.0.0", true}};
  for (const auto& [text, want] : cases) EXPECT_EQ(HasResizeSubresource(text), want) << text;
}

}  // namespace
}  // namespace rekindle::plan
