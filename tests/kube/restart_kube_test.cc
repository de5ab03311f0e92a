// Restarts of containers that a real kubelet owns: no copies, no back-off, exact restart counts.
// REKINDLE_KUBE_FRESH=300 and REKINDLE_KUBE_AGAIN=300 run the long forms.
#include <random>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

#include "tests/kube/restart_fixture.h"

namespace rekindle::kube {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

struct FreshOutcome {
  int restarted = 0;
  int adopted = 0;
  int last_state_lost = 0;
  std::vector<double> gaps_ms;
};

class RestartKubeTest : public KubeRestartTest {
 protected:
  // Fresh pods, each restarted once at a random moment of the kubelet's second, ten at a time.
  // `settle`: and looked after until all is over.
  FreshOutcome RestartFreshPods(int pods, bool settle) {
    FreshOutcome outcome;
    // As many as a node holds.
    constexpr int kMostAtOnce = 100;
    for (int done = 0; done < pods && !HasFatalFailure(); done += kMostAtOnce) {
      std::vector<json> all;
      const int end = std::min(done + kMostAtOnce, pods);
      for (int from = done; from < end; from += 10) {
        RestartBatch(std::min(10, end - from), outcome, all);
      }
      if (settle) {
        EXPECT_TRUE(WaitAftercare());
      }
      for (const json& pod : all) {
        if (settle) {
          ExpectSettled(pod, 1);
          const auto now = cluster_->Pod(pod["metadata"]["name"]);
          outcome.last_state_lost +=
              now.ok() && ContainerStatus(*now)["lastState"].value("terminated", json()).is_null();
        }
        watcher_->Forget(pod["metadata"]["uid"]);
        EXPECT_TRUE(cluster_->api().Delete(PodPath(pod["metadata"]["name"])).ok());
      }
    }
    return outcome;
  }

  void RestartBatch(int count, FreshOutcome& outcome, std::vector<json>& all) {
    std::vector<json> batch;
    for (int i = 0; i < count; ++i) {
      json pod = ServerPod("fresh");
      // Some take their time to stop.
      if (i % 5 == 4) pod["spec"]["containers"][0]["args"] = SlowStop();
      pod["spec"]["terminationGracePeriodSeconds"] = 30;
      ASSERT_TRUE(cluster_->api().Create(PodPath(""), pod).ok());
      pods_.push_back(pod["metadata"]["name"]);
      batch.push_back(std::move(pod));
    }
    for (json& pod : batch) {
      const auto ready = cluster_->WaitReady(pod["metadata"]["name"], absl::Seconds(180));
      ASSERT_TRUE(ready.ok()) << ready.status();
      pod = *ready;
      watcher_->Watch(pod);
    }
    std::vector<std::thread> callers;
    std::mutex mutex;
    for (const json& pod : batch) {
      const auto moment = std::chrono::microseconds(random_() % 2'000'000);
      callers.emplace_back([this, &pod, &outcome, &mutex, moment] {
        std::this_thread::sleep_for(moment);
        const auto ended = Restart(Request(pod));
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(ended.ok()) << ended.status();
        if (ended.ok()) Take(ended->at("main"), outcome);
      });
    }
    for (std::thread& caller : callers) caller.join();
    all.insert(all.end(), batch.begin(), batch.end());
  }

  static void Take(const node::Operation& operation, FreshOutcome& outcome) {
    EXPECT_EQ(operation.phase(), node::PHASE_DONE) << operation.message();
    EXPECT_EQ(operation.method(), node::METHOD_REPLACE) << operation.method_reason();
    ++outcome.restarted;
    outcome.adopted += operation.adopted();
    if (!operation.has_gap()) return;
    outcome.gaps_ms.push_back(static_cast<double>(operation.gap().seconds()) * 1000 +
                              operation.gap().nanos() / 1e6);
  }

  static json SlowStop() {
    return {"serve", "--port", "8080", "--diary", "/diary/main", "--drain-ms", "20000"};
  }

  std::mt19937 random_{static_cast<uint32_t>(::getpid())};

  static void Report(const std::string& what, FreshOutcome outcome) {
    std::sort(outcome.gaps_ms.begin(), outcome.gaps_ms.end());
    std::cerr << what << ": " << outcome.restarted << " restarted, " << outcome.adopted
              << " adopted, lastState lost " << outcome.last_state_lost;
    if (!outcome.gaps_ms.empty()) {
      std::cerr << ", gap median " << outcome.gaps_ms[outcome.gaps_ms.size() / 2] << " ms, longest "
                << outcome.gaps_ms.back() << " ms";
    }
    std::cerr << "\n";
  }
};

TEST_F(RestartKubeTest, FreshPodsAtRandomMomentsUnderLoad) {
  const CpuLoad load(2);
  const FreshOutcome outcome = RestartFreshPods(FromEnvironment("REKINDLE_KUBE_FRESH", 20), true);
  Report("unlabelled", outcome);
  EXPECT_THAT(Placeholders(), IsEmpty());
}

TEST_F(RestartKubeTest, FreshPodsWithTheOtherKindOfPlaceholder) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon("pod-uid"));
  const CpuLoad load(2);
  const FreshOutcome outcome = RestartFreshPods(FromEnvironment("REKINDLE_KUBE_FRESH", 10), true);
  Report("pod-uid", outcome);
  EXPECT_THAT(Placeholders(), IsEmpty());
}

// It proves that the tests above can see the race.
TEST_F(RestartKubeTest, WithoutTheReservationThereAreCopies) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon("none"));
  const CpuLoad load(2);
  size_t seen = 0;
  for (int round = 0; round < 12 && seen == 0; ++round) {
    RestartFreshPods(10, false);
    seen = watcher_->duplicates();
  }
  EXPECT_GT(seen, 0u);
  // What was seen is what was wanted.
  watcher_.reset();
}

TEST_F(RestartKubeTest, OnePodAgainAndAgain) {
  const int times = FromEnvironment("REKINDLE_KUBE_AGAIN", 15);
  const json pod = RunPod(ServerPod("again"));
  ASSERT_FALSE(pod.is_null());
  watcher_->Watch(pod, {.backoff = kBackoffFlash});
  FreshOutcome outcome;
  for (int i = 1; i <= times; ++i) {
    const auto ended = Restart(Request(pod));
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_EQ(ended->at("main").attempt(), static_cast<uint32_t>(i));
    Take(ended->at("main"), outcome);
    if (HasFailure()) return;
  }
  Report("one pod", outcome);
  EXPECT_TRUE(WaitAftercare());
  ExpectSettled(pod, times);
  std::cerr << "shown in CrashLoopBackOff for at most "
            << absl::FormatDuration(watcher_->longest_backoff()) << "\n";
  EXPECT_EQ(Count(pod, "main", "start"), times + 1);
  EXPECT_THAT(Placeholders(), IsEmpty());
}

TEST_F(RestartKubeTest, HotServesAllTheTime) {
  json spec = ServerPod("hot");
  spec["spec"]["containers"][0]["args"] = {"serve",       "--reuse-port", "--diary",
                                           "/diary/main", "--drain-ms",   "300"};
  const json pod = RunPod(spec);
  ASSERT_FALSE(pod.is_null());
  watcher_->Watch(pod, {.overlap = true});
  for (int i = 1; i <= 5; ++i) {
    const auto ended = Restart(Request(pod, {"main"}, node::METHOD_HOT));
    ASSERT_TRUE(ended.ok()) << ended.status();
    const node::Operation& operation = ended->at("main");
    ASSERT_EQ(operation.phase(), node::PHASE_DONE) << operation.message();
    EXPECT_EQ(operation.gap().seconds(), 0);
    EXPECT_EQ(operation.gap().nanos(), 0);
  }
  EXPECT_TRUE(WaitAftercare());
  ExpectSettled(pod, 5);
  EXPECT_THAT(Placeholders(), IsEmpty());
}

TEST_F(RestartKubeTest, DelegateSaysWhenTheKubeletHoldsBack) {
  const json pod = RunPod(ServerPod("delegate"));
  ASSERT_FALSE(pod.is_null());
  const auto first = Restart(Request(pod, {"main"}, node::METHOD_DELEGATE));
  ASSERT_TRUE(first.ok()) << first.status();
  EXPECT_EQ(first->at("main").phase(), node::PHASE_DONE) << first->at("main").message();
  node::RestartContainersRequest request = Request(pod, {"main"}, node::METHOD_DELEGATE);
  request.mutable_deadline()->set_seconds(6);
  const auto second = Restart(request);
  ASSERT_TRUE(second.ok()) << second.status();
  const node::Operation& operation = second->at("main");
  EXPECT_EQ(operation.phase(), node::PHASE_FAILED);
  EXPECT_TRUE(operation.service_down());
  EXPECT_TRUE(operation.has_backoff_until());
  EXPECT_THAT(operation.message(), HasSubstr("crash back-off"));
  // The estimate is what the kubelet does: 10 s after the end, or at one of its looks after that.
  const auto up = cluster_->WaitReady(pod["metadata"]["name"], absl::Seconds(120));
  EXPECT_TRUE(up.ok()) << up.status();
  // A forced replacement does not wait for the back-off.
  ASSERT_TRUE(Restart(Request(pod)).ok());
  EXPECT_TRUE(WaitAftercare());
  ExpectSettled(pod, 3);
}

}  // namespace
}  // namespace rekindle::kube
