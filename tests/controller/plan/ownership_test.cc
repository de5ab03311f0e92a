#include "controller/plan/ownership.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using testing::J;

struct Row {
  const char* rule;
  const char* owners;  // of the pod
  bool matches;
  bool terminating;
  bool deleting;  // the workload
  Claim clone_set;
  Claim stateful_set;
};

TEST(Ownership, TablesOfCloneSet10AndStatefulSet53) {
  const Row kRows[] = {
      {"own and matching", R"([{"uid":"me","controller":true}])", true, false, false, Claim::kKeep,
       Claim::kKeep},
      {"own, no longer matching", R"([{"uid":"me","controller":true}])", false, false, false,
       Claim::kRelease, Claim::kRelease},
      {"own, no longer matching, terminating", R"([{"uid":"me","controller":true}])", false, true,
       false, Claim::kRelease, Claim::kKeep},
      {"own, no longer matching, workload going", R"([{"uid":"me","controller":true}])", false,
       false, true, Claim::kKeep, Claim::kKeep},
      {"another controller", R"([{"uid":"you","controller":true}])", true, false, false,
       Claim::kIgnore, Claim::kIgnore},
      {"another controller beside our reference",
       R"([{"uid":"me"},{"uid":"you","controller":true}])", true, false, false, Claim::kIgnore,
       Claim::kIgnore},
      {"our reference without controller", R"([{"uid":"me"}])", true, false, false, Claim::kAdopt,
       Claim::kAdopt},
      {"our reference without controller, not matching", R"([{"uid":"me"}])", false, false, false,
       Claim::kIgnore, Claim::kIgnore},
      {"orphan that matches: never by a CloneSet", "[]", true, false, false, Claim::kIgnore,
       Claim::kAdopt},
      {"orphan that does not match", "[]", false, false, false, Claim::kIgnore, Claim::kIgnore},
      {"terminating orphan", "[]", true, true, false, Claim::kIgnore, Claim::kIgnore},
      {"orphan, workload going", "[]", true, false, true, Claim::kIgnore, Claim::kIgnore},
      {"our reference, terminating", R"([{"uid":"me"}])", true, true, false, Claim::kIgnore,
       Claim::kIgnore},
  };
  const api::Selector selector =
      *api::Selector::FromJson(J(R"({"matchLabels":{"app":"web"}})"), "selector");
  for (const Row& row : kRows) {
    const Json pod = {{"metadata", {{"ownerReferences", J(row.owners)}}}};
    api::StringMap labels;
    labels.Set("app", row.matches ? "web" : "other");
    const OwnerQuestion question{"me", row.deleting, &selector, &labels, row.terminating};
    const Ownership owner = OwnershipOf(pod, "me");
    EXPECT_EQ(ClaimForCloneSet(owner, question), row.clone_set) << row.rule;
    EXPECT_EQ(ClaimForStatefulSet(owner, question, true), row.stateful_set) << row.rule;
    EXPECT_EQ(ClaimForStatefulSet(owner, question, false), Claim::kIgnore) << row.rule;
  }
  EXPECT_FALSE(OwnershipOf(Json::object(), "me").owned);
}

}  // namespace
}  // namespace rekindle::plan
