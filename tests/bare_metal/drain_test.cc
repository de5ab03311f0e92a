// Out of service before the first stop (spec container-recreate 19.5).
#include "tests/bare_metal/bare_metal_fixture.h"

namespace rekindle::bare_metal {
namespace {

constexpr char kFinalizer[] = "crr.apps.kruise.io/unready-acquired";

void WithGate(bed::PodSpec& spec) {
  spec.annotations["rekindle.io/readiness-gates"] = "KruisePodReady";
}

bool HasFinalizer(const Json& request) {
  const Json finalizers = request["metadata"].value("finalizers", Json::array());
  return std::find(finalizers.begin(), finalizers.end(), kFinalizer) != finalizers.end();
}

std::string Key(const std::string& ns, const std::string& name) {
  return absl::StrCat(R"({"userAgent":"ContainerRecreateRequest","key":")", ns, "/", name, R"("})");
}

Json Condition(const Json& pod, const std::string& type) {
  if (!pod.is_object() || !pod.contains("status")) return Json::object();
  for (const Json& one : pod["status"].value("conditions", Json::array())) {
    if (one["type"] == type) return one;
  }
  return Json::object();
}

bool Is(const Json& pod, const std::string& type, const std::string& status) {
  return Condition(pod, type).value("status", "") == status;
}

}  // namespace

// Scenarios 36 and 37.
TEST_F(BareMetalTest, APodWithTheGateIsOutOfServiceBeforeItsContainerIsStopped) {
  bed::Pod& pod = RunShown("gated", {"a"}, WithGate);
  ObjectWatch pods(controller_->endpoint(), PodPath(ns_));
  Create("drain", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 3}}));
  ASSERT_TRUE(Await("drain", [](const Json& now) {
    return ConditionOf(now, "PreRecreateGrace").value("status", "") == "True";
  }));
  // By then the rest is there: finalizer, key, Ready.
  EXPECT_TRUE(HasFinalizer(requests_->Newest("drain")));
  Json drained = GetPod("gated");
  EXPECT_EQ(Condition(drained, "KruisePodReady")["status"], "False");
  EXPECT_EQ(Condition(drained, "KruisePodReady")["message"], "[" + Key(ns_, "drain") + "]");
  EXPECT_EQ(Condition(drained, "Ready")["status"], "False");
  EXPECT_EQ(Condition(drained, "Ready")["reason"], "ReadinessGatesNotReady");
  EXPECT_EQ(Count(pod, "a", "term"), 0);
  // Changes of the pod make the controller look again and again; the drain's begin does not move.
  for (int i = 0; i < 5; ++i) {
    EXPECT_TRUE(api_->MergePatch(PodPath(ns_, "gated"),
                                 {{"metadata", {{"annotations", {{"look", absl::StrCat(i)}}}}}})
                    .ok());
  }
  const Json ended = ExpectSuccess("drain", {"a"});
  ExpectStarts(pod, "a", 2);
  EXPECT_GE(Times(pod, "a", "term").at(0), DrainSince(ended) + absl::Seconds(3));

  std::vector<std::string> drains;
  for (const Json& version : requests_->VersionsOf("drain")) {
    const std::string since =
        ConditionOf(version, "PreRecreateGrace").value("lastTransitionTime", "");
    if (!since.empty() && (drains.empty() || drains.back() != since)) drains.push_back(since);
    // The finalizer is stored before the condition is, and outlives the work.
    if (PhaseOf(version) == "Recreating") {
      EXPECT_TRUE(HasFinalizer(version));
    }
  }
  EXPECT_EQ(drains.size(), 1u);
  ASSERT_TRUE(pods.Await("gated", [](const Json& now) {
    return Is(now, "KruisePodReady", "True") && Is(now, "Ready", "True") &&
           StatusOf(now, "a")["restartCount"] == 1;
  })) << pods.Newest("gated").dump(1);
  EXPECT_EQ(Condition(pods.Newest("gated"), "KruisePodReady")["message"], "[]");
  // Out of service in one piece: while the key is held nobody says Ready.
  for (const Json& version : pods.VersionsOf("gated")) {
    if (Is(version, "KruisePodReady", "False")) {
      EXPECT_TRUE(Is(version, "Ready", "False")) << version["status"].dump(1);
    }
  }
}

// Scenario 38.
TEST_F(BareMetalTest, APodWithoutTheGateStaysReadyAndTheTimePassesAllTheSame) {
  bed::Pod& pod = RunShown("ungated", {"a"});
  ObjectWatch pods(controller_->endpoint(), PodPath(ns_));
  Create("drain", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 2}}));
  ASSERT_TRUE(Await("drain", [](const Json& now) {
    return ConditionOf(now, "PreRecreateGrace").value("status", "") == "True";
  }));
  ASSERT_TRUE(pods.Await("ungated", [](const Json& now) { return !now.is_null(); }));
  EXPECT_TRUE(Is(GetPod("ungated"), "Ready", "True"));
  const Json ended = ExpectSuccess("drain", {"a"});
  ExpectStarts(pod, "a", 2);
  EXPECT_GE(Times(pod, "a", "term").at(0), DrainSince(ended) + absl::Seconds(2));
  for (const Json& version : requests_->VersionsOf("drain")) EXPECT_FALSE(HasFinalizer(version));
  EXPECT_TRUE(AwaitRequestEvent("drain", "NoReadinessGate"));
  ASSERT_TRUE(pods.Await("ungated",
                         [](const Json& now) { return StatusOf(now, "a")["restartCount"] == 1; }));
  for (const Json& version : pods.VersionsOf("ungated")) {
    if (StatusOf(version, "a")["restartCount"] == 1) break;
    if (StatusOf(version, "a")["state"].contains("running")) {
      EXPECT_TRUE(Is(version, "Ready", "True"));
    }
  }
}

TEST_F(BareMetalTest, ADrainOfNoTimeTakesThePodOutOfServiceAndStopsAtOnce) {
  bed::Pod& pod = RunShown("at-once", {"a"}, WithGate);
  ObjectWatch pods(controller_->endpoint(), PodPath(ns_));
  ASSERT_TRUE(pods.Await("at-once", [](const Json& now) { return !now.is_null(); }));
  Create("drain", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 0}}));
  Json ended = ExpectSuccess("drain", {"a"});
  EXPECT_EQ(ConditionOf(ended, "PreRecreateGrace")["status"], "True");
  ExpectStarts(pod, "a", 2);
  ASSERT_TRUE(pods.Await("at-once", [](const Json& now) {
    return Is(now, "Ready", "True") && StatusOf(now, "a")["restartCount"] == 1;
  }));
  bool closed = false;
  for (const Json& version : pods.VersionsOf("at-once")) {
    closed = closed || (Is(version, "KruisePodReady", "False") && Is(version, "Ready", "False"));
  }
  EXPECT_TRUE(closed);
}

// Scenario 39.
TEST_F(BareMetalTest, SomebodyElsesKeyStays) {
  bed::Pod& pod = RunShown("held", {"a"}, WithGate);
  const std::string lifecycle = R"({"userAgent":"Lifecycle","key":"upgrade"})";
  Json conditions = GetPod("held")["status"]["conditions"];
  for (Json& one : conditions) {
    if (one["type"] != "KruisePodReady") continue;
    one["status"] = "False";
    one["message"] = "[" + lifecycle + "]";
  }
  ASSERT_TRUE(api_->MergePatch(PodPath(ns_, "held") + "/status",
                               {{"status", {{"conditions", std::move(conditions)}}}})
                  .ok());
  ASSERT_TRUE(AwaitPod("held", [](const Json& now) { return Is(now, "Ready", "False"); }));
  ObjectWatch pods(controller_->endpoint(), PodPath(ns_));
  ASSERT_TRUE(pods.Await("held", [](const Json& now) { return !now.is_null(); }));
  Create("drain", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 1}}));
  ExpectSuccess("drain", {"a"});
  ExpectStarts(pod, "a", 2);
  EXPECT_TRUE(pods.Await("held", [&](const Json& now) {
    return StatusOf(now, "a")["restartCount"] == 1 &&
           Condition(now, "KruisePodReady").value("message", "") == "[" + lifecycle + "]";
  }));
  std::vector<std::string> messages;
  for (const Json& version : pods.VersionsOf("held")) {
    EXPECT_TRUE(Is(version, "KruisePodReady", "False"));
    EXPECT_TRUE(Is(version, "Ready", "False"));
    const std::string message = Condition(version, "KruisePodReady").value("message", "");
    if (messages.empty() || messages.back() != message) messages.push_back(message);
  }
  EXPECT_THAT(messages,
              testing::ElementsAre("[" + lifecycle + "]",
                                   absl::StrCat("[", Key(ns_, "drain"), ",", lifecycle, "]"),
                                   "[" + lifecycle + "]"));
}

// Scenario 40.
TEST_F(BareMetalTest, ARequestThatIsDeletedInItsDrainLetsGo) {
  bed::Pod& pod = RunShown("spared", {"a"}, WithGate);
  Create("drain", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 600}}));
  ASSERT_TRUE(Await("drain", [](const Json& now) {
    return ConditionOf(now, "PreRecreateGrace").value("status", "") == "True";
  }));
  ASSERT_TRUE(AwaitPod("spared", [](const Json& now) { return Is(now, "Ready", "False"); }));
  ASSERT_TRUE(api_->Delete(RequestPath(ns_, "drain")).ok());
  ASSERT_TRUE(Await("drain", [](const Json& now) { return now.is_null(); }));
  EXPECT_TRUE(AwaitPod("spared", [](const Json& now) {
    return Is(now, "KruisePodReady", "True") && Is(now, "Ready", "True");
  })) << GetPod("spared").dump(1);
  ExpectUntouched(pod, "a");
}

TEST_F(BareMetalTest, APodThatGoesInTheDrainEndsTheRequest) {
  bed::Pod& pod = RunShown("goes", {"a"}, WithGate);
  Create("drain", pod, {"a"}, Strategy({{"unreadyGracePeriodSeconds", 600}}));
  ASSERT_TRUE(Await("drain", [](const Json& now) {
    return ConditionOf(now, "PreRecreateGrace").value("status", "") == "True";
  }));
  ASSERT_TRUE(bed_->RemovePod(pod).ok());
  Json ended = AwaitEnd("drain");  // which waits for the finalizer, too
  EXPECT_EQ(MessageOf(ended), "pod has gone");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_EQ(Count(pod, "a", "start"), 1);
  EXPECT_FALSE(HasEvent("Pod", "goes", "Killing"));
  EXPECT_TRUE(AwaitRequestEvent("drain", "Aborted", "pod has gone"));
}

}  // namespace rekindle::bare_metal
