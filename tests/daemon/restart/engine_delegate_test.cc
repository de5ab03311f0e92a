// Restarts that are left to the kubelet, and its crash back-off.
#include "tests/daemon/restart/kubelet_fixture.h"

namespace rekindle::restart {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class DelegateTest : public KubeletTest {};

TEST_F(DelegateTest, TheKubeletStartsTheNextOne) {
  StartKubelet();
  RestartRequest request = Ask(Method::kDelegate);
  request.containers[0].pre_stop = hooks::ExecAction{{"drain"}};
  request.containers[0].post_start = hooks::ExecAction{{"warm"}};
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_THAT(Phases(record), ElementsAre(Phase::kAccepted, Phase::kPreStop, Phase::kStopping,
                                          Phase::kStarting, Phase::kVerifying, Phase::kDone));
  EXPECT_EQ(record.method, Method::kDelegate);
  EXPECT_EQ(record.attempt, 1u);
  EXPECT_EQ(record.pre_stop_result, "ok");
  EXPECT_THAT(record.post_start_result, HasSubstr("kubelet"));
  EXPECT_EQ(hooks_.ran.size(), 1u);
  ASSERT_TRUE(record.gap.has_value());
  EXPECT_GT(*record.gap, absl::Milliseconds(80));
  EXPECT_EQ(kubelet_->created, 1u);
  Settle();
  ExpectSettled();
}

// Spec scenario 64.
TEST_F(DelegateTest, TheBackoffIsSaidPlainlyAndServed) {
  StartKubelet();
  for (const int expected : {0, 10, 20}) {
    const std::string id = absl::StrCat("after", expected);
    ASSERT_TRUE(Submit(Ask(Method::kDelegate, id)).ok());
    loop_.Advance(absl::Seconds(3));
    const OperationRecord during = *engine_->Find(id + "/a");
    if (expected == 0) {
      EXPECT_EQ(during.phase, Phase::kDone) << during.message;
      EXPECT_FALSE(during.backoff_until.has_value());
    } else {
      EXPECT_EQ(during.phase, Phase::kStarting);
      ASSERT_TRUE(during.backoff_until.has_value()) << during.message;
      const int64_t finished = runtime_.Get(during.old_container_id).status.finished_at();
      EXPECT_EQ(*during.backoff_until - absl::FromUnixNanos(finished), absl::Seconds(expected));
      EXPECT_THAT(during.message, HasSubstr("crash back-off"));
    }
    const OperationRecord record = Finish(id + "/a");
    EXPECT_EQ(record.phase, Phase::kDone) << record.message;
    EXPECT_FALSE(record.backoff_until.has_value());
    loop_.Advance(absl::Seconds(2));
  }
}

TEST_F(DelegateTest, AtTheDeadlineItSaysWhatIsTrue) {
  StartKubelet();
  ASSERT_TRUE(Submit(Ask(Method::kDelegate, "r1")).ok());
  Finish("r1/a");
  RestartRequest request = Ask(Method::kDelegate, "r2");
  request.deadline = absl::Seconds(8);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r2/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_TRUE(record.service_down);
  EXPECT_THAT(record.message, HasSubstr("the container is down"));
  EXPECT_THAT(record.message, HasSubstr("crash back-off"));
  ASSERT_TRUE(record.backoff_until.has_value());
  EXPECT_EQ(record.ended, record.deadline);
  Settle();
  ExpectSettled();
}

TEST_F(DelegateTest, AKubeletThatIsGoneIsNotWaitedForWithoutEnd) {
  StartKubelet();
  kubelet_->Kill();
  RestartRequest request = Ask(Method::kDelegate);
  request.deadline = absl::Seconds(30);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kFailed);
  EXPECT_TRUE(record.service_down);
  EXPECT_EQ(record.ended, record.deadline);
}

TEST_F(DelegateTest, AKubeletIsNotWaitedForInAPodThatIsBeingDeleted) {
  StartKubelet();
  kubelet_->Kill();
  ASSERT_TRUE(Submit(Ask(Method::kDelegate)).ok());
  loop_.Advance(absl::Seconds(5));
  ASSERT_EQ(engine_->Find("r1/a")->phase, Phase::kStarting);
  engine_->EndWithPod("r1/a", [](const auto& told) { EXPECT_TRUE(told.ok()) << told.status(); });
  loop_.Settle();
  const OperationRecord* record = engine_->Find("r1/a");
  EXPECT_EQ(record->phase, Phase::kFailed);
  EXPECT_THAT(record->message, HasSubstr("the pod is being deleted"));
  EXPECT_FALSE(record->service_down);
}

TEST_F(DelegateTest, AStopPastTheDeadlineStillGivesTheKubeletAMoment) {
  StartKubelet();
  runtime_.Get(a_).stop_after = absl::Seconds(12);
  RestartRequest request = Ask(Method::kDelegate);
  request.deadline = absl::Seconds(10);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
}

TEST_F(DelegateTest, OneThatDiesWhileWatchedIsFollowedByTheNext) {
  StartKubelet();
  started = [&](FakeRuntime::Container& container) {
    if (container.summary.metadata().attempt() != 1) return;
    loop_.RunAfter(absl::Seconds(1), [this, id = container.summary.id()] { runtime_.Exit(id, 1); });
  };
  RestartRequest request = Ask(Method::kDelegate);
  request.containers[0].min_started = absl::Seconds(5);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  const OperationRecord record = Finish("r1/a");
  EXPECT_EQ(record.phase, Phase::kDone) << record.message;
  EXPECT_EQ(record.attempt, 2u);
  EXPECT_EQ(record.start_failures, 1u);
}

TEST_F(DelegateTest, ItDoesNotAskTheRuntimeAgainAndAgain) {
  StartKubelet();
  kubelet_->Kill();
  RestartRequest request = Ask(Method::kDelegate);
  request.deadline = absl::Minutes(5);
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.Advance(absl::Seconds(5));
  const size_t reads = runtime_.reads;
  loop_.Advance(absl::Minutes(4));
  EXPECT_EQ(runtime_.reads, reads);
}

TEST_F(DelegateTest, OneThatDoesNotRunIsOnlyWaitedFor) {
  runtime_.Exit(a_, 1);
  StartKubelet();
  RestartRequest request = Ask(Method::kDelegate);
  request.force = true;
  ASSERT_TRUE(Submit(std::move(request)).ok());
  loop_.Advance(absl::Seconds(1));
  EXPECT_EQ(runtime_.CountCalls("StopContainer"), 0u);
  kubelet_->SyncNow();
  EXPECT_EQ(Finish("r1/a").phase, Phase::kDone);
  EXPECT_EQ(kubelet_->created, 1u);
}

}  // namespace
}  // namespace rekindle::restart
