#include "common/client/config/small_file.h"

#include <sys/stat.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"

namespace rekindle::client {
namespace {

constexpr int64_t kMostBytes = 1 << 20;

}  // namespace

absl::StatusOr<std::string> ReadSmallFile(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  }
  if (!S_ISREG(info.st_mode) || info.st_size > kMostBytes) {
    return absl::InvalidArgumentError(
        absl::StrCat(path, ": must be a regular file of at most ", kMostBytes, " bytes"));
  }
  errno = 0;
  std::ifstream in(path, std::ios::binary);
  if (!in) return absl::ErrnoToStatus(errno, absl::StrCat("cannot read ", path));
  return std::string{std::istreambuf_iterator<char>(in), {}};
}

bool FileExists(const std::string& path) {
  struct stat info {};
  return stat(path.c_str(), &info) == 0;
}

FileStamp StampOf(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) return {};
  return {.mtime_ns = absl::ToUnixNanos(absl::TimeFromTimespec(info.st_mtim)),
          .inode = info.st_ino,
          .size = info.st_size};
}

}  // namespace rekindle::client
