#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

#include "common/base/status_macros.h"
#include "daemon/restart/replacement/replacement.h"

namespace rekindle::restart {
namespace {

absl::Status PathError(const char* what, const std::string& path, int error) {
  return absl::FailedPreconditionError(absl::StrCat(what, " ", path, ": ", std::strerror(error)));
}

// Made afresh even when it is there: a failed try of the same attempt may have left text in it.
// Neither followed as a link nor opened as anything but a plain file, since the folder may hold
// what a container put there.
absl::Status MakeEmptyFile(const std::string& path) {
  constexpr char kWhat[] = "termination message file";
  const int fd = ::open(path.c_str(),
                        O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0666);
  if (fd < 0) return PathError(kWhat, path, errno);
  absl::Status result;
  struct stat info {};
  // The mode given to open() is cut by the umask; programs of any user write this file.
  if (::fstat(fd, &info) != 0 || (S_ISREG(info.st_mode) && ::fchmod(fd, 0666) != 0)) {
    result = PathError(kWhat, path, errno);
  } else if (!S_ISREG(info.st_mode)) {
    result = absl::FailedPreconditionError(absl::StrCat(kWhat, " ", path, ": not a plain file"));
  }
  ::close(fd);
  return result;
}

// Whether `path` is one of the directories or below one.
bool IsVisible(absl::string_view path, const std::vector<std::string>& directories) {
  return directories.empty() ||
         std::any_of(directories.begin(), directories.end(), [path](absl::string_view directory) {
           absl::ConsumeSuffix(&directory, "/");
           absl::string_view rest = path;
           return absl::ConsumePrefix(&rest, directory) && (rest.empty() || rest[0] == '/');
         });
}

}  // namespace

absl::Status PrepareFiles(const Replacement& replacement, const std::vector<std::string>& visible) {
  for (const std::string& path : replacement.mount_sources) {
    if (!IsVisible(path, visible)) continue;
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0) return PathError("mount source", path, errno);
  }
  if (replacement.termination_file.empty()) return absl::OkStatus();
  return MakeEmptyFile(replacement.termination_file);
}

}  // namespace rekindle::restart
