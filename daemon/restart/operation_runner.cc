#include "daemon/restart/operation_runner.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "daemon/cri/verbose_info.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {

OperationRunner::OperationRunner(const OperationDeps& deps, const OperationOptions& options,
                                 OperationShared& shared, OperationRecord record,
                                 Callbacks callbacks)
    : deps_(deps),
      options_(options),
      shared_(shared),
      record_(std::move(record)),
      callbacks_(std::move(callbacks)),
      end_stored_(IsTerminal(record_.phase)),
      retry_(options.retry),
      look_again_({.initial = absl::Milliseconds(50), .max = absl::Seconds(1)}) {}

OperationRunner::~OperationRunner() {
  // Its callback would find nobody, but the runtime would be looked at for it.
  if (placeholder_watch_ != 0) deps_.monitor.Unwatch(placeholder_watch_);
}

void OperationRunner::WatchDeadline() {
  if (deadline_timer_.pending()) return;
  deadline_timer_.Set(deps_.loop, record_.deadline - deps_.loop.Now(), [this] { OnDeadline(); });
}

void OperationRunner::Wait(const std::string& why) {
  WatchDeadline();
  if (record_.message != why) Say(why);
}

void OperationRunner::Begin() {
  if (held_ || begun_) return;
  begun_ = true;
  WatchDeadline();
  Drain();
}

absl::Status OperationRunner::Cancel(const std::string& why) {
  if (!MayCancel(record_.method, record_.phase)) {
    return absl::FailedPreconditionError(absl::StrCat(
        "operation ", record_.id(), " is ", PhaseName(record_.phase), ": too late to cancel it"));
  }
  if (!record_.new_container_id.empty()) record_.leftovers.push_back(record_.new_container_id);
  End(Phase::kCancelled, why);
  return absl::OkStatus();
}

void OperationRunner::EndWithPod() {
  if (Cancel("the pod is being deleted").ok() || IsTerminal(record_.phase)) return;
  pod_terminating_ = true;
  if (awaiting_kubelet_) EndedWithPod();
}

bool OperationRunner::InGap() const {
  switch (record_.phase) {
    case Phase::kPreStop:
    case Phase::kStopping:
      return record_.method == Method::kReplace;
    case Phase::kStarting:
    case Phase::kPostStart:
      return !awaiting_kubelet_;
    default:
      return false;
  }
}

bool OperationRunner::Touched() const { return IsTouched(record_.method, record_.phase); }

absl::Time OperationRunner::Limit() const { return Touched() ? TouchedLimit() : record_.deadline; }

void OperationRunner::SetPhase(Phase phase, const std::string& message) {
  if (phase != record_.phase && !MayMove(record_.method, record_.phase, phase)) {
    LOG(DFATAL) << record_.id() << ": no step from " << PhaseName(record_.phase) << " to "
                << PhaseName(phase);
  }
  if (phase != record_.phase || phase == Phase::kStarting) {
    record_.history.push_back({phase, deps_.loop.Now()});
  }
  record_.phase = phase;
  record_.message = message;
  VLOG(1) << "operation=" << record_.id() << " pod=" << record_.pod.ns << "/" << record_.pod.name
          << " phase=" << PhaseName(phase) << ": " << message;
}

void OperationRunner::Enter(Phase phase, const std::string& message,
                            absl::AnyInvocable<void()> next) {
  MoveOn();
  const bool touched_before = Touched();
  const Phase before = record_.phase;
  SetPhase(phase, message);
  callbacks_.changed(record_);
  deps_.journal.Update(
      record_, Here([this, touched_before, before,
                     next = std::move(next)](const absl::Status& stored) mutable {
        if (!stored.ok() && !touched_before) {
          // Nothing has happened to the container yet, and without the journal a killed daemon
          // would not know how to go on.
          record_.phase = before;
          return Fail(absl::StrCat("cannot write the journal: ", stored.message()));
        }
        if (!stored.ok()) {
          LOG(ERROR) << "operation=" << record_.id() << " goes on without journal: " << stored;
        }
        next();
      }));
}

void OperationRunner::Say(const std::string& message) {
  record_.message = message;
  callbacks_.changed(record_);
}

void OperationRunner::MoveOn() {
  ++generation_;
  timer_.Cancel();
  probe_timer_.Cancel();
  look_timer_.Cancel();
  awaiting_kubelet_ = false;
  if (sandbox_watch_ != 0) deps_.monitor.Unwatch(std::exchange(sandbox_watch_, 0));
  if (exit_watch_ != 0) deps_.monitor.Unwatch(std::exchange(exit_watch_, 0));
}

void OperationRunner::RetryLater(Step step, const std::string& why, absl::Time limit,
                                 bool service_down) {
  const absl::Duration pause = retry_.Next();
  if (deps_.loop.Now() + pause >= limit) return Fail(why, service_down);
  Say(absl::StrCat(why, "; will try again in ", absl::FormatDuration(pause)));
  timer_.Set(deps_.loop, pause, [this, step] { (this->*step)(); });
}

void OperationRunner::WithHookTarget(
    const std::string& container_id,
    absl::AnyInvocable<void(absl::StatusOr<hooks::HookTarget>)> reply) {
  deps_.runtime.PodSandboxStatus(
      record_.sandbox_id, /*verbose=*/true,
      Here([container_id, reply = std::move(reply)](
               absl::StatusOr<::runtime::v1::PodSandboxStatusResponse> sandbox) mutable {
        if (!sandbox.ok()) return reply(sandbox.status());
        auto text = sandbox->info().find("info");
        if (text == sandbox->info().end()) {
          return reply(absl::FailedPreconditionError("the runtime does not describe the sandbox"));
        }
        absl::StatusOr<cri::SandboxInfo> info = cri::ParseSandboxInfo(text->second);
        if (!info.ok()) return reply(info.status());
        hooks::HookTarget target;
        target.container_id = container_id;
        target.netns_path = info->netns_path;
        const auto& network = sandbox->status().network();
        if (!network.ip().empty()) target.pod_ips.push_back(network.ip());
        for (const auto& more : network.additional_ips()) target.pod_ips.push_back(more.ip());
        reply(std::move(target));
      }));
}

}  // namespace rekindle::restart
