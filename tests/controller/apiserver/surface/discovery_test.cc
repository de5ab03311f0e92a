#include "controller/apiserver/surface/discovery.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "tests/controller/apiserver/catalog/widget.h"

namespace rekindle::apiserver {
namespace {

using testing::Contains;
using testing::IsSupersetOf;
using testing::Not;

const Json* Find(const Json& list, const char* member, const std::string& value) {
  for (const Json& one : list) {
    if (one.value(member, "") == value) return &one;
  }
  return nullptr;
}

TEST(Discovery, Groups) {
  const auto catalog = Catalog::Make({WidgetDefinition()});
  std::vector<std::string> names;
  for (const GroupVersions& group : GroupsOf(*catalog)) names.push_back(group.group);
  EXPECT_THAT(names, IsSupersetOf({"apps", "policy", "coordination.k8s.io", "apiextensions.k8s.io",
                                   "authorization.k8s.io", "apps.kruise.io", "example.io"}));
  EXPECT_THAT(names, Not(Contains("")));
  const Json list = GroupList(*catalog);
  EXPECT_EQ(list["kind"], "APIGroupList");
  const Json* kruise = Find(list["groups"], "name", "apps.kruise.io");
  ASSERT_NE(kruise, nullptr);
  EXPECT_EQ((*kruise)["preferredVersion"]["groupVersion"], "apps.kruise.io/v1beta1");
  EXPECT_EQ((*kruise)["versions"].size(), 2u);
  EXPECT_EQ(LegacyVersions()["versions"], Json{"v1"});
}

TEST(Discovery, ResourcesOfTheCoreGroup) {
  const Json list = ResourceList(*Catalog::Make({}), "", "v1");
  EXPECT_EQ(list["groupVersion"], "v1");
  const Json* pods = Find(list["resources"], "name", "pods");
  ASSERT_NE(pods, nullptr);
  EXPECT_EQ((*pods)["shortNames"], Json{"po"});
  EXPECT_EQ((*pods)["categories"], Json{"all"});
  EXPECT_EQ((*pods)["singularName"], "pod");
  EXPECT_EQ((*pods)["namespaced"], true);
  EXPECT_EQ((*pods)["verbs"].size(), 8u);
  const Json* eviction = Find(list["resources"], "name", "pods/eviction");
  ASSERT_NE(eviction, nullptr);
  EXPECT_EQ((*eviction)["group"], "policy");
  EXPECT_EQ((*eviction)["kind"], "Eviction");
  EXPECT_EQ((*eviction)["singularName"], "");
  const Json* status = Find(list["resources"], "name", "pods/status");
  EXPECT_FALSE(status->contains("group"));
  EXPECT_NE(Find(list["resources"], "name", "namespaces/finalize"), nullptr);
}

TEST(Discovery, ScaleIsOfAutoscaling) {
  const Json list = ResourceList(*Catalog::Make({WidgetDefinition()}), "example.io", "v1");
  const Json* scale = Find(list["resources"], "name", "widgets/scale");
  ASSERT_NE(scale, nullptr);
  EXPECT_EQ((*scale)["group"], "autoscaling");
  EXPECT_EQ((*scale)["version"], "v1");
  EXPECT_EQ((*scale)["kind"], "Scale");
  EXPECT_EQ((*scale)["verbs"], (Json{"get", "patch", "update"}));
}

TEST(Discovery, Aggregated) {
  const auto catalog = Catalog::Make({WidgetDefinition()});
  const Json core = AggregatedDiscovery(*catalog, true, "v2");
  EXPECT_EQ(core["apiVersion"], "apidiscovery.k8s.io/v2");
  ASSERT_EQ(core["items"].size(), 1u);
  EXPECT_EQ(core["items"][0]["metadata"], Json::object());
  const Json all = AggregatedDiscovery(*catalog, false, "v2beta1");
  EXPECT_EQ(all["apiVersion"], "apidiscovery.k8s.io/v2beta1");
  for (const Json& group : all["items"]) {
    if (group["metadata"]["name"] != "example.io") continue;
    const Json& version = group["versions"][0];
    EXPECT_EQ(version["freshness"], "Current");
    const Json& widget = version["resources"][0];
    EXPECT_EQ(widget["resource"], "widgets");
    EXPECT_EQ(widget["scope"], "Namespaced");
    EXPECT_EQ(widget["singularResource"], "widget");
    EXPECT_EQ(widget["responseKind"],
              (Json{{"group", "example.io"}, {"version", "v1"}, {"kind", "Widget"}}));
    EXPECT_EQ(widget["subresources"].size(), 2u);
    EXPECT_EQ(widget["subresources"][0]["subresource"], "status");
    EXPECT_EQ(widget["subresources"][1]["responseKind"]["group"], "autoscaling");
    return;
  }
  FAIL() << "no example.io";
}

}  // namespace
}  // namespace rekindle::apiserver
