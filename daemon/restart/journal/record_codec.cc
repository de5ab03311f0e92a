#include "daemon/restart/journal/record_codec.h"

#include <cstdint>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "rekindle/journal/v1/journal.pb.h"

namespace rekindle::restart {
namespace {

namespace pb = ::rekindle::journal::v1;

constexpr int64_t kMax = std::numeric_limits<int64_t>::max();
constexpr int64_t kMin = std::numeric_limits<int64_t>::min();

int64_t PutDuration(absl::Duration value) {
  if (value >= absl::Nanoseconds(kMax)) return kMax;
  if (value <= absl::Nanoseconds(kMin)) return kMin;
  return absl::ToInt64Nanoseconds(value);
}

absl::Duration GetDuration(int64_t ns) {
  if (ns == kMax) return absl::InfiniteDuration();
  if (ns == kMin) return -absl::InfiniteDuration();
  return absl::Nanoseconds(ns);
}

int64_t PutTime(absl::Time value) { return PutDuration(value - absl::UnixEpoch()); }
absl::Time GetTime(int64_t ns) { return absl::UnixEpoch() + GetDuration(ns); }

struct HandlerWriter {
  pb::Handler* out;

  void operator()(const hooks::ExecAction& exec) const {
    auto* to = out->mutable_exec();
    for (const std::string& word : exec.command) to->add_command(word);
  }
  void operator()(const hooks::HttpGetAction& http) const {
    auto* to = out->mutable_http();
    to->set_host(http.host);
    to->set_port(http.port);
    to->set_path(http.path);
    to->set_tls(http.tls);
    for (const auto& [name, value] : http.headers) {
      to->add_header_names(name);
      to->add_header_values(value);
    }
  }
  void operator()(const hooks::TcpSocketAction& tcp) const {
    out->mutable_tcp()->set_host(tcp.host);
    out->mutable_tcp()->set_port(tcp.port);
  }
  void operator()(const hooks::SleepAction& sleep) const {
    out->mutable_sleep()->set_duration_ns(PutDuration(sleep.duration));
  }
};

void PutHandler(const hooks::Handler& handler, pb::Handler* out) {
  std::visit(HandlerWriter{out}, handler);
}

absl::Status Bad(absl::string_view field, absl::string_view problem) {
  return absl::DataLossError(absl::StrCat(field, ": ", problem));
}

absl::StatusOr<uint16_t> GetPort(uint32_t port, absl::string_view field) {
  if (port > 65535) return Bad(absl::StrCat(field, ".port"), absl::StrCat(port, " is not a port"));
  return static_cast<uint16_t>(port);
}

absl::StatusOr<hooks::Handler> GetHandler(const pb::Handler& from, absl::string_view field) {
  switch (from.action_case()) {
    case pb::Handler::kExec: {
      hooks::ExecAction exec;
      exec.command.assign(from.exec().command().begin(), from.exec().command().end());
      return exec;
    }
    case pb::Handler::kHttp: {
      const pb::Handler::Http& http = from.http();
      if (http.header_names_size() != http.header_values_size()) {
        return Bad(absl::StrCat(field, ".headers"), "not as many values as names");
      }
      hooks::HttpGetAction action;
      action.host = http.host();
      RK_ASSIGN_OR_RETURN(action.port, GetPort(http.port(), field));
      action.path = http.path();
      action.tls = http.tls();
      for (int i = 0; i < http.header_names_size(); ++i) {
        action.headers.emplace_back(http.header_names(i), http.header_values(i));
      }
      return action;
    }
    case pb::Handler::kTcp: {
      hooks::TcpSocketAction action;
      action.host = from.tcp().host();
      RK_ASSIGN_OR_RETURN(action.port, GetPort(from.tcp().port(), field));
      return action;
    }
    case pb::Handler::kSleep:
      return hooks::SleepAction{GetDuration(from.sleep().duration_ns())};
    case pb::Handler::ACTION_NOT_SET:
      break;
  }
  return Bad(field, "a handler without an action");
}

absl::StatusOr<Method> GetMethod(uint32_t number) {
  switch (static_cast<Method>(number)) {
    case Method::kReplace:
    case Method::kHot:
    case Method::kDelegate:
      return static_cast<Method>(number);
    case Method::kAuto:  // is only asked for
      break;
  }
  return Bad("method", absl::StrCat(number, " does not exist"));
}

absl::StatusOr<Phase> GetPhase(uint32_t number, absl::string_view field) {
  switch (static_cast<Phase>(number)) {
    case Phase::kAccepted:
    case Phase::kDraining:
    case Phase::kStaged:
    case Phase::kPreStop:
    case Phase::kStopping:
    case Phase::kStarting:
    case Phase::kPostStart:
    case Phase::kVerifying:
    case Phase::kDone:
    case Phase::kFailed:
    case Phase::kCancelled:
      return static_cast<Phase>(number);
  }
  return Bad(field, absl::StrCat(number, " does not exist"));
}

void PutAsked(const OperationRecord& record, pb::OperationRecord& out) {
  out.set_request_id(record.request_id);
  out.set_container_name(record.container_name);
  out.set_pod_namespace(record.pod.ns);
  out.set_pod_name(record.pod.name);
  out.set_pod_uid(record.pod.uid);
  out.set_index(record.index);
  out.set_ordered(record.ordered);
  out.set_ignore_failures(record.ignore_failures);
  out.set_force(record.force);
  out.set_expected_container_id(record.expected_container_id);
  out.set_method(static_cast<uint32_t>(record.method));
  out.set_grace_ns(PutDuration(record.grace));
  if (record.pre_stop) PutHandler(*record.pre_stop, out.mutable_pre_stop());
  if (record.post_start) PutHandler(*record.post_start, out.mutable_post_start());
  out.set_min_started_ns(PutDuration(record.min_started));
  if (record.ready_check) {
    pb::ReadyCheck* check = out.mutable_ready_check();
    PutHandler(record.ready_check->handler, check->mutable_handler());
    check->set_period_ns(PutDuration(record.ready_check->period));
    check->set_timeout_ns(PutDuration(record.ready_check->timeout));
    check->set_success_threshold(record.ready_check->success_threshold);
  }
  for (const auto& [name, value] : record.env) {
    pb::EnvVar* variable = out.add_env();
    variable->set_name(name);
    variable->set_value(value);
  }
  for (const std::string& name : record.unset_env) out.add_unset_env(name);
  out.set_unready_grace_ns(PutDuration(record.unready_grace));
  out.set_created_ns(PutTime(record.created));
  out.set_deadline_ns(PutTime(record.deadline));
  out.set_requested_method(static_cast<uint32_t>(record.requested_method));
  out.set_method_reason(record.method_reason);
  out.set_beside_kubelet(record.beside_kubelet);
  out.set_health_checked(record.health_checked);
}

void PutHappened(const OperationRecord& record, pb::OperationRecord& out) {
  out.set_phase(static_cast<uint32_t>(record.phase));
  for (const PhaseTime& entry : record.history) {
    pb::PhaseTime* to = out.add_history();
    to->set_phase(static_cast<uint32_t>(entry.phase));
    to->set_entered_ns(PutTime(entry.entered));
  }
  out.set_message(record.message);
  out.set_sandbox_id(record.sandbox_id);
  out.set_old_container_id(record.old_container_id);
  out.set_old_was_running(record.old_was_running);
  out.set_new_container_id(record.new_container_id);
  out.set_attempt(record.attempt);
  out.set_start_failures(record.start_failures);
  out.set_old_exit_code(record.old_exit_code);
  out.set_has_gap(record.gap.has_value());
  if (record.gap) out.set_gap_ns(PutDuration(*record.gap));
  out.set_pre_stop_result(record.pre_stop_result);
  out.set_post_start_result(record.post_start_result);
  out.set_service_down(record.service_down);
  out.set_ended_ns(PutTime(record.ended));
  for (const std::string& id : record.leftovers) out.add_leftovers(id);
  out.set_log_path(record.log_path);
  out.set_old_attempt(record.old_attempt);
  out.set_adopted(record.adopted);
  out.set_has_backoff_until(record.backoff_until.has_value());
  if (record.backoff_until) out.set_backoff_until_ns(PutTime(*record.backoff_until));
  out.set_aftercare(record.aftercare);
  out.set_aftercare_from_ns(PutTime(record.aftercare_from));
  out.set_aftercare_step(record.aftercare_step);
  out.set_aftercare_result(record.aftercare_result);
}

absl::Status GetAsked(const pb::OperationRecord& from, OperationRecord& record) {
  if (from.request_id().empty()) return Bad("request_id", "empty");
  if (from.container_name().empty()) return Bad("container_name", "empty");
  record.request_id = from.request_id();
  record.container_name = from.container_name();
  record.pod = {from.pod_namespace(), from.pod_name(), from.pod_uid()};
  record.index = from.index();
  record.ordered = from.ordered();
  record.ignore_failures = from.ignore_failures();
  record.force = from.force();
  record.expected_container_id = from.expected_container_id();
  RK_ASSIGN_OR_RETURN(record.method, GetMethod(from.method()));
  record.grace = GetDuration(from.grace_ns());
  if (from.has_pre_stop()) {
    RK_ASSIGN_OR_RETURN(record.pre_stop, GetHandler(from.pre_stop(), "pre_stop"));
  }
  if (from.has_post_start()) {
    RK_ASSIGN_OR_RETURN(record.post_start, GetHandler(from.post_start(), "post_start"));
  }
  record.min_started = GetDuration(from.min_started_ns());
  if (from.has_ready_check()) {
    const pb::ReadyCheck& check = from.ready_check();
    ReadyCheck& to = record.ready_check.emplace();
    RK_ASSIGN_OR_RETURN(to.handler, GetHandler(check.handler(), "ready_check.handler"));
    to.period = GetDuration(check.period_ns());
    to.timeout = GetDuration(check.timeout_ns());
    to.success_threshold = check.success_threshold();
  }
  for (const pb::EnvVar& variable : from.env()) {
    record.env.emplace_back(variable.name(), variable.value());
  }
  record.unset_env.assign(from.unset_env().begin(), from.unset_env().end());
  record.unready_grace = GetDuration(from.unready_grace_ns());
  record.created = GetTime(from.created_ns());
  record.deadline = GetTime(from.deadline_ns());
  record.requested_method = record.method;
  if (from.requested_method() == static_cast<uint32_t>(Method::kAuto)) {
    record.requested_method = Method::kAuto;
  } else if (from.requested_method() != 0) {
    RK_ASSIGN_OR_RETURN(record.requested_method, GetMethod(from.requested_method()));
  }
  record.method_reason = from.method_reason();
  record.beside_kubelet = from.beside_kubelet();
  record.health_checked = from.health_checked();
  return absl::OkStatus();
}

absl::Status GetHappened(const pb::OperationRecord& from, OperationRecord& record) {
  RK_ASSIGN_OR_RETURN(record.phase, GetPhase(from.phase(), "phase"));
  for (const pb::PhaseTime& entry : from.history()) {
    RK_ASSIGN_OR_RETURN(const Phase phase, GetPhase(entry.phase(), "history.phase"));
    record.history.push_back({phase, GetTime(entry.entered_ns())});
  }
  record.message = from.message();
  record.sandbox_id = from.sandbox_id();
  record.old_container_id = from.old_container_id();
  record.old_was_running = from.old_was_running();
  record.new_container_id = from.new_container_id();
  record.attempt = from.attempt();
  record.start_failures = from.start_failures();
  record.old_exit_code = from.old_exit_code();
  if (from.has_gap()) record.gap = GetDuration(from.gap_ns());
  record.pre_stop_result = from.pre_stop_result();
  record.post_start_result = from.post_start_result();
  record.service_down = from.service_down();
  record.ended = GetTime(from.ended_ns());
  record.leftovers.assign(from.leftovers().begin(), from.leftovers().end());
  record.log_path = from.log_path();
  record.old_attempt = from.old_attempt();
  record.adopted = from.adopted();
  if (from.has_backoff_until()) record.backoff_until = GetTime(from.backoff_until_ns());
  record.aftercare = from.aftercare();
  record.aftercare_from = GetTime(from.aftercare_from_ns());
  record.aftercare_step = from.aftercare_step();
  record.aftercare_result = from.aftercare_result();
  return absl::OkStatus();
}

}  // namespace

std::string EncodeRecord(const OperationRecord& record) {
  pb::OperationRecord out;
  PutAsked(record, out);
  PutHappened(record, out);
  return out.SerializeAsString();
}

absl::StatusOr<OperationRecord> DecodeRecord(absl::string_view bytes) {
  // The parser takes an int for the size.
  if (bytes.size() > static_cast<size_t>(std::numeric_limits<int>::max())) {
    return Bad("record", "too large");
  }
  pb::OperationRecord from;
  if (!from.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) {
    return Bad("record", "not an OperationRecord message");
  }
  OperationRecord record;
  RK_RETURN_IF_ERROR(GetAsked(from, record));
  RK_RETURN_IF_ERROR(GetHappened(from, record));
  return record;
}

}  // namespace rekindle::restart
