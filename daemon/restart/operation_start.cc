// Start of the replacement, further attempts when it does not come up, post-start hook.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

#include "daemon/restart/operation_runner.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

// What a hook may take when the deadline is already near.
constexpr absl::Duration kMinPostStart = absl::Seconds(10);
// How often a kubelet may kill a new container by mistake before it is left to it.
constexpr uint32_t kMaxMistakenKills = 5;

std::string ExitText(const v1::ContainerStatus& status) {
  if (status.started_at() == 0 && !status.message().empty()) return status.message();
  return absl::StrCat("exited with code ", status.exit_code(),
                      status.reason().empty() ? "" : absl::StrCat(" (", status.reason(), ")"));
}

}  // namespace

bool OperationRunner::EndedWithPod() {
  if (!pod_terminating_) return false;
  // One that was created and does not run is nobody's; one that the kubelet made is the kubelet's.
  if (!record_.new_container_id.empty() && !record_.adopted && !awaiting_kubelet_) {
    record_.leftovers.push_back(std::exchange(record_.new_container_id, {}));
  }
  Fail("the pod is being deleted: no container is started in it any more");
  return true;
}

void OperationRunner::StartReplacement() {
  if (EndedWithPod()) return;
  retry_.Reset();
  Enter(Phase::kStarting, absl::StrCat("starting attempt ", record_.attempt), [this] {
    if (record_.beside_kubelet && record_.new_container_id.empty()) {
      return replacement_.has_value() ? BringUp() : SwapAnew();
    }
    // Recovery may come here without a replacement.
    if (record_.new_container_id.empty()) return NextAttempt();
    IssueStart();
  });
}

void OperationRunner::IssueStart() {
  if (EndedWithPod()) return;
  deps_.runtime.StartContainer(record_.new_container_id, Here([this](const absl::Status& started) {
                                 last_error_ = started;
                                 CheckStarted();
                               }));
}

void OperationRunner::CheckStarted() {
  deps_.runtime.ContainerStatus(
      record_.new_container_id, /*verbose=*/false,
      Here([this](absl::StatusOr<v1::ContainerStatusResponse> response) {
        if (absl::IsNotFound(response.status())) {
          return OnStartFailed("somebody removed it before it was up");
        }
        if (!response.ok()) {
          return RetryLater(&OperationRunner::CheckStarted,
                            absl::StrCat("cannot see whether the replacement has started: ",
                                         response.status().message()),
                            Limit(), true);
        }
        const v1::ContainerStatus& status = response->status();
        switch (status.state()) {
          case v1::CONTAINER_RUNNING:
            started_ = status;
            MakeLogLink();
            return PostStart();
          case v1::CONTAINER_CREATED:
            return StartSoon();
          case v1::CONTAINER_EXITED:
            // A program that has already ended well is not a failure unless it was to stay up.
            if (last_error_.ok() && status.exit_code() == 0 &&
                record_.min_started == absl::ZeroDuration() && record_.method == Method::kReplace &&
                !record_.beside_kubelet) {
              started_ = status;
              return Verify();
            }
            return OnStartFailed(ExitText(status));
          default:
            // Nobody knows whether a process of it is left: only a stop makes that certain.
            deps_.runtime.StopContainer(record_.new_container_id, absl::ZeroDuration(),
                                        Here([this](const absl::Status&) {
                                          OnStartFailed("its state is unknown to the runtime");
                                        }));
        }
      }));
}

void OperationRunner::StartSoon() {
  // Most often a start that ended with the daemon before this one, and that the runtime takes some
  // seconds to undo: a start is refused meanwhile. Nothing serves until then, so no pause grows.
  retry_.Reset();
  RetryLater(&OperationRunner::IssueStart,
             absl::StrCat("the runtime did not start it: ", last_error_.message()), Limit(), true);
}

void OperationRunner::OnStartFailed(const std::string& why) {
  MoveOn();
  ++record_.start_failures;
  // A start that was cut off by a restart of daemon or runtime deserves another try; one that came
  // up and died would do so again.
  const bool cut_off = record_.phase == Phase::kStarting && !PastDeadline() &&
                       record_.start_failures < options_.min_start_attempts;
  // A kubelet that saw it created and not yet running has its probes fail, and kills it for that:
  // on a busy machine several times in a row. A program that fails by itself ends in other ways,
  // and gets one more try.
  const bool stopped = std::exchange(ended_as_stopped_, false);
  const bool mistaken = record_.health_checked && record_.phase == Phase::kVerifying &&
                        record_.method != Method::kDelegate &&
                        record_.start_failures <= (stopped ? kMaxMistakenKills : 1);
  if (record_.beside_kubelet && (cut_off || mistaken) && !record_.adopted &&
      record_.method != Method::kDelegate) {
    // A new container has no part in the waits for the one before.
    retry_.Reset();
    return SwapAgain(why);
  }
  if (record_.beside_kubelet && record_.method != Method::kHot) {
    return HandOver(absl::StrCat("attempt ", record_.attempt, " did not come up: ", why));
  }
  if (record_.method == Method::kHot && !cut_off) {
    return Fail(
        absl::StrCat("the replacement did not come up: ", why, "; the old container still serves"));
  }
  const std::string text = absl::StrCat("attempt ", record_.attempt, " did not come up: ", why);
  if (PastDeadline() && record_.start_failures >= options_.min_start_attempts) {
    return Fail(absl::StrCat(text, "; gave up after ", record_.start_failures,
                             " tries: the container is down"),
                /*service_down=*/true);
  }
  RetryLater(&OperationRunner::NextAttempt, text, absl::InfiniteFuture(), true);
}

void OperationRunner::NextAttempt() {
  if (EndedWithPod()) return;
  ReadPodDetails(
      deps_.runtime, record_.pod, {record_.container_name},
      Here([this](absl::StatusOr<PodDetails> pod) {
        if (!pod.ok() && !SaysSomethingOfThePod(pod.status())) {
          return RetryLater(&OperationRunner::NextAttempt,
                            absl::StrCat("cannot read the pod: ", pod.status().message()),
                            TouchedLimit(), true);
        }
        if (!pod.ok()) {
          return Fail(absl::StrCat("the pod has gone meanwhile: ", pod.status().message()), true);
        }
        if (!record_.new_container_id.empty()) {
          record_.leftovers.push_back(std::exchange(record_.new_container_id, {}));
        }
        const uint32_t next =
            std::max(pod->view->NextAttempt(record_.container_name), record_.attempt + 1);
        source_ = ReplacementSource{std::move(pod->current.at(record_.container_name)),
                                    std::move(pod->sandbox)};
        record_.attempt = next;
        Enter(Phase::kStarting, absl::StrCat("starting attempt ", next),
              [this, next] { Build(next); });
      }));
}

void OperationRunner::PostStart() {
  if (!record_.post_start.has_value() || !record_.post_start_result.empty()) return Verify();
  Enter(Phase::kPostStart, "post-start hook", [this] {
    WithHookTarget(record_.new_container_id, [this](absl::StatusOr<hooks::HookTarget> target) {
      if (!target.ok()) return AfterPostStart(target.status());
      const absl::Duration limit = std::max(record_.deadline - deps_.loop.Now(), kMinPostStart);
      deps_.hooks.Run(*record_.post_start, *target, limit,
                      Here([this](const absl::Status& result) { AfterPostStart(result); }));
    });
  });
}

void OperationRunner::AfterPostStart(const absl::Status& result) {
  if (result.ok()) {
    record_.post_start_result = "ok";
    return Verify();
  }
  record_.post_start_result = absl::StrCat("failed: ", result.message());
  // A hook fails as well when its container dies under it: that is a failed start.
  deps_.runtime.ContainerStatus(
      record_.new_container_id, /*verbose=*/false,
      Here([this](absl::StatusOr<v1::ContainerStatusResponse> response) {
        if (response.ok() && response->status().state() != v1::CONTAINER_RUNNING) {
          record_.post_start_result.clear();
          return OnStartFailed(
              absl::StrCat(ExitText(response->status()), " during its post-start hook"));
        }
        if (record_.beside_kubelet && record_.method != Method::kHot) return StopAfterPostStart();
        Fail(absl::StrCat("post-start hook ", record_.post_start_result,
                          record_.method == Method::kHot ? "; the old container still serves"
                                                         : "; the new container runs"));
      }));
}

}  // namespace rekindle::restart
