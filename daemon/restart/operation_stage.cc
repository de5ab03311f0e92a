// Everything that happens before the running container notices.
#include <algorithm>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "daemon/kubelet/ownership.h"
#include "daemon/kubelet/replacement_guard.h"
#include "daemon/restart/admission.h"
#include "daemon/restart/operation_runner.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

// Failed creates of one attempt in a row before the next attempt number is tried, and before the
// operation gives up as long as nothing has been touched.
constexpr uint32_t kFailuresPerAttempt = 3;
constexpr uint32_t kMaxCreateFailures = 6;
constexpr char kStagedMessage[] = "creating the replacement";

}  // namespace

void OperationRunner::Drain() {
  // Counted from the request: a wait in the queue has already been a wait out of service.
  const absl::Duration left =
      std::clamp(record_.unready_grace - (deps_.loop.Now() - record_.created), absl::ZeroDuration(),
                 record_.unready_grace);
  if (left <= absl::ZeroDuration()) return Stage();
  Enter(Phase::kDraining,
        absl::StrCat("out of service for ", absl::FormatDuration(left), " before the restart"),
        [this, left] { timer_.Set(deps_.loop, left, [this] { Stage(); }); });
}

void OperationRunner::Stage() {
  if (held_) return;
  ReadPodDetails(deps_.runtime, record_.pod, {record_.container_name},
                 Here([this](absl::StatusOr<PodDetails> pod) {
                   if (pod.ok()) return BuildFrom(*std::move(pod));
                   const std::string why =
                       absl::StrCat("cannot read the pod: ", pod.status().message());
                   if (SaysSomethingOfThePod(pod.status())) return Fail(why);
                   RetryLater(&OperationRunner::Stage, why, record_.deadline, false);
                 }));
}

void OperationRunner::BuildFrom(PodDetails pod) {
  const v1::Container& current = *pod.view->Newest(record_.container_name);
  const bool running = current.state() == v1::CONTAINER_RUNNING;
  if (!record_.force && !record_.expected_container_id.empty() && running &&
      current.id() != record_.expected_container_id) {
    record_.new_container_id = current.id();
    record_.attempt = current.metadata().attempt();
    return End(Phase::kDone, absl::StrCat("nothing to do: ", DescribeContainer(current),
                                          "; it has been replaced since the request was made"));
  }
  const uint32_t attempt = TakeSource(std::move(pod));
  if (record_.beside_kubelet && kubelet::WasMadeForDeletion(source_->container.status())) {
    return Fail("the pod is being deleted meanwhile; nothing was touched");
  }
  if (record_.method == Method::kDelegate) {
    await_above_ = record_.old_attempt;
    if (record_.old_was_running) return PreStop();
    return AwaitKubelet("it does not run; the kubelet is to start the next one");
  }
  if (absl::Status built = BuildReplacementOf(attempt); !built.ok()) {
    return Fail(std::string(built.message()), Touched());
  }
  // The journal and the files are two threads' work: at the same time.
  staging_ = true;
  Enter(Phase::kStaged, kStagedMessage, [this] {
    staging_ = false;
    CreateIfReady();
  });
  PrepareAndCreate();
}

uint32_t OperationRunner::TakeSource(PodDetails pod) {
  const v1::Container& current = *pod.view->Newest(record_.container_name);
  record_.sandbox_id = pod.view->sandbox.id();
  record_.old_container_id = current.id();
  record_.old_was_running = current.state() == v1::CONTAINER_RUNNING;
  record_.old_attempt = current.metadata().attempt();
  v1::ContainerStatusResponse& details = pod.current.at(record_.container_name);
  record_.log_path = details.status().log_path();
  source_ = ReplacementSource{std::move(details), std::move(pod.sandbox)};
  return NextAttemptIn(*pod.view);
}

uint32_t OperationRunner::NextAttemptIn(const PodView& pod) {
  const uint32_t next = pod.NextAttempt(record_.container_name);
  // Of an operation before this one: it is only removed when its name is needed.
  const v1::Container* before = pod.Placeholder(record_.container_name, next);
  in_the_way_ = before == nullptr ? std::string() : before->id();
  return next;
}

void OperationRunner::BeginStaged(PodDetails pod, Replacement replacement) {
  begun_ = true;
  UseReplacement(TakeSource(std::move(pod)), std::move(replacement));
  SetPhase(Phase::kStaged, kStagedMessage);
  staging_ = true;
  PrepareAndCreate();
}

void OperationRunner::Stored() {
  WatchDeadline();
  staging_ = false;
  CreateIfReady();
}

void OperationRunner::Build(uint32_t attempt) {
  if (absl::Status built = BuildReplacementOf(attempt); !built.ok()) {
    return Fail(std::string(built.message()), Touched());
  }
  PrepareAndCreate();
}

absl::Status OperationRunner::BuildReplacementOf(uint32_t attempt) {
  RK_ASSIGN_OR_RETURN(Replacement built, BuildReplacement(InputFor(record_, source_->container,
                                                                   *source_->sandbox, attempt)));
  if (record_.beside_kubelet) {
    RK_RETURN_IF_ERROR(kubelet::CheckReplacement(source_->container.status(), built.request));
  }
  UseReplacement(attempt, std::move(built));
  return absl::OkStatus();
}

void OperationRunner::UseReplacement(uint32_t attempt, Replacement replacement) {
  record_.attempt = attempt;
  record_.new_container_id.clear();
  labelled_ = replacement.request.config().labels().contains(kContainerNameLabel);
  replacement_ = std::move(replacement);
}

void OperationRunner::PrepareAndCreate() {
  prepared_.reset();
  deps_.files.Run([replacement = *replacement_,
                   visible = options_.visible_paths] { return PrepareFiles(replacement, visible); },
                  Here([this](const absl::Status& prepared) {
                    prepared_ = prepared;
                    CreateIfReady();
                  }));
}

void OperationRunner::CreateIfReady() {
  if (staging_ || !prepared_.has_value()) return;
  if (prepared_->ok()) return record_.beside_kubelet ? Reserve() : Create();
  const std::string why(prepared_->message());
  if (!Touched()) return Fail(why);
  if (record_.beside_kubelet) return HandOver(why);
  RetryLater(&OperationRunner::PrepareAndCreate, why,
             std::max(record_.deadline, deps_.loop.Now() + absl::Seconds(1)), true);
}

void OperationRunner::Create() {
  // When the operation is cancelled meanwhile nobody else knows of the container.
  auto forgotten = [&runtime = deps_.runtime](const std::string& id) {
    runtime.RemoveContainer(id, [](const absl::Status&) {});
  };
  deps_.runtime.CreateContainer(replacement_->request,
                                [weak = weak_from_this(), generation = generation_,
                                 forgotten](absl::StatusOr<std::string> created) {
                                  std::shared_ptr<OperationRunner> self = weak.lock();
                                  if (self == nullptr || self->generation_ != generation) {
                                    if (created.ok()) forgotten(*created);
                                    return;
                                  }
                                  if (created.ok()) return self->OnCreated(*created);
                                  self->last_error_ = created.status();
                                  self->FindCreated();
                                });
}

void OperationRunner::OnCreated(const std::string& container_id) {
  record_.new_container_id = container_id;
  create_failures_ = 0;
  retry_.Reset();
  if (record_.phase == Phase::kStarting) return IssueStart();
  if (held_) return;
  if (record_.method == Method::kHot || !record_.old_was_running) return StartReplacement();
  PreStop();
}

void OperationRunner::FindCreated() {
  // An error does not prove that nothing was created (spec/node-runtime 1.3, 1.7 rule 8).
  ReadPod(deps_.runtime, record_.pod, Here([this](absl::StatusOr<PodView> pod) {
            if (!pod.ok()) {
              const std::string why = absl::StrCat("cannot read the pod: ", pod.status().message());
              if (SaysSomethingOfThePod(pod.status())) return Fail(why, Touched());
              return RetryLater(&OperationRunner::FindCreated, why, Limit(), Touched());
            }
            if (record_.beside_kubelet) return OnKubeletCreateFailed(*pod);
            const v1::Container* found = pod->Find(record_.container_name, record_.attempt);
            if (found != nullptr && found->state() == v1::CONTAINER_CREATED) {
              return OnCreated(found->id());
            }
            OnCreateFailed(/*attempt_taken=*/found != nullptr);
          }));
}

void OperationRunner::OnCreateFailed(bool attempt_taken) {
  ++create_failures_;
  const std::string why = absl::StrCat("cannot create the replacement: ", last_error_.message());
  const bool hopeless =
      absl::IsInvalidArgument(last_error_) || create_failures_ >= kMaxCreateFailures;
  if (!Touched() && hopeless) return Fail(why);
  if (absl::IsNotFound(last_error_)) return ExplainMissing();
  if (attempt_taken || create_failures_ == kFailuresPerAttempt) {
    // The name belongs to somebody else: a container of an earlier sandbox of the pod, say
    // (spec/node-runtime 1.4 rule 3).
    return Enter(record_.phase, absl::StrCat(why, "; trying the next attempt number"),
                 [this, next = record_.attempt + 1] { Build(next); });
  }
  RetryLater(&OperationRunner::Create, why,
             Touched() ? std::max(record_.deadline, deps_.loop.Now() + options_.retry.max * 2)
                       : record_.deadline,
             Touched());
}

void OperationRunner::ExplainMissing() {
  deps_.runtime.ImageStatus(
      replacement_->image, Here([this](absl::StatusOr<std::optional<v1::Image>> image) {
        const bool missing = image.ok() && !image->has_value();
        const std::string why =
            missing ? absl::StrCat("image ", replacement_->image,
                                   " is no longer on the node; pull it and try again")
                    : absl::StrCat("cannot create the replacement: ", last_error_.message());
        if (!Touched()) return Fail(why);
        RetryLater(&OperationRunner::Create, why,
                   std::max(record_.deadline, deps_.loop.Now() + absl::Seconds(1)), true);
      }));
}

}  // namespace rekindle::restart
