#include "daemon/kubelet/reservation.h"

#include "absl/strings/str_cat.h"

#include "daemon/kubelet/ownership.h"

namespace rekindle::kubelet {
namespace {

namespace v1 = ::runtime::v1;

// On every placeholder, so that all can be listed by one selector.
constexpr char kPlaceholderLabel[] = "node.rekindle/placeholder";
constexpr char kTrue[] = "true";
// Before the log's name: no log of a container begins so.
constexpr char kLogPrefix[] = ".rekindle-reserved-";
// A name that no container of a pod can have: it is not a DNS label.
constexpr char kForeignName[] = "_reserved_";

}  // namespace

v1::CreateContainerRequest BuildPlaceholder(const v1::CreateContainerRequest& replacement,
                                            uint32_t attempt, PlaceholderKind kind,
                                            absl::string_view operation) {
  const v1::ContainerConfig& like = replacement.config();
  v1::CreateContainerRequest request;
  request.set_pod_sandbox_id(replacement.pod_sandbox_id());
  *request.mutable_sandbox_config() = replacement.sandbox_config();
  v1::ContainerConfig& config = *request.mutable_config();
  config.mutable_metadata()->set_name(like.metadata().name());
  config.mutable_metadata()->set_attempt(attempt);
  *config.mutable_image() = like.image();
  // None is ever written, but a kubelet that removes a container deletes what "<its log>*" matches:
  // with an empty one that is all of its own working directory, "/" as a rule.
  config.set_log_path(absl::StrCat(kLogPrefix, like.metadata().name(), "-", attempt));
  // The image may have none, and without one the runtime refuses the container.
  config.add_command("/placeholder");
  auto& labels = *config.mutable_labels();
  labels[kPlaceholderLabel] = kTrue;
  labels[kReservesLabel] = like.metadata().name();
  auto& annotations = *config.mutable_annotations();
  annotations[kOperationAnnotation] = std::string(operation);
  if (kind == PlaceholderKind::kPodUid) {
    for (const char* label : {kPodNameLabel, kPodNamespaceLabel, kPodUidLabel}) {
      const auto it = like.labels().find(label);
      if (it != like.labels().end()) labels[label] = it->second;
    }
    labels[kContainerNameLabel] = kForeignName;
    // The kubelet reads these of whatever carries the pod's UID, and complains when they are not
    // there.
    annotations[kHashAnnotation] = "0";
    annotations[kRestartCountAnnotation] = "0";
  }
  // Who it would run as must be known when it is created (1.3): as the real one.
  const v1::LinuxContainerSecurityContext& from = like.linux().security_context();
  v1::LinuxContainerSecurityContext& to = *config.mutable_linux()->mutable_security_context();
  *to.mutable_namespace_options() = from.namespace_options();
  if (from.has_run_as_user()) *to.mutable_run_as_user() = from.run_as_user();
  if (from.has_run_as_group()) *to.mutable_run_as_group() = from.run_as_group();
  to.set_run_as_username(from.run_as_username());
  return request;
}

bool IsPlaceholder(const v1::Container& container) {
  return container.labels().contains(kPlaceholderLabel);
}

std::string MadeBy(const v1::Container& container) {
  const auto it = container.annotations().find(kOperationAnnotation);
  return it == container.annotations().end() ? std::string() : it->second;
}

v1::ContainerFilter PlaceholderFilter(absl::string_view sandbox, absl::string_view container) {
  v1::ContainerFilter filter;
  filter.set_pod_sandbox_id(std::string(sandbox));
  auto& labels = *filter.mutable_label_selector();
  labels[kPlaceholderLabel] = kTrue;
  if (!container.empty()) labels[kReservesLabel] = std::string(container);
  return filter;
}

}  // namespace rekindle::kubelet
