// Daemon, kubelet and containerd killed, and the kubelet's configuration changed, in the middle of
// restarts. REKINDLE_KUBE_KILLS=100 and REKINDLE_KUBE_RECONFIGURE=20 run the long forms.
#include <signal.h>

#include <iostream>
#include <random>

#include "absl/strings/str_cat.h"
#include <gmock/gmock.h>

#include "tests/kube/restart_fixture.h"

namespace rekindle::kube {
namespace {

using nlohmann::json;

class RestartKillTest : public KubeRestartTest {
 protected:
  enum class Victim { kDaemon, kKubelet, kRuntime };

  static void Kill(Victim victim) {
    switch (victim) {
      case Victim::kDaemon:
        return StartDaemon();  // the one before is killed
      case Victim::kKubelet:
        EXPECT_TRUE(cluster_->Restart(Component::kKubelet, SIGKILL).ok());
        return;
      case Victim::kRuntime:
        EXPECT_TRUE(cluster_->Restart(Component::kContainerd, SIGKILL).ok());
    }
  }

  // A restart that `disturb` happens in the middle of, at a random moment.
  void RestartAmid(const json& pod, const std::function<void()>& disturb) {
    const node::RestartContainersRequest request = Request(pod);
    ASSERT_TRUE(Submit(request).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(random_() % 350));
    disturb();
    const auto ended = WaitEnd(request.request_id() + "/main");
    ASSERT_TRUE(ended.ok()) << ended.status();
    ASSERT_EQ(ended->phase(), node::PHASE_DONE) << ended->message();
    EXPECT_GT(ended->attempt(), attempt_);
    attempt_ = ended->attempt();
    ExpectSettled(pod, static_cast<int>(attempt_));
  }

  void Report(const std::string& what) const {
    std::cerr << what << ", attempt " << attempt_ << "; " << watcher_->looks()
              << " looks, a dead one listed as running for at most "
              << absl::FormatDuration(watcher_->longest_lag()) << ", CrashLoopBackOff shown for "
              << absl::FormatDuration(watcher_->longest_backoff()) << "\n";
  }

  uint32_t attempt_ = 0;
  std::mt19937 random_{static_cast<uint32_t>(::getpid())};
};

TEST_F(RestartKillTest, OneContainerRunsWhateverIsKilled) {
  const int kills = FromEnvironment("REKINDLE_KUBE_KILLS", 9);
  const json pod = RunPod(ServerPod("killed"));
  ASSERT_FALSE(pod.is_null());
  // A kubelet that is down leaves what it said last.
  watcher_->Watch(pod, {.backoff = absl::Seconds(30)});
  for (int i = 0; i < kills; ++i) {
    SCOPED_TRACE(absl::StrCat("kill ", i, " of victim ", i % 3));
    RestartAmid(pod, [i] { Kill(static_cast<Victim>(i % 3)); });
    if (HasFailure()) return;
  }
  Report(absl::StrCat(kills, " kills"));
  ExpectSettledForGood(pod, static_cast<int>(attempt_));
}

TEST_F(RestartKillTest, AKubeletWithAChangedConfigurationGoesOn) {
  const int times = FromEnvironment("REKINDLE_KUBE_RECONFIGURE", 2);
  const json pod = RunPod(ServerPod("configured"));
  ASSERT_FALSE(pod.is_null());
  watcher_->Watch(pod, {.backoff = absl::Seconds(30)});
  for (int i = 0; i < times; ++i) {
    SCOPED_TRACE(absl::StrCat("change ", i));
    const int max_pods = 240 - i % 2;
    RestartAmid(pod, [max_pods] {
      const json changed = {{"maxPods", max_pods},
                            {"syncFrequency", max_pods % 2 == 0 ? "1m0s" : "30s"},
                            {"containerLogMaxFiles", max_pods % 2 == 0 ? 5 : 3}};
      ASSERT_TRUE(cluster_->SetKubeletConfiguration(changed).ok());
      ASSERT_TRUE(cluster_->Restart(Component::kKubelet).ok());
    });
    if (HasFailure()) return;
    // It has taken the new one.
    const auto node = cluster_->WaitFor(
        "/api/v1/nodes/" + cluster_->node_name(),
        [max_pods](const json& seen) {
          return seen["status"]["capacity"]["pods"] == absl::StrCat(max_pods);
        },
        absl::Seconds(60));
    ASSERT_TRUE(node.ok()) << node.status();
  }
  Report(absl::StrCat(times, " changes of configuration"));
  ExpectSettledForGood(pod, static_cast<int>(attempt_));
  EXPECT_EQ(Copies(pod), 0);
}

}  // namespace
}  // namespace rekindle::kube
