#include "daemon/service/convert.h"

#include <optional>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"
#include "daemon/service/constants.h"
#include "daemon/service/convert_handler.h"
#include "daemon/service/fields.h"

namespace rekindle::service {

namespace {

constexpr absl::string_view kRequestIdExtra = "._:-";
constexpr absl::string_view kUidExtra = "._:-";

// proto3 enums are open: a newer caller may send a number that this build does not know.
template <typename Enum>
absl::Status UnknownEnum(absl::string_view field, Enum value) {
  if (static_cast<int>(value) == 0) return BadField(field, "must be given");
  return BadField(field, absl::StrCat("unknown value ", static_cast<int>(value)));
}

absl::StatusOr<restart::Method> ToMethod(const std::string& field, v1::Method wire) {
  switch (wire) {
    case v1::METHOD_AUTO:
      return restart::Method::kAuto;
    case v1::METHOD_REPLACE:
      return restart::Method::kReplace;
    case v1::METHOD_HOT:
      return restart::Method::kHot;
    case v1::METHOD_DELEGATE:
      return restart::Method::kDelegate;
    default:
      return UnknownEnum(field, wire);
  }
}

absl::StatusOr<kubelet::RestartPolicy> ToRestartPolicy(const std::string& field,
                                                       v1::RestartPolicy wire) {
  switch (wire) {
    case v1::RESTART_POLICY_ALWAYS:
      return kubelet::RestartPolicy::kAlways;
    case v1::RESTART_POLICY_ON_FAILURE:
      return kubelet::RestartPolicy::kOnFailure;
    case v1::RESTART_POLICY_NEVER:
      return kubelet::RestartPolicy::kNever;
    default:
      return UnknownEnum(field, wire);
  }
}

absl::StatusOr<restart::KubernetesPod> ToKubernetesPod(const v1::KubernetesPod& wire) {
  restart::KubernetesPod out;
  RK_ASSIGN_OR_RETURN(out.restart_policy,
                      ToRestartPolicy("kubernetes_pod.restart_policy", wire.restart_policy()));
  out.terminating = wire.terminating();
  out.allow_static_pod = wire.allow_static_pod();
  return out;
}

absl::StatusOr<restart::Order> ToOrder(v1::Order wire) {
  switch (wire) {
    case v1::ORDER_PARALLEL:
      return restart::Order::kParallel;
    case v1::ORDER_LISTED:
      return restart::Order::kListed;
    default:
      return UnknownEnum("order", wire);
  }
}

absl::StatusOr<restart::FailurePolicy> ToFailurePolicy(v1::FailurePolicy wire) {
  switch (wire) {
    case v1::FAILURE_POLICY_FAIL:
      return restart::FailurePolicy::kFail;
    case v1::FAILURE_POLICY_IGNORE:
      return restart::FailurePolicy::kIgnore;
    default:
      return UnknownEnum("failure_policy", wire);
  }
}

absl::Status CheckEnvName(const std::string& field, const std::string& name) {
  if (name.empty()) return BadField(field, "must not be empty");
  RK_RETURN_IF_ERROR(CheckText(field, name, kMaxString));
  for (char c : name) {
    if (!absl::ascii_isprint(static_cast<unsigned char>(c)) || c == '=') {
      return BadField(field, "may hold printable ASCII characters other than \"=\" only");
    }
  }
  return absl::OkStatus();
}

absl::Status ReadEnv(const std::string& field, const v1::ContainerRestart& wire,
                     restart::ContainerRestart& out) {
  if (wire.env_size() > static_cast<int>(kMaxEnv)) {
    return BadField(field + ".env", absl::StrCat("must not hold more than ", kMaxEnv));
  }
  if (wire.unset_env_size() > static_cast<int>(kMaxEnv)) {
    return BadField(field + ".unset_env", absl::StrCat("must not hold more than ", kMaxEnv));
  }
  absl::flat_hash_set<absl::string_view> seen;
  for (int i = 0; i < wire.env_size(); ++i) {
    const v1::EnvVar& var = wire.env(i);
    const std::string at = absl::StrCat(field, ".env[", i, "]");
    RK_RETURN_IF_ERROR(CheckEnvName(at + ".name", var.name()));
    if (!seen.insert(var.name()).second) return BadField(at + ".name", "is set twice");
    // The kernel's bound is for "name=value" with its end.
    RK_RETURN_IF_ERROR(CheckText(at + ".value", var.value(),
                                 kMaxString - std::min(kMaxString, var.name().size() + 2)));
    if (!IsUtf8(var.value())) return BadField(at + ".value", "must be UTF-8");
    out.env.emplace_back(var.name(), var.value());
  }
  for (int i = 0; i < wire.unset_env_size(); ++i) {
    const std::string at = absl::StrCat(field, ".unset_env[", i, "]");
    RK_RETURN_IF_ERROR(CheckEnvName(at, wire.unset_env(i)));
    if (!seen.insert(wire.unset_env(i)).second) {
      return BadField(at, "is also set, or named twice");
    }
    out.unset_env.push_back(wire.unset_env(i));
  }
  return absl::OkStatus();
}

// A hook that only sleeps past the grace would always be cut off: the request cannot mean it.
absl::Status CheckSleepFits(const std::string& field, const restart::ContainerRestart& container) {
  if (!container.pre_stop || !container.grace) return absl::OkStatus();
  const auto* sleep = std::get_if<hooks::SleepAction>(&*container.pre_stop);
  if (sleep == nullptr || sleep->duration <= *container.grace) return absl::OkStatus();
  return BadField(field + ".pre_stop.sleep.duration", "must not exceed the grace");
}

absl::Status ReadHooks(const std::string& field, const v1::ContainerRestart& wire,
                       restart::ContainerRestart& out) {
  out.skip_pre_stop = wire.skip_pre_stop();
  if (wire.has_pre_stop()) {
    if (wire.skip_pre_stop()) {
      return BadField(field + ".skip_pre_stop", "must not be set together with pre_stop");
    }
    RK_ASSIGN_OR_RETURN(out.pre_stop, ToHandler(field + ".pre_stop", wire.pre_stop()));
    RK_RETURN_IF_ERROR(CheckSleepFits(field, out));
  }
  if (wire.has_post_start()) {
    RK_ASSIGN_OR_RETURN(out.post_start, ToHandler(field + ".post_start", wire.post_start()));
  }
  if (wire.has_ready_check()) {
    if (out.method != restart::Method::kHot) {
      return BadField(field + ".ready_check", "is for METHOD_HOT only");
    }
    RK_ASSIGN_OR_RETURN(out.ready_check, ToReadyCheck(field + ".ready_check", wire.ready_check()));
  }
  return absl::OkStatus();
}

absl::StatusOr<restart::ContainerRestart> ToContainer(const std::string& field,
                                                      const v1::ContainerRestart& wire) {
  restart::ContainerRestart out;
  RK_RETURN_IF_ERROR(CheckName(field + ".name", wire.name()));
  out.name = wire.name();
  if (!wire.expected_container_id().empty()) {
    RK_ASSIGN_OR_RETURN(
        out.expected_container_id,
        CheckContainerId(field + ".expected_container_id", wire.expected_container_id()));
  }
  RK_ASSIGN_OR_RETURN(out.method, ToMethod(field + ".method", wire.method()));
  if (wire.has_grace()) {
    RK_ASSIGN_OR_RETURN(out.grace,
                        CheckDuration(field + ".grace", wire.grace(), absl::ZeroDuration()));
  }
  if (wire.has_min_started()) {
    RK_ASSIGN_OR_RETURN(out.min_started, CheckDuration(field + ".min_started", wire.min_started(),
                                                       absl::ZeroDuration()));
  }
  RK_RETURN_IF_ERROR(ReadHooks(field, wire, out));
  RK_RETURN_IF_ERROR(ReadEnv(field, wire, out));
  out.env_from_references = wire.env_from_references();
  out.keep_env = wire.keep_env();
  out.health_checked = wire.kubelet_health_checks();
  if (wire.restart_policy() != v1::RESTART_POLICY_UNSPECIFIED) {
    RK_ASSIGN_OR_RETURN(out.restart_policy,
                        ToRestartPolicy(field + ".restart_policy", wire.restart_policy()));
  }
  return out;
}

absl::Status ReadContainers(const v1::RestartContainersRequest& wire,
                            restart::RestartRequest& out) {
  if (wire.containers().empty()) return BadField("containers", "must not be empty");
  if (wire.containers_size() > static_cast<int>(kMaxContainers)) {
    return BadField("containers", absl::StrCat("must not hold more than ", kMaxContainers));
  }
  absl::flat_hash_set<absl::string_view> names;
  for (int i = 0; i < wire.containers_size(); ++i) {
    const std::string field = absl::StrCat("containers[", i, "]");
    RK_ASSIGN_OR_RETURN(restart::ContainerRestart container,
                        ToContainer(field, wire.containers(i)));
    if (!names.insert(wire.containers(i).name()).second) {
      return BadField(field + ".name",
                      absl::StrCat("\"", container.name, "\" is named twice in the request"));
    }
    out.containers.push_back(std::move(container));
  }
  return absl::OkStatus();
}

absl::Status CheckUid(absl::string_view field, const std::string& uid) {
  return uid.empty() ? absl::OkStatus() : CheckToken(field, uid, kUidExtra, kMaxUid);
}

// A filter's parts: each may be empty.
absl::StatusOr<restart::PodRef> ToPodFilter(const v1::PodRef& wire) {
  if (!wire.namespace_().empty()) {
    RK_RETURN_IF_ERROR(CheckName("pod.namespace", wire.namespace_()));
  }
  if (!wire.name().empty()) RK_RETURN_IF_ERROR(CheckName("pod.name", wire.name()));
  RK_RETURN_IF_ERROR(CheckUid("pod.uid", wire.uid()));
  return restart::PodRef{.ns = wire.namespace_(), .name = wire.name(), .uid = wire.uid()};
}

template <typename Wire>
absl::StatusOr<restart::Engine::Filter> ReadFilter(const Wire& wire) {
  restart::Engine::Filter filter;
  RK_ASSIGN_OR_RETURN(filter.pod, ToPodFilter(wire.pod()));
  if (!wire.request_id().empty()) {
    RK_RETURN_IF_ERROR(CheckToken("request_id", wire.request_id(), kRequestIdExtra, kMaxRequestId));
  }
  filter.request_id = wire.request_id();
  filter.active_only = wire.active_only();
  return filter;
}

}  // namespace

absl::StatusOr<restart::RestartRequest> ToRestartRequest(const v1::RestartContainersRequest& wire) {
  restart::RestartRequest out;
  RK_RETURN_IF_ERROR(CheckToken("request_id", wire.request_id(), kRequestIdExtra, kMaxRequestId));
  out.request_id = wire.request_id();
  RK_RETURN_IF_ERROR(CheckName("pod.namespace", wire.pod().namespace_()));
  RK_RETURN_IF_ERROR(CheckName("pod.name", wire.pod().name()));
  RK_RETURN_IF_ERROR(CheckUid("pod.uid", wire.pod().uid()));
  out.pod = {.ns = wire.pod().namespace_(), .name = wire.pod().name(), .uid = wire.pod().uid()};
  RK_RETURN_IF_ERROR(ReadContainers(wire, out));
  RK_ASSIGN_OR_RETURN(out.order, ToOrder(wire.order()));
  RK_ASSIGN_OR_RETURN(out.failure_policy, ToFailurePolicy(wire.failure_policy()));
  out.force = wire.force();
  if (wire.has_unready_grace()) {
    RK_ASSIGN_OR_RETURN(out.unready_grace,
                        CheckDuration("unready_grace", wire.unready_grace(), absl::ZeroDuration()));
  }
  if (wire.has_deadline()) {
    RK_ASSIGN_OR_RETURN(out.deadline,
                        CheckDuration("deadline", wire.deadline(), absl::Milliseconds(1)));
  }
  if (wire.has_kubernetes_pod()) {
    RK_ASSIGN_OR_RETURN(out.kubernetes_pod, ToKubernetesPod(wire.kubernetes_pod()));
  }
  return out;
}

absl::StatusOr<ListQuery> ToListQuery(const v1::ListOperationsRequest& wire) {
  ListQuery query;
  RK_ASSIGN_OR_RETURN(query.filter, ReadFilter(wire));
  if (wire.limit() > kMaxListLimit) {
    return BadField("limit", absl::StrCat("must not exceed ", kMaxListLimit));
  }
  query.limit = wire.limit() == 0 ? kDefaultListLimit : wire.limit();
  return query;
}

absl::StatusOr<restart::Engine::Filter> ToFilter(const v1::WatchOperationsRequest& wire) {
  return ReadFilter(wire);
}

absl::StatusOr<std::string> ToOperationId(const std::string& wire) {
  const size_t slash = wire.find('/');
  if (slash == std::string::npos) {
    return BadField("id", "must be \"<request_id>/<container name>\"");
  }
  RK_RETURN_IF_ERROR(CheckToken("id", wire.substr(0, slash), kRequestIdExtra, kMaxRequestId));
  RK_RETURN_IF_ERROR(CheckName("id", wire.substr(slash + 1)));
  return wire;
}

absl::Status CheckListPods(const v1::ListPodsRequest& wire) {
  if (!wire.namespace_().empty()) RK_RETURN_IF_ERROR(CheckName("namespace", wire.namespace_()));
  if (!wire.name().empty()) RK_RETURN_IF_ERROR(CheckName("name", wire.name()));
  return CheckUid("uid", wire.uid());
}

absl::Status CheckWatchPods(const v1::WatchPodsRequest& wire) {
  const v1::PodRef& pod = wire.pod();
  if (!pod.namespace_().empty()) RK_RETURN_IF_ERROR(CheckName("pod.namespace", pod.namespace_()));
  if (!pod.name().empty()) RK_RETURN_IF_ERROR(CheckName("pod.name", pod.name()));
  return CheckUid("pod.uid", pod.uid());
}

absl::StatusOr<PullQuery> ToPullQuery(const v1::PullImageRequest& wire) {
  RK_RETURN_IF_ERROR(CheckToken("image", wire.image(), "._-/:@+", kMaxImage));
  RK_RETURN_IF_ERROR(CheckText("username", wire.username(), kMaxCredential));
  RK_RETURN_IF_ERROR(CheckText("password", wire.password(), kMaxCredential));
  RK_RETURN_IF_ERROR(CheckText("identity_token", wire.identity_token(), kMaxCredential));
  const bool basic = !wire.username().empty() || !wire.password().empty();
  if (basic && !wire.identity_token().empty()) {
    return BadField("identity_token", "must not be given together with username or password");
  }
  if (wire.username().empty() && !wire.password().empty()) {
    return BadField("username", "must be given with a password");
  }
  if (!wire.server_address().empty()) {
    RK_RETURN_IF_ERROR(CheckToken("server_address", wire.server_address(), "._-/:[]", kMaxPath));
  }
  return PullQuery{.image = wire.image(),
                   .credentials = {.username = wire.username(),
                                   .password = wire.password(),
                                   .identity_token = wire.identity_token(),
                                   .server_address = wire.server_address()}};
}

}  // namespace rekindle::service
