// Failure policy, force, order, what is not there (spec container-recreate 19.4).
#include <filesystem>

#include "tests/bare_metal/bare_metal_fixture.h"

namespace rekindle::bare_metal {

// Scenario 29. A stop call of a healthy runtime does not fail, so the failure is one before it: the
// container cannot be made again, and is not stopped.
TEST_F(BareMetalTest, AContainerThatCannotBeRestartedAndTheFailurePolicy) {
  for (const bool ignore : {false, true}) {
    SCOPED_TRACE(ignore);
    const std::string name = ignore ? "ignore" : "fail";
    const std::string extra = bed_->Volume(name + "-vanishing");
    bed::Pod& pod = RunShown(name, {"a", "b"}, [&](bed::PodSpec& spec) {
      spec.containers[0].mounts.push_back({"/extra", extra, false});
    });
    std::filesystem::remove_all(extra);
    Create(name, pod, {"a", "b"}, Strategy({{"failurePolicy", ignore ? "Ignore" : "Fail"}}));
    Json ended = AwaitEnd(name);
    EXPECT_EQ(MessageOf(ended), "");
    Json failed = StateOf(ended, "a");
    EXPECT_EQ(failed.value("phase", ""), "Failed");
    EXPECT_THAT(failed.value("message", ""), testing::StartsWith("kill container error: "));
    EXPECT_THAT(failed.value("message", ""), testing::HasSubstr(extra));
    EXPECT_FALSE(failed.value("isKilled", false));
    ExpectUntouched(pod, "a");
    if (ignore) {
      EXPECT_EQ(StateOf(ended, "b").value("phase", ""), "Succeeded");
      ExpectStarts(pod, "b", 2);
    } else {
      EXPECT_NE(StateOf(ended, "b").value("phase", ""), "Succeeded");
      ExpectUntouched(pod, "b");
    }
    EXPECT_TRUE(AwaitRequestEvent(name, "RestartFailed", extra));
    EXPECT_TRUE(AwaitRequestEvent(name, "Failed", "container a: kill container error"));
  }
}

// Scenario 31, in another order than the pod's.
TEST_F(BareMetalTest, ForcedAndInOrderOverThreeContainers) {
  bed::Pod& pod = RunShown("ordered", {"a", "b", "c"});
  Create("order", pod, {"c", "a", "b"},
         Strategy({{"orderedRecreate", true}, {"forceRecreate", true}}));
  Json ended = ExpectSuccess("order", {"c", "a", "b"});
  for (const char* name : {"a", "b", "c"}) {
    ExpectStarts(pod, name, 2);
    EXPECT_EQ(StateOf(ended, name)["isKilled"], true) << name;
  }
  EXPECT_EQ(ended["status"]["containerRecreateStates"][0]["name"], "c");
  EXPECT_LT(Times(pod, "c", "start").at(1), Times(pod, "a", "term").at(0));
  EXPECT_LT(Times(pod, "a", "start").at(1), Times(pod, "b", "term").at(0));
}

// The second half of scenario 21: what comes before must have proved itself.
TEST_F(BareMetalTest, InOrderTheNextWaitsUntilTheOneBeforeIsOldEnough) {
  bed::Pod& pod = RunShown("patient", {"a", "b"});
  Create("patience", pod, {"a", "b"},
         Strategy({{"orderedRecreate", true}, {"minStartedSeconds", 2}}));
  ExpectSuccess("patience", {"a", "b"});
  EXPECT_GT(Times(pod, "b", "term").at(0), Times(pod, "a", "start").at(1) + absl::Seconds(2));
}

// Scenario 32 without a kubelet: nobody starts the container again, so the deadline ends the
// request. It is not stopped a second time.
TEST_F(BareMetalTest, AContainerThatHasExitedIsWaitedFor) {
  bed::Pod& pod = RunShown("exited", {"a"});
  ASSERT_TRUE(bed_->cri().StopContainer(pod.containers["a"].id, 5).ok());
  ASSERT_TRUE(AwaitPod("exited", [](const Json& now) {
    return StatusOf(now, "a")["state"].contains("terminated");
  }));
  Create("wait", pod, {"a"}, {{"activeDeadlineSeconds", 4}});
  Json ended = AwaitEnd("wait");
  EXPECT_EQ(MessageOf(ended), "recreating has exceeded the activeDeadlineSeconds");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_EQ(StateOf(ended, "a")["isKilled"], true);
  EXPECT_EQ(Count(pod, "a", "start"), 1);
  EXPECT_EQ(Count(pod, "a", "term"), 1);
  EXPECT_TRUE(Running(pod, "a").empty());
  EXPECT_FALSE(HasEvent("Pod", "exited", "Killing"));
}

// Scenario 34: a container that the API still shows has been removed. On bare metal the pod's
// object is soon made anew without it, which ends the request; what comes after it is not touched.
TEST_F(BareMetalTest, AListedContainerThatIsNotThere) {
  bed::Pod& pod = RunShown("lacking", {"a", "b"});
  KillDaemon();
  const std::string gone = pod.containers["b"].id;
  ASSERT_TRUE(bed_->cri().StopContainer(gone, 5).ok());
  ASSERT_TRUE(bed_->cri().RemoveContainer(gone).ok());
  Create("lack", pod, {"b", "a"}, {{"activeDeadlineSeconds", 60}});
  StartNode();
  Json ended = AwaitEnd("lack");
  EXPECT_EQ(MessageOf(ended), "pod has gone");
  EXPECT_EQ(StateOf(ended, "b")["phase"], "Failed");
  EXPECT_EQ(StateOf(ended, "a")["phase"], "Failed");
  EXPECT_THAT(StateOf(ended, "a").value("message", ""), testing::StartsWith("pod has gone"));
  EXPECT_TRUE(AwaitRequestEvent("lack", "Aborted", "pod has gone"));
  ExpectUntouched(pod, "a");
}

// What admission refuses on bare metal as everywhere.
TEST_F(BareMetalTest, RequestsThatCannotBeMeant) {
  bed::Pod& pod = RunShown("strict", {"a"});
  const struct {
    Json request;
    const char* text;
  } kRows[] = {
      {MakeRequest(ns_, "x", "nobody", {"a"}), "no found Pod named nobody"},
      {MakeRequest(ns_, "x", "strict", {"z"}), "container z not found in Pod"},
      {MakeRequest(ns_, "x", "strict", {"a", "a"}), "can not recreate a multi times"},
      {MakeRequest(ns_, "x", "strict", {"a"}, {{"activeDeadlineSeconds", 2}}), "less than 3s"},
  };
  for (const auto& row : kRows) {
    const auto made = api_->Create(RequestPath(ns_), row.request);
    EXPECT_THAT(made.status().message(), testing::HasSubstr(row.text));
  }
  ExpectUntouched(pod, "a");
}

}  // namespace rekindle::bare_metal
