// Is the replacement up for as long as was asked, and ready?
#include <signal.h>

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "daemon/restart/operation_runner.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

// How much longer a new container is watched for a kubelet that kills it by mistake than its start
// took, and how much at most.
constexpr int kSlowNode = 2;
constexpr absl::Duration kLongestWatch = absl::Seconds(20);

// "Longer than", strictly (spec/container-recreate 10.5).
constexpr absl::Duration kStrictlyLonger = absl::Milliseconds(1);

// How a program ends that was sent SIGTERM or SIGKILL.
bool EndsAsStopped(int exit_code) {
  return exit_code == 0 || exit_code == 128 + SIGTERM || exit_code == 128 + SIGKILL;
}

std::string VerifyText(const OperationRecord& record) {
  if (record.ready_check.has_value()) return "waiting until the replacement is ready";
  if (record.min_started > absl::ZeroDuration()) {
    return absl::StrCat("must run longer than ", absl::FormatDuration(record.min_started));
  }
  return "started";
}

}  // namespace

void OperationRunner::WatchSlowNodeLonger() {
  if (!record_.health_checked) return;
  // What a start has just taken says how slow the node is, and so are the kubelet's looks and the
  // runtime's word of an exit.
  const auto starting =
      std::find_if(record_.history.rbegin(), record_.history.rend(),
                   [](const PhaseTime& entry) { return entry.phase == Phase::kStarting; });
  if (starting == record_.history.rend()) return;
  const absl::Duration took = std::max(deps_.loop.Now() - starting->entered, absl::ZeroDuration());
  const absl::Duration left = std::max(record_.deadline - deps_.loop.Now(), absl::ZeroDuration());
  const absl::Duration more = std::min({kSlowNode * took, kLongestWatch, left / 2});
  record_.min_started = std::max(record_.min_started, kKubeletLooks + more);
}

void OperationRunner::Verify() {
  WatchSlowNodeLonger();
  Enter(Phase::kVerifying, VerifyText(record_), [this] { WatchReplacement(); });
}

void OperationRunner::WatchReplacement() {
  min_started_passed_ = record_.min_started <= absl::ZeroDuration();
  ready_passed_ = !record_.ready_check.has_value();
  ready_successes_ = 0;
  if (min_started_passed_ && ready_passed_) return OnVerified();
  exit_watch_ = deps_.monitor.WatchExit(
      record_.new_container_id, Here([this](absl::StatusOr<v1::ContainerStatus> exited) {
        exit_watch_ = 0;
        if (!exited.ok()) return OnStartFailed("somebody removed it");
        ended_as_stopped_ = EndsAsStopped(exited->exit_code());
        const absl::Duration ran =
            absl::Nanoseconds(std::max<int64_t>(0, exited->finished_at() - exited->started_at()));
        OnStartFailed(absl::StrCat(
            "exited with code ", exited->exit_code(),
            ran < absl::Milliseconds(1)
                ? std::string(" right after its start")
                : absl::StrCat(" after ",
                               absl::FormatDuration(absl::Trunc(ran, absl::Milliseconds(1))))));
      }));
  if (!min_started_passed_) {
    // The runtime's clock is this node's: what it has run already counts.
    const absl::Duration ran =
        std::clamp(deps_.loop.Now() - absl::FromUnixNanos(started_.started_at()),
                   absl::ZeroDuration(), record_.min_started);
    timer_.Set(deps_.loop, record_.min_started - ran + kStrictlyLonger,
               [this] { OnPart(&min_started_passed_); });
  }
  if (!ready_passed_) CheckReady();
}

void OperationRunner::CheckReady() {
  if (!probe_target_.has_value()) {
    WithHookTarget(record_.new_container_id, [this](absl::StatusOr<hooks::HookTarget> target) {
      if (target.ok()) {
        probe_target_ = *std::move(target);
        return CheckReady();
      }
      probe_timer_.Set(deps_.loop, record_.ready_check->period, [this] { CheckReady(); });
    });
    return;
  }
  deps_.hooks.Run(record_.ready_check->handler, *probe_target_, record_.ready_check->timeout,
                  Here([this](const absl::Status& result) {
                    ready_successes_ = result.ok() ? ready_successes_ + 1 : 0;
                    if (ready_successes_ >= record_.ready_check->success_threshold) {
                      return OnPart(&ready_passed_);
                    }
                    if (!result.ok()) {
                      Say(absl::StrCat("not ready yet: ", result.message()));
                    }
                    probe_timer_.Set(deps_.loop, record_.ready_check->period,
                                     [this] { CheckReady(); });
                  }));
}

void OperationRunner::OnPart(bool* part) {
  *part = true;
  if (!min_started_passed_ || !ready_passed_) return;
  // The exit may be on its way to us: look once more.
  deps_.runtime.ContainerStatus(
      record_.new_container_id, /*verbose=*/false,
      Here([this](const absl::StatusOr<v1::ContainerStatusResponse>& response) {
        if (response.ok() && response->status().state() != v1::CONTAINER_RUNNING) {
          ended_as_stopped_ = EndsAsStopped(response->status().exit_code());
          return OnStartFailed(absl::StrCat("exited with code ", response->status().exit_code()));
        }
        OnVerified();
      }));
}

void OperationRunner::OnVerified() {
  verified_ = true;
  if (record_.method != Method::kHot) return MeasureAndFinish();
  MoveOn();
  CheckOldBeforeStop();
}

void OperationRunner::CheckOldBeforeStop() {
  deps_.runtime.ContainerStatus(
      record_.old_container_id, /*verbose=*/false,
      Here([this](const absl::StatusOr<v1::ContainerStatusResponse>& response) {
        const bool gone = absl::IsNotFound(response.status()) ||
                          (response.ok() && response->status().state() == v1::CONTAINER_EXITED);
        if (gone) return MeasureAndFinish();
        PreStop();
      }));
}

}  // namespace rekindle::restart
