#include "daemon/cri/discovery.h"

#include <sys/stat.h>
#include <sys/un.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"

namespace rekindle::cri {

namespace {

// What fits into a Unix address beside its closing zero.
constexpr size_t kLongestPath = sizeof(sockaddr_un::sun_path) - 1;

absl::Status Refuse(const std::string& value, absl::string_view why) {
  return absl::InvalidArgumentError(
      absl::StrCat("--runtime-endpoint \"", value, "\": ", why,
                   "; expected unix:///path/to/socket or /path/to/socket"));
}

}  // namespace

const std::vector<std::string>& UsualRuntimeSockets() {
  static const auto* const sockets = new std::vector<std::string>{
      "/run/containerd/containerd.sock",
      "/run/k3s/containerd/containerd.sock",
      "/run/k0s/containerd.sock",
      "/var/snap/microk8s/common/run/containerd.sock",
      "/run/crio/crio.sock",
      "/run/cri-dockerd.sock",
      "/var/run/containerd/containerd.sock",
      "/var/run/k3s/containerd/containerd.sock",
      "/var/run/crio/crio.sock",
      "/var/run/cri-dockerd.sock",
  };
  return *sockets;
}

absl::StatusOr<std::string> FindRuntimeEndpoint(
    const std::string& value, const std::function<bool(const std::string& path)>& is_socket) {
  if (value.empty()) {
    for (const std::string& path : UsualRuntimeSockets()) {
      if (is_socket(path)) return absl::StrCat("unix://", path);
    }
    return absl::NotFoundError(absl::StrCat(
        "no container runtime found: none of these sockets is "
        "there: ",
        absl::StrJoin(UsualRuntimeSockets(), ", "), "; name it with --runtime-endpoint"));
  }
  absl::string_view path = value;
  if (!absl::ConsumePrefix(&path, "unix://")) absl::ConsumePrefix(&path, "unix:");
  if (absl::StrContains(path, "://")) return Refuse(value, "only Unix sockets are supported");
  if (!absl::StartsWith(path, "/")) return Refuse(value, "the path must be absolute");
  if (absl::EndsWith(path, "/")) return Refuse(value, "the path names a directory");
  if (absl::StrContains(path, absl::string_view("\0", 1))) return Refuse(value, "zero byte");
  if (path.size() > kLongestPath) {
    return Refuse(value, absl::StrCat("the path is longer than ", kLongestPath, " bytes"));
  }
  return absl::StrCat("unix://", path);
}

bool IsSocket(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0 && S_ISSOCK(info.st_mode);
}

}  // namespace rekindle::cri
