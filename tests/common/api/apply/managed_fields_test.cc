#include "common/api/apply/managed_fields.h"

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/kinds/convert.h"
#include "common/api/kinds/registry.h"
#include "common/api/status.h"
#include "common/json/tree.h"

namespace rekindle::api {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::UnorderedElementsAre;

Json J(const char* text) { return Json::parse(text); }

class ManagedFieldsTest : public testing::Test {
 protected:
  WriteContext By(const char* manager, const char* version = "v1", const char* kind = "ConfigMap",
                  const char* subresource = "") {
    WriteContext out;
    out.kind = Kinds().Find(version, kind);
    out.manager = manager;
    out.subresource = subresource;
    out.now = now_;
    out.find = [kind](absl::string_view api_version) { return Kinds().Find(api_version, kind); };
    out.convert = [](const Json& object, const KindInfo& to) { return Convert(object, to); };
    return out;
  }
  static Json Map(const char* data) {
    return {{"apiVersion", "v1"},
            {"kind", "ConfigMap"},
            {"metadata", {{"name", "m"}, {"namespace", "ns"}}},
            {"data", J(data)}};
  }
  // Applies and keeps the result in live_.
  absl::Status Apply(const char* manager, const Json& config, bool force = false) {
    WriteContext context =
        By(manager, config["apiVersion"].get<std::string>().c_str(), kind_.c_str());
    context.force = force;
    const auto got = ServerSideApply(live_.is_null() ? nullptr : &live_, config, context);
    if (got.ok()) live_ = *got;
    return got.status();
  }
  void Update(const char* manager, const Json& object, const char* subresource = "") {
    Json updated = object;
    if (!live_.is_null() && live_["metadata"].contains("managedFields") &&
        !updated["metadata"].contains("managedFields")) {
      updated["metadata"]["managedFields"] = live_["metadata"]["managedFields"];
    }
    live_ = TrackUpdate(
        live_.is_null() ? nullptr : &live_, updated,
        By(manager, updated["apiVersion"].get<std::string>().c_str(), kind_.c_str(), subresource));
  }
  // "manager operation path path ..." of every entry.
  std::vector<std::string> Owners() {
    std::vector<std::string> out;
    const auto managers = ReadManagers(live_["metadata"].value("managedFields", Json::array()));
    EXPECT_TRUE(managers.ok()) << managers.status();
    for (const Manager& manager : *managers) {
      std::string text = absl::StrCat(manager.name, manager.applies ? " Apply" : " Update");
      for (const std::string& path : manager.fields.Paths()) absl::StrAppend(&text, " ", path);
      out.push_back(text);
    }
    return out;
  }

  Json live_;
  std::string kind_ = "ConfigMap";
  absl::Time now_ = absl::FromUnixSeconds(1'800'000'000);
};

// Spec kubernetes-api 7.6: the ownership rules.
TEST_F(ManagedFieldsTest, CreateShareDropRemove) {
  ASSERT_TRUE(Apply("a", Map(R"({"x":"1","y":"1"})")).ok());
  EXPECT_THAT(Owners(), ElementsAre("a Apply .data.x .data.y"));
  EXPECT_EQ(live_["data"], J(R"({"x":"1","y":"1"})"));
  // The same value is shared.
  ASSERT_TRUE(Apply("b", Map(R"({"x":"1","z":"1"})")).ok());
  EXPECT_THAT(Owners(), UnorderedElementsAre("a Apply .data.x .data.y", "b Apply .data.x .data.z"));
  // What is shared stays when one drops it; what one has alone goes.
  ASSERT_TRUE(Apply("a", Map("{}")).ok());
  EXPECT_EQ(live_["data"], J(R"({"x":"1","z":"1"})"));
  EXPECT_THAT(Owners(), UnorderedElementsAre("a Apply .data", "b Apply .data.x .data.z"));
  // Again: nothing changes, not even a time.
  const Json before = live_;
  now_ += absl::Hours(1);
  ASSERT_TRUE(Apply("b", Map(R"({"x":"1","z":"1"})")).ok());
  EXPECT_EQ(live_, before);
}

TEST_F(ManagedFieldsTest, ConflictsAndForce) {
  ASSERT_TRUE(Apply("a", Map(R"({"x":"1"})")).ok());
  const absl::Status status = Apply("b", Map(R"({"x":"2","y":"1"})"));
  ASSERT_FALSE(status.ok());
  const auto error = FromStatus(status);
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, 409);
  EXPECT_EQ(error->message, R"(Apply failed with 1 conflict: conflict with "a": .data.x)");
  ASSERT_NE(error->FindCause("FieldManagerConflict"), nullptr);
  EXPECT_EQ(error->FindCause("FieldManagerConflict")->field, ".data.x");
  EXPECT_EQ(live_["data"], J(R"({"x":"1"})"));
  ASSERT_TRUE(Apply("b", Map(R"({"x":"2","y":"1"})"), /*force=*/true).ok());
  EXPECT_EQ(live_["data"]["x"], "2");
  EXPECT_THAT(Owners(), ElementsAre("b Apply .data.x .data.y"));
}

TEST_F(ManagedFieldsTest, UpdatesTakeWhatTheyChange) {
  ASSERT_TRUE(Apply("a", Map(R"({"x":"1","y":"1"})")).ok());
  Json object = live_;
  object["data"]["x"] = "2";
  object["data"]["n"] = "new";
  object["data"].erase("y");
  Update("kubectl-edit", object);
  EXPECT_THAT(Owners(), ElementsAre("kubectl-edit Update .data.n .data.x"));
  // The applier meets the updater now.
  const absl::Status status = Apply("a", Map(R"({"x":"1"})"));
  EXPECT_EQ(status.message(),
            R"(Apply failed with 1 conflict: conflict with "kubectl-edit" using v1: .data.x)");
  // Two managers, one line each.
  ASSERT_TRUE(Apply("c", Map(R"({"x":"2"})")).ok());
  EXPECT_THAT(std::string(Apply("d", Map(R"({"x":"3"})")).message()),
              HasSubstr("Apply failed with 2 conflicts: conflicts with \"c\":\n- .data.x\n"
                        "conflicts with \"kubectl-edit\" using v1:\n- .data.x"));
}

TEST_F(ManagedFieldsTest, CreatedByAnOrdinaryPost) {
  Json object = Map(R"({"x":"1"})");
  object["metadata"]["labels"]["l"] = "v";
  object["metadata"]["uid"] = "u";
  object["metadata"]["resourceVersion"] = "7";
  Update("kubectl-create", object);
  EXPECT_THAT(Owners(), ElementsAre("kubectl-create Update .data .data.x .metadata.labels "
                                    ".metadata.labels.l"));
  const Json& entry = live_["metadata"]["managedFields"][0];
  EXPECT_EQ(entry["fieldsType"], "FieldsV1");
  EXPECT_EQ(entry["apiVersion"], "v1");
  EXPECT_EQ(entry["time"], "2027-01-15T08:00:00Z");
  EXPECT_FALSE(entry.contains("subresource"));
}

// Spec 2.6, third bullet.
TEST_F(ManagedFieldsTest, ClearedFields) {
  Update("kubectl-create", Map(R"({"x":"1"})"));
  for (const char* cleared : {"[{}]", "[]"}) {
    Json object = live_;
    object["metadata"]["managedFields"] = J(cleared);
    Json copy = TrackUpdate(&live_, object, By("someone"));
    EXPECT_FALSE(copy["metadata"].contains("managedFields")) << cleared;
  }
  live_["metadata"].erase("managedFields");
  Json object = live_;
  object["data"]["y"] = "1";
  Update("someone", object);
  EXPECT_THAT(Owners(), IsEmpty());  // nobody tracks it
  ASSERT_FALSE(Apply("a", Map(R"({"x":"2"})")).ok());
  ASSERT_TRUE(Apply("a", Map(R"({"x":"1"})")).ok());
  EXPECT_THAT(Owners(),
              UnorderedElementsAre("a Apply .data.x", "before-first-apply Update .data.x .data.y"));
}

TEST_F(ManagedFieldsTest, RefusedConfigs) {
  const auto refused = [&](const Json& config, const char* manager = "a") {
    const absl::Status status = Apply(manager, config);
    const auto error = FromStatus(status);
    return error.has_value() ? absl::StrCat(error->code, " ", error->message)
                             : std::string(status.message());
  };
  EXPECT_THAT(refused(Map("{}"), ""),
              HasSubstr("422 PatchOptions.meta.k8s.io \"\" is invalid: fieldManager: Required "
                        "value: is required for apply patch"));
  EXPECT_THAT(refused(Map("{}"), std::string(129, 'x').c_str()),
              HasSubstr("fieldManager: Too long: must have at most 128 bytes"));
  Json config = Map("{}");
  config["metadata"]["managedFields"] = J(R"([{"manager":"x"}])");
  EXPECT_EQ(refused(config), "400 metadata.managedFields must be nil");
  config = Map("{}");
  config["bogus"] = 1;
  EXPECT_EQ(refused(config),
            "500 failed to create typed patch object: .bogus: field not declared in schema");
  config = Map(R"({"x":7})");
  EXPECT_THAT(refused(config), HasSubstr("500 failed to create typed patch object: json: cannot"));
  WriteContext context = By("a");
  Json other = Map("{}");
  other["apiVersion"] = "v2";
  EXPECT_EQ(ServerSideApply(nullptr, other, context).status().message(),
            "Incorrect version specified in apply patch. Specified patch version: v2, expected: "
            "v1");
  other.erase("apiVersion");
  EXPECT_EQ(ServerSideApply(nullptr, other, context).status().message(),
            "Incorrect version specified in apply patch. Specified patch version: , expected: v1");
}

TEST_F(ManagedFieldsTest, ListsOfAPod) {
  kind_ = "Pod";
  const auto pod = [](const char* containers) {
    Json out = J(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}})");
    out["spec"]["containers"] = J(containers);
    return out;
  };
  ASSERT_TRUE(
      Apply("app", pod(R"([{"name":"main","image":"x:1","env":[{"name":"A","value":"1"}]}])"))
          .ok());
  ASSERT_TRUE(Apply("mesh", pod(R"([{"name":"proxy","image":"p:1"}])")).ok());
  EXPECT_EQ(live_["spec"]["containers"].size(), 2u);
  // One manager's list is not the other's: dropping a variable leaves the proxy alone.
  ASSERT_TRUE(Apply("app", pod(R"([{"name":"main","image":"x:2"}])")).ok());
  const Json& list = live_["spec"]["containers"];
  ASSERT_EQ(list.size(), 2u);
  const Json& main = list[0]["name"] == "main" ? list[0] : list[1];
  EXPECT_EQ(main, J(R"({"name":"main","image":"x:2"})"));
  ASSERT_TRUE(Apply("mesh", J(R"({"apiVersion":"v1","kind":"Pod","metadata":{"name":"p"}})")).ok());
  EXPECT_EQ(live_["spec"]["containers"].size(), 1u);
  EXPECT_THAT(std::string(Apply("other", pod(R"([{"name":"main","image":"x:3"}])")).message()),
              HasSubstr(R"(conflict with "app": .spec.containers[name="main"].image)"));
}

TEST_F(ManagedFieldsTest, StatusIsAnotherPlace) {
  kind_ = "CloneSet";
  Json set = J(R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"CloneSet",
                   "metadata":{"name":"c"},"spec":{"replicas":2}})");
  ASSERT_TRUE(Apply("user", set).ok());
  Json object = live_;
  object["status"] = J(R"({"replicas":1})");
  Update("controller", object, "status");
  EXPECT_THAT(Owners(), UnorderedElementsAre("user Apply .spec.replicas",
                                             "controller Update .status .status.replicas"));
  // An apply through the main endpoint owns no status.
  set["status"] = J(R"({"replicas":9})");
  Json config = set;
  config["status"].erase("replicas");
  config.erase("status");
  ASSERT_TRUE(Apply("user", config).ok());
  EXPECT_EQ(live_["status"]["replicas"], 1);
}

// Fields are compared in the version in which their manager named them.
TEST_F(ManagedFieldsTest, ManagersOfTwoVersions) {
  kind_ = "CloneSet";
  Json beta = J(R"({"apiVersion":"apps.kruise.io/v1beta1","kind":"CloneSet",
      "metadata":{"name":"c"},"spec":{"updateStrategy":{"rollingUpdate":{"partition":1}}}})");
  ASSERT_TRUE(Apply("new", beta).ok());
  const KindInfo& alpha_kind = *Kinds().Find(kKruiseGroup, "v1alpha1", "CloneSet");
  Json old_live = *Convert(live_, alpha_kind);
  Json alpha = J(R"({"apiVersion":"apps.kruise.io/v1alpha1","kind":"CloneSet",
      "metadata":{"name":"c"},"spec":{"updateStrategy":{"partition":2}}})");
  WriteContext context = By("old", "apps.kruise.io/v1alpha1", "CloneSet");
  const auto refused = ServerSideApply(&old_live, alpha, context);
  EXPECT_THAT(std::string(refused.status().message()),
              HasSubstr(R"(conflict with "new": .spec.updateStrategy.rollingUpdate.partition)"));
  context.force = true;
  const auto taken = ServerSideApply(&old_live, alpha, context);
  ASSERT_TRUE(taken.ok()) << taken.status();
  live_ = *taken;
  EXPECT_THAT(Owners(), ElementsAre("old Apply .spec.updateStrategy.partition"));
}

// From client-side apply to server-side apply with a kubectl that leaves it to the server.
TEST_F(ManagedFieldsTest, LastAppliedConfiguration) {
  constexpr char kAnnotation[] = "kubectl.kubernetes.io/last-applied-configuration";
  Json object = Map(R"({"x":"1","y":"1"})");
  object["metadata"]["annotations"][kAnnotation] = Map(R"({"x":"1"})").dump();
  Update("kubectl-client-side-apply", object);
  // What it applied itself is its own to change; what others set is not.
  EXPECT_FALSE(Apply("kubectl", Map(R"({"x":"2","y":"2"})")).ok());
  EXPECT_FALSE(Apply("someone", Map(R"({"x":"2"})")).ok());
  ASSERT_TRUE(Apply("kubectl", Map(R"({"x":"2"})")).ok());
  EXPECT_EQ(live_["data"]["x"], "2");
  // The annotation follows, so that client-side apply still works.
  const Json said = Json::parse(live_["metadata"]["annotations"][kAnnotation].get<std::string>());
  EXPECT_EQ(said["data"], J(R"({"x":"2"})"));
}

TEST_F(ManagedFieldsTest, UpdatersAreCapped) {
  Update("m", Map("{}"));
  for (int i = 0; i < 25; ++i) {
    now_ += absl::Seconds(1);
    Json object = live_;
    object["data"][absl::StrCat("k", i)] = "v";
    Update(absl::StrCat("manager-", i).c_str(), object);
  }
  const auto managers = ReadManagers(live_["metadata"]["managedFields"]);
  ASSERT_TRUE(managers.ok());
  EXPECT_LE(managers->size(), 10u);
  FieldSet all;
  bool ancient = false;
  for (const Manager& manager : *managers) {
    all = all.Union(manager.fields);
    ancient = ancient || manager.name == "ancient-changes";
  }
  EXPECT_TRUE(ancient);
  for (int i = 0; i < 25; ++i) {
    EXPECT_TRUE(all.Has({PathElement::Field("data"), PathElement::Field(absl::StrCat("k", i))}));
  }
}

TEST_F(ManagedFieldsTest, EntriesThatCannotBeRead) {
  const struct {
    const char* entries;
    const char* want;
  } cases[] = {
      {R"([{"manager":"a"}])", "metadata.managedFields[0]: operation must be `Apply` or `Update`"},
      {R"([{"operation":"Apply"}])", "metadata.managedFields[0]: apiVersion must not be empty"},
      {R"([{"operation":"Apply","apiVersion":"v1","fieldsType":"V9"}])", "fieldsType must be"},
      {R"([{"operation":"Apply","apiVersion":"v1","fieldsV1":{"x":{}}}])", "is no field"},
  };
  for (const auto& c : cases) {
    EXPECT_THAT(std::string(ReadManagers(J(c.entries)).status().message()), HasSubstr(c.want));
  }
  // Two entries of one identity are one.
  const auto twins = ReadManagers(J(R"([
      {"manager":"a","operation":"Apply","apiVersion":"v1","fieldsV1":{"f:x":{}}},
      {"manager":"a","operation":"Apply","apiVersion":"v1","fieldsV1":{"f:y":{}}}])"));
  ASSERT_TRUE(twins.ok());
  ASSERT_EQ(twins->size(), 1u);
  EXPECT_THAT((*twins)[0].fields.Paths(), ElementsAre(".x", ".y"));
}

TEST(DefaultManager, IsTheProgramsName) {
  EXPECT_EQ(DefaultManager("kubectl/v1.32.5 (linux/amd64) kubernetes/abc"), "kubectl");
  EXPECT_EQ(DefaultManager("curl"), "curl");
  EXPECT_EQ(DefaultManager(""), "");
}

}  // namespace
}  // namespace rekindle::api
