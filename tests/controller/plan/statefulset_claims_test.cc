#include "tests/controller/plan/statefulset_fixture.h"

namespace rekindle::plan {
namespace {

TEST_F(StatefulSetTest, AddedClaimTemplateReplacesPodsInOrder) {
  Field("/volumeClaimTemplates") =
      J(R"([{"metadata":{"name":"data"},"spec":{"resources":{"requests":{"storage":"10Gi"}}}}])");
  EXPECT_EQ(Once("0-2n"), "-2");  // scenario 70, P-13
  Pods("0-2n");
  const StatefulSetPlan plan = Plan();
  EXPECT_EQ(plan.reasons[2].code, Code::kVolumesMissing);
  EXPECT_EQ(Words(plan.reasons[0]), "waits: maxUnavailable 1, 1 in use by web-2 (recreated now)");
}

TEST_F(StatefulSetTest, RetentionTableOf135) {
  Json tree = TemplateOf({"main=web:2"});
  Field("/volumeClaimTemplates") = J(R"([{"metadata":{"name":"data"},"spec":{}}])");
  Field("/replicas") = 1;
  for (int i = 0; i < 2; ++i) {
    tree["spec"]["volumes"] = {
        {{"name", "data"},
         {"persistentVolumeClaim", {{"claimName", absl::StrCat("data-web-", i)}}}}};
    pods_.push_back(world_.Pod(world_.Rev("web-new", tree), {.name = absl::StrCat("web-", i)}));
    SetClaim claim;
    claim.name = absl::StrCat("data-web-", i);
    claims_.push_back(claim);
  }
  struct Row {
    const char* deleted;
    const char* scaled;
    std::vector<std::string> owners;  // claim: S set, P pod
  };
  for (const Row& row :
       {Row{"Retain", "Retain", {}}, Row{"Delete", "Retain", {"data-web-0:S", "data-web-1:S"}},
        Row{"Retain", "Delete", {"data-web-1:P"}},
        Row{"Delete", "Delete", {"data-web-0:S", "data-web-1:P"}}}) {
    Field("/persistentVolumeClaimRetentionPolicy") = {{"whenDeleted", row.deleted},
                                                      {"whenScaled", row.scaled}};
    std::vector<std::string> owners;
    for (const ClaimOwners& o : Plan().owners) {
      owners.push_back(absl::StrCat(o.claim, ":", o.set ? "S" : "", o.pod_uid.empty() ? "" : "P"));
    }
    EXPECT_EQ(owners, row.owners) << row.deleted << "/" << row.scaled;
  }
  // Stale and terminating claims hold the creation back, with a wake-up (P-17).
  pods_.clear();
  claims_[0].owner_pod_uid = "gone";
  StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "");
  ASSERT_EQ(plan.missing.size(), 1U);
  EXPECT_EQ(plan.missing[0].second.code, Code::kClaimStale);
  EXPECT_TRUE(plan.requeue.has_value());
  claims_[0].owner_pod_uid = "";
  claims_[0].terminating = true;
  plan = Plan();
  EXPECT_EQ(plan.missing[0].second.code, Code::kClaimTerminating);  // scenario 65
  claims_.clear();
  plan = Plan();
  ASSERT_EQ(plan.creations.size(), 1U);
  EXPECT_EQ(plan.creations[0].claims, std::vector<std::string>{"data-web-0"});
}

TEST_F(StatefulSetTest, ClaimResizeUnderTheBudget) {
  gates_.resize_claims = true;  // scenario 71
  Field("/replicas") = 5;
  Field("/volumeClaimTemplates") =
      J(R"([{"metadata":{"name":"data"},"spec":{"resources":{"requests":{"storage":"14Gi"}}}}])");
  Field("/volumeClaimUpdateStrategy/type") = "OnPodRollingUpdate";
  Rolling()["maxUnavailable"] = 2;
  const auto claim = [](int i, const char* requested, const char* capacity) {
    SetClaim out;
    out.name = absl::StrCat("data-web-", i);
    out.requested = *api::Quantity::Parse(requested);
    out.capacity = *api::Quantity::Parse(capacity);
    out.has_class = false;
    return out;
  };
  for (int i = 0; i < 5; ++i) {
    Json tree = TemplateOf({"main=web:2"});
    tree["spec"]["volumes"] = {
        {{"name", "data"},
         {"persistentVolumeClaim", {{"claimName", absl::StrCat("data-web-", i)}}}}};
    pods_.push_back(world_.Pod(world_.Rev("web-new", tree), {.name = absl::StrCat("web-", i)}));
    claims_.push_back(claim(i, "10Gi", "10Gi"));
  }
  StatefulSetPlan plan = Plan();
  EXPECT_EQ(Does(plan), "#4 #3");
  EXPECT_EQ(plan.resizes.size(), 2U);
  EXPECT_EQ(Words(plan.reasons[0]),
            "waits: maxUnavailable 2, 2 in use by web-4 (its claim is not ready), web-3 (its claim "
            "is not ready)");
  claims_[4] = claim(4, "14Gi", "14Gi");
  claims_[3] = claim(3, "14Gi", "10Gi");
  plan = Plan();
  EXPECT_EQ(Does(plan), "#2");
  EXPECT_EQ(plan.claim_counts[0].compatible, 2);
  EXPECT_EQ(plan.claim_counts[0].ready, 1);
  claims_[2].has_class = true;
  plan = Plan();
  EXPECT_EQ(Does(plan), "e2");
  EXPECT_EQ(plan.reasons[2].code, Code::kClaimUnfit);
  // A claim that is larger than its template wants stays as it is.
  for (int i = 0; i < 5; ++i) claims_[static_cast<size_t>(i)] = claim(i, "20Gi", "20Gi");
  plan = Plan();
  EXPECT_EQ(Does(plan), "");
  EXPECT_EQ(plan.claim_counts[0].compatible, 5);
  EXPECT_EQ(plan.reasons[2].code, Code::kUpToDate);
}

}  // namespace
}  // namespace rekindle::plan
