#include "daemon/restart/recovery.h"

#include <optional>
#include <string>

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace rekindle::restart
