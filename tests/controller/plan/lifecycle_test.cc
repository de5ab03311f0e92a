#include "controller/plan/lifecycle.h"

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "tests/controller/plan/fixtures.h"

namespace rekindle::plan {
namespace {

using api::Lifecycle;

// Whoever leaves the update takes its entry out of KruisePodReady, or the pod never serves again.
TEST(RefreshLifecycle, EndOfAnUpdateTakesItsReadinessEntryAway) {
  testing::World world;
  const Revision revision = world.Rev("web-1", testing::TemplateOf({"main=web:1"}));
  api::PodRecord pod = world.Record(revision, {.pod_ready_gate = true});
  pod.marked_pre_update = true;
  pod.pod_ready = api::Tri::kFalse;
  for (const Lifecycle state :
       {Lifecycle::kPreparingUpdate, Lifecycle::kUpdating, Lifecycle::kUpdated}) {
    pod.lifecycle = state;
    const std::optional<LifecycleStep> step = RefreshLifecycle(
        pod, Hooks(), /*update_complete=*/true, /*on_target=*/true, /*needs_node=*/true);
    ASSERT_TRUE(step.has_value()) << api::LifecycleName(state);
    EXPECT_EQ(step->to, Lifecycle::kNormal) << api::LifecycleName(state);
    EXPECT_TRUE(step->unmark_pre_update) << api::LifecycleName(state);
    const api::PodRecord after = ApplyLifecycle(pod, *step, Hooks());
    EXPECT_FALSE(after.marked_pre_update);
    EXPECT_EQ(after.pod_ready, api::Tri::kTrue);
  }
}

// Entries of KruisePodReady come and go with the state, and only where the pod has the gate.
TEST(RenderReadiness, EntriesOfTheHooks) {
  testing::World world;
  const Revision revision = world.Rev("web-1", testing::TemplateOf({"main=web:1"}));
  const api::PodRecord pod = world.Record(revision, {.pod_ready_gate = true});
  Hooks hooks;
  hooks.pre_delete.emplace().labels.Set("app", "web");
  hooks.pre_delete->mark_not_ready = true;
  const Passage passage = BeforeDelete(pod, hooks);
  ASSERT_TRUE(passage.step.has_value());
  EXPECT_EQ(Words(passage.why),
            "prepare its deletion: the preDelete hook has to release label app=web; it is marked "
            "not ready");
  EXPECT_EQ(RenderReadiness(pod, *passage.step).dump(),
            R"({"KruisePodReady":{"add":[{"key":"preDeleteHook","userAgent":"Lifecycle"}]}})");
  EXPECT_EQ(RenderReadiness(pod, {.to = Lifecycle::kNormal, .unmark_pre_update = true}).dump(),
            R"({"KruisePodReady":{"remove":[{"key":"preUpdateHook","userAgent":"Lifecycle"}]}})");
  EXPECT_TRUE(RenderReadiness(pod, {.to = Lifecycle::kNormal}).is_null());
  const api::PodRecord bare = world.Record(revision, {});
  EXPECT_TRUE(RenderReadiness(bare, *passage.step).is_null());
  EXPECT_NE(Words(BeforeDelete(bare, hooks).why).find("needs the readiness gate KruisePodReady"),
            std::string::npos);
}

}  // namespace
}  // namespace rekindle::plan
