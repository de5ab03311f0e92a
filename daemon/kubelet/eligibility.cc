#include "daemon/kubelet/eligibility.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"

#include "common/base/status_macros.h"

namespace rekindle::kubelet {
namespace {

template <typename... Args>
absl::Status Refuse(const Args&... args) {
  return absl::FailedPreconditionError(absl::StrCat(args...));
}

absl::string_view PolicyName(RestartPolicy policy) {
  switch (policy) {
    case RestartPolicy::kAlways:
      return "Always";
    case RestartPolicy::kOnFailure:
      return "OnFailure";
    case RestartPolicy::kNever:
      return "Never";
    case RestartPolicy::kUnknown:
      break;
  }
  return "unknown";
}

// What no way of restarting may do.
absl::Status CheckTouchable(const std::string& field, const Situation& situation) {
  if (!situation.identity.ok()) {
    return Refuse(field, ": is no container of the kubelet that owns the pod: it ",
                  situation.identity.message());
  }
  if (!situation.pod_described) {
    return absl::InvalidArgumentError(
        "kubernetes_pod: must be given, a kubelet owns the pod: the daemon does not know its "
        "restart policy nor whether it terminates");
  }
  if (situation.policy == RestartPolicy::kUnknown) {
    return absl::InvalidArgumentError("kubernetes_pod.restart_policy: must be given");
  }
  if (situation.terminating) return Refuse("kubernetes_pod.terminating: the pod is being deleted");
  if (situation.made_for_deletion) {
    return Refuse(field, ": the kubelet was already deleting the pod when it made the container");
  }
  if (situation.is_static && !situation.allow_static) {
    return Refuse(
        "pod: is a static pod of the kubelet; kubernetes_pod.allow_static_pod would "
        "allow its restart");
  }
  return absl::OkStatus();
}

absl::Status CheckPolicy(const std::string& field, const Situation& situation) {
  switch (situation.policy) {
    case RestartPolicy::kAlways:
      return absl::OkStatus();
    case RestartPolicy::kOnFailure:
      return Refuse(field,
                    ": restart policy OnFailure: the kubelet starts it again only when it "
                    "fails, and a container that is stopped may well end with exit code 0");
    default:
      return Refuse(field, ": restart policy ", PolicyName(situation.policy),
                    ": a stop would end the container for good, and with it perhaps the pod");
  }
}

// Why a replacement by the daemon would not be what the kubelet would make; empty: it would.
std::string Hindrance(const Situation& situation) {
  if (situation.env_from_references && !situation.keep_env) {
    return "variables come from ConfigMaps or Secrets, and only the kubelet can read them anew "
           "(keep_env would keep the old values)";
  }
  if (!situation.replacement.ok()) {
    return absl::StrCat("no replacement can be made: ", situation.replacement.message());
  }
  return "";
}

}  // namespace

absl::StatusOr<Choice> Choose(const std::string& field, const Situation& situation) {
  RK_RETURN_IF_ERROR(CheckTouchable(field, situation));
  RK_RETURN_IF_ERROR(CheckPolicy(field, situation));
  if (situation.wanted == Way::kDelegate) {
    if (situation.env_overrides) {
      return Refuse(field,
                    ".env: with METHOD_DELEGATE the kubelet makes the new container, and "
                    "it would not set or unset these variables");
    }
    return Choice{Way::kDelegate, "asked for"};
  }
  const std::string hindrance = Hindrance(situation);
  if (!hindrance.empty()) {
    if (situation.wanted == Way::kHot) {
      return Refuse(field, ": cannot be restarted hot: ", hindrance);
    }
    return Choice{
        Way::kDelegate,
        absl::StrCat("left to the kubelet: ", hindrance,
                     situation.env_overrides ? "; the variables of the request are not used" : "")};
  }
  if (situation.wanted == Way::kAuto) {
    return Choice{Way::kReplace, "chosen: the kubelet would make the same container"};
  }
  return Choice{situation.wanted, "asked for"};
}

}  // namespace rekindle::kubelet
