#include "daemon/restart/recovery.h"

#include <algorithm>

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
  decision.old_running = Running(old);
  if (replacement != nullptr) decision.new_container_id = replacement->id();

  const bool late = now >= record.deadline;
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
