#include "daemon/kubelet/ownership.h"

#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle::kubelet {
namespace {

namespace v1 = ::runtime::v1;

using StringMap = google::protobuf::Map<std::string, std::string>;

constexpr char kFromApi[] = "api";

absl::Status CheckLabel(const StringMap& labels, const char* label, const std::string& expected) {
  const auto it = labels.find(label);
  if (it == labels.end()) {
    return absl::FailedPreconditionError(absl::StrCat("has no label ", label));
  }
  if (it->second != expected) {
    return absl::FailedPreconditionError(
        absl::StrCat("label ", label, " is \"", it->second, "\", not \"", expected, "\""));
  }
  return absl::OkStatus();
}

}  // namespace

bool OwnedByKubelet(const v1::PodSandbox& sandbox) {
  return sandbox.annotations().contains(kConfigSourceAnnotation);
}

bool IsStaticPod(const v1::PodSandbox& sandbox) {
  const auto source = sandbox.annotations().find(kConfigSourceAnnotation);
  return (source != sandbox.annotations().end() && source->second != kFromApi) ||
         sandbox.annotations().contains(kConfigMirrorAnnotation);
}

bool WasMadeForDeletion(const v1::ContainerStatus& container) {
  return container.annotations().contains(kDeletionGraceAnnotation);
}

std::optional<uint32_t> RestartCount(const StringMap& annotations) {
  const auto it = annotations.find(kRestartCountAnnotation);
  uint32_t count = 0;
  if (it == annotations.end() || !absl::SimpleAtoi(it->second, &count)) return std::nullopt;
  return count;
}

absl::Status CheckKubeletContainer(const v1::PodSandbox& sandbox,
                                   const v1::ContainerStatus& container) {
  const v1::PodSandboxMetadata& pod = sandbox.metadata();
  RK_RETURN_IF_ERROR(CheckLabel(container.labels(), kPodUidLabel, pod.uid()));
  RK_RETURN_IF_ERROR(CheckLabel(container.labels(), kPodNameLabel, pod.name()));
  RK_RETURN_IF_ERROR(CheckLabel(container.labels(), kPodNamespaceLabel, pod.namespace_()));
  RK_RETURN_IF_ERROR(
      CheckLabel(container.labels(), kContainerNameLabel, container.metadata().name()));
  const auto hash = container.annotations().find(kHashAnnotation);
  if (hash == container.annotations().end() || hash->second.empty()) {
    return absl::FailedPreconditionError(absl::StrCat("has no annotation ", kHashAnnotation));
  }
  const std::optional<uint32_t> count = RestartCount(container.annotations());
  if (!count.has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("annotation ", kRestartCountAnnotation, " is missing or not a number"));
  }
  if (*count != container.metadata().attempt()) {
    return absl::FailedPreconditionError(absl::StrCat("annotation ", kRestartCountAnnotation,
                                                      " is ", *count, ", its attempt ",
                                                      container.metadata().attempt()));
  }
  return absl::OkStatus();
}

}  // namespace rekindle::kubelet
