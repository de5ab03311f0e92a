// preStop hooks and the grace (spec container-recreate 19.6). On bare metal the hook is the one
// that whoever made the container noted on it, as a kubelet does.
#include "tests/bare_metal/bare_metal_fixture.h"

namespace rekindle::bare_metal {
namespace {

// The hook of all containers of the pod.
std::function<void(bed::PodSpec&)> WithHook(const Json& hook) {
  return [text = hook.dump()](bed::PodSpec& spec) {
    for (bed::ContainerSpec& container : spec.containers) container.pre_stop = text;
  };
}

Json Exec(const std::vector<std::string>& command) { return {{"exec", {{"command", command}}}}; }

// A hook that notes its begin in the diary "hook" and leaves with `code` after `ms`.
Json Lasts(int ms, int code = 0) {
  return Exec({"/testserver", "crash-after", absl::StrCat(ms), absl::StrCat(code), "--diary",
               "/data/hook"});
}

}  // namespace

// Scenario 45.
TEST_F(BareMetalTest, AHookThatFailsDoesNotKeepTheContainerFromBeingRestarted) {
  bed::Pod& pod = RunShown(
      "failing-hook", {"a"},
      WithHook(Exec({"sh", "-c", "echo the-secret; /testserver append /data/ran x; exit 3"})));
  Create("hook", pod, {"a"});
  ExpectSuccess("hook", {"a"});
  ExpectStarts(pod, "a", 2);
  EXPECT_EQ(bed::ReadFile(bed_->Volume("failing-hook") + "/ran"), "x\n") << "once";
  EXPECT_TRUE(AwaitEvent("Pod", "failing-hook", "FailedPreStopHook", "container a"));
  EXPECT_TRUE(AwaitRequestEvent("hook", "Restarted", "its preStop hook failed"));
  for (const Json& event : Events()) {
    EXPECT_FALSE(absl::StrContains(event.dump(), "the-secret")) << event.dump();
  }
}

// Scenario 46: without a host the pod itself is asked; a name is one of the container's ports.
TEST_F(BareMetalTest, AnHttpHookReachesThePod) {
  for (const bool served : {true, false}) {
    SCOPED_TRACE(served);
    const std::string name = served ? "http-hook" : "http-hook-nobody";
    bed::Pod& pod = RunShown(name, {"a"}, [&](bed::PodSpec& spec) {
      bed::ContainerSpec& container = spec.containers[0];
      container.args = {"serve", "--port", "8080", "--diary", "/data/a"};
      container.pre_stop = Json{{"httpGet", {{"path", "/healthz"}, {"port", "web"}}}}.dump();
      container.ports =
          Json::array(
              {{{"name", "web"}, {"containerPort", served ? 8080 : 8081}, {"protocol", "TCP"}}})
              .dump();
    });
    Create(name, pod, {"a"});
    ExpectSuccess(name, {"a"});
    ExpectStarts(pod, "a", 2);
    ASSERT_TRUE(AwaitRequestEvent(name, "Restarted"));
    EXPECT_EQ(HasEvent("ContainerRecreateRequest", name, "Restarted", "preStop hook failed"),
              !served);
    if (!served) {
      EXPECT_TRUE(AwaitEvent("Pod", name, "FailedPreStopHook"));
    }
  }
}

// Scenario 47.
TEST_F(BareMetalTest, ASleepIsSleptBeforeTheStop) {
  bed::Pod& pod = RunShown("sleep-hook", {"a"}, WithHook({{"sleep", {{"seconds", 3}}}}));
  const absl::Time asked = absl::Now();
  Create("hook", pod, {"a"});
  ExpectSuccess("hook", {"a"});
  ExpectStarts(pod, "a", 2);
  EXPECT_GE(Times(pod, "a", "term").at(0), asked + absl::Seconds(3));
  EXPECT_FALSE(HasEvent("Pod", "sleep-hook", "FailedPreStopHook"));
}

// Scenario 49: cut off at the grace, and two seconds remain for the stop.
TEST_F(BareMetalTest, AHookLongerThanTheGraceIsCutOff) {
  bed::Pod& pod = RunShown("long-hook", {"a"}, [](bed::PodSpec& spec) {
    WithHook(Lasts(60'000))(spec);
    spec.containers[0].args = {"ignore-term", "--diary", "/data/a"};
  });
  const absl::Time asked = absl::Now();
  Create("hook", pod, {"a"}, Strategy({{"terminationGracePeriodSeconds", 2}}));
  ExpectSuccess("hook", {"a"});
  EXPECT_EQ(Count(pod, "hook", "start"), 1);
  ExpectStarts(pod, "a", 2);
  const absl::Time term = Times(pod, "a", "term").at(0);
  EXPECT_GE(term, asked + absl::Seconds(2));
  EXPECT_LT(term, asked + absl::Seconds(30));
  // It ignores the signal, so the kill ended it.
  EXPECT_GE(Times(pod, "a", "start").at(1), term + absl::Milliseconds(1900));
  EXPECT_TRUE(AwaitEvent("Pod", "long-hook", "FailedPreStopHook"));
}

TEST_F(BareMetalTest, WithoutAGraceNoHookIsRun) {
  bed::Pod& pod = RunShown("no-grace", {"a"}, WithHook(Lasts(0)));
  Create("hook", pod, {"a"}, Strategy({{"terminationGracePeriodSeconds", 0}}));
  ExpectSuccess("hook", {"a"});
  ExpectStarts(pod, "a", 2);
  EXPECT_EQ(Count(pod, "hook", "start"), 0);
  EXPECT_FALSE(HasEvent("Pod", "no-grace", "FailedPreStopHook"));
}

}  // namespace rekindle::bare_metal
