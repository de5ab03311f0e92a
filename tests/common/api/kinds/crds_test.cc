// The CRDs in deploy/crds are what the schema texts say.
#include <cstdlib>
#include <fstream>
#include <sstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>
#include <yaml-cpp/yaml.h>

#include "common/api/kinds/registry.h"
#include "common/api/schema/openapi.h"
#include "common/api/schema/yaml_text.h"

namespace rekindle::api {
namespace {

std::string PathOf(const std::string& plural) {
  return std::string(RK_SOURCE_DIR) + "/deploy/crds/apps.kruise.io_" + plural + ".yaml";
}

Json ToJson(const YAML::Node& node) {
  if (node.IsMap()) {
    Json out = Json::object();
    for (const auto& entry : node) out[entry.first.as<std::string>()] = ToJson(entry.second);
    return out;
  }
  if (node.IsSequence()) {
    Json out = Json::array();
    for (const auto& entry : node) out.push_back(ToJson(entry));
    return out;
  }
  if (node.Tag() == "!") return node.as<std::string>();  // quoted
  const Json scalar = Json::parse(node.Scalar(), nullptr, false);
  return scalar.is_discarded() || scalar.is_structured() ? Json(node.Scalar()) : scalar;
}

TEST(Crds, FilesAreUpToDate) {
  const bool update = std::getenv("REKINDLE_UPDATE_GOLDEN") != nullptr;
  int found = 0;
  for (const KindInfo& info : Kinds().kinds()) {
    if (!info.custom || !info.storage) continue;
    ++found;
    const Json crd = ToCrd(Kinds(), info.group, info.kind);
    const std::string text =
        "# Made of common/api/kinds/kruise.schema; see CONTRIBUTING.md.\n" + YamlText(crd);
    const std::string path = PathOf(info.plural);
    if (update) std::ofstream(path) << text;
    std::ifstream file(path);
    std::stringstream have;
    have << file.rdbuf();
    EXPECT_TRUE(have.str() == text) << path << ": REKINDLE_UPDATE_GOLDEN=1 makes it anew";
    // Any reader of YAML gets the same out of it.
    EXPECT_EQ(ToJson(YAML::Load(text)), crd) << path;
  }
  EXPECT_EQ(found, 5);
}

// What an API server demands of a CRD (spec kubernetes-api 13.2).
TEST(Crds, AreStructural) {
  for (const KindInfo& info : Kinds().kinds()) {
    if (!info.custom) continue;
    TypeStore store;
    FieldErrors errors;
    Json schema = ToStructuralSchema(*info.type);
    schema["properties"]["metadata"] = {{"type", "object"}};
    const Type* type = FromOpenApi(schema, &ObjectMetaType(), FieldPath("schema"), store, errors);
    EXPECT_EQ(errors.Text(), "[]") << info.version << " " << info.kind;
    EXPECT_NE(type, nullptr);
  }
}

// Spec cloneset 2, statefulset 1, container-recreate 3.1: what users of these kinds rely on.
TEST(Crds, SurfaceOfTheKinds) {
  struct Row {
    const char* plural;
    std::vector<const char*> short_names;
    std::vector<const char*> columns;
    std::vector<const char*> required;
  };
  const Row rows[] = {
      {"clonesets",
       {"clone"},
       {"DESIRED", "UPDATED", "UPDATED_READY", "UPDATED_AVAILABLE", "READY", "TOTAL", "AGE",
        "CONTAINERS", "IMAGES", "SELECTOR"},
       {"selector", "template"}},
      {"statefulsets",
       {"sts", "asts"},
       {"DESIRED", "CURRENT", "UPDATED", "READY", "AGE", "CONTAINERS", "IMAGES"},
       {"selector", "template"}},
      {"containerrecreaterequests",
       {"crr"},
       {"PHASE", "POD", "NODE", "AGE"},
       {"podName", "containers"}},
  };
  for (const Row& row : rows) {
    for (const char* version : {"v1alpha1", "v1beta1"}) {
      const KindInfo* info = Kinds().FindResource(kKruiseGroup, version, row.plural);
      ASSERT_NE(info, nullptr);
      ASSERT_EQ(info->columns.size(), row.columns.size());
      for (size_t i = 0; i < row.columns.size(); ++i) {
        EXPECT_EQ(info->columns[i].name, row.columns[i]);
      }
      ASSERT_EQ(info->short_names.size(), row.short_names.size());
      const Json schema = ToStructuralSchema(*info->type);
      EXPECT_EQ(schema["properties"]["spec"]["required"].size(), row.required.size());
      EXPECT_TRUE(info->status && info->convert);
    }
  }
  const Json cloneset = ToCrd(Kinds(), kKruiseGroup, "CloneSet");
  const Json& beta = cloneset["spec"]["versions"][0];
  EXPECT_EQ(beta["name"], "v1beta1");
  const Json& spec = beta["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"];
  // The one default of the CRD; all others come from admission.
  EXPECT_EQ(spec["scaleStrategy"]["properties"]["enablePVCReuse"]["default"], false);
  EXPECT_FALSE(spec["replicas"].contains("default"));
  EXPECT_EQ(spec["template"]["x-kubernetes-preserve-unknown-fields"], true);
  EXPECT_EQ(spec["updateStrategy"]["properties"]["rollingUpdate"]["properties"]["partition"]
                ["x-kubernetes-int-or-string"],
            true);
  EXPECT_FALSE(
      spec["updateStrategy"]["properties"]["rollingUpdate"]["properties"]["partition"].contains(
          "anyOf"));  // pitfall 28
  EXPECT_EQ(cloneset["spec"]["conversion"]["webhook"]["clientConfig"]["service"]["path"],
            "/convert");
  EXPECT_EQ(ToCrd(Kinds(), kKruiseGroup, "NodeImage")["spec"]["conversion"]["strategy"], "None");
  const Json crr = ToCrd(Kinds(), kKruiseGroup, "ContainerRecreateRequest");
  const Json& alpha = crr["spec"]["versions"][1]["schema"]["openAPIV3Schema"]["properties"];
  const Json& newer = crr["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"];
  EXPECT_FALSE(alpha["spec"]["properties"]["activeDeadlineSeconds"].contains("minimum"));
  EXPECT_EQ(newer["spec"]["properties"]["activeDeadlineSeconds"]["minimum"], 0);
  EXPECT_FALSE(alpha["status"]["properties"].contains("conditions"));
  EXPECT_EQ(newer["status"]["properties"]["conditions"]["x-kubernetes-list-type"], "map");
}

}  // namespace
}  // namespace rekindle::api
