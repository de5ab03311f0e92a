#include "controller/apiserver/catalog/catalog.h"

#include <gmock/gmock.h>
#include <nlohmann/json.hpp>

#include "common/json/tree.h"
#include "tests/controller/apiserver/catalog/widget.h"

namespace rekindle::apiserver {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

Json ConditionOf(const Json& status, const std::string& type) {
  for (const Json& one : status.value("conditions", Json::array())) {
    if (one["type"] == type) return one;
  }
  return Json();
}

TEST(Catalog, KindsOfThePlatformAndOurs) {
  const auto catalog = Catalog::Make({});
  const ServedKind* pods = catalog->FindResource("", "v1", "pods");
  ASSERT_NE(pods, nullptr);
  EXPECT_EQ(pods->Resource(), "pods");
  EXPECT_FALSE(pods->user_defined);
  EXPECT_EQ(pods->storage, pods->info);
  ASSERT_NE(pods->FindSubresource("eviction"), nullptr);
  EXPECT_EQ(pods->FindSubresource("eviction")->group, "policy");
  EXPECT_EQ(pods->FindSubresource("log"), nullptr);

  const ServedKind* old = catalog->Find("apps.kruise.io/v1alpha1", "CloneSet");
  ASSERT_NE(old, nullptr);
  EXPECT_EQ(old->Resource(), "clonesets.apps.kruise.io");
  EXPECT_EQ(old->storage->version, "v1beta1");
  EXPECT_EQ(old->FindSubresource("scale")->kind, "Scale");

  EXPECT_TRUE(catalog->HasGroupVersion("apiextensions.k8s.io", "v1"));
  EXPECT_FALSE(catalog->HasGroupVersion("apps.kruise.io", "v2"));
  EXPECT_EQ(catalog->FindResource("apps.kruise.io", "v1beta1", "pods"), nullptr);

  const ServedKind* review = catalog->Find("authorization.k8s.io/v1", "SelfSubjectAccessReview");
  ASSERT_NE(review, nullptr);
  EXPECT_THAT(review->verbs, ElementsAre("create"));
  EXPECT_THAT(catalog->FindResource("", "v1", "namespaces")->verbs,
              Not(Contains("deletecollection")));
  EXPECT_TRUE(pods->HasVerb("deletecollection"));
}

TEST(Catalog, OrderOfVersionsAndGroups) {
  std::vector<std::string> seen;
  const auto catalog = Catalog::Make({WidgetDefinition()});
  for (const ServedKind& kind : catalog->kinds()) {
    if (kind.info->custom && kind.info->kind == "CloneSet") seen.push_back(kind.info->version);
    if (kind.info->kind == "Widget") seen.emplace_back("widget");
    if (kind.info->kind == "Pod") seen.emplace_back("pod");
  }
  EXPECT_THAT(seen, ElementsAre("pod", "v1beta1", "v1alpha1", "widget"));
}

TEST(Catalog, VersionsAreComparedByTheirNames) {
  const std::vector<std::string> order = {"v10",       "v2",        "v1",   "v11beta2", "v3beta1",
                                          "v12alpha1", "v11alpha2", "foo1", "foo10"};
  for (size_t i = 0; i < order.size(); ++i) {
    for (size_t j = 0; j < order.size(); ++j) {
      EXPECT_EQ(VersionBefore(order[i], order[j]), i < j) << order[i] << " " << order[j];
    }
  }
}

TEST(Catalog, AUsersKind) {
  const auto catalog = Catalog::Make({WidgetDefinition()});
  const ServedKind* kind = catalog->FindResource("example.io", "v1", "widgets");
  ASSERT_NE(kind, nullptr);
  EXPECT_TRUE(kind->user_defined);
  EXPECT_TRUE(kind->info->custom);
  EXPECT_EQ(kind->info->list_kind, "WidgetList");
  EXPECT_EQ(kind->info->singular, "widget");
  EXPECT_EQ(kind->info->type->name, "io.example.v1.Widget");
  EXPECT_EQ(kind->scale_spec_path, ".spec.count");
  EXPECT_THAT(kind->selectable_fields, ElementsAre("spec.color"));
  EXPECT_EQ(kind->info->columns.size(), 5u);
  EXPECT_EQ(catalog->Find("example.io/v1", "Widget"), kind);

  const Json status = catalog->StatusOf("widgets.example.io");
  EXPECT_EQ(ConditionOf(status, "Established")["status"], "True");
  EXPECT_EQ(ConditionOf(status, "NamesAccepted")["reason"], "NoConflicts");
  EXPECT_EQ(status["acceptedNames"]["kind"], "Widget");
  EXPECT_EQ(status["acceptedNames"]["shortNames"], Json{"w"});
  EXPECT_EQ(status["storedVersions"], Json{"v1"});
  EXPECT_TRUE(catalog->StatusOf("others.example.io").is_null());
}

TEST(Catalog, AgeIsTheColumnOfThoseWithout) {
  Json crd = WidgetDefinition();
  crd["spec"]["versions"][0].erase("additionalPrinterColumns");
  const auto catalog = Catalog::Make({crd});
  const ServedKind* kind = catalog->FindResource("example.io", "v1", "widgets");
  ASSERT_EQ(kind->info->columns.size(), 1u);
  EXPECT_EQ(kind->info->columns[0].name, "Age");
  EXPECT_EQ(kind->info->columns[0].path, ".metadata.creationTimestamp");
}

// Two versions, the stored one not served: it is known all the same.
TEST(Catalog, StoredButNotServed) {
  Json crd = WidgetDefinition();
  Json second = crd["spec"]["versions"][0];
  second["name"] = "v2";
  second["storage"] = false;
  second["deprecated"] = true;
  crd["spec"]["versions"][0]["served"] = false;
  crd["spec"]["versions"].push_back(second);
  crd["status"]["storedVersions"] = {"v0"};
  const auto catalog = Catalog::Make({crd});
  EXPECT_EQ(catalog->FindResource("example.io", "v1", "widgets"), nullptr);
  const ServedKind* kind = catalog->FindResource("example.io", "v2", "widgets");
  ASSERT_NE(kind, nullptr);
  EXPECT_EQ(kind->storage->version, "v1");
  EXPECT_EQ(kind->warning, "example.io/v2 Widget is deprecated");
  EXPECT_EQ(catalog->StatusOf("widgets.example.io")["storedVersions"], (Json{"v0", "v1"}));
}

// Names are taken by whoever had them, then by whoever is older.
TEST(Catalog, NamesInConflict) {
  const struct {
    const char* patch;  // of a second CRD
    const char* reason;
  } cases[] = {
      {R"({"plural":"widgets"})", "PluralConflict"},
      {R"({"singular":"widget"})", "SingularConflict"},
      {R"({"shortNames":["x","w"]})", "ShortNamesConflict"},
      {R"({"kind":"Widget","singular":"s"})", "KindConflict"},
      {R"({"listKind":"WidgetList"})", "ListKindConflict"},
  };
  for (const auto& one : cases) {
    SCOPED_TRACE(one.reason);
    Json second = WidgetDefinition();
    second["metadata"]["name"] = "gadgets.example.io";
    second["metadata"]["creationTimestamp"] = "2031-01-01T00:00:00Z";
    second["spec"]["names"] = {{"plural", "gadgets"},
                               {"singular", "gadget"},
                               {"kind", "Gadget"},
                               {"listKind", "GadgetList"}};
    second["spec"]["names"].merge_patch(Json::parse(one.patch));
    const auto catalog = Catalog::Make({second, WidgetDefinition()});
    const Json status = catalog->StatusOf("gadgets.example.io");
    EXPECT_EQ(ConditionOf(status, "NamesAccepted")["reason"], one.reason);
    EXPECT_EQ(ConditionOf(status, "NamesAccepted")["status"], "False");
    EXPECT_THAT(std::string(ConditionOf(status, "NamesAccepted")["message"]),
                HasSubstr("is already in use"));
    EXPECT_EQ(ConditionOf(status, "Established")["reason"], "NotAccepted");
    EXPECT_EQ(catalog->Find("example.io/v1", "Gadget"), nullptr);
    EXPECT_NE(catalog->FindResource("example.io", "v1", "widgets"), nullptr);

    // The younger one had them before.
    second["status"] = Json::parse(R"({"conditions":[{"type":"NamesAccepted","status":"True"}]})");
    const auto other = Catalog::Make({WidgetDefinition(), second});
    EXPECT_EQ(ConditionOf(other->StatusOf("gadgets.example.io"), "Established")["status"], "True");
    EXPECT_EQ(ConditionOf(other->StatusOf("widgets.example.io"), "Established")["status"], "False");
  }
}

TEST(Catalog, OurNamesAreNotForOthers) {
  Json crd = WidgetDefinition();
  crd["metadata"]["name"] = "widgets.apps.kruise.io";
  crd["spec"]["group"] = "apps.kruise.io";
  crd["spec"]["names"]["shortNames"] = {"clone"};
  const auto catalog = Catalog::Make({crd});
  EXPECT_EQ(catalog->FindResource("apps.kruise.io", "v1", "widgets"), nullptr);
  EXPECT_EQ(ConditionOf(catalog->StatusOf("widgets.apps.kruise.io"), "NamesAccepted")["reason"],
            "ShortNamesConflict");
}

TEST(Catalog, OurOwnDefinitionsChangeNothing) {
  std::vector<Json> definitions = BuiltInDefinitions();
  ASSERT_EQ(definitions.size(), 5u);
  for (Json& crd : definitions) {
    crd["spec"]["versions"] = Json::array();  // somebody wrote nonsense
    crd["status"]["storedVersions"] = {"v1alpha1"};
  }
  const auto catalog = Catalog::Make(definitions);
  EXPECT_EQ(catalog->kinds().size(), Catalog::Make({})->kinds().size());
  const Json status = catalog->StatusOf("clonesets.apps.kruise.io");
  EXPECT_EQ(ConditionOf(status, "Established")["status"], "True");
  EXPECT_EQ(status["storedVersions"], Json{"v1alpha1"});
  EXPECT_EQ(Catalog::Make({})->StatusOf("clonesets.apps.kruise.io")["storedVersions"],
            Json{"v1beta1"});
}

TEST(Catalog, ABadSchemaIsNotServed) {
  Json crd = WidgetDefinition();
  crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"] = Json::object();
  const auto catalog = Catalog::Make({crd});
  EXPECT_EQ(catalog->FindResource("example.io", "v1", "widgets"), nullptr);
  const Json status = catalog->StatusOf("widgets.example.io");
  EXPECT_EQ(ConditionOf(status, "Established")["status"], "False");
  EXPECT_THAT(std::string(ConditionOf(status, "NonStructuralSchema")["message"]),
              HasSubstr("must not be empty for specified object fields"));
}

TEST(Catalog, ADefinitionThatIsBeingDeleted) {
  Json crd = WidgetDefinition();
  crd["metadata"]["deletionTimestamp"] = "2031-01-01T00:00:00Z";
  const auto catalog = Catalog::Make({crd});
  const ServedKind* kind = catalog->FindResource("example.io", "v1", "widgets");
  ASSERT_NE(kind, nullptr);
  EXPECT_TRUE(kind->terminating);
  EXPECT_FALSE(kind->HasVerb("create"));
  EXPECT_TRUE(kind->HasVerb("delete"));
  EXPECT_EQ(ConditionOf(catalog->StatusOf("widgets.example.io"), "Terminating")["status"], "True");
}

TEST(Catalog, NonsenseIsNoCrash) {
  for (const char* text :
       {"null", "[]", "{}", R"({"spec":7})", R"({"spec":{"names":{}}})",
        R"({"metadata":{"name":"a"},"spec":{"names":{"kind":"A"},"versions":[7]}})"}) {
    EXPECT_EQ(Catalog::Make({Json::parse(text)})->FindResource("", "v1", ""), nullptr) << text;
  }
}

}  // namespace
}  // namespace rekindle::apiserver
