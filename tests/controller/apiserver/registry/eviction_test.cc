#include "controller/apiserver/registry/eviction.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "common/api/status.h"

namespace rekindle::apiserver {
namespace {

Json PodIn(const char* phase, bool ready) {
  return {{"metadata", {{"name", "p"}}},
          {"status",
           {{"phase", phase},
            {"conditions", {{{"type", "Ready"}, {"status", ready ? "True" : "False"}}}}}}};
}

Json Budget(int allowed, int healthy, int desired) {
  return {{"metadata", {{"name", "b"}, {"generation", 3}}},
          {"spec", Json::object()},
          {"status",
           {{"observedGeneration", 3},
            {"disruptionsAllowed", allowed},
            {"currentHealthy", healthy},
            {"desiredHealthy", desired}}}};
}

const absl::Time kNow = absl::FromUnixSeconds(1'900'000'000);

TEST(Eviction, PendingEndedAndGoingPodsAreNotCounted) {
  EXPECT_TRUE(EvictsFreely(PodIn("Pending", false)));
  EXPECT_TRUE(EvictsFreely(PodIn("Succeeded", false)));
  EXPECT_TRUE(EvictsFreely(PodIn("Failed", false)));
  EXPECT_FALSE(EvictsFreely(PodIn("Running", false)));
  Json going = PodIn("Running", true);
  going["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z";
  EXPECT_TRUE(EvictsFreely(going));
}

TEST(Eviction, AllowedOneIsDebited) {
  const auto debited = Debit(PodIn("Running", true), Budget(1, 3, 2), kNow);
  ASSERT_TRUE(debited.ok() && debited->has_value());
  EXPECT_EQ((**debited)["status"]["disruptionsAllowed"], 0);
  EXPECT_EQ((**debited)["status"]["disruptedPods"]["p"], "2030-03-17T17:46:40Z");
}

TEST(Eviction, ExhaustedBudgetSaysWhatItNeeds) {
  const auto refused = Debit(PodIn("Running", true), Budget(0, 1, 1), kNow);
  const auto error = api::FromStatus(refused.status());
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, 429);
  EXPECT_EQ(error->retry_after_seconds, 0);
  ASSERT_EQ(error->causes.size(), 1u);
  EXPECT_EQ(error->causes[0].reason, "DisruptionBudget");
  EXPECT_EQ(error->causes[0].message,
            "The disruption budget b needs 1 healthy pods and has 1 currently");
}

TEST(Eviction, BudgetThatIsNotWorkedOutAsksToWait) {
  Json budget = Budget(1, 3, 2);
  budget["metadata"]["generation"] = 4;
  const auto error = api::FromStatus(Debit(PodIn("Running", true), budget, kNow).status());
  ASSERT_TRUE(error.has_value());
  EXPECT_EQ(error->code, 429);
  EXPECT_EQ(error->retry_after_seconds, 10);
}

TEST(Eviction, UnreadyPods) {
  // Enough others are healthy.
  auto out = Debit(PodIn("Running", false), Budget(0, 2, 2), kNow);
  ASSERT_TRUE(out.ok());
  EXPECT_FALSE(out->has_value());
  // Too few are.
  EXPECT_FALSE(Debit(PodIn("Running", false), Budget(0, 1, 2), kNow).ok());
  Json always = Budget(0, 1, 2);
  always["spec"]["unhealthyPodEvictionPolicy"] = "AlwaysAllow";
  out = Debit(PodIn("Running", false), always, kNow);
  ASSERT_TRUE(out.ok());
  EXPECT_FALSE(out->has_value());
  EXPECT_FALSE(Debit(PodIn("Running", true), always, kNow).ok());
}

TEST(Eviction, UnusableBudgetsAreForbidden) {
  EXPECT_EQ(api::FromStatus(Debit(PodIn("Running", true), Budget(-1, 0, 1), kNow).status())->code,
            403);
  Json full = Budget(1, 3, 2);
  for (int i = 0; i < 2001; ++i) {
    full["status"]["disruptedPods"][std::to_string(i)] = "2030-01-01T00:00:00Z";
  }
  EXPECT_EQ(api::FromStatus(Debit(PodIn("Running", true), full, kNow).status())->code, 403);
}

}  // namespace
}  // namespace rekindle::apiserver
