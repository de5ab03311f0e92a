// Daemon, kubelet and containerd killed in the middle of restarts. REKINDLE_KUBE_KILLS=100 runs the
// long form.
#include <signal.h>

#include <random>

#include <gmock/gmock.h>

#include "tests/kube/restart_fixture.h"

namespace rekindle::kube {
namespace {

using nlohmann::json;
using ::testing::IsEmpty;

class RestartKillTest : public KubeRestartTest {
 protected:
  enum class Victim { kDaemon, kKubelet, kRuntime };

  void Kill(Victim victim) {
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
};

TEST_F(RestartKillTest, OneContainerRunsWhateverIsKilled) {
  const int kills = FromEnvironment("REKINDLE_KUBE_KILLS", 9);
  const json pod = RunPod(ServerPod("killed"));
  ASSERT_FALSE(pod.is_null());
  // A kubelet that is down leaves what it said last.
  watcher_->Watch(pod, {.backoff = absl::Seconds(30)});
  std::mt19937 random(static_cast<uint32_t>(::getpid()));
  uint32_t attempt = 0;
  for (int i = 0; i < kills; ++i) {
    const Victim victim = static_cast<Victim>(i % 3);
    SCOPED_TRACE(absl::StrCat("kill ", i, " of victim ", i % 3));
    const node::RestartContainersRequest request = Request(pod);
    ASSERT_TRUE(Submit(request).ok());
    std::this_thread::sleep_for(std::chrono::milliseconds(random() % 350));
    Kill(victim);
    const auto ended = WaitEnd(request.request_id() + "/main");
    ASSERT_TRUE(ended.ok()) << ended.status();
    ASSERT_EQ(ended->phase(), node::PHASE_DONE) << ended->message();
    EXPECT_GT(ended->attempt(), attempt);
    attempt = ended->attempt();
    ExpectSettled(pod, static_cast<int>(attempt));
    if (HasFailure()) return;
  }
  std::cerr << kills << " kills, attempt " << attempt << ", shown in CrashLoopBackOff for at most "
            << absl::FormatDuration(watcher_->longest_backoff()) << "\n";
  EXPECT_TRUE(WaitAftercare());
  ExpectSettled(pod, static_cast<int>(attempt));
  EXPECT_THAT(Placeholders(), IsEmpty());
}

}  // namespace
}  // namespace rekindle::kube
