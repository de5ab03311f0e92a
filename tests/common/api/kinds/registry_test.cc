#include "common/api/kinds/registry.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/schema/openapi.h"
#include "common/json/patch.h"

namespace rekindle::api {
namespace {

using testing::ElementsAreArray;

TEST(Registry, KnowsTheKinds) {
  const char* kinds[][2] = {{"v1", "Pod"},
                            {"v1", "Node"},
                            {"v1", "PersistentVolumeClaim"},
                            {"v1", "Event"},
                            {"v1", "Service"},
                            {"v1", "ConfigMap"},
                            {"v1", "Secret"},
                            {"v1", "Namespace"},
                            {"v1", "ServiceAccount"},
                            {"apps/v1", "StatefulSet"},
                            {"apps/v1", "ControllerRevision"},
                            {"coordination.k8s.io/v1", "Lease"},
                            {"policy/v1", "PodDisruptionBudget"}};
  for (const auto& [version, kind] : kinds) {
    const KindInfo* info = Kinds().Find(version, kind);
    ASSERT_NE(info, nullptr) << version << " " << kind;
    EXPECT_FALSE(info->custom);
    EXPECT_FALSE(info->doc.empty());
  }
  for (const char* kind :
       {"CloneSet", "StatefulSet", "ContainerRecreateRequest", "ImagePullJob", "NodeImage"}) {
    for (const char* version : {"v1alpha1", "v1beta1"}) {
      const KindInfo* info = Kinds().Find(kKruiseGroup, version, kind);
      ASSERT_NE(info, nullptr) << version << " " << kind;
      EXPECT_TRUE(info->custom);
      EXPECT_EQ(info->storage, absl::string_view(version) == "v1beta1");
    }
  }
  EXPECT_FALSE(Kinds().Find("v1", "Node")->namespaced);
  EXPECT_FALSE(Kinds().Find(kKruiseGroup, "v1beta1", "NodeImage")->namespaced);
  EXPECT_EQ(PodType().name, "io.k8s.api.core.v1.Pod");
  EXPECT_EQ(PodTemplateType().name, "io.k8s.api.core.v1.PodTemplateSpec");
  EXPECT_EQ(ObjectMetaType().fields.size(), 16u);
  EXPECT_EQ(ClaimType().name, "io.k8s.api.core.v1.PersistentVolumeClaim");
}

// Every member that users can ask `kubectl explain` about has an answer.
TEST(Registry, EverythingIsExplained) {
  for (const auto& [name, type] : Kinds().types()) {
    EXPECT_FALSE(type->doc.empty()) << name;
    for (const Field& field : type->fields) EXPECT_FALSE(field.doc.empty()) << name << field.name;
  }
}

const Type* At(const Type* type, const std::vector<const char*>& path) {
  for (const char* step : path) type = MemberType(type, step);
  return type;
}

// The table of spec kubernetes-api 7.5.
TEST(Registry, ListsMergeAsTheTableSays) {
  using Kind = json::ListRule::Kind;
  struct Row {
    const char* version;
    const char* kind;
    std::vector<const char*> path;
    Kind merge;
    const char* merge_key;
    ListKind list;
    std::vector<std::string> keys;
  };
  const Row rows[] = {
      {"v1",
       "Pod",
       {"metadata", "ownerReferences"},
       Kind::kMergeByKey,
       "uid",
       ListKind::kMap,
       {"uid"}},
      {"v1", "Pod", {"metadata", "finalizers"}, Kind::kMergePrimitive, "", ListKind::kSet, {}},
      {"v1", "Pod", {"spec", "containers"}, Kind::kMergeByKey, "name", ListKind::kMap, {"name"}},
      {"v1",
       "Pod",
       {"spec", "initContainers"},
       Kind::kMergeByKey,
       "name",
       ListKind::kMap,
       {"name"}},
      {"v1",
       "Pod",
       {"spec", "ephemeralContainers"},
       Kind::kMergeByKey,
       "name",
       ListKind::kMap,
       {"name"}},
      {"v1", "Pod", {"spec", "volumes"}, Kind::kMergeByKey, "name", ListKind::kMap, {"name"}},
      {"v1",
       "Pod",
       {"spec", "imagePullSecrets"},
       Kind::kMergeByKey,
       "name",
       ListKind::kMap,
       {"name"}},
      {"v1", "Pod", {"spec", "hostAliases"}, Kind::kMergeByKey, "ip", ListKind::kMap, {"ip"}},
      {"v1",
       "Pod",
       {"spec", "topologySpreadConstraints"},
       Kind::kMergeByKey,
       "topologyKey",
       ListKind::kMap,
       {"topologyKey", "whenUnsatisfiable"}},
      {"v1",
       "Pod",
       {"spec", "schedulingGates"},
       Kind::kMergeByKey,
       "name",
       ListKind::kMap,
       {"name"}},
      {"v1",
       "Pod",
       {"spec", "resourceClaims"},
       Kind::kMergeByKey,
       "name",
       ListKind::kMap,
       {"name"}},
      {"v1", "Pod", {"spec", "tolerations"}, Kind::kReplace, "", ListKind::kAtomic, {}},
      {"v1", "Pod", {"spec", "readinessGates"}, Kind::kReplace, "", ListKind::kAtomic, {}},
      {"v1",
       "Pod",
       {"spec", "containers", "", "env"},
       Kind::kMergeByKey,
       "name",
       ListKind::kMap,
       {"name"}},
      {"v1",
       "Pod",
       {"spec", "containers", "", "ports"},
       Kind::kMergeByKey,
       "containerPort",
       ListKind::kMap,
       {"containerPort", "protocol"}},
      {"v1",
       "Pod",
       {"spec", "containers", "", "volumeMounts"},
       Kind::kMergeByKey,
       "mountPath",
       ListKind::kMap,
       {"mountPath"}},
      {"v1",
       "Pod",
       {"spec", "containers", "", "volumeDevices"},
       Kind::kMergeByKey,
       "devicePath",
       ListKind::kMap,
       {"devicePath"}},
      {"v1",
       "Pod",
       {"spec", "containers", "", "envFrom"},
       Kind::kReplace,
       "",
       ListKind::kAtomic,
       {}},
      {"v1",
       "Pod",
       {"spec", "containers", "", "command"},
       Kind::kReplace,
       "",
       ListKind::kAtomic,
       {}},
      {"v1",
       "Pod",
       {"spec", "containers", "", "resizePolicy"},
       Kind::kReplace,
       "",
       ListKind::kAtomic,
       {}},
      {"v1",
       "Pod",
       {"spec", "containers", "", "resources", "claims"},
       Kind::kReplace,
       "",
       ListKind::kMap,
       {"name"}},
      {"v1", "Pod", {"status", "conditions"}, Kind::kMergeByKey, "type", ListKind::kMap, {"type"}},
      {"v1", "Pod", {"status", "podIPs"}, Kind::kMergeByKey, "ip", ListKind::kMap, {"ip"}},
      {"v1", "Pod", {"status", "hostIPs"}, Kind::kMergeByKey, "ip", ListKind::kAtomic, {}},
      {"v1", "Pod", {"status", "containerStatuses"}, Kind::kReplace, "", ListKind::kAtomic, {}},
      {"v1",
       "Pod",
       {"status", "resourceClaimStatuses"},
       Kind::kMergeByKey,
       "name",
       ListKind::kMap,
       {"name"}},
      {"v1", "Node", {"status", "conditions"}, Kind::kMergeByKey, "type", ListKind::kMap, {"type"}},
      {"v1", "Node", {"status", "addresses"}, Kind::kMergeByKey, "type", ListKind::kMap, {"type"}},
      {"v1",
       "Service",
       {"spec", "ports"},
       Kind::kMergeByKey,
       "port",
       ListKind::kMap,
       {"port", "protocol"}},
      {"v1", "ServiceAccount", {"secrets"}, Kind::kMergeByKey, "name", ListKind::kMap, {"name"}},
      {"apps/v1",
       "StatefulSet",
       {"status", "conditions"},
       Kind::kMergeByKey,
       "type",
       ListKind::kMap,
       {"type"}},
      {"apps/v1",
       "StatefulSet",
       {"spec", "template", "spec", "containers"},
       Kind::kMergeByKey,
       "name",
       ListKind::kMap,
       {"name"}},
      {"policy/v1",
       "PodDisruptionBudget",
       {"status", "conditions"},
       Kind::kMergeByKey,
       "type",
       ListKind::kMap,
       {"type"}},
  };
  for (const Row& row : rows) {
    const Type* type = At(Kinds().Find(row.version, row.kind)->type, row.path);
    ASSERT_NE(type, nullptr) << row.kind << " " << row.path.back();
    SCOPED_TRACE(row.path.back());
    EXPECT_EQ(type->MergeRule().kind, row.merge);
    EXPECT_EQ(type->MergeRule().key, row.merge_key);
    EXPECT_EQ(type->list, row.list);
    EXPECT_THAT(type->keys, ElementsAreArray(row.keys));
  }
  const Type* spec = At(&PodType(), {"spec"});
  EXPECT_TRUE(spec->Find("nodeSelector")->atomic);
  EXPECT_TRUE(At(spec, {"volumes", ""})->RetainsKeys());
  EXPECT_TRUE(At(spec, {"resourceClaims", ""})->RetainsKeys());
  EXPECT_TRUE(At(&PodType(), {"status", "resourceClaimStatuses", ""})->RetainsKeys());
  EXPECT_TRUE(Kinds()
                  .Find("policy/v1", "PodDisruptionBudget")
                  ->type->Find("spec")
                  ->type->Find("selector")
                  ->atomic);
}

// Strategic merge patches of real kinds go by that table (spec 7.5).
TEST(Registry, StrategicMergePatchOfAPod) {
  const Json pod = Json::parse(R"({"spec":{"tolerations":[{"key":"a"}],
      "containers":[{"name":"main","image":"x:1","env":[{"name":"A","value":"1"}],
                     "ports":[{"containerPort":80}]}],
      "volumes":[{"name":"v","emptyDir":{}}]}})");
  const auto got = json::ApplyStrategicPatch(pod, Json::parse(R"({"spec":{
      "tolerations":[{"key":"b"}],
      "containers":[{"name":"side","image":"y"},
                    {"name":"main","image":"x:2","env":[{"name":"B","value":"2"}],
                     "ports":[{"containerPort":81}]}],
      "volumes":[{"name":"v","$retainKeys":["name","hostPath"],"hostPath":{"path":"/p"}}]}})"),
                                             &PodType());
  ASSERT_TRUE(got.ok()) << got.status();
  EXPECT_EQ(*got, Json::parse(R"({"spec":{"tolerations":[{"key":"b"}],
      "containers":[{"name":"side","image":"y"},
                    {"name":"main","image":"x:2","env":[{"name":"B","value":"2"},
                                                        {"name":"A","value":"1"}],
                     "ports":[{"containerPort":81},{"containerPort":80}]}],
      "volumes":[{"name":"v","hostPath":{"path":"/p"}}]}})"));
}

TEST(Registry, OpenApiOfAGroup) {
  std::vector<const KindInfo*> kinds;
  for (const KindInfo& info : Kinds().kinds()) {
    if (info.group == kKruiseGroup && info.version == "v1beta1") kinds.push_back(&info);
  }
  const Json all = ToComponents(kinds);
  EXPECT_EQ(all["io.kruise.apps.v1beta1.CloneSet"]["x-kubernetes-group-version-kind"][0]["group"],
            "apps.kruise.io");
  // `kubectl explain cloneset.spec.template.spec.containers.env` finds its way.
  EXPECT_TRUE(all.contains("io.k8s.api.core.v1.EnvVar"));
  // Every reference leads somewhere.
  const std::function<void(const Json&)> walk = [&](const Json& tree) {
    if (tree.is_object() && tree.contains("$ref")) {
      const std::string ref = tree["$ref"];
      EXPECT_TRUE(all.contains(ref.substr(ref.rfind('/') + 1))) << ref;
    }
    for (const Json& below : tree) {
      if (below.is_structured()) walk(below);
    }
  };
  walk(all);
}

}  // namespace
}  // namespace rekindle::api
