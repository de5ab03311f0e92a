#include "daemon/service/convert.h"
#include "daemon/service/fields.h"

namespace rekindle::service {

v1::Phase ToWire(restart::Phase phase) {
  switch (phase) {
    case restart::Phase::kAccepted:
      return v1::PHASE_ACCEPTED;
    case restart::Phase::kDraining:
      return v1::PHASE_DRAINING;
    case restart::Phase::kStaged:
      return v1::PHASE_STAGED;
    case restart::Phase::kPreStop:
      return v1::PHASE_PRE_STOP;
    case restart::Phase::kStopping:
      return v1::PHASE_STOPPING;
    case restart::Phase::kStarting:
      return v1::PHASE_STARTING;
    case restart::Phase::kPostStart:
      return v1::PHASE_POST_START;
    case restart::Phase::kVerifying:
      return v1::PHASE_VERIFYING;
    case restart::Phase::kDone:
      return v1::PHASE_DONE;
    case restart::Phase::kFailed:
      return v1::PHASE_FAILED;
    case restart::Phase::kCancelled:
      return v1::PHASE_CANCELLED;
  }
  return v1::PHASE_UNSPECIFIED;
}

v1::Method ToWire(restart::Method method) {
  switch (method) {
    case restart::Method::kReplace:
      return v1::METHOD_REPLACE;
    case restart::Method::kHot:
      return v1::METHOD_HOT;
    case restart::Method::kDelegate:
      return v1::METHOD_DELEGATE;
    case restart::Method::kAuto:
      return v1::METHOD_AUTO;
  }
  return v1::METHOD_UNSPECIFIED;
}

v1::Operation ToWire(const restart::OperationRecord& record) {
  v1::Operation out;
  out.set_id(record.id());
  out.set_request_id(record.request_id);
  out.mutable_pod()->set_namespace_(record.pod.ns);
  out.mutable_pod()->set_name(record.pod.name);
  out.mutable_pod()->set_uid(record.pod.uid);
  out.set_container_name(record.container_name);
  out.set_method(ToWire(record.method));
  out.set_phase(ToWire(record.phase));
  out.set_message(MakeUtf8(record.message));
  *out.mutable_created() = ToProto(record.created);
  *out.mutable_deadline() = ToProto(record.deadline);
  if (record.ended != absl::InfiniteFuture()) *out.mutable_ended() = ToProto(record.ended);
  for (const restart::PhaseTime& entry : record.history) {
    v1::PhaseTime* phase = out.add_history();
    phase->set_phase(ToWire(entry.phase));
    *phase->mutable_entered() = ToProto(entry.entered);
  }
  out.set_old_container_id(record.old_container_id);
  out.set_new_container_id(record.new_container_id);
  out.set_attempt(record.attempt);
  out.set_start_failures(record.start_failures);
  out.set_old_exit_code(record.old_exit_code);
  if (record.gap) *out.mutable_gap() = ToProto(*record.gap);
  out.set_pre_stop_result(MakeUtf8(record.pre_stop_result));
  out.set_post_start_result(MakeUtf8(record.post_start_result));
  out.set_service_down(record.service_down);
  out.set_requested_method(ToWire(record.requested_method));
  out.set_method_reason(MakeUtf8(record.method_reason));
  if (record.backoff_until) *out.mutable_backoff_until() = ToProto(*record.backoff_until);
  out.set_adopted(record.adopted);
  out.set_aftercare(record.aftercare);
  out.set_aftercare_result(MakeUtf8(record.aftercare_result));
  return out;
}

}  // namespace rekindle::service
