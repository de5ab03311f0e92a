#include "daemon/kubelet/eligibility.h"

#include <functional>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace rekindle::kubelet {
namespace {

using testing::HasSubstr;

Situation Eligible(Way wanted) {
  return {.wanted = wanted, .pod_described = true, .policy = RestartPolicy::kAlways};
}

TEST(EligibilityTest, WhatTheKubeletWouldMakeAgainIsReplacedAsAskedFor) {
  struct Row {
    Way wanted;
    Way used;
  };
  for (const Row& row : {Row{Way::kAuto, Way::kReplace}, Row{Way::kReplace, Way::kReplace},
                         Row{Way::kHot, Way::kHot}, Row{Way::kDelegate, Way::kDelegate}}) {
    const auto choice = Choose("containers[0]", Eligible(row.wanted));
    ASSERT_TRUE(choice.ok()) << choice.status();
    EXPECT_EQ(choice->way, row.used);
    EXPECT_FALSE(choice->reason.empty());
  }
}

// What only the kubelet can make: left to it where that is what was asked for.
TEST(EligibilityTest, WhatOnlyTheKubeletCanMake) {
  struct Row {
    const char* name;
    std::function<void(Situation&)> change;
    const char* reason;
  };
  const Row rows[] = {
      {"env", [](Situation& s) { s.env_from_references = true; }, "ConfigMaps or Secrets"},
      {"unknown field",
       [](Situation& s) { s.replacement = absl::FailedPreconditionError("config.frob: unknown"); },
       "config.frob"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    for (const Way wanted : {Way::kAuto, Way::kReplace}) {
      Situation situation = Eligible(wanted);
      row.change(situation);
      const auto choice = Choose("containers[0]", situation);
      ASSERT_TRUE(choice.ok()) << choice.status();
      EXPECT_EQ(choice->way, Way::kDelegate);
      EXPECT_THAT(choice->reason, HasSubstr(row.reason));
    }
    Situation hot = Eligible(Way::kHot);
    row.change(hot);
    const auto refused = Choose("containers[0]", hot);
    EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr(row.reason));
    EXPECT_THAT(std::string(refused.status().message()), HasSubstr("containers[0]"));
  }
}

TEST(EligibilityTest, OldValuesOfVariablesMayBeKept) {
  for (const Way wanted : {Way::kAuto, Way::kReplace, Way::kHot}) {
    Situation situation = Eligible(wanted);
    situation.env_from_references = true;
    situation.keep_env = true;
    const auto choice = Choose("containers[0]", situation);
    ASSERT_TRUE(choice.ok()) << choice.status();
    EXPECT_EQ(choice->way, wanted == Way::kHot ? Way::kHot : Way::kReplace);
  }
}

TEST(EligibilityTest, WhatIsRefusedWhateverTheMethod) {
  struct Row {
    const char* name;
    std::function<void(Situation&)> change;
    absl::StatusCode code;
    const char* message;
  };
  const Row rows[] = {
      {"not described", [](Situation& s) { s.pod_described = false; },
       absl::StatusCode::kInvalidArgument, "kubernetes_pod: must be given"},
      {"no policy", [](Situation& s) { s.policy = RestartPolicy::kUnknown; },
       absl::StatusCode::kInvalidArgument, "kubernetes_pod.restart_policy: must be given"},
      {"terminating", [](Situation& s) { s.terminating = true; },
       absl::StatusCode::kFailedPrecondition, "being deleted"},
      {"made for deletion", [](Situation& s) { s.made_for_deletion = true; },
       absl::StatusCode::kFailedPrecondition, "already deleting"},
      {"static", [](Situation& s) { s.is_static = true; }, absl::StatusCode::kFailedPrecondition,
       "allow_static_pod"},
      {"foreign",
       [](Situation& s) { s.identity = absl::FailedPreconditionError("has no label x"); },
       absl::StatusCode::kFailedPrecondition, "has no label x"},
      {"never", [](Situation& s) { s.policy = RestartPolicy::kNever; },
       absl::StatusCode::kFailedPrecondition, "restart policy Never"},
      {"on failure", [](Situation& s) { s.policy = RestartPolicy::kOnFailure; },
       absl::StatusCode::kFailedPrecondition, "exit code 0"},
  };
  for (const Row& row : rows) {
    SCOPED_TRACE(row.name);
    for (const Way wanted : {Way::kAuto, Way::kReplace, Way::kHot, Way::kDelegate}) {
      Situation situation = Eligible(wanted);
      row.change(situation);
      const auto refused = Choose("containers[0]", situation);
      EXPECT_EQ(refused.status().code(), row.code);
      EXPECT_THAT(std::string(refused.status().message()), HasSubstr(row.message));
    }
  }
}

TEST(EligibilityTest, AStaticPodMayBeAllowed) {
  Situation situation = Eligible(Way::kAuto);
  situation.is_static = true;
  situation.allow_static = true;
  EXPECT_TRUE(Choose("containers[0]", situation).ok());
}

TEST(EligibilityTest, VariablesThatTheKubeletWouldNotSet) {
  Situation asked = Eligible(Way::kDelegate);
  asked.env_overrides = true;
  const auto refused = Choose("containers[1]", asked);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("containers[1].env"));

  Situation fallen_back = Eligible(Way::kAuto);
  fallen_back.env_overrides = true;
  fallen_back.env_from_references = true;
  const auto choice = Choose("containers[1]", fallen_back);
  ASSERT_TRUE(choice.ok()) << choice.status();
  EXPECT_THAT(choice->reason, HasSubstr("not used"));
}

}  // namespace
}  // namespace rekindle::kubelet
