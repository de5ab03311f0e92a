// Restarts of containers that a real kubelet owns: no copies, no back-off, exact restart counts.
// REKINDLE_KUBE_FRESH=300, REKINDLE_KUBE_AGAIN=300 and REKINDLE_KUBE_HOT=50 run the long forms.
#include <iostream>
#include <random>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include <gmock/gmock.h>

#include "tests/bed/host.h"
#include "tests/kube/restart_fixture.h"
#include "tests/measure/probe.h"

namespace rekindle::kube {
namespace {

using nlohmann::json;
using ::testing::HasSubstr;

// docs/operations.md
constexpr int kMostMistakenKills = 5;

struct FreshOutcome {
  int restarted = 0;
  int adopted = 0;
  int last_state_lost = 0;
  int swapped_again = 0;
  int late_kills = 0;
  int copies = 0;
  std::map<std::string, node::Operation> operations;  // by pod
  std::vector<double> gaps_ms;
};

struct FreshPlan {
  int pods = 0;
  // Every fifth takes 20 s to stop.
  bool slow_stops = true;
  // So many of three share the pod's process namespace: their new containers start once the runtime
  // has tidied up after the old ones, which gives the kubelet more time to look.
  int shared_of_three = 1;
  // The kubelet checks their health every second. It may kill the new one by mistake, and the
  // operation then swaps once more (docs/operations.md).
  bool health_checks = false;
  // Threads that compete with the restarts.
  int load = 2;
  // Looked after until all is over: at once when there are more than a node holds, else after all.
  bool settle = true;
};

class RestartKubeTest : public KubeRestartTest {
 protected:
  // Fresh pods, each restarted once at a random moment, in waves of as many as a node holds.
  FreshOutcome RestartFreshPods(const FreshPlan& plan) {
    FreshOutcome outcome;
    // Two probes a second for each of a hundred pods leave two processors nothing for the swaps.
    const int most_at_once = plan.health_checks ? 30 : 100;
    for (int done = 0; done < plan.pods && !HasFatalFailure(); done += most_at_once) {
      const std::vector<json> wave =
          RestartWave(std::min(most_at_once, plan.pods - done), plan, outcome);
      const bool at_once = plan.pods > most_at_once;
      if (plan.settle && at_once) {
        EXPECT_TRUE(WaitAftercare());
      }
      for (const json& pod : wave) {
        if (!plan.settle) break;
        const node::Operation& operation = outcome.operations[pod["metadata"]["name"]];
        const int restarts = static_cast<int>(operation.attempt());
        EXPECT_GE(restarts, 1);
        EXPECT_LE(restarts, plan.health_checks ? 1 + kMostMistakenKills : 1);
        outcome.swapped_again += restarts - 1;
        if (plan.health_checks) {
          outcome.late_kills += ExpectSettledAfterKills(pod, operation.id(), restarts);
          KeepPod(pod["metadata"]["name"]);
          if (!at_once) {
            AfterAll([pod, id = operation.id(), restarts] {
              ExpectSettledAfterKills(pod, id, restarts);
            });
          }
        } else {
          at_once ? ExpectSettled(pod, restarts) : ExpectSettledForGood(pod, restarts);
        }
      }
      for (const json& pod : wave) {
        if (plan.settle && LastStateLost(pod)) {
          ++outcome.last_state_lost;
          std::cerr << "lastState lost: pod " << pod["metadata"]["uid"] << " "
                    << ContainerStatus(pod)["containerID"] << "\n";
        }
        outcome.copies += Copies(pod);
        watcher_->Forget(pod["metadata"]["uid"]);
      }
      if (at_once) RemovePods(wave);
    }
    return outcome;
  }

  std::vector<json> RestartWave(int count, const FreshPlan& plan, FreshOutcome& outcome) {
    std::vector<json> wave;
    for (int i = 0; i < count; ++i) {
      json pod = ServerPod("fresh");
      json& main = pod["spec"]["containers"][0];
      if (plan.slow_stops && i % 5 == 0) main["args"] = SlowStop();
      if (i % 3 < plan.shared_of_three) pod["spec"]["shareProcessNamespace"] = true;
      if (plan.health_checks) {
        main["livenessProbe"] = {{"tcpSocket", {{"port", 8080}}}, {"periodSeconds", 1}};
        main["startupProbe"] = main["livenessProbe"];
      }
      pod["spec"]["terminationGracePeriodSeconds"] = 30;
      const auto made = cluster_->api().Create(PodPath(""), pod);
      EXPECT_TRUE(made.ok()) << made.status();
      pods_.insert(pod["metadata"]["name"]);
      wave.push_back(std::move(pod));
    }
    for (json& pod : wave) {
      const auto ready = cluster_->WaitReady(pod["metadata"]["name"], absl::Seconds(300));
      EXPECT_TRUE(ready.ok()) << ready.status();
      if (!ready.ok()) return {};
      pod = *ready;
      watcher_->Watch(pod, AllowedOf(plan));
    }
    // Some three a second, each at a moment of its own of the kubelet's second.
    const CpuLoad load(plan.load);
    std::vector<std::thread> callers;
    std::mutex mutex;
    for (const json& pod : wave) {
      const auto moment =
          std::chrono::milliseconds(random_() % static_cast<uint32_t>(1000 + count * 300));
      callers.emplace_back([&pod, &outcome, &mutex, moment] {
        std::this_thread::sleep_for(moment);
        const auto ended = Restart(Request(pod));
        const std::lock_guard lock(mutex);
        EXPECT_TRUE(ended.ok()) << ended.status();
        if (ended.ok()) Take(ended->at("main"), outcome);
      });
    }
    for (std::thread& caller : callers) caller.join();
    // A copy is the kubelet's work, and comes after the end.
    if (!plan.settle) bed::WaitUntil([&wave] { return CopiesOf(wave) > 0; }, absl::Seconds(3));
    return wave;
  }

  static PodWatcher::Allowed AllowedOf(const FreshPlan& plan) {
    PodWatcher::Allowed allowed;
    // The kubelet has a container with a new ID not ready until it has been probed. One whose probe
    // fails while it drains, or while a busy machine is between the two, has ceased to be ready
    // before; and until the kubelet has seen the new one it finds the old one ready again, whose
    // address the new one answers at.
    allowed.ready_falls = 2;
    if (plan.health_checks) {
      allowed.ready_falls += kMostMistakenKills;
      allowed.backoff = kBackoffFlash;
    }
    return allowed;
  }

  // A kill of the kubelet's that came after the operation has the kubelet start the next one; the
  // aftercare says so then. Whether there was one.
  static bool ExpectSettledAfterKills(const json& pod, const std::string& id, int restarts) {
    const auto operation = Operation(id);
    EXPECT_TRUE(operation.ok()) << operation.status();
    if (!operation.ok()) return false;
    const bool late = absl::StrContains(operation->aftercare_result(), "left to the kubelet");
    if (late) {
      const auto running = cluster_->Running(pod["metadata"]["uid"], "main");
      EXPECT_TRUE(running.ok() && running->size() == 1) << pod["metadata"]["name"];
      if (!running.ok() || running->size() != 1) return true;
      EXPECT_GT(static_cast<int>(running->front().metadata().attempt()), restarts);
      restarts = static_cast<int>(running->front().metadata().attempt());
    }
    ExpectSettled(pod, restarts);
    return late;
  }

  static int CopiesOf(const std::vector<json>& pods) {
    int copies = 0;
    for (const json& pod : pods) copies += Copies(pod);
    return copies;
  }

  // The kubelet's garbage collection may have removed the old container (docs/adr/0007).
  static bool LastStateLost(const json& pod) {
    const auto now = cluster_->Pod(pod["metadata"]["name"]);
    return now.ok() && ContainerStatus(*now)["lastState"].value("terminated", json()).is_null();
  }

  static void Take(const node::Operation& operation, FreshOutcome& outcome) {
    EXPECT_EQ(operation.phase(), node::PHASE_DONE) << operation.message();
    EXPECT_EQ(operation.method(), node::METHOD_REPLACE) << operation.method_reason();
    ++outcome.restarted;
    outcome.operations[operation.pod().name()] = operation;
    outcome.adopted += operation.adopted();
    if (!operation.has_gap()) return;
    outcome.gaps_ms.push_back(static_cast<double>(operation.gap().seconds()) * 1000 +
                              operation.gap().nanos() / 1e6);
  }

  static json SlowStop() {
    return {"serve", "--port", "8080", "--diary", "/diary/main", "--drain-ms", "20000"};
  }

  void Report(const std::string& what, FreshOutcome outcome) const {
    std::sort(outcome.gaps_ms.begin(), outcome.gaps_ms.end());
    std::cerr << what << ": " << outcome.restarted << " restarted, " << outcome.adopted
              << " adopted, " << outcome.swapped_again << " swaps more, " << outcome.late_kills
              << " killed later, lastState lost " << outcome.last_state_lost;
    if (!outcome.gaps_ms.empty()) {
      std::cerr << ", gap median " << outcome.gaps_ms[outcome.gaps_ms.size() / 2] << " ms, longest "
                << outcome.gaps_ms.back() << " ms";
    }
    std::cerr << "; " << watcher_->looks() << " looks, a dead one listed as running for at most "
              << absl::FormatDuration(watcher_->longest_lag()) << ", CrashLoopBackOff shown for "
              << absl::FormatDuration(watcher_->longest_backoff()) << "\n";
  }

  std::mt19937 random_{static_cast<uint32_t>(::getpid())};
};

TEST_F(RestartKubeTest, FreshPodsAtRandomMomentsUnderLoad) {
  const FreshOutcome outcome =
      RestartFreshPods({.pods = FromEnvironment("REKINDLE_KUBE_FRESH", 20)});
  Report("unlabelled", outcome);
  EXPECT_EQ(outcome.copies, 0);
}

TEST_F(RestartKubeTest, FreshPodsWithTheOtherKindOfPlaceholder) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon("pod-uid"));
  const int pods = FromEnvironment("REKINDLE_KUBE_FRESH", 10);
  const FreshOutcome outcome = RestartFreshPods({.pods = pods, .slow_stops = pods > 10});
  Report("pod-uid", outcome);
  EXPECT_EQ(outcome.copies, 0);
}

TEST_F(RestartKubeTest, FreshPodsWhoseHealthTheKubeletChecks) {
  const FreshOutcome outcome = RestartFreshPods({.pods = FromEnvironment("REKINDLE_KUBE_FRESH", 10),
                                                 .slow_stops = false,
                                                 .health_checks = true});
  Report("health checks", outcome);
  EXPECT_EQ(outcome.copies, 0);
}

// It proves that the tests above can see the race.
TEST_F(RestartKubeTest, WithoutTheReservationThereAreCopies) {
  ASSERT_NO_FATAL_FAILURE(StartDaemon("none"));
  constexpr int kPods = 15;
  int copies = 0;
  int rounds = 0;
  // The slower a swap, the more of the kubelet's second it takes.
  for (; copies == 0 && rounds < 8 && !HasFailure(); ++rounds) {
    copies =
        RestartFreshPods(
            {.pods = kPods, .slow_stops = false, .shared_of_three = 3, .load = 8, .settle = false})
            .copies;
  }
  EXPECT_GT(copies, 0);
  std::cerr << copies << " copies in " << rounds << " rounds of " << kPods << "\n";
  // What was seen is what was wanted.
  watcher_.reset();
}

// Each as soon as the API shows the one before.
TEST_F(RestartKubeTest, OnePodAgainAndAgain) {
  const int times = FromEnvironment("REKINDLE_KUBE_AGAIN", 10);
  const json pod = RunPod(ServerPod("again"));
  ASSERT_FALSE(pod.is_null());
  watcher_->Watch(pod, {.backoff = kBackoffFlash});
  FreshOutcome outcome;
  for (int i = 1; i <= times; ++i) {
    const auto ended = Restart(Request(pod));
    ASSERT_TRUE(ended.ok()) << ended.status();
    Take(ended->at("main"), outcome);
    ExpectSettled(pod, i);
    if (HasFailure()) return;
  }
  Report("one pod", outcome);
  ExpectSettledForGood(pod, times);
  EXPECT_EQ(Count(pod, "main", "start"), times + 1);
  EXPECT_EQ(Copies(pod), 0);
}

// Without a pause: whenever the kubelet looks, the container is likely to be away, so the API may
// show crash back-off for as long as it goes on.
TEST_F(RestartKubeTest, OnePodBackToBack) {
  constexpr int kTimes = 15;
  const json pod = RunPod(ServerPod("backtoback"));
  ASSERT_FALSE(pod.is_null());
  watcher_->Watch(pod, {.backoff = kBackoffFlash});
  FreshOutcome outcome;
  for (int i = 1; i <= kTimes; ++i) {
    const auto ended = Restart(Request(pod));
    ASSERT_TRUE(ended.ok()) << ended.status();
    EXPECT_EQ(ended->at("main").attempt(), static_cast<uint32_t>(i));
    Take(ended->at("main"), outcome);
    if (HasFailure()) return;
  }
  Report("one pod back to back", outcome);
  ExpectSettledForGood(pod, kTimes);
  EXPECT_EQ(Count(pod, "main", "start"), kTimes + 1);
  EXPECT_EQ(Copies(pod), 0);
}

TEST_F(RestartKubeTest, HotServesAllTheTime) {
  constexpr int kPort = 8080;
  const int times = FromEnvironment("REKINDLE_KUBE_HOT", 5);
  json spec = ServerPod("hot");
  spec["spec"]["containers"][0]["args"] = {"serve",       "--reuse-port", "--diary",
                                           "/diary/main", "--drain-ms",   "500"};
  if (!kept_ && !bed::ReadFile("/proc/sys/net/ipv4/tcp_migrate_req").empty()) {
    spec["spec"]["securityContext"]["sysctls"] =
        json::array({{{"name", kMigrateRequests}, {"value", "1"}}});
  }
  const json pod = RunPod(spec);
  ASSERT_FALSE(pod.is_null());
  watcher_->Watch(pod, {.overlap = true, .backoff = kBackoffFlash});
  measure::LoadGenerator load(pod["status"]["podIP"], kPort, /*connections=*/20, /*rate=*/1000);
  for (int i = 1; i <= times; ++i) {
    node::RestartContainersRequest request = Request(pod, {"main"}, node::METHOD_HOT);
    auto* get =
        request.mutable_containers(0)->mutable_ready_check()->mutable_handler()->mutable_http_get();
    get->set_port(kPort);
    get->set_path("/healthz");
    const auto ended = Restart(request);
    ASSERT_TRUE(ended.ok()) << ended.status();
    const node::Operation& operation = ended->at("main");
    ASSERT_EQ(operation.phase(), node::PHASE_DONE) << operation.message();
    EXPECT_EQ(operation.gap().seconds(), 0);
    EXPECT_EQ(operation.gap().nanos(), 0);
  }
  const measure::LoadResult seen = load.Stop();
  std::cerr << "hot: " << times << " restarts, " << seen.failed << " of " << seen.sent
            << " requests failed, p99 " << seen.p99_ms << " ms\n";
  EXPECT_EQ(seen.failed, 0);
  EXPECT_GT(seen.sent, 100 * times);
  ExpectSettledForGood(pod, times);
}

class DelegateKubeTest : public KubeRestartTest {
 protected:
  // A pod of which the kubelet has started a container anew: the next start waits.
  static json OnceDelegated() {
    const json pod = RunPod(ServerPod("delegate"));
    if (pod.is_null()) return pod;
    const auto ended = Restart(Request(pod, {"main"}, node::METHOD_DELEGATE));
    EXPECT_TRUE(ended.ok()) << ended.status();
    if (!ended.ok()) return json();
    const node::Operation& operation = ended->at("main");
    EXPECT_EQ(operation.phase(), node::PHASE_DONE) << operation.message();
    EXPECT_EQ(operation.method(), node::METHOD_DELEGATE);
    EXPECT_EQ(operation.attempt(), 1u);
    EXPECT_FALSE(operation.has_backoff_until());
    ExpectSettled(pod, 1);
    return pod;
  }

  static absl::Time TimeOf(const google::protobuf::Timestamp& timestamp) {
    return absl::FromUnixSeconds(timestamp.seconds()) + absl::Nanoseconds(timestamp.nanos());
  }
};

TEST_F(DelegateKubeTest, SaysWhenTheKubeletHoldsBack) {
  const json pod = OnceDelegated();
  ASSERT_FALSE(pod.is_null());
  node::RestartContainersRequest request = Request(pod, {"main"}, node::METHOD_DELEGATE);
  request.mutable_deadline()->set_seconds(6);
  const auto failed = Restart(request);
  ASSERT_TRUE(failed.ok()) << failed.status();
  const node::Operation& operation = failed->at("main");
  EXPECT_EQ(operation.phase(), node::PHASE_FAILED);
  EXPECT_TRUE(operation.service_down());
  EXPECT_TRUE(operation.has_backoff_until());
  EXPECT_THAT(operation.message(), HasSubstr("crash back-off"));
  // A forced replacement does not wait for the back-off.
  request = Request(pod);
  request.set_force(true);
  const absl::Time asked = absl::Now();
  const auto replaced = Restart(request);
  ASSERT_TRUE(replaced.ok()) << replaced.status();
  EXPECT_LT(absl::Now() - asked, absl::Seconds(4));
  EXPECT_EQ(replaced->at("main").phase(), node::PHASE_DONE) << replaced->at("main").message();
  EXPECT_EQ(replaced->at("main").method(), node::METHOD_REPLACE)
      << replaced->at("main").method_reason();
  EXPECT_EQ(replaced->at("main").attempt(), 2u);
  ExpectSettledForGood(pod, 2);
}

TEST_F(DelegateKubeTest, TheEstimateIsWhatTheKubeletDoes) {
  const json pod = OnceDelegated();
  ASSERT_FALSE(pod.is_null());
  node::RestartContainersRequest request = Request(pod, {"main"}, node::METHOD_DELEGATE);
  request.mutable_deadline()->set_seconds(140);
  ASSERT_TRUE(Submit(request).ok());
  const std::string id = request.request_id() + "/main";
  std::optional<absl::Time> estimate;
  bed::WaitUntil(
      [&] {
        const auto operation = Operation(id);
        if (!operation.ok() || operation->has_ended()) return operation.ok();
        if (operation->has_backoff_until()) estimate = TimeOf(operation->backoff_until());
        return false;
      },
      absl::Seconds(150));
  const auto ended = Operation(id);
  ASSERT_TRUE(ended.ok()) << ended.status();
  ASSERT_EQ(ended->phase(), node::PHASE_DONE) << ended->message();
  EXPECT_EQ(ended->attempt(), 2u);
  ASSERT_TRUE(estimate.has_value());
  const auto running = cluster_->Running(pod["metadata"]["uid"], "main");
  ASSERT_TRUE(running.ok() && running->size() == 1) << running.status();
  const auto status = cluster_->bed().cri().Status(running->front().id());
  ASSERT_TRUE(status.ok()) << status.status();
  const absl::Duration later = absl::FromUnixNanos(status->started_at()) - *estimate;
  std::cerr << "the kubelet started it " << absl::FormatDuration(later) << " after the estimate\n";
  EXPECT_GT(later, -absl::Seconds(1));
  // It may look at the pod so much later, as messages say.
  EXPECT_LT(later, absl::Seconds(95));
  ExpectSettledForGood(pod, 2);
}

}  // namespace
}  // namespace rekindle::kube
