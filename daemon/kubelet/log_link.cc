#include "daemon/kubelet/log_link.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "absl/strings/str_cat.h"

#include "common/base/logging.h"

namespace rekindle::kubelet {
namespace {

constexpr size_t kLongestName = 255;
constexpr absl::string_view kSuffix = ".log";

absl::Status LinkError(const std::string& path, int error) {
  return absl::UnavailableError(absl::StrCat("log link ", path, ": ", std::strerror(error)));
}

}  // namespace

std::string LogLinkName(absl::string_view pod, absl::string_view ns, absl::string_view container,
                        absl::string_view container_id) {
  std::string name = absl::StrCat(pod, "_", ns, "_", container, "-", container_id);
  name.resize(std::min(name.size(), kLongestName - kSuffix.size()));
  return absl::StrCat(name, kSuffix);
}

absl::Status MakeLogLink(const std::string& directory, const std::string& name,
                         const std::string& log_path) {
  struct stat info {};
  if (directory.empty() || ::stat(directory.c_str(), &info) != 0) {
    VLOG(1) << "no log link " << name << ": there is no directory \"" << directory << "\"";
    return absl::OkStatus();
  }
  const std::string path = absl::StrCat(directory, "/", name);
  if (::symlink(log_path.c_str(), path.c_str()) == 0) return absl::OkStatus();
  if (errno != EEXIST) return LinkError(path, errno);
  // Only a link is replaced, and at no moment is there none. The name of the new one is not much
  // longer than that of the old one may be.
  if (::lstat(path.c_str(), &info) != 0 || !S_ISLNK(info.st_mode)) return LinkError(path, EEXIST);
  const std::string fresh =
      absl::StrCat(directory, "/.rekindle-", ::getpid(), "-", name.substr(name.size() / 2));
  (void)::unlink(fresh.c_str());
  if (::symlink(log_path.c_str(), fresh.c_str()) != 0) return LinkError(fresh, errno);
  if (std::rename(fresh.c_str(), path.c_str()) != 0) {
    const int error = errno;
    (void)::unlink(fresh.c_str());
    return LinkError(path, error);
  }
  return absl::OkStatus();
}

}  // namespace rekindle::kubelet
