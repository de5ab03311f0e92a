#include "common/sqlite/database_files.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"

#include "common/base/status_macros.h"

namespace rekindle {
namespace {

absl::Status Sync(const std::string& path, int flags) {
  const int fd = ::open(path.c_str(), flags | O_CLOEXEC);
  if (fd < 0) return DiskError(absl::StrCat("open ", path));
  const absl::Status status =
      ::fsync(fd) == 0 ? absl::OkStatus() : DiskError(absl::StrCat("sync ", path));
  ::close(fd);
  return status;
}

}  // namespace

absl::Status DiskError(absl::string_view attempted) {
  const int error = errno;
  const bool full = error == ENOSPC || error == EDQUOT || error == EFBIG;
  return absl::Status(full ? absl::StatusCode::kResourceExhausted : absl::StatusCode::kUnavailable,
                      absl::StrCat(attempted, ": ", strerror(error)));
}

absl::Status SyncDirectory(const std::string& directory) {
  return Sync(directory, O_RDONLY | O_DIRECTORY);
}

absl::Status SyncFile(const std::string& path) { return Sync(path, O_RDWR); }

absl::StatusOr<std::unique_ptr<DirectoryLock>> DirectoryLock::Take(const std::string& directory,
                                                                   const Names& names) {
  if (::mkdir(directory.c_str(), 0700) != 0 && errno != EEXIST) {
    return DiskError(absl::StrCat("make ", directory));
  }
  const std::string path = absl::StrCat(directory, "/", names.file);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return DiskError(absl::StrCat("open ", path));
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(fd));
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return DiskError(absl::StrCat("lock ", path));
    return absl::FailedPreconditionError(absl::StrCat(names.what, " ", directory,
                                                      " is in use by another ", names.owner, " (",
                                                      names.file, " is held)"));
  }
  return lock;
}

DirectoryLock::~DirectoryLock() { ::close(fd_); }

absl::StatusOr<int64_t> MakePrivateFile(const std::string& directory, const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd >= 0) {
    ::close(fd);
    RK_RETURN_IF_ERROR(SyncDirectory(directory));
    return 0;
  }
  if (errno != EEXIST) return DiskError(absl::StrCat("make ", path));
  struct stat info {};
  if (::lstat(path.c_str(), &info) != 0) return DiskError(absl::StrCat("look at ", path));
  if (!S_ISREG(info.st_mode)) {
    return absl::UnavailableError(absl::StrCat(path, ": not a regular file"));
  }
  if ((info.st_mode & 077) != 0 && ::chmod(path.c_str(), 0600) != 0) {
    return DiskError(absl::StrCat("chmod ", path));
  }
  return info.st_size;
}

}  // namespace rekindle
