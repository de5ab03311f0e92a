#include "controller/admission/targets.h"

#include "absl/strings/escaping.h"
#include <gmock/gmock.h>

#include "common/json/diff.h"
#include "tests/controller/admission/clusters.h"

namespace rekindle::admission {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class TargetsTest : public ::testing::Test {
 protected:
  TargetPlan Plan(size_t target, const Json& object, const std::string& bundle = "B") {
    return PlanTarget(targets_[target], kRegistration, bundle, object);
  }
  static Json Apply(const Json& object, const Json& patch) {
    const auto done = json::ApplyJsonPatch(object, patch);
    EXPECT_TRUE(done.ok()) << done.status();
    return done.value_or(Json());
  }

  const std::vector<Target> targets_ = Targets(kRegistration);
  const std::string bundle_ = absl::Base64Escape("B");
};

TEST_F(TargetsTest, WhichTheyAre) {
  std::vector<std::string> names;
  for (const Target& target : targets_) {
    names.push_back(absl::StrCat(target.ref.resource.plural, "/", target.ref.key.name));
  }
  EXPECT_THAT(names,
              ElementsAre("mutatingwebhookconfigurations/rekindle",
                          "validatingwebhookconfigurations/rekindle",
                          "customresourcedefinitions/clonesets.apps.kruise.io",
                          "customresourcedefinitions/statefulsets.apps.kruise.io",
                          "customresourcedefinitions/containerrecreaterequests.apps.kruise.io"));
  EXPECT_THAT(ServerNames(kRegistration)[0], "rekindle-controller.rekindle-system.svc");
}

TEST_F(TargetsTest, BundlesAreWrittenWhereTheyDiffer) {
  const Json before = WebhookConfiguration(Phase::kMutate);
  const TargetPlan plan = Plan(0, before);
  EXPECT_THAT(plan.problems, IsEmpty());
  Json after = Apply(before, plan.patch);
  Json wanted = before;
  for (Json& webhook : wanted["webhooks"]) webhook["clientConfig"]["caBundle"] = bundle_;
  EXPECT_EQ(after, wanted);
  EXPECT_TRUE(Plan(0, after).patch.empty());
  // One of them alone.
  after["webhooks"][1]["clientConfig"].erase("caBundle");
  const TargetPlan again = Plan(0, after);
  EXPECT_EQ(again.patch.size(), 3U);
  EXPECT_EQ(Apply(after, again.patch), wanted);
  // Somebody has taken the first away meanwhile: the patch must not hit another.
  Json moved = after;
  moved["webhooks"].erase(0);
  EXPECT_FALSE(json::ApplyJsonPatch(moved, again.patch).ok());
}

TEST_F(TargetsTest, WhatIsNotOursIsLeftAloneAndNamed) {
  Json object = WebhookConfiguration(Phase::kMutate);
  object["webhooks"][0]["clientConfig"] = {{"url", "https://elsewhere/"}};
  object["webhooks"][1]["clientConfig"]["service"]["namespace"] = "kruise-system";
  const TargetPlan plan = Plan(0, object);
  ASSERT_EQ(plan.problems.size(), 1U);
  EXPECT_THAT(plan.problems[0], AllOf(HasSubstr("mcloneset.kb.io"), HasSubstr("mstatefulset.kb.io"),
                                      HasSubstr("rekindle-system/rekindle-controller")));
  const Json after = Apply(object, plan.patch);
  EXPECT_EQ(after["webhooks"][0], object["webhooks"][0]);
  EXPECT_EQ(after["webhooks"][1], object["webhooks"][1]);
  EXPECT_EQ(after["webhooks"][2]["clientConfig"]["caBundle"], bundle_);
  for (const Json& odd : {Json::object(), Json({{"webhooks", 7}}), Json({{"webhooks", {7}}})}) {
    EXPECT_TRUE(Plan(1, odd).patch.empty());
    EXPECT_EQ(Plan(1, odd).problems.size(), 1U);
  }
}

TEST_F(TargetsTest, Conversions) {
  const Json before = Definition("clonesets");
  const TargetPlan plan = Plan(2, before);
  EXPECT_THAT(plan.problems, IsEmpty());
  Json after = Apply(before, plan.patch);
  Json wanted = before;
  wanted["spec"]["conversion"]["webhook"]["clientConfig"]["caBundle"] = bundle_;
  EXPECT_EQ(after, wanted);
  EXPECT_TRUE(Plan(2, after).patch.empty());
  EXPECT_FALSE(Plan(2, after, "C").patch.empty());
  // Of OpenKruise, or not converted at all.
  after["spec"]["conversion"]["webhook"]["clientConfig"]["service"]["name"] = "kruise-webhook";
  EXPECT_TRUE(Plan(2, after).patch.empty());
  EXPECT_THAT(Plan(2, after).problems, ElementsAre(HasSubstr("only its stored version")));
  after["spec"]["conversion"] = {{"strategy", "None"}};
  EXPECT_EQ(Plan(2, after).problems.size(), 1U);
}

}  // namespace
}  // namespace rekindle::admission
