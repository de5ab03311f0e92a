// Going on after the daemon was killed in the middle of an operation.
#include <algorithm>
#include <string>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "daemon/restart/operation_runner.h"
#include "daemon/restart/recovery.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {

void OperationRunner::Resume() {
  begun_ = true;
  if (!deadline_timer_.pending()) {
    deadline_timer_.Set(deps_.loop, record_.deadline - deps_.loop.Now(), [this] { OnDeadline(); });
  }
  ReadPodDetails(deps_.runtime, record_.pod, {record_.container_name},
                 Here([this](absl::StatusOr<PodDetails> pod) {
                   if (pod.ok()) return ResumeWith(*std::move(pod));
                   const std::string why = absl::StrCat(
                       "cannot go on after a restart of the daemon: ", pod.status().message());
                   if (absl::IsNotFound(pod.status()) || absl::IsFailedPrecondition(pod.status())) {
                     return Fail(why, Touched());
                   }
                   RetryLater(&OperationRunner::Resume, why, Limit(), Touched());
                 }));
}

void OperationRunner::ResumeWith(PodDetails pod) {
  const ResumeDecision decision = DecideResume(record_, *pod.view, deps_.loop.Now());
  LOG(INFO) << "operation=" << record_.id() << " resumed in phase " << PhaseName(record_.phase)
            << "; replacement "
            << (decision.new_container_id.empty() ? "none" : decision.new_container_id);
  retry_.Reset();
  if (decision.at == ResumeAt::kBegin) return Drain();
  if (decision.at != ResumeAt::kFail) record_.sandbox_id = pod.view->sandbox.id();
  if (!decision.new_container_id.empty()) record_.new_container_id = decision.new_container_id;
  if (record_.phase == Phase::kPreStop && record_.pre_stop_result.empty()) {
    record_.pre_stop_result = "interrupted: the daemon restarted while it ran";
  }
  if (record_.phase == Phase::kPostStart && record_.post_start_result.empty()) {
    record_.post_start_result = "interrupted: the daemon restarted while it ran";
  }
  source_ =
      ReplacementSource{std::move(pod.current.at(record_.container_name)), std::move(pod.sandbox)};
  switch (decision.at) {
    case ResumeAt::kCreate:
      return Build(record_.attempt);
    case ResumeAt::kSwap:
      return Swap(*pod.view);
    case ResumeAt::kAdopt:
      record_.adopted = true;
      [[fallthrough]];
    case ResumeAt::kAwait:
      await_above_ = record_.old_attempt;
      return AwaitKubelet("going on after a restart of the daemon; waits for the kubelet");
    case ResumeAt::kStaged:
      record_.old_was_running = decision.old_running;
      return OnCreated(record_.new_container_id);
    case ResumeAt::kStop:
      verified_ = record_.method == Method::kHot;
      return Stop(decision.stop_timeout);
    case ResumeAt::kStart:
      return StartReplacement();
    case ResumeAt::kStarted:
    case ResumeAt::kVerify:
    case ResumeAt::kStartFailed:
      last_error_ = absl::OkStatus();
      if (record_.new_container_id.empty()) {
        return OnStartFailed("somebody removed it");
      }
      return CheckStarted();
    case ResumeAt::kMeasure:
      return MeasureAndFinish();
    default:
      return Fail(absl::StrCat("the deadline passed while the daemon was down (",
                               PhaseName(record_.phase), "); nothing was touched"));
  }
}

}  // namespace rekindle::restart
