// kill -9 of the daemon, and of containerd, in the middle of operations on a real node: no
// container is lost, none is stopped or started twice for one operation, each operation ends in a
// true state. REKINDLE_KILLS=1000 runs the long form of the random ones.
#include <signal.h>

#include <random>
#include <thread>

#include "tests/daemon/app/daemon_fixture.h"

namespace rekindle {
namespace {

using testing::ElementsAre;

int Rounds(int fallback) {
  const char* text = getenv("REKINDLE_KILLS");
  return text == nullptr ? fallback : atoi(text);
}

class KillTest : public DaemonTest {
 protected:
  pb::RestartContainersRequest Full(const bed::Pod& pod, pb::Method method, const std::string& id) {
    pb::RestartContainersRequest request = Request(pod, {"main"}, id);
    pb::ContainerRestart* main = request.mutable_containers(0);
    main->set_method(method);
    main->mutable_grace()->set_seconds(10);
    main->mutable_pre_stop()->mutable_sleep()->mutable_duration()->set_nanos(150'000'000);
    main->mutable_post_start()->mutable_sleep()->mutable_duration()->set_nanos(100'000'000);
    main->mutable_min_started()->set_nanos(200'000'000);
    request.mutable_unready_grace()->set_nanos(100'000'000);
    return request;
  }

  // What must hold after an operation that was cut by a kill. `previous` ran before it.
  void ExpectSound(bed::Pod& pod, const std::string& id, const std::string& previous) {
    const auto operation = WaitEnd(id);
    ASSERT_TRUE(operation.ok()) << operation.status();
    EXPECT_EQ(operation->phase(), pb::PHASE_DONE) << operation->message();
    EXPECT_FALSE(operation->service_down());
    // The runtime may take a moment to see that the old process has gone.
    EXPECT_TRUE(
        bed::WaitUntil([&] { return Running(pod, "main").size() == 1; }, absl::Seconds(10)));
    EXPECT_THAT(Running(pod, "main"), ElementsAre(operation->new_container_id()));
    EXPECT_EQ(operation->old_container_id(), previous);
    EXPECT_TRUE(WaitInstances(pod, "main", 2)) << "leftovers";
    // Each run of the program gets its signal at most once.
    std::map<std::string, int> terms;
    for (absl::string_view line : absl::StrSplit(
             bed::ReadFile(bed_->Volume(pod.spec.name) + "/main"), '\n', absl::SkipEmpty())) {
      const std::vector<std::string> words = absl::StrSplit(line, ' ');
      if (words[0] == "term") ++terms[words.back()];
    }
    for (const auto& [instance, count] : terms) EXPECT_EQ(count, 1) << instance;
  }
};

TEST_F(KillTest, AtEveryJournalState) {
  bed::Pod& pod = RunPod("states", {"main"});
  std::string previous = pod.containers["main"].id;
  const pb::Phase replace[] = {pb::PHASE_ACCEPTED,   pb::PHASE_DRAINING,  pb::PHASE_STAGED,
                               pb::PHASE_PRE_STOP,   pb::PHASE_STOPPING,  pb::PHASE_STARTING,
                               pb::PHASE_POST_START, pb::PHASE_VERIFYING, pb::PHASE_DONE};
  for (pb::Method method : {pb::METHOD_REPLACE, pb::METHOD_HOT}) {
    for (pb::Phase phase : replace) {
      const std::string id =
          absl::StrCat("state-", pb::Method_Name(method), "-", pb::Phase_Name(phase));
      SCOPED_TRACE(id);
      grpc::ClientContext context;
      auto stream = stub_->RestartContainers(&context, Full(pod, method, id));
      pb::RestartContainersResponse response;
      bool reached = false;
      while (!reached && stream->Read(&response)) {
        reached = response.operation().phase() == phase;
      }
      EXPECT_TRUE(reached);
      daemon_->process().Signal(SIGKILL);
      context.TryCancel();
      stream->Finish();
      stream.reset();
      KillDaemon();
      StartDaemon();
      ExpectSound(pod, id + "/main", previous);
      if (HasFailure()) return;
      previous = Running(pod, "main").at(0);
    }
  }
}

TEST_F(KillTest, AtRandomMoments) {
  bed::Pod& pod = RunPod("random", {"main"});
  std::string previous = pod.containers["main"].id;
  const uint32_t seed = std::random_device()();
  std::cout << "seed " << seed << "\n";
  std::mt19937 random(seed);
  const int rounds = Rounds(12);
  for (int i = 0; i < rounds; ++i) {
    const std::string id = absl::StrCat("random-", i);
    const pb::Method method = i % 3 == 2 ? pb::METHOD_HOT : pb::METHOD_REPLACE;
    const absl::Duration after =
        absl::Milliseconds(std::uniform_int_distribution<int>(0, 1100)(random));
    SCOPED_TRACE(absl::StrCat(id, " after ", absl::FormatDuration(after), ", seed ", seed));
    ASSERT_TRUE(Submit(Full(pod, method, id)).ok());
    // A moment of real time, not a condition: the point is that it may be any.
    const absl::Time until = absl::Now() + after;
    bed::WaitUntil([&] { return absl::Now() >= until; }, after + absl::Seconds(1));
    KillDaemon();
    StartDaemon();
    ExpectSound(pod, id + "/main", previous);
    if (HasFailure()) return;
    previous = Running(pod, "main").at(0);
  }
  std::cout << rounds << " kills of the daemon\n";
}

TEST_F(KillTest, TheRuntimeIsRestartedAndKilledUnderneath) {
  bed::Pod& pod = RunPod("runtime", {"main"});
  std::string previous = pod.containers["main"].id;
  const uint32_t seed = std::random_device()();
  std::mt19937 random(seed);
  const int rounds = std::max(6, Rounds(6) / 10);
  for (int i = 0; i < rounds; ++i) {
    const std::string id = absl::StrCat("runtime-", i);
    const int signal = i % 2 == 0 ? SIGTERM : SIGKILL;
    const absl::Duration after =
        absl::Milliseconds(std::uniform_int_distribution<int>(0, 900)(random));
    SCOPED_TRACE(absl::StrCat(id, " after ", absl::FormatDuration(after), ", seed ", seed));
    ASSERT_TRUE(Submit(Full(pod, pb::METHOD_REPLACE, id)).ok());
    const absl::Time until = absl::Now() + after;
    bed::WaitUntil([&] { return absl::Now() >= until; }, after + absl::Seconds(1));
    ASSERT_TRUE(bed_->Restart(signal).ok());
    ExpectSound(pod, id + "/main", previous);
    if (HasFailure()) return;
    previous = Running(pod, "main").at(0);
  }
  std::cout << rounds << " restarts of the runtime, seed " << seed << "\n";
}

TEST_F(KillTest, StoppingTheDaemonStopsNoContainerAndLosesNothing) {
  bed::Pod& pod = RunPod("stop", {"main"});
  std::string previous = pod.containers["main"].id;
  for (int i = 0; i < 5; ++i) {
    const std::string id = absl::StrCat("stop-", i);
    ASSERT_TRUE(Submit(Full(pod, pb::METHOD_REPLACE, id)).ok());
    const absl::Time until = absl::Now() + absl::Milliseconds(120 * i);
    bed::WaitUntil([&] { return absl::Now() >= until; }, absl::Seconds(2));
    daemon_->process().Signal(SIGTERM);
    const auto code = daemon_->process().WaitExit(absl::Seconds(30));
    EXPECT_TRUE(code.ok() && *code == 0) << code.status();
    EXPECT_GE(Running(pod, "main").size(), 1u) << "a stopped daemon leaves no gap";
    KillDaemon();
    StartDaemon();
    ExpectSound(pod, id + "/main", previous);
    if (HasFailure()) return;
    previous = Running(pod, "main").at(0);
  }
}

}  // namespace
}  // namespace rekindle
