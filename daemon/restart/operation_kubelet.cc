// Beside a kubelet: the reservation and the swap (DESIGN.md section 4). Nothing is created under
// the final name before the old container has exited; instead the name of the attempt after it is
// occupied, so that whatever the kubelet tries while the new container is created but does not run
// yet fails on a reserved name.
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"
#include "daemon/kubelet/log_link.h"
#include "daemon/kubelet/reservation.h"
#include "daemon/restart/grace.h"
#include "daemon/restart/operation_runner.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

// Creates that fail in a row before the swap is left to the kubelet, or given up while nothing has
// been touched.
constexpr uint32_t kMaxSwapFailures = 6;

}  // namespace

void OperationRunner::Swap(const PodView& pod) {
  if (absl::Status built = BuildReplacementOf(NextAttemptIn(pod)); !built.ok()) {
    if (record_.method == Method::kHot) return Fail(std::string(built.message()));
    return HandOver(std::string(built.message()));
  }
  Enter(Phase::kStarting, absl::StrCat("starting attempt ", record_.attempt),
        [this] { PrepareAndCreate(); });
}

void OperationRunner::SwapAgain(const std::string& why) {
  const std::string text = absl::StrCat("attempt ", record_.attempt, " did not come up: ", why);
  const std::string dead = std::exchange(record_.new_container_id, {});
  record_.post_start_result.clear();
  // With the old container still running a dead newer one would have the kubelet start another.
  // Else it stays: it is the newest dead one.
  if (record_.method == Method::kHot && !dead.empty()) {
    deps_.runtime.RemoveContainer(dead, Here([this, text](const absl::Status&) {
                                    RetryLater(&OperationRunner::SwapAnew, text, Limit(), false);
                                  }));
    return;
  }
  RetryLater(&OperationRunner::SwapAnew, text, Limit(), Touched());
}

void OperationRunner::SwapAnew() {
  if (EndedWithPod()) return;
  ReadPodDetails(
      deps_.runtime, record_.pod, {record_.container_name},
      Here([this](absl::StatusOr<PodDetails> pod) {
        if (!pod.ok() && SaysSomethingOfThePod(pod.status())) {
          return Fail(absl::StrCat("the pod has gone meanwhile: ", pod.status().message()));
        }
        if (!pod.ok()) {
          return RetryLater(&OperationRunner::SwapAnew,
                            absl::StrCat("cannot read the pod: ", pod.status().message()),
                            TouchedLimit(), true);
        }
        source_ = ReplacementSource{std::move(pod->current.at(record_.container_name)),
                                    std::move(pod->sandbox)};
        if (!TakenByKubelet(*pod->view)) Swap(*pod->view);
      }));
}

void OperationRunner::Reserve() {
  if (!options_.placeholder.has_value()) return OnReserved("");
  const v1::CreateContainerRequest request = kubelet::BuildPlaceholder(
      replacement_->request, record_.attempt + 1, *options_.placeholder, record_.id());
  auto forgotten = [&runtime = deps_.runtime](const std::string& id) {
    runtime.RemoveContainer(id, [](const absl::Status&) {});
  };
  deps_.runtime.CreateContainer(request, [weak = weak_from_this(), generation = generation_,
                                          forgotten](absl::StatusOr<std::string> created) {
    std::shared_ptr<OperationRunner> self = weak.lock();
    if (self == nullptr || self->generation_ != generation) {
      if (created.ok()) forgotten(*created);
      return;
    }
    if (created.ok()) return self->OnReserved(*created);
    self->last_error_ = created.status();
    self->FindReserved();
  });
}

void OperationRunner::FindReserved() {
  ReadPod(deps_.runtime, record_.pod, Here([this](absl::StatusOr<PodView> pod) {
            if (!pod.ok()) {
              const std::string why = absl::StrCat("cannot read the pod: ", pod.status().message());
              if (SaysSomethingOfThePod(pod.status())) return Fail(why);
              return RetryLater(&OperationRunner::FindReserved, why, Limit(), Touched());
            }
            const v1::Container* held =
                pod->Placeholder(record_.container_name, record_.attempt + 1);
            if (held != nullptr) return OnReserved(held->id());
            // After the stop every moment counts: without a reservation the worst is a second copy,
            // which the aftercare finds.
            if (Touched()) return OnReserved("");
            if (pod->Newest(record_.container_name) == nullptr ||
                pod->Newest(record_.container_name)->id() != record_.old_container_id) {
              return RetryLater(
                  &OperationRunner::Stage,
                  absl::StrCat("the kubelet has replaced ", record_.container_name, " meanwhile"),
                  record_.deadline, false);
            }
            if (absl::IsNotFound(last_error_)) return ExplainMissing();
            const std::string why = absl::StrCat("cannot reserve the name of attempt ",
                                                 record_.attempt + 1, ": ", last_error_.message());
            if (++create_failures_ >= kMaxSwapFailures) return Fail(why);
            RetryLater(&OperationRunner::Reserve, why, record_.deadline, false);
          }));
}

void OperationRunner::OnReserved(const std::string& placeholder_id) {
  create_failures_ = 0;
  retry_.Reset();
  if (placeholder_watch_ != 0) deps_.monitor.Unwatch(std::exchange(placeholder_watch_, 0));
  if (!placeholder_id.empty()) {
    // The kubelet's garbage collection may take it away during a long stop.
    placeholder_watch_ = deps_.monitor.WatchExit(
        placeholder_id, [weak = weak_from_this()](const absl::StatusOr<v1::ContainerStatus>& gone) {
          std::shared_ptr<OperationRunner> self = weak.lock();
          if (self == nullptr || !absl::IsNotFound(gone.status())) return;
          self->placeholder_watch_ = 0;
          self->ReserveAgain();
        });
  }
  if (record_.phase == Phase::kStarting) return BringUp();
  if (held_) return;
  if (record_.method == Method::kHot || !record_.old_was_running) return StartReplacement();
  PreStop();
}

void OperationRunner::ReserveAgain() {
  if (IsTerminal(record_.phase) || released_ || !replacement_.has_value()) return;
  VLOG(1) << "operation=" << record_.id() << " the reservation was removed; made anew";
  deps_.runtime.CreateContainer(
      kubelet::BuildPlaceholder(replacement_->request, record_.attempt + 1, *options_.placeholder,
                                record_.id()),
      [](const absl::StatusOr<std::string>&) {});
}

void OperationRunner::BringUp() {
  if (EndedWithPod()) return;
  // The pod may be going: nothing is created in it then.
  deps_.runtime.PodSandboxStatus(
      record_.sandbox_id, /*verbose=*/false,
      Here([this](const absl::StatusOr<v1::PodSandboxStatusResponse>& sandbox) {
        const bool gone = absl::IsNotFound(sandbox.status()) ||
                          (sandbox.ok() && sandbox->status().state() != v1::SANDBOX_READY);
        if (gone) {
          return Fail(
              "the pod's sandbox is not ready any more: the kubelet ends the pod or makes "
              "it anew; no container was created");
        }
        if (!sandbox.ok()) {
          return RetryLater(&OperationRunner::BringUp,
                            absl::StrCat("cannot read the sandbox: ", sandbox.status().message()),
                            Touched() ? TouchedLimit() : record_.deadline, Touched());
        }
        ClearWay();
      }));
}

void OperationRunner::ClearWay() {
  if (in_the_way_.empty()) return Create();
  // The reservation of the operation before this one. Not removed earlier: the kubelet may still
  // have been about to use that name.
  deps_.runtime.RemoveContainer(std::exchange(in_the_way_, {}),
                                Here([this](const absl::Status&) { Create(); }));
}

bool OperationRunner::TakenByKubelet(const PodView& pod) {
  const v1::Container* newest = pod.Newest(record_.container_name);
  if (newest == nullptr || newest->id() == record_.old_container_id ||
      newest->metadata().attempt() <= record_.old_attempt ||
      kubelet::MadeBy(*newest) == record_.id()) {
    return false;
  }
  if (record_.method == Method::kHot) {
    Fail(absl::StrCat("the kubelet made attempt ", newest->metadata().attempt(),
                      " of its own beside the old container"));
    return true;
  }
  record_.adopted = true;
  await_above_ = record_.old_attempt;
  AwaitKubelet(absl::StrCat("the kubelet was first with attempt ", newest->metadata().attempt(),
                            "; its container is taken"));
  return true;
}

void OperationRunner::OnKubeletCreateFailed(const PodView& pod) {
  const std::string why = absl::StrCat("cannot create the replacement: ", last_error_.message());
  const v1::Container* found = pod.Find(record_.container_name, record_.attempt);
  if (found != nullptr && kubelet::MadeBy(*found) == record_.id()) {
    // Ours all the same: the reply was lost.
    if (found->state() == v1::CONTAINER_CREATED) return OnCreated(found->id());
    record_.new_container_id = found->id();
    last_error_ = absl::OkStatus();
    return CheckStarted();
  }
  if (TakenByKubelet(pod)) return;
  if (const v1::Container* held = pod.Placeholder(record_.container_name, record_.attempt)) {
    in_the_way_ = held->id();
  }
  ++create_failures_;
  const bool hopeless = absl::IsNotFound(last_error_) || absl::IsInvalidArgument(last_error_) ||
                        create_failures_ >= kMaxSwapFailures;
  if (!hopeless) {
    return RetryLater(&OperationRunner::ClearWay, why,
                      Touched() ? TouchedLimit() : record_.deadline, Touched());
  }
  if (record_.method == Method::kHot) {
    return Fail(absl::StrCat(why, "; the old container still serves"));
  }
  HandOver(why);
}

void OperationRunner::MakeLogLink() {
  if (!record_.beside_kubelet || options_.log_link_dir.empty()) return;
  const std::string target = started_.log_path();
  if (target.empty()) return;
  deps_.files.Run([directory = options_.log_link_dir,
                   name = kubelet::LogLinkName(record_.pod.name, record_.pod.ns,
                                               record_.container_name, record_.new_container_id),
                   target] { return kubelet::MakeLogLink(directory, name, target); },
                  [id = record_.id()](const absl::Status& made) {
                    if (!made.ok()) LOG(WARNING) << "operation=" << id << " " << made.message();
                  });
}

void OperationRunner::StopAfterPostStart() {
  // As a kubelet does: a container whose hook fails is killed, and the restart policy decides.
  deps_.runtime.StopContainer(
      record_.new_container_id, StopTimeout(record_.grace, absl::ZeroDuration()),
      Here([this](const absl::Status& stopped) {
        ReleaseNow();
        Fail(absl::StrCat("post-start hook ", record_.post_start_result,
                          stopped.ok()
                              ? "; the new container was stopped, and the kubelet is to start "
                                "another one"
                              : "; the new container could not be stopped"),
             /*service_down=*/true);
      }));
}

}  // namespace rekindle::restart
