// Beside a kubelet: what is left to it. With `delegate` that is every start; else what the daemon
// could not do itself.
#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

#include "common/base/logging.h"
#include "daemon/kubelet/ownership.h"
#include "daemon/restart/operation_runner.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

// When a start that has not come is the first sign of a back-off.
constexpr absl::Duration kFirstSign = absl::Milliseconds(4500);
constexpr absl::Duration kShortly = absl::Seconds(1);

}  // namespace

kubelet::BackoffKey OperationRunner::BackoffKeyOf() const {
  std::string hash;
  if (source_.has_value()) {
    const auto& annotations = source_->container.status().annotations();
    if (const auto it = annotations.find(kubelet::kHashAnnotation); it != annotations.end()) {
      hash = it->second;
    }
  }
  return {record_.pod.uid, record_.container_name, hash};
}

void OperationRunner::HandOver(const std::string& why) {
  await_above_ = std::max(record_.attempt, record_.old_attempt);
  // A name that it cannot use would only add to its back-off.
  ReleaseNow();
  AwaitKubelet(absl::StrCat(why, "; the kubelet is to start the next one"));
}

void OperationRunner::ReleaseNow() {
  released_ = true;
  if (placeholder_watch_ != 0) deps_.monitor.Unwatch(std::exchange(placeholder_watch_, 0));
  // What remains is removed in the aftercare.
  RemovePlaceholders(
      deps_.runtime, kubelet::PlaceholderFilter(record_.sandbox_id, record_.container_name),
      [](const v1::Container&) { return false; }, [](const absl::Status&) {});
}

void OperationRunner::AwaitKubelet(const std::string& why) {
  if (EndedWithPod()) return;
  await_why_ = why;
  await_dead_id_.clear();
  await_finished_ = absl::InfinitePast();
  created_seen_ = absl::InfiniteDuration();
  Enter(Phase::kStarting, why, [this] {
    if (EndedWithPod()) return;
    awaiting_kubelet_ = true;
    look_again_.Reset();
    // Past the deadline the kubelet still gets what it takes when nothing holds it back.
    deadline_timer_.Set(deps_.loop,
                        std::max(record_.deadline - deps_.loop.Now(), options_.kubelet_start),
                        [this] { OnDeadline(); });
    sandbox_watch_ =
        deps_.monitor.WatchSandbox(record_.sandbox_id, Here([this] { LookForKubelets(); }));
    LookForKubelets();
  });
}

void OperationRunner::LookForKubelets() {
  look_timer_.Cancel();
  ReadPod(deps_.runtime, record_.pod, Here([this](absl::StatusOr<PodView> pod) {
            if (!awaiting_kubelet_) return;
            if (pod.ok()) return OnKubeletsView(*pod);
            if (SaysSomethingOfThePod(pod.status())) {
              return Fail(absl::StrCat("the pod has gone meanwhile: ", pod.status().message()));
            }
            look_timer_.Set(deps_.loop, retry_.Next(), [this] { LookForKubelets(); });
          }));
}

void OperationRunner::OnKubeletsView(const PodView& pod) {
  retry_.Reset();
  const v1::Container* newest = pod.Newest(record_.container_name);
  const bool next = newest != nullptr && newest->metadata().attempt() > await_above_;
  if (next && newest->state() == v1::CONTAINER_RUNNING) return TakeKubelets(*newest);
  if (next && newest->state() == v1::CONTAINER_EXITED) {
    // It came and died before we looked.
    ++record_.start_failures;
    await_above_ = newest->metadata().attempt();
    await_why_ = absl::StrCat("attempt ", await_above_, " of the kubelet has exited again");
  } else if (next) {
    // Being started. The event of that may come a moment before the runtime says so.
    const absl::Duration now = deps_.loop.Monotonic();
    created_seen_ = std::min(created_seen_, now);
    if (now - created_seen_ > options_.kubelet_start && !released_) {
      // A kubelet that died in between will use the next name.
      ReleaseNow();
    }
    if (now - created_seen_ <= 2 * options_.kubelet_start) {
      look_timer_.Set(deps_.loop, look_again_.Next(), [this] { LookForKubelets(); });
    }
    return;
  }
  for (const v1::Container& container : pod.containers) {
    if (container.metadata().name() != record_.container_name ||
        container.state() != v1::CONTAINER_EXITED) {
      continue;
    }
    if (container.id() != await_dead_id_) return ReadFinished(container.id());
    break;
  }
}

void OperationRunner::ReadFinished(const std::string& container_id) {
  deps_.runtime.ContainerStatus(
      container_id, /*verbose=*/false,
      Here([this, container_id](const absl::StatusOr<v1::ContainerStatusResponse>& response) {
        if (!awaiting_kubelet_ || !response.ok() || response->status().finished_at() == 0) return;
        await_dead_id_ = container_id;
        await_finished_ = absl::FromUnixNanos(response->status().finished_at());
        ShowBackoff();
      }));
}

void OperationRunner::ShowBackoff() {
  const absl::Time now = deps_.loop.Now();
  record_.backoff_until = shared_.backoff.Until(BackoffKeyOf(), await_finished_, now);
  Say(AwaitText());
  absl::Duration wait = await_finished_ + kFirstSign - now;
  if (record_.backoff_until.has_value()) wait = *record_.backoff_until + kShortly - now;
  // Nothing is asked for: only what is known is put into words again.
  timer_.Set(deps_.loop, std::max(wait, kShortly), [this] { ShowBackoff(); });
}

std::string OperationRunner::AwaitText() const {
  if (!record_.backoff_until.has_value()) return await_why_;
  const absl::Duration left =
      absl::Ceil(*record_.backoff_until - deps_.loop.Now(), absl::Seconds(1));
  return absl::StrCat(
      await_why_, "; its crash back-off holds the start back until about ",
      absl::FormatTime("%H:%M:%S UTC", *record_.backoff_until, absl::UTCTimeZone()), ", ",
      left > absl::ZeroDuration() ? absl::StrCat("in ", absl::FormatDuration(left)) : "now",
      " (a kubelet may look up to 90s later)");
}

void OperationRunner::TakeKubelets(const v1::Container& container) {
  const absl::Time finished = await_finished_;
  MoveOn();
  record_.new_container_id = container.id();
  record_.attempt = container.metadata().attempt();
  if (record_.method == Method::kReplace && !record_.adopted) record_.adopted = true;
  deps_.runtime.ContainerStatus(
      container.id(), /*verbose=*/false,
      Here([this, finished](absl::StatusOr<v1::ContainerStatusResponse> response) {
        if (!response.ok() || response->status().state() != v1::CONTAINER_RUNNING) {
          // Gone already, or the runtime is: look again from the start.
          return AwaitKubelet(await_why_);
        }
        started_ = std::move(*response->mutable_status());
        const absl::Time started = absl::FromUnixNanos(started_.started_at());
        shared_.backoff.SawStart(BackoffKeyOf(),
                                 finished == absl::InfinitePast() ? started : finished, started);
        record_.backoff_until.reset();
        if (record_.post_start.has_value() && record_.post_start_result.empty()) {
          record_.post_start_result = "skipped: the kubelet ran its own";
        }
        Verify();
      }));
}

}  // namespace rekindle::restart
