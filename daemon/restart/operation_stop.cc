// Pre-stop hook and stop of the old container.
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "daemon/cri/verbose_info.h"
#include "daemon/restart/grace.h"
#include "daemon/restart/operation_runner.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

std::string HookResult(const absl::Status& status, absl::Duration limit) {
  if (status.ok()) return "ok";
  if (absl::IsDeadlineExceeded(status)) {
    return absl::StrCat("failed: cut off after ", absl::FormatDuration(limit));
  }
  return absl::StrCat("failed: ", status.message());
}

}  // namespace

void OperationRunner::PreStop() {
  if (!record_.pre_stop.has_value()) return Stop(StopTimeout(record_.grace, absl::ZeroDuration()));
  if (!RunsPreStop(record_.grace)) {
    record_.pre_stop_result = "skipped: the grace period is zero";
    return Stop(StopTimeout(record_.grace, absl::ZeroDuration()));
  }
  Enter(Phase::kPreStop,
        absl::StrCat("pre-stop hook, at most ", absl::FormatDuration(record_.grace)), [this] {
          const absl::Duration began = deps_.loop.Monotonic();
          auto ran = [this, began](const absl::Status& result) {
            record_.pre_stop_result = HookResult(result, record_.grace);
            Stop(StopTimeout(record_.grace, deps_.loop.Monotonic() - began));
          };
          WithHookTarget(record_.old_container_id,
                         [this, ran](absl::StatusOr<hooks::HookTarget> target) {
                           // A hook that cannot run does not keep the container from being
                           // restarted (spec/container-recreate 9.2 rule 6).
                           if (!target.ok()) return ran(target.status());
                           deps_.hooks.Run(*record_.pre_stop, *target, record_.grace, Here(ran));
                         });
        });
}

void OperationRunner::Stop(absl::Duration timeout) {
  stop_timeout_ = timeout;
  retry_.Reset();
  gate_pass_ = shared_.gate.Enter(record_.sandbox_id, Here([this] {
                                    if (!held_ || InGap()) EnterStopping();
                                  }));
  if (gate_pass_->open()) return EnterStopping();
  Say("waits for other containers of the pod that are being stopped");
}

void OperationRunner::EnterStopping() {
  Enter(Phase::kStopping,
        absl::StrCat("stop signal sent, killed after ", absl::FormatDuration(stop_timeout_)),
        [this] {
          stop_began_ = deps_.loop.Monotonic();
          pace_timer_.Set(deps_.loop, options_.stop_pace, [this] { gate_pass_.reset(); });
          IssueStop();
        });
}

bool OperationRunner::MayStartOnExitEvent() const {
  if (!options_.start_on_exit_event || record_.method != Method::kReplace ||
      !replacement_.has_value()) {
    return false;
  }
  const v1::ContainerConfig& config = replacement_->request.config();
  return config.linux().security_context().namespace_options().pid() == v1::CONTAINER;
}

void OperationRunner::IssueStop() {
  if (MayStartOnExitEvent()) {
    exit_watch_ = deps_.monitor.WatchTaskExit(record_.old_container_id, Here([this] {
                                                exit_watch_ = 0;
                                                OnStopped();
                                              }));
  }
  deps_.runtime.StopContainer(record_.old_container_id, stop_timeout_,
                              Here([this](const absl::Status& stopped) {
                                if (stopped.ok()) return OnStopped();
                                last_error_ = stopped;
                                CheckStopped();
                              }));
}

void OperationRunner::CheckStopped() {
  deps_.runtime.ContainerStatus(
      record_.old_container_id, /*verbose=*/false,
      Here([this](absl::StatusOr<v1::ContainerStatusResponse> status) {
        if (absl::IsNotFound(status.status())) return OnStopped();
        if (!status.ok()) {
          return RetryLater(&OperationRunner::CheckStopped,
                            absl::StrCat("cannot see whether the container has stopped: ",
                                         status.status().message()),
                            TouchedLimit(), false);
        }
        if (status->status().state() == v1::CONTAINER_EXITED) return OnStopped();
        // The signal is sent once in a container's life; a repeated stop only waits and kills
        // (spec/node-runtime 1.9 rules 6 and 7).
        const absl::Duration spent = deps_.loop.Monotonic() - stop_began_;
        stop_timeout_ = std::max(stop_timeout_ - spent, kMinStopTimeout);
        RetryLater(&OperationRunner::IssueStop,
                   absl::StrCat("still running after the stop failed: ", last_error_.message()),
                   TouchedLimit(), false);
      }));
}

void OperationRunner::OnStopped() {
  MoveOn();
  gate_pass_.reset();
  if (record_.method == Method::kReplace) return StartReplacement();
  if (record_.method == Method::kDelegate) {
    await_above_ = record_.old_attempt;
    return AwaitKubelet("stopped; the kubelet is to start the next one");
  }
  MeasureAndFinish();
}

}  // namespace rekindle::restart
