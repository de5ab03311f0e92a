#include "daemon/restart/recovery.h"

#include <algorithm>

#include "daemon/kubelet/reservation.h"
#include "daemon/restart/grace.h"
#include "daemon/restart/transitions.h"

namespace rekindle::restart {
namespace {

namespace v1 = ::runtime::v1;

absl::Time Entered(const OperationRecord& record, Phase phase) {
  absl::Time entered = record.created;
  for (const PhaseTime& time : record.history) {
    if (time.phase == phase) entered = time.entered;
  }
  return entered;
}

// What is left of the grace: hook and stop have used it since the first of them began.
absl::Duration StopTimeoutLeft(const OperationRecord& record, absl::Time now) {
  const absl::Time began = record.phase == Phase::kPreStop || !record.pre_stop.has_value()
                               ? Entered(record, record.phase)
                               : Entered(record, Phase::kPreStop);
  return StopTimeout(record.grace, now - began);
}

bool Running(const v1::Container* container) {
  return container != nullptr && container->state() == v1::CONTAINER_RUNNING;
}

ResumeAt AfterUnfinishedStart(const v1::Container* replacement) {
  if (replacement == nullptr) return ResumeAt::kCreate;
  switch (replacement->state()) {
    case v1::CONTAINER_CREATED:
      return ResumeAt::kStart;
    case v1::CONTAINER_RUNNING:
      return ResumeAt::kStarted;
    default:
      return ResumeAt::kStartFailed;
  }
}

// The replacement: under its attempt and made by this operation, or taken over from the kubelet.
const v1::Container* Ours(const OperationRecord& record, const PodView& pod) {
  const v1::Container* found =
      record.attempt == 0 ? nullptr : pod.Find(record.container_name, record.attempt);
  if (found == nullptr || found->id() == record.old_container_id) return nullptr;
  const bool ours =
      kubelet::MadeBy(*found) == record.id() || found->id() == record.new_container_id;
  return ours ? found : nullptr;
}

ResumeAt AtBesideKubelet(const OperationRecord& record, const PodView& pod,
                         const v1::Container* old, const v1::Container* ours, bool late) {
  const v1::Container* newest = pod.Newest(record.container_name);
  const bool newer = newest != nullptr && newest != old && newest != ours &&
                     newest->metadata().attempt() > record.old_attempt;
  const bool hot = record.method == Method::kHot;
  const bool delegate = record.method == Method::kDelegate;
  switch (record.phase) {
    case Phase::kAccepted:
    case Phase::kDraining:
    case Phase::kStaged:
      return late ? ResumeAt::kFail : ResumeAt::kBegin;
    case Phase::kPreStop:
    case Phase::kStopping:
      if (Running(old) || (old != nullptr && old->state() == v1::CONTAINER_UNKNOWN)) {
        return ResumeAt::kStop;
      }
      if (hot) return ResumeAt::kMeasure;
      if (delegate) return ResumeAt::kAwait;
      return newer ? ResumeAt::kAdopt : ResumeAt::kSwap;
    case Phase::kStarting:
      if (delegate || record.adopted) return ResumeAt::kAwait;
      if (newer) return hot ? ResumeAt::kStartFailed : ResumeAt::kAdopt;
      return ours == nullptr ? ResumeAt::kSwap : AfterUnfinishedStart(ours);
    case Phase::kPostStart:
    case Phase::kVerifying:
      return Running(ours) ? ResumeAt::kVerify : ResumeAt::kStartFailed;
    default:
      return ResumeAt::kFail;
  }
}

}  // namespace

ResumeDecision DecideResume(const OperationRecord& record, const PodView& pod, absl::Time now) {
  ResumeDecision decision;
  const v1::Container* old = nullptr;
  const v1::Container* replacement =
      record.attempt == 0 ? nullptr : pod.Find(record.container_name, record.attempt);
  for (const v1::Container& container : pod.containers) {
    if (container.id() == record.old_container_id) old = &container;
  }
  if (replacement == old) replacement = nullptr;
  if (record.beside_kubelet) replacement = Ours(record, pod);
  decision.old_running = Running(old);
  if (replacement != nullptr) decision.new_container_id = replacement->id();

  const bool late = now >= record.deadline;
  if (record.beside_kubelet) {
    decision.at = AtBesideKubelet(record, pod, old, replacement, late);
    if (decision.at == ResumeAt::kStop) decision.stop_timeout = StopTimeoutLeft(record, now);
    return decision;
  }
  switch (record.phase) {
    case Phase::kAccepted:
    case Phase::kDraining:
      decision.at = late ? ResumeAt::kFail : ResumeAt::kBegin;
      break;
    case Phase::kStaged:
      if (late) {
        decision.at = ResumeAt::kFail;
      } else if (replacement == nullptr) {
        decision.at = record.attempt == 0 ? ResumeAt::kBegin : ResumeAt::kCreate;
      } else if (replacement->state() == v1::CONTAINER_CREATED) {
        decision.at = ResumeAt::kStaged;
      } else {
        decision.at = ResumeAt::kBegin;
      }
      break;
    case Phase::kPreStop:
    case Phase::kStopping:
      if (decision.old_running || (old != nullptr && old->state() == v1::CONTAINER_UNKNOWN)) {
        decision.at = ResumeAt::kStop;
        decision.stop_timeout = StopTimeoutLeft(record, now);
      } else {
        decision.at = record.method == Method::kHot ? ResumeAt::kMeasure : ResumeAt::kStart;
      }
      break;
    case Phase::kStarting:
      decision.at = AfterUnfinishedStart(replacement);
      break;
    case Phase::kPostStart:
    case Phase::kVerifying:
      decision.at = Running(replacement) ? ResumeAt::kVerify : ResumeAt::kStartFailed;
      break;
    default:
      decision.at = ResumeAt::kFail;
  }
  return decision;
}

}  // namespace rekindle::restart
