#include "daemon/restart/recovery.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

#include "daemon/kubelet/reservation.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

constexpr absl::Time kStart = absl::FromUnixSeconds(1'800'000'000);

// One row of the table in recovery.h.
struct Row {
  std::string name;
  Method method;
  Phase phase;
  v1::ContainerState old_state;
  std::optional<v1::ContainerState> replacement;  // none: not there
  bool late;
  ResumeAt at;
};

OperationRecord RecordOf(const Row& row) {
  OperationRecord record;
  record.request_id = "r";
  record.container_name = "a";
  record.method = row.method;
  record.grace = absl::Seconds(30);
  record.old_container_id = "old";
  record.attempt = row.phase == Phase::kAccepted || row.phase == Phase::kDraining ? 0 : 4;
  record.created = kStart;
  record.deadline = kStart + absl::Minutes(3);
  record.phase = row.phase;
  record.history = {{Phase::kAccepted, kStart}, {row.phase, kStart + absl::Seconds(10)}};
  return record;
}

PodView PodOf(const Row& row) {
  PodView pod;
  if (row.replacement.has_value()) {
    v1::Container container;
    container.set_id("new");
    container.mutable_metadata()->set_name("a");
    container.mutable_metadata()->set_attempt(4);
    container.set_state(*row.replacement);
    pod.containers.push_back(container);
  }
  v1::Container old;
  old.set_id("old");
  old.mutable_metadata()->set_name("a");
  old.mutable_metadata()->set_attempt(3);
  old.set_state(row.old_state);
  pod.containers.push_back(old);
  return pod;
}

TEST(Recovery, EveryRowOfTheTable) {
  const auto kRunning = v1::CONTAINER_RUNNING;
  const auto kExited = v1::CONTAINER_EXITED;
  const auto kCreated = v1::CONTAINER_CREATED;
  const Row rows[] = {
      {"accepted", Method::kReplace, Phase::kAccepted, kRunning, {}, false, ResumeAt::kBegin},
      {"accepted, late", Method::kReplace, Phase::kAccepted, kRunning, {}, true, ResumeAt::kFail},
      {"draining", Method::kReplace, Phase::kDraining, kRunning, {}, false, ResumeAt::kBegin},
      {"staged", Method::kReplace, Phase::kStaged, kRunning, kCreated, false, ResumeAt::kStaged},
      {"staged, late", Method::kReplace, Phase::kStaged, kRunning, kCreated, true, ResumeAt::kFail},
      {"staged, none", Method::kReplace, Phase::kStaged, kRunning, {}, false, ResumeAt::kCreate},
      {"staged, foreign", Method::kReplace, Phase::kStaged, kRunning, kRunning, false,
       ResumeAt::kBegin},
      {"pre-stop", Method::kReplace, Phase::kPreStop, kRunning, kCreated, false, ResumeAt::kStop},
      {"pre-stop, late", Method::kReplace, Phase::kPreStop, kRunning, kCreated, true,
       ResumeAt::kStop},
      {"pre-stop, exited", Method::kReplace, Phase::kPreStop, kExited, kCreated, false,
       ResumeAt::kStart},
      {"pre-stop, hot, exited", Method::kHot, Phase::kPreStop, kExited, kRunning, false,
       ResumeAt::kMeasure},
      {"stopping", Method::kReplace, Phase::kStopping, kRunning, kCreated, false, ResumeAt::kStop},
      {"stopping, unknown", Method::kReplace, Phase::kStopping, v1::CONTAINER_UNKNOWN, kCreated,
       false, ResumeAt::kStop},
      {"stopping, exited", Method::kReplace, Phase::kStopping, kExited, kCreated, true,
       ResumeAt::kStart},
      {"stopping, hot, exited", Method::kHot, Phase::kStopping, kExited, kRunning, false,
       ResumeAt::kMeasure},
      {"starting, created", Method::kReplace, Phase::kStarting, kExited, kCreated, false,
       ResumeAt::kStart},
      {"starting, running", Method::kReplace, Phase::kStarting, kExited, kRunning, false,
       ResumeAt::kStarted},
      {"starting, exited", Method::kReplace, Phase::kStarting, kExited, kExited, false,
       ResumeAt::kStartFailed},
      {"starting, none", Method::kReplace, Phase::kStarting, kExited, {}, false, ResumeAt::kCreate},
      {"post-start", Method::kReplace, Phase::kPostStart, kExited, kRunning, false,
       ResumeAt::kVerify},
      {"post-start, exited", Method::kReplace, Phase::kPostStart, kExited, kExited, false,
       ResumeAt::kStartFailed},
      {"verifying", Method::kHot, Phase::kVerifying, kRunning, kRunning, false, ResumeAt::kVerify},
      {"verifying, none",
       Method::kReplace,
       Phase::kVerifying,
       kExited,
       {},
       false,
       ResumeAt::kStartFailed},
  };
  for (const Row& row : rows) {
    const OperationRecord record = RecordOf(row);
    const absl::Time now = row.late ? record.deadline : kStart + absl::Seconds(15);
    const ResumeDecision decision = DecideResume(record, PodOf(row), now);
    EXPECT_EQ(decision.at, row.at) << row.name;
    EXPECT_EQ(decision.new_container_id, row.replacement.has_value() ? "new" : "") << row.name;
  }
}

TEST(Recovery, AStopGoesOnWithWhatIsLeftOfTheGrace) {
  Row row{"",    Method::kReplace, Phase::kStopping, v1::CONTAINER_RUNNING, v1::CONTAINER_CREATED,
          false, ResumeAt::kStop};
  OperationRecord record = RecordOf(row);
  // Stopping since second 10, now it is second 15.
  EXPECT_EQ(DecideResume(record, PodOf(row), kStart + absl::Seconds(15)).stop_timeout,
            absl::Seconds(25));
  // A hook has had its share before.
  record.pre_stop = hooks::ExecAction{{"x"}};
  record.history.insert(record.history.begin() + 1, {Phase::kPreStop, kStart + absl::Seconds(3)});
  EXPECT_EQ(DecideResume(record, PodOf(row), kStart + absl::Seconds(15)).stop_timeout,
            absl::Seconds(18));
  EXPECT_EQ(DecideResume(record, PodOf(row), kStart + absl::Hours(1)).stop_timeout,
            absl::Seconds(2));
}

// What is listed of the container beside a kubelet.
struct KubeletRow {
  std::string name;
  Method method;
  Phase phase;
  v1::ContainerState old_state;
  std::optional<v1::ContainerState> ours;   // made by the operation
  std::optional<v1::ContainerState> newer;  // made by the kubelet meanwhile
  ResumeAt at;
};

v1::Container Instance(const char* id, uint32_t attempt, v1::ContainerState state) {
  v1::Container container;
  container.set_id(id);
  container.mutable_metadata()->set_name("a");
  container.mutable_metadata()->set_attempt(attempt);
  container.set_state(state);
  return container;
}

TEST(Recovery, EveryRowBesideAKubelet) {
  const auto kRunning = v1::CONTAINER_RUNNING;
  const auto kExited = v1::CONTAINER_EXITED;
  const auto kCreated = v1::CONTAINER_CREATED;
  const auto kReplace = Method::kReplace;
  const auto kHot = Method::kHot;
  const auto kDelegate = Method::kDelegate;
  const KubeletRow rows[] = {
      {"staged", kReplace, Phase::kStaged, kRunning, {}, {}, ResumeAt::kBegin},
      {"pre-stop", kReplace, Phase::kPreStop, kRunning, {}, {}, ResumeAt::kStop},
      {"stopping", kReplace, Phase::kStopping, kRunning, {}, {}, ResumeAt::kStop},
      {"stopped", kReplace, Phase::kStopping, kExited, {}, {}, ResumeAt::kSwap},
      {"stopped, newer", kReplace, Phase::kStopping, kExited, {}, kRunning, ResumeAt::kAdopt},
      {"stopped, hot", kHot, Phase::kStopping, kExited, kRunning, {}, ResumeAt::kMeasure},
      {"stopped, delegate", kDelegate, Phase::kStopping, kExited, {}, {}, ResumeAt::kAwait},
      {"starting, none", kReplace, Phase::kStarting, kExited, {}, {}, ResumeAt::kSwap},
      {"starting, created", kReplace, Phase::kStarting, kExited, kCreated, {}, ResumeAt::kStart},
      {"starting, runs", kReplace, Phase::kStarting, kExited, kRunning, {}, ResumeAt::kStarted},
      {"starting, dead", kReplace, Phase::kStarting, kExited, kExited, {}, ResumeAt::kStartFailed},
      {"starting, newer", kReplace, Phase::kStarting, kExited, {}, kCreated, ResumeAt::kAdopt},
      {"created, newer", kReplace, Phase::kStarting, kExited, kCreated, kRunning, ResumeAt::kAdopt},
      {"hot, none", kHot, Phase::kStarting, kRunning, {}, {}, ResumeAt::kSwap},
      {"hot, newer", kHot, Phase::kStarting, kRunning, {}, kRunning, ResumeAt::kStartFailed},
      {"delegate", kDelegate, Phase::kStarting, kExited, {}, kRunning, ResumeAt::kAwait},
      {"verifying", kReplace, Phase::kVerifying, kExited, kRunning, {}, ResumeAt::kVerify},
      {"verifying, dead",
       kReplace,
       Phase::kVerifying,
       kExited,
       kExited,
       {},
       ResumeAt::kStartFailed},
  };
  for (const KubeletRow& row : rows) {
    OperationRecord record = RecordOf({row.name, row.method, row.phase, {}, {}, false, row.at});
    record.beside_kubelet = true;
    record.old_attempt = 3;
    PodView pod;
    if (row.newer.has_value()) pod.containers.push_back(Instance("newer", 5, *row.newer));
    if (row.ours.has_value()) {
      v1::Container ours = Instance("ours", 4, *row.ours);
      (*ours.mutable_annotations())[kubelet::kOperationAnnotation] = record.id();
      pod.containers.push_back(ours);
    }
    pod.containers.push_back(Instance("old", 3, row.old_state));
    const ResumeDecision decision = DecideResume(record, pod, kStart + absl::Minutes(1));
    EXPECT_EQ(static_cast<int>(decision.at), static_cast<int>(row.at)) << row.name;
    EXPECT_EQ(decision.new_container_id, row.ours.has_value() ? "ours" : "") << row.name;
  }
}

// One that the kubelet made under the attempt that we meant to use is not ours to start.
TEST(Recovery, TheKubeletsContainerUnderOurAttempt) {
  OperationRecord record =
      RecordOf({"", Method::kReplace, Phase::kStarting, {}, {}, false, ResumeAt::kAdopt});
  record.beside_kubelet = true;
  record.old_attempt = 3;
  PodView pod;
  pod.containers.push_back(Instance("kubelets", 4, v1::CONTAINER_CREATED));
  pod.containers.push_back(Instance("old", 3, v1::CONTAINER_EXITED));
  const ResumeDecision decision = DecideResume(record, pod, kStart + absl::Minutes(1));
  EXPECT_EQ(static_cast<int>(decision.at), static_cast<int>(ResumeAt::kAdopt));
}

}  // namespace
}  // namespace rekindle::restart
