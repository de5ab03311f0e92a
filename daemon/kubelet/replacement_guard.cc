#include "daemon/kubelet/replacement_guard.h"

#include <string>

#include "absl/strings/str_cat.h"

#include "daemon/kubelet/ownership.h"

namespace rekindle::kubelet {
namespace {

namespace v1 = ::runtime::v1;

using StringMap = google::protobuf::Map<std::string, std::string>;

template <typename... Args>
absl::Status Refuse(const Args&... args) {
  return absl::FailedPreconditionError(absl::StrCat("the kubelet would not take it: ", args...));
}

std::string Find(const StringMap& map, const char* key) {
  const auto it = map.find(key);
  return it == map.end() ? std::string() : it->second;
}

}  // namespace

absl::Status CheckReplacement(const v1::ContainerStatus& old,
                              const v1::CreateContainerRequest& replacement) {
  const v1::ContainerConfig& config = replacement.config();
  if (config.metadata().name() != old.metadata().name()) {
    return Refuse("its name is ", config.metadata().name(), ", not ", old.metadata().name());
  }
  if (config.labels().size() != old.labels().size()) return Refuse("its labels have changed");
  for (const auto& [label, value] : old.labels()) {
    if (Find(config.labels(), label.c_str()) != value) {
      return Refuse("label ", label, " has changed");
    }
  }
  const std::string hash = Find(old.annotations(), kHashAnnotation);
  if (hash.empty() || Find(config.annotations(), kHashAnnotation) != hash) {
    return Refuse("annotation ", kHashAnnotation, " has changed");
  }
  const uint32_t attempt = config.metadata().attempt();
  if (attempt <= old.metadata().attempt()) {
    return Refuse("attempt ", attempt, " is not above ", old.metadata().attempt());
  }
  if (RestartCount(config.annotations()) != attempt) {
    return Refuse("annotation ", kRestartCountAnnotation, " is \"",
                  Find(config.annotations(), kRestartCountAnnotation), "\", its attempt ", attempt);
  }
  if (config.log_path() != absl::StrCat(config.metadata().name(), "/", attempt, ".log")) {
    return Refuse("its log is \"", config.log_path(), "\", its attempt ", attempt);
  }
  if (replacement.sandbox_config().log_directory().empty()) {
    return Refuse("its sandbox has no log directory");
  }
  if (replacement.sandbox_config().metadata().uid() != Find(old.labels(), kPodUidLabel)) {
    return Refuse("its sandbox is of pod ", replacement.sandbox_config().metadata().uid());
  }
  return absl::OkStatus();
}

}  // namespace rekindle::kubelet
